"""What a link handed to its MQTT client and the broker has not acknowledged yet: its room, and whom to tell."""

from __future__ import annotations

import logging
import threading

from devices.link.contract import Delivery

log = logging.getLogger(__name__)


class Outbox:
    """At most so many messages and bytes at once.

    paho may call back before `publish` has returned the number of the message; `_early` holds such numbers.
    """

    def __init__(self, messages_max: int, bytes_max: int) -> None:
        self._changed = threading.Condition()
        self._messages_max, self._bytes_max = messages_max, bytes_max
        self._messages = self._bytes = 0
        self._waiting: dict[int, tuple[Delivery, int]] = {}
        self._unconfirmed: set[int] = set()  # QoS 0, on their way to the socket
        self._early: set[int] = set()
        self._open = False
        self._told = False
        self.dropped = 0

    def open(self) -> None:
        with self._changed:
            self._open = True

    def close(self) -> None:
        """Refuse what is left."""
        with self._changed:
            self._open = False
            left = list(self._waiting.values())
            self._waiting.clear()
            self._unconfirmed.clear()
            self._early.clear()
            self._messages = self._bytes = 0
            self._changed.notify_all()
        for delivery, _ in left:
            delivery.refuse()

    def refuse(self, *, told: bool = False) -> Delivery:
        """`told`: why was logged already."""
        with self._changed:
            self.dropped += 1
            if not told and not self._told:
                self._told = True
                log.warning("A publication was refused: no connection, or the queue is full")
        return Delivery.of_refused()

    def take_room(self, size: int, *, wait_s: float) -> bool:
        with self._changed:
            if not self._changed.wait_for(lambda: self._room(size) or not self._open, wait_s) or not self._open:
                return False
            self._messages += 1
            self._bytes += size
            return True

    def _room(self, size: int) -> bool:
        return self._messages < self._messages_max and (self._bytes + size <= self._bytes_max or not self._messages)

    def give_back(self, size: int) -> None:
        with self._changed:
            self._messages -= 1
            self._bytes -= size
            self._changed.notify_all()

    def sent(self, mid: int, size: int) -> Delivery:
        delivery = Delivery()
        with self._changed:
            if not self._open:
                delivery.refuse()
                return delivery
            if mid not in self._early:
                self._waiting[mid] = (delivery, size)
                return delivery
            self._early.discard(mid)
        self.give_back(size)
        delivery.accept()
        return delivery

    def sent_unconfirmed(self, mid: int) -> None:
        with self._changed:
            if mid in self._early:
                self._early.discard(mid)
            else:
                self._unconfirmed.add(mid)

    def acknowledged(self, mid: int) -> None:
        with self._changed:
            if mid in self._unconfirmed:
                self._unconfirmed.discard(mid)
                return
            held = self._waiting.pop(mid, None)
            if held is None:
                self._early.add(mid)
                return
        self.give_back(held[1])
        held[0].accept()

    def connection_lost(self) -> None:
        """QoS 0 that was under way is gone; what waits for room needn't wait for it any longer than it must."""
        with self._changed:
            self._unconfirmed.clear()
