"""Lexicons: how names are read in a unit and below it, with their history and what a change would alter."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Depends, Query
from pydantic import Field

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.context import Context
from api.problems import responses
from api.routes import api_router
from api.routes.schemas import In, Instant, InstantIn, Out
from audio import lexicon as room
from audio.lexicon import LexiconChange
from audio.lexicon.checks import NOTE_MAX, SPOKEN_MAX, WRITTEN_MAX
from broadcast.lexicon_impact import Altered, Change, impact, impact_of_restoring
from core import units

router = api_router("lexicon")
Reader = Annotated[Principal, Depends(Needs(Right.READ_NEWS))]
Writer = Annotated[Principal, Depends(Needs(Right.WRITE_LEXICON))]

# Longer than is kept, because letters in parts are put together first; what is over is refused with its reason.
Written = Annotated[str, Field(min_length=1, max_length=4 * WRITTEN_MAX, examples=["Đồng Bùi"])]
Spoken = Annotated[str, Field(min_length=1, max_length=4 * SPOKEN_MAX, examples=["đồng bùi"])]
Number = Annotated[int, Field(ge=0, description="The version that is edited, as it was shown; 0: there is none")]
At = Annotated[InstantIn | None, Query(description="As it was at this moment; not given: now")]


class EntryIn(In):
    written: Written
    spoken: Spoken = Field(description="As an announcer says it: small letters, no digits, no signs")
    note: str | None = Field(None, max_length=NOTE_MAX)
    number: Number


class RestoreIn(In):
    written: Written
    version: int = Field(ge=1, description="Which version it is to be again")
    number: Number


class ChangeIn(In):
    written: Written
    spoken: Spoken | None = Field(description="Null: the entry is removed")


class PreviewIn(In):
    changes: list[ChangeIn] = Field(min_length=1, max_length=5000)


class EntryOut(Out):
    unit_id: str
    written: str
    number: int
    spoken: str | None = Field(description="Null: this version removed the entry")
    note: str | None
    changed_by: str
    changed_by_name: str
    changed_at: Instant


class HeldEntry(EntryOut):
    """An entry that holds, and where it comes from."""

    unit_name: str
    own: bool = Field(description="Of the unit itself; otherwise of one above it")
    covers: list[EntryOut] = Field(description="Entries of units farther above for the same name, the nearest first")


class HeldLexicon(Out):
    digest: str = Field(description="Names this state of the whole lexicon; a version keeps the one it was read with")
    items: list[HeldEntry]


class StretchOut(Out):
    before: str
    after: str


class AlteredOut(Out):
    """A version that would be read otherwise if it were read anew. Its sounds stay as they are."""

    version_id: str
    bulletin_id: str
    title: str
    language: str
    number: int
    status: str = Field(description="submitted or approved")
    unit_id: str
    stretches: list[StretchOut] = Field(description="Each place, with two words on either side")


class ImpactOut(Out):
    altered: list[AlteredOut]


class Changed(ImpactOut):
    entry: EntryOut


def _today(context: Context) -> date:
    return units.date_of(context.clock.now())


def _altered(found: list[Altered]) -> list[AlteredOut]:
    return [AlteredOut.model_validate(one) for one in found]


@router.get("/units/{unit_id}/lexicon", summary="How names are read in a unit", responses=responses(404))
def held(context: Ctx, _who: Reader, unit_id: str, at: At = None) -> HeldLexicon:
    """All that holds there, from the unit itself and from those above it; of one name the nearest."""
    with context.db.reading() as session:
        day = units.date_of(at or context.clock.now())
        found = room.effective(session, unit_id, on=day, at=at)
        names = units.names(session, {one.change.unit_id for one in found}, on=day)
        items = [
            HeldEntry(
                **EntryOut.model_validate(one.change).model_dump(),
                unit_name=names.get(one.change.unit_id) or units.get(session, one.change.unit_id).name,
                own=one.change.unit_id == unit_id,
                covers=[EntryOut.model_validate(covered) for covered in one.covers],
            )
            for one in found
        ]
        return HeldLexicon(digest=room.for_unit(session, unit_id, on=day, at=at).digest, items=items)


@router.get("/units/{unit_id}/lexicon/own", summary="A unit's own entries", responses=responses(404))
def own(context: Ctx, _who: Reader, unit_id: str, at: At = None) -> list[EntryOut]:
    with context.db.reading() as session:
        return [EntryOut.model_validate(one) for one in room.own(session, unit_id, at)]


@router.get("/units/{unit_id}/lexicon/history", summary="Every change of a lexicon", responses=responses(404))
def history(
    context: Ctx,
    _who: Reader,
    unit_id: str,
    written: Annotated[str | None, Query(max_length=4 * WRITTEN_MAX, description="Of this entry only")] = None,
) -> list[EntryOut]:
    """Who set or removed what and when, the oldest first. Nothing here is ever changed or deleted."""
    with context.db.reading() as session:
        return [EntryOut.model_validate(one) for one in room.history(session, unit_id, written)]


@router.post("/units/{unit_id}/lexicon/preview", summary="What a change would alter", responses=responses(404))
def preview(context: Ctx, _who: Reader, unit_id: str, body: PreviewIn) -> ImpactOut:
    """Bulletins approved or handed in, at or below the unit, that would be read otherwise. Nothing is changed."""
    changes = [Change(one.written, one.spoken) for one in body.changes]
    with context.db.reading() as session:
        return ImpactOut(altered=_altered(impact(session, unit_id, changes, on=_today(context))))


@router.put("/units/{unit_id}/lexicon", summary="Set how a name is read", responses=responses(404, 409))
def put(context: Ctx, who: Writer, unit_id: str, body: EntryIn) -> Changed:
    """Holds for what is read from now on. `altered` names bulletins that were read otherwise; they stay as they are."""
    with context.db.reading() as session:
        found = impact(session, unit_id, [Change(body.written, body.spoken)], on=_today(context))
    with context.db.writing() as session:
        entry = room.put(session, unit_id, **body.model_dump(), actor=who.actor, clock=context.clock)
        return _changed(entry, found)


@router.delete("/units/{unit_id}/lexicon", summary="Remove an entry", responses=responses(404, 409))
def remove(
    context: Ctx,
    who: Writer,
    unit_id: str,
    written: Annotated[str, Query(min_length=1, max_length=4 * WRITTEN_MAX)],
    number: Annotated[int, Query(ge=1, description="The version that is removed, as it was shown")],
) -> Changed:
    """What stands above the unit holds again. The entry's history stays."""
    with context.db.reading() as session:
        found = impact(session, unit_id, [Change(written, None)], on=_today(context))
    with context.db.writing() as session:
        entry = room.remove(session, unit_id, written=written, number=number, actor=who.actor, clock=context.clock)
        return _changed(entry, found)


@router.post(
    "/units/{unit_id}/lexicon/restore", summary="Make an entry again what it was", responses=responses(404, 409)
)
def restore(context: Ctx, who: Writer, unit_id: str, body: RestoreIn) -> Changed:
    """A new version that reads as an earlier one did."""
    with context.db.reading() as session:
        found = impact_of_restoring(session, unit_id, body.written, body.version, on=_today(context))
    with context.db.writing() as session:
        entry = room.restore(session, unit_id, **body.model_dump(), actor=who.actor, clock=context.clock)
        return _changed(entry, found)


def _changed(entry: LexiconChange, found: list[Altered]) -> Changed:
    return Changed(entry=EntryOut.model_validate(entry), altered=_altered(found))
