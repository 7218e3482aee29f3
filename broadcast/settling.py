"""What each receiver is to sound, once clashes and the commune's decisions have been looked at. Pure.

The timetable says when an airing is to be; `schedules.conflicts.hear` decides what is heard at one receiver. What was
promised to a receiver and has begun there is not decided anew: it stands as its plan had it. So the same question
asked again while things are on air, or about to follow them, has the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from zoneinfo import ZoneInfo

from broadcast.choices import Choices
from broadcast.planning import AiringFacts, ReceiverFacts, Rules
from schedules.airtime_limits import Violation
from schedules.conflicts import MOST_DELAY_MS, Entry, Heard, MaySound, hear, told
from schedules.rule_words import rule_text

# What ended so long ago can't bear any more on what is still to begin: nothing is moved by more than half of it.
LOOK_BACK_MS = 2 * MOST_DELAY_MS


class Promised(NamedTuple):
    """When and how long the plan in force lets an airing sound at a receiver, in Unix ms and ms."""

    starts_at: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What is to be heard at one receiver.

    `airings` are those to plan, at the times at which they sound there; `notes` tell of some of them what a clash has
    made of them; `silent` are those that give way entirely, or break a rule, with why.
    """

    airings: tuple[AiringFacts, ...]
    notes: Mapping[str, str]
    silent: Sequence[tuple[AiringFacts, str]]
    outcomes: Sequence[Heard]
    barred: Mapping[str, Sequence[Violation]] = field(default_factory=dict)  # by airing: left out for a rule


def settle(
    receiver: ReceiverFacts,
    airings: Iterable[AiringFacts],
    *,
    choices: Choices,
    zone: ZoneInfo,
    now: int,
    rules: Rules,
    promised: Mapping[str, Promised] | None = None,
    withdrawn: Iterable[str] = (),
) -> Settled:
    """What this receiver is to sound of what concerns it. `now` in Unix ms.

    `withdrawn` are cancelled while on air: they are finished where they have begun, and nowhere else.
    """
    promised = promised or {}
    cancelled = set(withdrawn)
    known: dict[str, AiringFacts] = {}
    fixed: dict[str, Promised] = {}
    for airing in airings:
        promise = promised.get(airing.id)
        if promise is not None and promise.starts_at <= now:
            fixed[airing.id] = promise
        elif airing.id in cancelled or (promise is None and airing.ends_at <= now):
            continue
        if airing.id in fixed or choices.taken(airing, receiver.commune_at(airing.starts_at)):
            known[airing.id] = airing
    entries = [
        _begun(airing, fixed[airing.id], now)
        if airing.id in fixed
        else entry_of(airing, choices.before(airing, known.values(), receiver.commune_at(airing.starts_at)))
        for airing in known.values()
    ]
    outcomes = hear(entries, may_sound_by(rules))
    return Settled(
        tuple(_as_heard(known[one.entry.id], one) for one in outcomes if one.sounds),
        {one.entry.id: told(one, zone, subject="lần này") for one in outcomes if one.sounds and one.because},
        tuple((known[one.entry.id], told(one, zone, subject="lần này")) for one in outcomes if not one.sounds),
        outcomes,
    )


def entry_of(airing: AiringFacts, before: frozenset[str] = frozenset(), *, accepted: bool = True) -> Entry:
    """The airing as `schedules.conflicts` looks at it."""
    return Entry(
        id=airing.id,
        starts_at=airing.starts_at,
        duration_ms=airing.duration_ms,
        class_=airing.class_,
        title=airing.title,
        level=airing.owner.level if airing.owner else 0,
        made=airing.schedule_id,
        before=before,
        accepted=accepted,
        hard_end=airing.hard_end,
        latest_end=airing.latest_end,
    )


def may_sound_by(rules: Rules) -> MaySound:
    """Whether these rules let something sound from one instant to another."""

    def may_sound(entry: Entry, start: int, end: int) -> str | None:
        if entry.class_ == "emergency":
            return None
        if rules.place is not None:
            stands = rules.place.forbids(entry.class_, start, end)
            return None if stands is None else f"vướng “{rule_text(stands.rule)}”"
        touched = any(start < quiet.until and quiet.from_ < end for quiet in rules.quiet)
        return f"vướng “{rules.label}”" if touched else None

    return may_sound


def _begun(airing: AiringFacts, promise: Promised, now: int) -> Entry:
    """As it was promised; one that still sounds was cut at most for something that may have gone since."""
    duration_ms = promise.duration_ms
    if promise.starts_at + duration_ms > now:
        duration_ms = airing.ends_at - promise.starts_at if airing.hard_end else airing.duration_ms
    return replace(entry_of(airing), starts_at=promise.starts_at, duration_ms=max(duration_ms, 1), begun=True)


def _as_heard(airing: AiringFacts, heard: Heard) -> AiringFacts:
    if heard.starts_at == airing.starts_at and heard.ends_at == airing.ends_at:
        return airing
    return replace(airing, starts_at=heard.starts_at, duration_ms=heard.ends_at - heard.starts_at)
