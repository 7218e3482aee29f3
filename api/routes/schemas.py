"""What the bodies of this API have in common.

Times are RFC 3339 with a zone, in UTC on the way out; durations are whole milliseconds and say so in their name.
Lists come in pages: `items`, and `next` to hand in as `after` for what follows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

# What schedules, windows and expiries may name. Far from the ends of the calendar, where arithmetic overflows.
FIRST_YEAR, LAST_YEAR = 2000, 2199
UNITS_MAX = 4000  # more than a province has communes and villages

# Where these are found only NUL is refused: pasted text of many lines holds page breaks, and a password is hashed.
FREE_TEXT = frozenset({"text", "note", "source_note", "reason", "password", "current", "new"})
# Marks that turn the direction of writing round count too: what stands behind a name would be read backwards.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\u202a-\u202e\u2066-\u2069]")
_INVISIBLE = str.maketrans("", "", "\u200b\u2060\ufeff")  # come along when text is pasted; a title of them is none


def without_nul(text: str) -> str:
    """For what comes by a form rather than in a body."""
    if "\0" in text:
        raise PydanticCustomError("control_character", "must not hold control characters")
    return text


class Checked(BaseModel):
    """A body whose strings can be stored: without NUL, and without control characters where it is one line."""

    @field_validator("*", mode="before")
    @classmethod
    def _storable(cls, value: Any, info: ValidationInfo) -> Any:
        for text in value if isinstance(value, list) else [value]:
            if not isinstance(text, str):
                continue
            found = "\0" in text if info.field_name in FREE_TEXT else _CONTROL.search(text)
            if found:
                raise PydanticCustomError("control_character", "must not hold control characters")
        one_line = isinstance(value, str) and info.field_name not in FREE_TEXT
        return value.translate(_INVISIBLE) if one_line else value


class In(Checked):
    """A body that comes in: an unknown member is refused, because it is most often a misspelt one."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


# For bodies with a password, which may begin or end with a space.
VERBATIM = ConfigDict(extra="forbid", str_strip_whitespace=False)


class Out(BaseModel):
    """A body that goes out, read off a row."""

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _in_range(at: datetime) -> datetime:
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        facts = {"first": FIRST_YEAR, "last": LAST_YEAR}
        raise PydanticCustomError("year_out_of_range", "must lie in the years {first} to {last}", facts)
    return _utc(at)


# On the way out whatever was stored; on the way in nothing that can't be reckoned with.
Instant = Annotated[AwareDatetime, AfterValidator(_utc)]
InstantIn = Annotated[AwareDatetime, AfterValidator(_in_range)]
DateIn = Annotated[date, Field(ge=date(FIRST_YEAR, 1, 1), le=date(LAST_YEAR, 12, 31))]
Identifier = Annotated[str, Field(min_length=1, max_length=26, examples=["01K0Q3V5K8E2Z6W7RBN4T9XYSD"])]
UnitIds = Annotated[list[Identifier], Field(min_length=1, max_length=UNITS_MAX)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the object, in hexadecimal")]
DurationMs = Annotated[int, Field(ge=0, description="Milliseconds")]

Item = TypeVar("Item")
Row = TypeVar("Row")


class Page(BaseModel, Generic[Item]):
    """A part of a list."""

    items: list[Item]
    next: str | None = Field(None, description="Hand this in as `after` for what follows; null: this is the end")


Limit = Annotated[int, Query(ge=1, le=500, description="At most so many items")]
After = Annotated[str | None, Query(max_length=100, description="`next` of the page before")]


def page_of(rows: Sequence[Row], limit: int, show: Callable[[Row], Item], key: Callable[[Row], Any]) -> Page[Item]:
    """A page out of at most `limit + 1` rows; the one too many only tells that there is more."""
    held = rows[:limit]
    return Page(items=[show(row) for row in held], next=str(key(held[-1])) if len(rows) > limit else None)
