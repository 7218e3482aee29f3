"""The rules in the order in which they claim: what is surest and longest first, single numbers last."""

from __future__ import annotations

from typing import Final

from audio.reading.model import Rule
from audio.reading.rules import (
    abbreviations,
    clock,
    dates,
    documents,
    markup,
    numbers,
    phones,
    places,
    ratios,
    units,
    web,
)

ALL: Final[tuple[Rule, ...]] = (
    *documents.RULES,
    *markup.RULES,
    *web.RULES,
    *places.RULES,
    *clock.RULES,
    *ratios.RULES,
    *dates.RULES,
    *clock.RULES_LAST,
    *phones.RULES,
    *units.RULES,
    *abbreviations.RULES,
    *numbers.RULES,
)
