"""Simulated receivers: the very agent that runs on a box, many of them in one process, each with its own folder and,
where it is asked for, a recording of what its loudspeaker would have sounded.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from core.clock import Clock
from core.errors import NotFound
from devices.link import Link
from devices.receiver.agent import Agent
from devices.receiver.connection import mqtt_link
from devices.receiver.identity import Identity
from devices.receiver.outputs import AHEAD_MS, NullOutput, Output, WavOutput
from devices.receiver.settings import DEFAULTS, AgentSettings

log = logging.getLogger(__name__)

LinkFactory = Callable[[Identity], Link]
STARTING_AT_ONCE = 8
# So many receivers in one interpreter keep its lock from the sound outputs for longer than a card's buffer would last;
# theirs is longer then, at the price of reacting later to a stop.
MANY = 30
AHEAD_EACH_MS = 6.0
AHEAD_MAX_MS = 3_000.0


class Fleet:
    """N receivers. `start` and `stop` once each; in between `restart` stands for somebody pulling a plug.

    Folders and recordings are named by the receivers' identifiers, in `folder`. A `restart` goes on in a recording
    of its own: `recordings` names the newest of each receiver, `recordings_of` all of one.
    """

    def __init__(
        self,
        identities: Sequence[Identity],
        folder: Path,
        *,
        clock: Clock,
        output: Literal["wav", "null"] = "wav",
        link_factory: LinkFactory = mqtt_link,
        settings: AgentSettings = DEFAULTS,
    ) -> None:
        self.folder = folder
        self._identities = {identity.receiver: identity for identity in identities}
        self._clock = clock
        self._output = output
        self._link_factory = link_factory
        # A simulated box is no clone of another for running on the same machine.
        settings = dataclasses.replace(settings, machine="") if settings.machine is None else settings
        if len(identities) > MANY:
            # They all decode at once: begin earlier, and earlier than the longer buffer asks for it.
            settings = dataclasses.replace(
                settings, prepare_ms=max(settings.prepare_ms, 15_000), last_call_ms=max(settings.last_call_ms, 4_000)
            )
        self._settings = settings
        self._lock = threading.Lock()
        self._agents: dict[str, Agent] = {}
        self._recordings: dict[str, list[Path]] = {identity.receiver: [] for identity in identities}

    @property
    def agents(self) -> dict[str, Agent]:
        """The running agents by receiver."""
        with self._lock:
            return dict(self._agents)

    def recordings(self) -> dict[str, Path]:
        """The newest recording of each receiver; none with output "null"."""
        with self._lock:
            return {receiver: paths[-1] for receiver, paths in self._recordings.items() if paths}

    def recordings_of(self, receiver: str) -> list[Path]:
        """All recordings of a receiver since the fleet was made, oldest first."""
        with self._lock:
            return list(self._recordings[receiver])

    def start(self) -> None:
        """Start all. If one can't be started, those that were are stopped and its error is raised."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with ThreadPoolExecutor(STARTING_AT_ONCE, thread_name_prefix="fleet") as pool:
                for _ in pool.map(self._start, self._identities):
                    pass
        except BaseException:
            self.stop()
            raise
        log.info("Simulated receivers are running", extra={"receivers": len(self._identities)})

    def stop(self) -> None:
        """End all cleanly: what sounds is recorded, recordings are closed."""
        with self._lock:
            agents, self._agents = list(self._agents.values()), {}
        if agents:
            with ThreadPoolExecutor(min(len(agents), 64), thread_name_prefix="fleet") as pool:
                for _ in pool.map(Agent.stop, agents):
                    pass

    def restart(self, receiver: str) -> None:
        """End one receiver and start it again from its folder. Raises `NotFound`."""
        with self._lock:
            agent = self._agents.pop(receiver, None)
        if agent is None:
            raise NotFound(what="bộ thu mô phỏng / simulated receiver", id=receiver)
        agent.stop()
        self._start(receiver)

    def _start(self, receiver: str) -> None:
        identity = self._identities[receiver]
        output = self._make_output(receiver)
        agent = Agent(
            identity,
            self.folder / receiver,
            output=output,
            link=self._link_factory(identity),
            clock=self._clock,
            settings=self._settings,
            restart=lambda: self.restart(receiver),
        )
        agent.start()
        with self._lock:
            self._agents[receiver] = agent
            if isinstance(output, WavOutput):
                self._recordings[receiver].append(output.path)

    def _make_output(self, receiver: str) -> Output:
        many = len(self._identities)
        ahead_ms = AHEAD_MS if many <= MANY else min(AHEAD_MAX_MS, AHEAD_MS + AHEAD_EACH_MS * many)
        if self._output == "wav":
            return WavOutput(self.folder / f"{receiver}.wav", self._clock, ahead_ms=ahead_ms)
        return NullOutput(self._clock, ahead_ms=ahead_ms)
