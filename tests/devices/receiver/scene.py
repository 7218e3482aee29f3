"""What the tests of the agent's behaviour have in common: one receiver, its audio, and waiting for what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.clock import SystemClock, to_ms
from core.ids import new_id
from devices.protocol.commands import Command
from devices.protocol.plan import Plan, PlanAiring
from devices.protocol.reports import (
    CommandResult,
    PlanAccepted,
    PlayRecord,
    Ready,
)
from devices.receiver.agent import Agent
from devices.receiver.identity import Identity
from tests.devices.receiver.station import Audio, Bench


class Scene:
    """One receiver with a short and a long piece of audio, published."""

    def __init__(self, stage: Bench, folder: Path) -> None:
        self.stage = stage
        self.station = stage.station
        self.short = Audio.of(folder, 0.5)
        self.long = Audio.of(folder, 6.0, hertz=300)
        self.station.publish(self.short, self.long)
        self.identity: Identity = self.station.enrol()
        self.receiver = self.identity.receiver

    def run(self, **members: Any) -> Agent:
        agent = self.stage.agent(self.identity, **members)
        self.station.wait(lambda: any(who == self.receiver for who, _ in self.station.hellos))
        return agent

    def plan(self, *airings: PlanAiring, **members: Any) -> Plan:
        """Issue a plan of these and wait until it is in force, its audio complete."""
        plan = self.station.plan(self.identity, airings, [self.short, self.long], **members)
        self.station.issue(plan)
        self.station.wait(lambda: PlanAccepted(revision=plan.revision) in self.station.heard(PlanAccepted))
        wanted = {item.sha256 for one in airings for item in one.items}
        self.station.wait(lambda: wanted <= {s for ready in self.station.heard(Ready) for s in ready.sha256})
        return plan

    def command(self, command: Command, **claims: Any) -> CommandResult:
        self.station.command(self.receiver, command, **claims)
        return self.result(command)

    def result(self, command: Command) -> CommandResult:
        self.station.wait(lambda: self.results(command))
        return self.results(command)[-1]

    def results(self, command: Command) -> list[CommandResult]:
        return [result for result in self.station.heard(CommandResult) if result.id == command.id]

    def records(self, one: PlanAiring | Command, count: int = 1) -> list[PlayRecord]:
        name = one.airing if isinstance(one, PlanAiring) else one.airing or one.id
        self.station.wait(lambda: len(self.station.records_of(name or "")) >= count)
        return self.station.records_of(name or "")

    def sounding(self, one: PlanAiring | Command) -> None:
        """Wait until it is on air."""
        name = one.airing if isinstance(one, PlanAiring) else one.airing or one.id
        self.station.wait(lambda: any(status.playing == name for _, status in self.station.statuses))

    def play_now(self, audio: Audio, **members: Any) -> Command:
        return Command(id=new_id(), name="play-now", items=[audio.item()], objects=[audio.manifest], **members)


def past(one: PlanAiring, ms: int) -> bool:
    return to_ms(SystemClock().now()) > one.starts_at + ms
