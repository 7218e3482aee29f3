"""The merger assistant: look at what a plan would do, then let exactly that be done."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from pydantic import Field

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.problems import responses
from api.routes import api_router
from api.routes.schemas import DateIn, Identifier, In, Out
from broadcast import mergers as room

router = api_router("mergers")

Writer = Annotated[Principal, Depends(Needs(Right.WRITE_UNITS))]


class MergerIn(In):
    on: DateIn = Field(description="The first local date on which it is so")
    unit_ids: list[Identifier] = Field(min_length=1, max_length=100, description="What becomes one")
    name: str = Field(min_length=1, max_length=200, examples=["Xã Đại Sơn"], description="The name from then on")
    into: Identifier | None = Field(None, description="The unit that takes over, where it stands already; null: new")
    code: str | None = Field(None, max_length=20, description="Official code of a new unit")


class PlanIn(In):
    mergers: list[MergerIn] = Field(min_length=1, max_length=200)


class ApplyIn(PlanIn):
    digest: str = Field(
        pattern=r"^[0-9a-f]{64}$", description="`digest` of the preview that was looked at; 409 where it is out of date"
    )


class MovedOut(Out):
    kind: str = Field(description="receiver · unit · schedule · campaign · group, or what else is kept for a unit")
    id: str
    name: str
    before: list[str] = Field(description="Where it stands or what it names until then, nearest first")
    after: list[str] = Field(description="And from then on")


class OutcomeOut(Out):
    digest: str
    ended: list[str]
    created: list[str]
    renamed: list[str]
    moved: list[MovedOut]


@router.post("/mergers/preview", summary="What a plan of mergers would move", responses=responses(404))
def preview_mergers(context: Ctx, who: Writer, body: PlanIn) -> OutcomeOut:
    """Nothing is changed."""
    with context.db.writing() as session:
        outcome = room.preview(session, _plan(body), actor=who.actor, clock=context.clock)
    return OutcomeOut.model_validate(outcome)


@router.post("/mergers", summary="Apply a plan of mergers", status_code=201, responses=responses(404, 409))
def apply_mergers(context: Ctx, who: Writer, body: ApplyIn) -> OutcomeOut:
    """All of it in one transaction, and only what the preview showed."""
    with context.db.writing() as session:
        outcome = room.apply(session, _plan(body), actor=who.actor, clock=context.clock, expected=body.digest)
    return OutcomeOut.model_validate(outcome)


def _plan(body: PlanIn) -> list[room.Merger]:
    return [
        room.Merger(on=one.on, unit_ids=tuple(one.unit_ids), name=one.name, into=one.into, code=one.code)
        for one in body.mergers
    ]
