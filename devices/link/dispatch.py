"""What both links are made of: topic matching, the table of subscriptions, and the thread that calls handlers."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator

from devices.link.contract import Handler, Message, no_ack

log = logging.getLogger(__name__)


def matches(topic_filter: str, topic: str) -> bool:
    """Does an MQTT filter match a topic? (MQTT 3.1.1, section 4.7; of a shared subscription, MQTT 5, section 4.8.2.)"""
    wanted, given = topic_filter.split("/"), topic.split("/")
    if wanted[0] == "$share":
        wanted = wanted[2:]
    if topic.startswith("$") and wanted[0] in {"+", "#"}:
        return False
    for position, level in enumerate(wanted):
        if level == "#":
            return True
        if position >= len(given) or level not in {"+", given[position]}:
            return False
    return len(wanted) == len(given)


class Subscriptions:
    """Which handler wants which topics. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, tuple[Handler, int]] = {}

    def add(self, topic_filter: str, handler: Handler, qos: int) -> None:
        with self._lock:
            self._held[topic_filter] = (handler, qos)

    def remove(self, topic_filter: str) -> bool:
        with self._lock:
            return self._held.pop(topic_filter, None) is not None

    def all(self) -> list[tuple[str, int]]:
        """(filter, QoS) of every subscription."""
        with self._lock:
            return [(topic_filter, qos) for topic_filter, (_, qos) in self._held.items()]

    def handlers(self, topic: str) -> list[Handler]:
        with self._lock:
            return [handler for wanted, (handler, _) in self._held.items() if matches(wanted, topic)]


def deliver(
    handlers: list[Handler], topic: str, payload: bytes, *, retain: bool, ack: Callable[[], None], manual: bool
) -> None:
    """Call the handlers of a message and acknowledge it once: after all have returned, or all have called `ack`."""
    if not handlers:
        ack()  # nobody wants it any more; unacknowledged it would only come again
        return
    message = Message(topic, payload, retain, _shared_ack(ack, len(handlers)) if manual else no_ack)
    for handler in handlers:
        try:
            handler(message)
        except Exception:
            log.exception("A handler failed", extra={"topic": topic})
    if not manual:
        ack()


def _shared_ack(ack: Callable[[], None], handlers: int) -> Callable[[], None]:
    if handlers == 1:
        return ack
    counting = threading.Lock()
    left = handlers

    def one_more() -> None:
        nonlocal left
        with counting:
            left -= 1
            last = left == 0
        if last:
            ack()

    return one_more


class Dispatcher:
    """One thread that runs what it is given, in order. What raises is logged and doesn't end it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._changed = threading.Condition()
        self._waiting: deque[Callable[[], object]] = deque()
        self._ending = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._ending = False
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], object]) -> None:
        with self._changed:
            self._waiting.append(work)
            self._changed.notify()

    def __len__(self) -> int:
        return len(self._waiting)

    def stop(self) -> int:
        """Finish what is running, drop what waits (how much is given back), end the thread.

        From within the thread: it ends when the running work returns.
        """
        with self._changed:
            self._ending = True
            dropped = len(self._waiting)
            self._waiting.clear()
            self._changed.notify()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        return dropped

    def _run(self) -> None:
        for work in self._works():
            try:
                work()
            except Exception:
                log.exception("A callback of the link failed")

    def _works(self) -> Iterator[Callable[[], object]]:
        while True:
            with self._changed:
                while not self._waiting and not self._ending:
                    self._changed.wait()
                if self._ending:
                    return
                work = self._waiting.popleft()
            yield work
