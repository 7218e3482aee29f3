"""One airing on its way through the player, and what becomes of each of its items."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from msgspec import UNSET

from devices.protocol.plan import Item, PlanAiring
from devices.protocol.reports import ClockFacts, Outcome
from devices.receiver.decisions import SLACK_MS, Verdict, exempt, outcome_of, planned, rank_of, source_of
from devices.receiver.evidence import milliseconds
from devices.receiver.hearing import Heard
from devices.receiver.mixer import Performance
from devices.receiver.outbox import Draft

FINISHED_SLACK_MS = 50  # an item that was cut this close to its stated end was played whole: a codec's last frame

STALLED_MS = 5_000.0

RELAY_FALLBACK = "relay-fallback"

Key = tuple[str, str]  # (airing, command or "")


@dataclass(slots=True)
class Slot:
    """One item: when it was to begin, and what was seen of it. Times are Unix milliseconds."""

    item: Item
    planned_at: int
    started_at: int | None = None
    ended_at: int | None = None
    frames: int = 0
    sound_frames: int | None = None  # of its own sound, where it was cut and that is known
    dbfs: float | None = None
    heard: Heard | None = None
    volume: int | None = None
    clock: ClockFacts | None = None
    closed: bool = False  # has it its record?

    @property
    def played_ms(self) -> int:
        return milliseconds(self.frames)

    @property
    def open(self) -> bool:
        """Has it begun, and no record yet?"""
        return self.started_at is not None and not self.closed

    @property
    def whole(self) -> bool:
        """Did it sound to its end, by its stated length and by its own: a sound may be longer than was stated?"""
        if self.sound_frames is not None and self.frames >= self.sound_frames > 0:
            return True
        unheard_ms = 0 if self.sound_frames is None else milliseconds(self.sound_frames - self.frames)
        stated_ms = self.item.duration_ms - self.played_ms
        return self.frames > 0 and stated_ms <= FINISHED_SLACK_MS and unheard_ms <= SLACK_MS


@dataclass(slots=True)
class Job:
    """An airing of the plan, or what a play-now or a test tone asked for.

    `deadline_ms`: a command's; begun by then, or not at all. `ending` is why it was told to stop.
    """

    airing: PlanAiring
    revision: int
    start_ms: int
    command: str | None = None
    deadline_ms: int | None = None
    recorded: bool = True  # a test tone leaves no play record
    slots: list[Slot] = field(default_factory=list)
    performance: Performance | None = None
    placed_ms: int | None = None  # where it was (last) placed
    left_ms: int = 0  # how much there was to play when it was
    verdict: Verdict | None = None
    day_played_ms: int = 0
    ending: str = ""
    suspended: bool = False
    ended: bool = False

    def __post_init__(self) -> None:
        self.slots = [Slot(item, at) for item, at in planned(self.airing, self.start_ms)]

    @property
    def key(self) -> Key:
        return self.airing.airing, self.command or ""

    @property
    def rank(self) -> int:
        return rank_of(self.airing)

    @property
    def emergency(self) -> bool:
        """A proper one; a drill is not, and counts in the day's cap."""
        return exempt(self.airing)

    @property
    def placed(self) -> bool:
        """Is it sounding, or about to at a settled instant?"""
        return self.placed_ms is not None and not self.suspended and not self.ended

    @property
    def begun(self) -> bool:
        return self.performance is not None and self.performance.begun

    @property
    def expected_end_ms(self) -> int:
        """When it will have ended, by its stated durations and its cut."""
        if self.placed_ms is None:
            return self.start_ms
        end = self.placed_ms + self.left_ms
        return min(end, self.verdict.cut_ms) if self.verdict else end

    def stalled(self, now_ms: float, mono_ms: float) -> bool:
        """Has the sound card asked for nothing since long before its end? What it took is all that was played."""
        performance = self.performance
        if performance is None or not performance.running or now_ms < self.expected_end_ms + STALLED_MS:
            return False
        return mono_ms - performance.seen_ms > STALLED_MS

    def place(self, at_ms: int) -> None:
        """It will sound from this instant on."""
        self.placed_ms = at_ms
        self.left_ms = sum(max(0, slot.item.duration_ms - slot.played_ms) for slot in self.slots if not slot.closed)
        self.suspended = False

    def draft(self, slot: Slot, *, reason: str, clock: ClockFacts, whole: bool = False) -> Draft:
        """The record of an item as it stands: whole, begun and cut, or not begun for this reason."""
        if slot.item.relay is not None and slot.frames > 0:
            # What sounded was its fallback: the relay itself was not heard.
            return self._draft(slot, "partial", RELAY_FALLBACK, clock)
        if whole or slot.whole:
            return self._draft(slot, "finished", "", clock)
        if slot.frames > 0:
            return self._draft(slot, "partial", reason, clock)
        return self._draft(slot, outcome_of(reason), reason, clock)

    def progress(self, slot: Slot) -> Draft:
        """The record of an item that sounds, should power go now."""
        return self._draft(slot, "partial", "power-off", slot.clock or ClockFacts())

    def _draft(self, slot: Slot, outcome: Outcome, reason: str, clock: ClockFacts) -> Draft:
        sounded = outcome in {"finished", "partial"}
        heard = slot.heard if sounded else None
        return Draft(
            airing=self.airing.airing,
            item=slot.item.item,
            outcome=outcome,
            planned_at=slot.planned_at,
            plan_revision=self.revision,
            clock=slot.clock or clock,
            sha256=source_of(slot.item),
            started_at=slot.started_at if sounded else None,
            ended_at=slot.ended_at if sounded else None,
            played_ms=slot.played_ms,
            reason=reason,
            volume=slot.volume,
            output_dbfs=slot.dbfs if sounded else None,
            heard_dbfs=heard.dbfs if heard else None,
            heard_match=heard.match if heard else UNSET,
            heard_lag_ms=heard.lag_ms if heard else UNSET,
            command=self.command,
        )


def blocker(jobs: Iterable[Job], job: Job, from_ms: int, until_ms: int | None = None) -> Job | None:
    """What keeps a job from beginning: something at least as strong that sounds then, or before `until_ms`."""
    until_ms = from_ms if until_ms is None else until_ms
    others = [
        other
        for other in jobs
        if other is not job
        and other.placed
        and other.placed_ms is not None
        and other.rank >= job.rank
        and other.placed_ms <= until_ms
        and from_ms < other.expected_end_ms
    ]
    return max(others, key=lambda other: other.expected_end_ms, default=None)


def cut_by(jobs: Iterable[Job], job: Job, before_ms: int) -> int | None:
    """When something stronger cuts a job before this instant. What will have ended when it begins leaves it alone."""
    begins_ms = job.start_ms if job.placed_ms is None else job.placed_ms
    return min(
        (
            other.placed_ms
            for other in jobs
            if other.placed
            and other.placed_ms is not None
            and other.rank > job.rank
            and other.placed_ms < before_ms
            and begins_ms < other.expected_end_ms
        ),
        default=None,
    )
