"""What the bodies of this API have in common.

Times are RFC 3339 with a zone, in UTC on the way out; durations are whole milliseconds and say so in their name.
Lists come in pages: `items`, and `next` to hand in as `after` for what follows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


class In(BaseModel):
    """A body that comes in: an unknown member is refused, because it is most often a misspelt one."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


# For bodies with a password, which may begin or end with a space.
VERBATIM = ConfigDict(extra="forbid", str_strip_whitespace=False)


class Out(BaseModel):
    """A body that goes out, read off a row."""

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_utc)]
Identifier = Annotated[str, Field(min_length=1, max_length=26, examples=["01K0Q3V5K8E2Z6W7RBN4T9XYSD"])]
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
