"""The agent: one thread that does all the work, fed by a queue. The link's callbacks and the sound output only put
things into the queue, so neither can be kept waiting, and nothing needs a lock.

Whatever a message does, the thread goes on: what fails is logged and counted.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from pathlib import Path

from core.clock import Clock
from devices.link.contract import CertifiedLink, Link, Message
from devices.receiver.amplifier import Switch
from devices.receiver.control import Control
from devices.receiver.hearing import Capture
from devices.receiver.identity import Identity
from devices.receiver.mixer import Mixer
from devices.receiver.outputs import Output
from devices.receiver.settings import DEFAULTS, AgentSettings

log = logging.getLogger(__name__)

QUEUED_BYTES_MAX = 8_388_608  # of messages that wait; what comes beyond is dropped, and asked for again
STOP_S = 2.0
AFTER_FAILURE_S = 1.0
LEAST_WAIT_S = 0.005

Work = Callable[[Control], None]


class Agent:
    """A receiver. `start` and `stop` once each; the agent starts and stops the link and the output that it is given.

    `restart` is called (from another thread) when a command asks for it; None: such a command is refused.
    `capture` hears what is in the air, `switch` puts the amplifier on and off, where there are such.
    `software` is where `launch` keeps releases; None: none are taken.
    `identity_file` is where renewed certificates are kept; None: none are asked for.
    """

    def __init__(
        self,
        identity: Identity,
        folder: Path,
        *,
        output: Output,
        link: Link,
        clock: Clock,
        settings: AgentSettings = DEFAULTS,
        restart: Callable[[], None] | None = None,
        identity_file: Path | None = None,
        capture: Capture | None = None,
        switch: Switch | None = None,
        software: Path | None = None,
    ) -> None:
        self.identity = identity
        self._capture, self._switch, self._software = capture, switch, software
        self._identity_file = identity_file
        self.folder = folder
        self.output = output
        self._link = link
        self._clock = clock
        self._settings = settings
        self._restart = restart
        self._mixer = Mixer()
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._queued_bytes = 0
        self._counting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._control: Control | None = None
        self.failures = 0  # pieces of work that raised; 0 unless there is a mistake in the agent
        self.dropped = 0  # messages that found the queue full

    def start(self) -> None:
        """Begin. Raises what keeps it from working at all: an unusable folder, no sound card."""
        self.folder.mkdir(parents=True, exist_ok=True)
        control = Control(
            self.identity,
            self.folder,
            output=self.output,
            link=self._link,
            mixer=self._mixer,
            clock=self._clock,
            settings=self._settings,
            receive=self._subscribe,
            forget=self._link.unsubscribe,
            tell=lambda event: self._queue.put(lambda control: control.event(event)),
            damaged=lambda sha256: self._queue.put(lambda control: control.damaged(sha256)),
            restart=self._restart_soon if self._restart else None,
            renewed=lambda fresh: self._queue.put(lambda control: control.renewed(fresh)),
            keep=self._keep_identity if self._identity_file else None,
            capture=self._capture,
            switch=self._switch,
            software=self._software,
        )
        try:
            control.begin()
            self.output.start(self._mixer.render)
        except BaseException:
            control.close()
            raise
        self._control = control
        self._link.on_connect(lambda: self._queue.put(lambda control: control.connected()))
        name = f"receiver-{self.identity.receiver}"
        self._thread = threading.Thread(target=self._run, args=(control,), name=name, daemon=True)
        self._thread.start()
        self._link.start()

    def stop(self) -> None:
        """End cleanly: what sounds fades out and is recorded, the records are kept for the next start."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._queue.put(lambda control: (control.player.stop("shutdown"), None)[1])
        deadline = self._clock.monotonic() + STOP_S
        quiet = threading.Event()
        while not quiet.wait(0.02) and self._clock.monotonic() < deadline and not self._silent():
            pass
        self._queue.put(None)
        thread.join()
        self._link.stop()
        self.output.stop()
        if self._control is not None:
            self._control.close()

    def _keep_identity(self, identity: Identity) -> None:
        """Certificates were renewed: kept, and used from the next connection on."""
        if self._identity_file is not None:
            identity.save(self._identity_file)
        self.identity = identity
        if isinstance(self._link, CertifiedLink) and identity.certificate:
            self._link.use_certificate(identity.certificate, identity.tls_key)

    def _silent(self) -> bool:
        return self._control is None or self._control.player.idle

    def _subscribe(self, topic: str) -> None:
        self._link.subscribe(topic, self._message)

    def _message(self, message: Message) -> None:
        """On the link's thread: into the queue, and no more."""
        size = len(message.payload)
        with self._counting:
            if self._queued_bytes + size > QUEUED_BYTES_MAX:
                self.dropped += 1
                return
            self._queued_bytes += size
        topic, payload, arrived = message.topic, message.payload, self._clock.monotonic() * 1000.0

        def work(control: Control) -> None:
            with self._counting:
                self._queued_bytes -= size
            control.message(topic, payload, arrived)

        self._queue.put(work)

    def _restart_soon(self) -> None:
        if self._restart is not None:
            threading.Timer(0.5, self._restart).start()

    def _run(self, control: Control) -> None:
        wait_s = LEAST_WAIT_S
        while True:
            try:
                work = self._queue.get(timeout=wait_s)
            except queue.Empty:
                work = _nothing
            if work is None:
                break
            wait_s = self._do(work, control)
        try:
            control.end()
        except Exception:
            self.failures += 1
            log.exception("Ending failed")

    def _do(self, work: Work, control: Control) -> float:
        wait_s = self._guarded(work, control)
        try:
            return max(LEAST_WAIT_S, min(wait_s, control.tick()))
        except Exception:
            self.failures += 1
            log.exception("The agent failed at its regular work, and goes on")
            return AFTER_FAILURE_S

    def _guarded(self, work: Work, control: Control) -> float:
        try:
            work(control)
        except Exception:
            self.failures += 1
            log.exception("The agent failed at a piece of work, and goes on")
        return 60.0


def _nothing(_control: Control) -> None:
    """The time of something has come; the tick does it."""
