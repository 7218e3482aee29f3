"""What may sound, when, and until when. Plain functions over the plan; times are Unix milliseconds.

The rules, strongest first:
- without a valid plan nothing sounds but a signed emergency; a silenced box (a cloned card) plays nothing at all;
- nothing but an emergency begins inside a quiet period, or goes on into one;
- nothing is louder or longer than the plan's caps, and nothing goes on beyond its hard end;
- emergency comes before a drill comes before priority comes before ordinary; equals don't cut each other.

A drill is of class emergency and no emergency: wherever these rules make way for one, they mean `exempt`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from devices.protocol.commands import AREA_COMMANDS, Command
from devices.protocol.plan import BroadcastClass, Caps, Interval, Item, Plan, PlanAiring
from devices.protocol.reports import Outcome

_RANK: dict[BroadcastClass, int] = {"ordinary": 0, "priority": 1, "emergency": 3}
_DRILL_RANK = 2
MIN_MS = 50  # what would be cut sooner than this isn't begun
# A programme that fits before its hard end by its stated durations may be this much longer: durations are rounded to
# milliseconds and a codec pads its last frame.
SLACK_MS = 250

# Not played because a rule forbids it; everything else that isn't played is missed.
REFUSED_REASONS = frozenset(
    {
        "quiet-hours",
        "cap-item",
        "cap-airing",
        "cap-day",
        "cap-emergency",
        "muted",
        "no-plan",
        "plan-not-yet-valid",
        "plan-expired",
        "cloned-card",
        "revoked",
    }
)


def outcome_of(reason: str) -> Outcome:
    """The outcome of an item that didn't sound at all, by why it didn't."""
    return "refused" if reason in REFUSED_REASONS else "missed"


def exempt(airing: PlanAiring) -> bool:
    """Is it a proper emergency, for which quiet periods, a mute and the ordinary caps make way? A drill never is."""
    return airing.class_ == "emergency" and not airing.drill


def rank_of(airing: PlanAiring) -> int:
    """What cuts what: the higher one. A drill cuts in as an emergency would, and gives way to a proper one."""
    return min(_RANK[airing.class_], _DRILL_RANK) if airing.drill else _RANK[airing.class_]


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds on the box at this moment."""

    plan: Plan | None
    day_played_ms: int = 0  # what sounded in the last 24 hours, emergencies apart
    muted_until: int = 0
    volume: int | None = None  # set by a command, instead of the plan's
    silenced: str = ""  # why the box may not sound at all

    @property
    def caps(self) -> Caps:
        return self.plan.caps if self.plan else Caps()

    @property
    def quiet(self) -> Sequence[Interval]:
        return self.plan.quiet if self.plan else ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an airing that begins at `start_ms` may sound, and its last instant.

    `refused` is why nothing of it may; `cut_reason` is why nothing may after `cut_ms`.
    """

    start_ms: int
    cut_ms: int
    cut_reason: str
    refused: str = ""


def judge(airing: PlanAiring, rules: Rules, start_ms: int, *, by_command: bool = False) -> Verdict:
    """The rules, applied to an airing that would begin (or go on) at `start_ms`."""
    emergency = exempt(airing)
    stated_end_ms = start_ms + sum(item.duration_ms for item in airing.items)
    fits = stated_end_ms <= airing.ends_at
    ends = [(max(airing.ends_at, stated_end_ms + SLACK_MS) if fits else airing.ends_at, "hard-end")]
    refused = rules.silenced
    plan = rules.plan
    if not (emergency and by_command):
        if plan is None:
            refused = refused or "no-plan"
        elif start_ms < plan.valid_from:
            refused = refused or "plan-not-yet-valid"
        else:
            ends.append((plan.valid_until, "plan-expired"))
    if emergency:
        ends.append((start_ms + rules.caps.emergency_ms, "cap-emergency"))
    else:
        if start_ms < rules.muted_until:
            refused = refused or "muted"
        ends.append((quiet_from(rules.quiet, start_ms), "quiet-hours"))
        ends.append((start_ms + rules.caps.airing_ms, "cap-airing"))
        ends.append((start_ms + max(0, rules.caps.day_ms - rules.day_played_ms), "cap-day"))
    ends.extend(_item_ends(airing.items, start_ms, rules.caps))
    cut_ms, reason = min(ends)
    if cut_ms < start_ms + MIN_MS:
        refused = refused or reason
    return Verdict(start_ms, cut_ms, reason, refused)


def _item_ends(items: Iterable[Item], start_ms: int, caps: Caps) -> Iterable[tuple[int, str]]:
    at = start_ms
    for item in items:
        if item.duration_ms > caps.item_ms:
            yield at + caps.item_ms, "cap-item"
        at += item.duration_ms


def quiet_from(quiet: Sequence[Interval], at_ms: int) -> int:
    """The first instant from `at_ms` on that lies in a quiet period; far away where none does."""
    ahead = [max(span.from_, at_ms) for span in quiet if span.until > at_ms and span.until > span.from_]
    return min(ahead, default=9_007_199_254_740_991)


def is_quiet(quiet: Sequence[Interval], at_ms: int) -> bool:
    return quiet_from(quiet, at_ms) == at_ms


def planned(airing: PlanAiring, start_ms: int) -> list[tuple[Item, int]]:
    """Each item and when it begins: one after another."""
    result = []
    for item in airing.items:
        result.append((item, start_ms))
        start_ms += item.duration_ms
    return result


def source_of(item: Item) -> str | None:
    """The object that an item sounds: its own, or a relay's fallback; None: there is nothing that we can play."""
    if item.sha256 is not None:
        return item.sha256
    if item.relay is not None and item.relay.fallback == "object":
        return item.relay.fallback_sha256
    return None


def volume_of(airing: PlanAiring, rules: Rules, at_ms: int) -> int:
    """Per cent, within the cap. What a person set at the box holds, except for emergencies."""
    plan = rules.plan
    chosen = airing.volume
    if rules.volume is not None and not exempt(airing):
        chosen = rules.volume
    if chosen is None:
        chosen = rules.volume if plan is None else plan.volume
        steps = plan.volume_curve if plan else []
        begun = [step for step in steps if step.at <= at_ms]
        if begun:
            chosen = max(begun, key=lambda step: step.at).volume
    if chosen is None:
        chosen = 80
    return min(chosen, rules.caps.volume)


def obeyed_areas(plan: Plan | None, at_ms: float) -> set[str]:
    """The units whose commands the receiver obeys at this instant."""
    areas = plan.areas if plan else []
    return {area.unit for area in areas if area.from_ <= at_ms and (area.until is None or at_ms < area.until)}


def allowed_on_area(command: Command) -> bool:
    return command.name in AREA_COMMANDS
