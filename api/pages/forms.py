"""What pages have in common: who may look and who may press, the fields of forms, and lists in pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Form
from pydantic import AfterValidator
from sqlalchemy.orm import Session

from api.auth.guard import Needs, NeedsForm, Principal
from api.auth.rights import Right
from api.pages.words import sort_key
from api.routes.schemas import without_nul
from core import units

NewsReader = Annotated[Principal, Depends(Needs(Right.READ_NEWS))]
NewsReaderForm = Annotated[Principal, Depends(NeedsForm(Right.READ_NEWS))]
Writer = Annotated[Principal, Depends(Needs(Right.WRITE_NEWS))]
WriterForm = Annotated[Principal, Depends(NeedsForm(Right.WRITE_NEWS))]
Reader = Annotated[Principal, Depends(Needs(Right.READ_SCHEDULES))]
Planner = Annotated[Principal, Depends(Needs(Right.WRITE_SCHEDULES))]
PlannerForm = Annotated[Principal, Depends(NeedsForm(Right.WRITE_SCHEDULES))]
OnDuty = Annotated[Principal, Depends(Needs(Right.STOP_SOUND))]
OnDutyForm = Annotated[Principal, Depends(NeedsForm(Right.STOP_SOUND))]

Short = Annotated[str, Form(max_length=5000), AfterValidator(without_nul)]
Many = Annotated[list[str], Form(max_length=2000)]

One = TypeVar("One")


@dataclass(frozen=True, slots=True)
class Paged(Generic[One]):
    """One page of a list: what stands on it, its number from 1, and how many pages there are."""

    shown: Sequence[One]
    number: int
    pages: int


def paged(every: Sequence[One], number: int, size: int) -> Paged[One]:
    """The page of this number, or the nearest one that there is."""
    pages = max(1, -(-len(every) // size))
    number = min(max(1, number), pages)
    return Paged(every[(number - 1) * size : number * size], number, pages)


_RANKS = {"province": 0, "district": 1}


def places_in_sight(session: Session, who: Principal, on: date) -> list[units.Placed]:
    """Communes and what stands above them that this person sees, the highest first."""
    sight = who.reach(Right.READ_SCHEDULES)
    standing = [one for one in units.standing(session, on=on) if one.kind != "village" and sight.covers(one.id)]
    return sorted(standing, key=lambda one: (_RANKS.get(one.kind, 2), sort_key(one.name)))
