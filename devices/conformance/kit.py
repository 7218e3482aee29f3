"""What a check has at hand: the desk, the shared programme, what was heard, and the words for waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Generator, Sequence
from pathlib import Path
from typing import Any

from core.ids import new_id
from devices.conformance.desk import Desk
from devices.conformance.journal import Journal
from devices.conformance.line import Line
from devices.conformance.power import Power
from devices.conformance.programme import Programme
from devices.conformance.running import AtTheEnd, Fault, NotRun, Steps, Until
from devices.conformance.sounds import Sound, Sounds
from devices.protocol.commands import Ack
from devices.protocol.plan import PlanAiring
from devices.protocol.reports import CommandResult, PlanAccepted, PlanRefused, PlayRecord, Refusal
from devices.protocol.signing import SigningKey, peek

REPLY_S = 20.0  # for what a receiver says at once; 4G and a small processor have their time
RECORD_S = 30.0  # from the end of an airing to its records
WANT_S = 90.0  # from a missing chunk to its being asked for
BACK_S = 120.0  # from power or network to a hello
# Reports of refusals may be held to some twenty a minute, so wrong messages are sent no faster.
PROVOKED_A_MINUTE = 18


class Kit:
    """One receiver under test. `power` None: nobody can pull its plug; `line` None: its network can't be cut."""

    def __init__(
        self,
        desk: Desk,
        journal: Journal,
        *,
        root: SigningKey,
        power: Power | None = None,
        line: Line | None = None,
        recording: Path | None = None,
    ) -> None:
        self.desk, self.journal = desk, journal
        self.root = root  # a server would keep it offline
        self.power, self.line, self.recording = power, line, recording
        self.sounds = Sounds()
        self.programme = Programme(desk)
        self.programme.know(*self.sounds.fetched)
        self.published: list[Sound] = []
        self.acking = True
        self.scene: dict[str, PlanAiring] = {}  # the quiet period that several checks share
        self.acked: dict[str, int] = {}
        self.executed: tuple[str, bytes] = ("", b"")  # a command that was obeyed, and its message
        self.survived = False  # it has come back from a power cut
        self._seen = 0
        self._provoked: deque[int] = deque()
        self._provoking = False

    # Time.

    @property
    def now_ms(self) -> int:
        return self.desk.now_ms()

    def until(self, condition: Callable[[], Any], what: str, seconds: float = REPLY_S) -> Until:
        return Until(condition, seconds, what)

    def until_time(self, at_ms: int) -> Until:
        return Until(lambda: self.now_ms >= at_ms, (at_ms - self.now_ms) / 1_000 + 60, "the time")

    def at_the_end(self) -> Until:
        return AtTheEnd(lambda: True, 1.0, "the end")

    # The server's everyday work, at each turn of the runner.

    def pulse(self) -> None:
        self.programme.flush()
        if self.acking and len(self.journal.told) > self._seen:
            self.acknowledge()

    def acknowledge(self, **members: Any) -> None:
        """Acknowledge all that is here without a hole, as after a commit."""
        self._seen = len(self.journal.told)
        records = self.journal.records
        for log in dict.fromkeys(log for log, _ in records):
            through = self.acked.get(log, 0)
            while (log, through + 1) in records:
                through += 1
            self.acked[log] = through
            self.desk.put("ack", self.desk.signed("ack", Ack(log=log, through=through, **members)))

    def publish(self, sound: Sound, **how: Any) -> None:
        self.published.append(sound)
        self.programme.know(sound)
        self.desk.publish(sound, **how)

    # Plans.

    def air(self, *sounds: Sound, at_ms: int | None = None, **members: Any) -> PlanAiring:
        return self.programme.air(sounds, at_ms=at_ms, **members)

    def accepted(self, revision: int) -> Until:
        def there() -> bool:
            return any(report.revision >= revision for report in self.journal.heard(PlanAccepted))

        return self.until(there, f"plan-accepted of revision {revision}")

    def refused_plan(self, token: bytes, reasons: Collection[str]) -> Steps:
        """Publish a plan that must be refused, for one of these reasons; the report of it."""
        yield from self._turn()
        since, revision = len(self.journal.reports), _number(token)

        def reported() -> list[PlanRefused | PlanAccepted]:
            accepted = [one for one in self.journal.heard(PlanAccepted, since) if one.revision == revision]
            return [*accepted, *self.journal.heard(PlanRefused, since)]

        self.desk.put("plan", token)
        try:
            found: list[PlanRefused | PlanAccepted] = yield self.until(reported, "a report plan-refused")
        finally:
            self._provoking = False
        if isinstance(found[0], PlanAccepted):
            raise Fault("a plan that must be refused was accepted")
        if found[0].reason not in reasons:
            raise Fault(f"refused as {found[0].reason!r}, expected {' or '.join(reasons)}")
        return f"plan-refused: {found[0].reason}"

    # Commands.

    def command(self, name: str, *, claims: dict[str, Any] | None = None, **members: Any) -> tuple[str, bytes]:
        """Sign and publish a command; its id, and the message for sending it again."""
        body = {"id": new_id(), "name": name, "x-kit": True, **members}
        token = self.desk.signed("command", body, **(claims or {}))
        self.desk.put("command", token)
        return body["id"], token

    def result(self, command: str, count: int = 1) -> Generator[Until, Any, CommandResult]:
        """The `count`-th answer to a command."""
        answers: list[CommandResult] = yield self.until(
            lambda: len(found := self.journal.answers(command)) >= count and found, "the answer to a command"
        )
        return answers[count - 1]

    def accepted_command(self, command: str) -> Generator[Until, Any, None]:
        result = yield from self.result(command)
        if result.result != "accepted":
            raise Fault(f"a good command was refused: {result.reason}")

    def refused_command(self, token: bytes, reason: str, *, area: str = "") -> Steps:
        """Publish a command that must be refused as a message; the report of it."""
        yield from self._turn()
        since = len(self.journal.reports)
        if area:
            self.desk.put_area(area, token)
        else:
            self.desk.put("command", token)
        try:
            found: list[Refusal] = yield self.until(
                lambda: [r for r in self.journal.heard(Refusal, since) if r.topic.endswith("/command")],
                "a report refusal",
            )
        finally:
            self._provoking = False
        if found[0].reason != reason:
            raise Fault(f"refused as {found[0].reason!r}, expected {reason}")
        return f"refusal: {reason}"

    def play_now(self, sound: Sound, **members: Any) -> dict[str, Any]:
        return {"items": [sound.item()], "objects": [sound.manifest], **members}

    def _turn(self) -> Generator[Until, Any, None]:
        """One wrong message at a time, and no more than a receiver would report."""

        def free() -> bool:
            while self._provoked and self._provoked[0] < self.now_ms - 61_000:
                self._provoked.popleft()
            if self._provoking or len(self._provoked) >= PROVOKED_A_MINUTE:
                return False
            self._provoking = True  # at once: others ask in the same turn
            return True

        yield self.until(free, "a turn", 600.0)
        self.provoked()

    def provoked(self) -> None:
        """A wrong message was sent that the receiver will report."""
        self._provoked.append(self.now_ms)

    # Records.

    def records(self, airing: PlanAiring, count: int | None = None) -> Generator[Until, Any, list[PlayRecord]]:
        """The records of an airing, one for each item (or `count`)."""
        wanted = len(airing.items) if count is None else count
        found: list[PlayRecord] = yield from self.records_of(airing.airing, wanted, airing.ends_at)
        by_item = {record.item: record for record in found}
        return [by_item[item.item] for item in airing.items if item.item in by_item]

    def records_of(self, name: str, count: int, ends_at: int) -> Generator[Until, Any, list[PlayRecord]]:
        wait_s = max(0.0, (ends_at - self.now_ms) / 1_000) + RECORD_S
        found: list[PlayRecord] = yield self.until(
            lambda: len(held := self.journal.records_of(name)) >= count and held,
            f"{count} records of an airing",
            wait_s,
        )
        return found

    def sounding(self, name: str, ends_at: int) -> Until:
        wait_s = max(0.0, (ends_at - self.now_ms) / 1_000) + REPLY_S
        return self.until(
            lambda: any(status.playing == name for _, status in self.journal.statuses), "a status that names it", wait_s
        )

    def whole(self, records: Sequence[PlayRecord]) -> None:
        for record in records:
            if record.outcome != "finished":
                raise Fault(f"{record.outcome} ({record.reason or 'no reason'}), expected finished")

    def one(self, record: PlayRecord, outcome: str, *reasons: str) -> None:
        if record.outcome != outcome or (reasons and record.reason not in reasons):
            wanted = f"{outcome} {' or '.join(reasons)}".strip()
            raise Fault(f"the record says {record.outcome} {record.reason}".rstrip() + f", expected {wanted}")

    # Power.

    def needs_power(self) -> Power:
        if self.power is None:
            raise NotRun("nobody can cut its power: give --start-command or --power-command, or run it at a terminal")
        return self.power

    def needs_line(self) -> Line:
        if self.line is None:
            raise NotRun("its network can't be cut")
        return self.line

    def hello_since(self, count: int, what: str = "a hello") -> Until:
        return self.until(lambda: self.journal.hellos[count:], what, BACK_S)


def _number(token: bytes) -> int:
    """The `seq` of what we made; of what is no longer readable -1."""
    try:
        return peek(token).seq
    except ValueError:
        return -1
