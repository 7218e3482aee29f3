"""What communes have decided of their own air, as plain data, and what follows from it for an airing. Pure.

An *offer* is an ordinary airing whose schedule belongs to a unit above the commune, or to another one beside it. Of
its answers the nearest holds: for this one airing, for its schedule, else a standing acceptance of the commune that
fits its owner and its campaign. Emergencies and priority are no offers, and nor is what is the commune's own, nor a
relay from above: to relay is a station's standing duty, its source and window were fixed by whoever set the session
up, and there is nothing in it that a commune could have listened to and taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from broadcast.planning import AiringFacts

Answer = Literal["own", "accepted", "declined", "unanswered"]


class One(NamedTuple):
    """An airing by its schedule and original start (Unix ms), which stay when it is moved; None: all of them."""

    schedule_id: str
    start: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A standing acceptance: from whom and of which campaign; None: from all, of all."""

    from_unit_id: str | None = None
    campaign_id: str | None = None


@dataclass(frozen=True, slots=True)
class Choices:
    """By commune: its standing acceptances, its answers to offers, and what it has put before what."""

    standing: Mapping[str, tuple[Standing, ...]] = field(default_factory=dict)
    answers: Mapping[tuple[str, One], bool] = field(default_factory=dict)
    orders: Mapping[str, tuple[tuple[One, One], ...]] = field(default_factory=dict)

    def answer(self, airing: AiringFacts, commune: str | None) -> Answer:
        """What the commune says to this airing; "own" where it has no say because it is no offer to it."""
        if commune is None or not is_offer(airing, commune):
            return "own"
        for one in (One(airing.schedule_id, airing.original_start), One(airing.schedule_id, None)):
            decided = self.answers.get((commune, one))
            if decided is not None:
                return "accepted" if decided else "declined"
        fits = any(_fits(standing, airing) for standing in self.standing.get(commune, ()))
        return "accepted" if fits else "unanswered"

    def taken(self, airing: AiringFacts, commune: str | None) -> bool:
        """Whether it airs at this commune as far as the commune has a say."""
        return self.answer(airing, commune) in {"own", "accepted"}

    def before(self, airing: AiringFacts, others: Iterable[AiringFacts], commune: str | None) -> frozenset[str]:
        """Ids of those among the others that the commune has put behind this airing. A choice for one day wins."""
        if commune is None or commune not in self.orders:
            return frozenset()
        return frozenset(other.id for other in others if other is not airing and self._first(airing, other, commune))

    def _first(self, airing: AiringFacts, other: AiringFacts, commune: str) -> bool:
        verdicts: dict[bool, bool] = {}  # of a choice for one day, and of one for always
        for first, second in self.orders[commune]:
            if _names(first, airing) and _names(second, other):
                verdicts[first.start is not None] = True
            elif _names(first, other) and _names(second, airing):
                verdicts[first.start is not None] = False
        return verdicts.get(True, verdicts.get(False, False))


def is_offer(airing: AiringFacts, commune: str) -> bool:
    """Whether this commune may decline it: ordinary, no relay from above, and not its own nor of a unit below it."""
    if airing.class_ != "ordinary" or airing.owner is None or (airing.relay and airing.owner.commune is None):
        return False
    return airing.owner.commune != commune


def _names(one: One, airing: AiringFacts) -> bool:
    return one.schedule_id == airing.schedule_id and one.start in {None, airing.original_start}


def _fits(standing: Standing, airing: AiringFacts) -> bool:
    owner = airing.owner.unit_id if airing.owner else None
    return standing.from_unit_id in {None, owner} and (
        standing.campaign_id is None or airing.campaigns == frozenset({standing.campaign_id})
    )
