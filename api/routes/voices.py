"""Voices of the site: what there is, and leave for those that send text outside."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import Depends
from pydantic import Field

from api import voices as room
from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.routes import api_router
from api.routes.schemas import Out
from broadcast import consent

router = api_router("voices")
Reader = Annotated[Principal, Depends(Needs(Right.READ_NEWS))]
Manager = Annotated[Principal, Depends(Needs(Right.MANAGE_VOICES, everywhere=True))]


class VoiceOut(Out):
    engine: str
    name: str
    language: str
    speaks_at: str = Field(description="Empty: on this machine")
    licence: str
    bytes: int | None
    state: room.State
    outside: bool = Field(description="It sends the text to a server outside")
    fallback: bool = Field(description="What it speaks is approved only where the site permits fallback voices")
    place: int | None = Field(description="In the order of the settings, from 1; null: not in it")
    allowed_by: str | None
    allowed_at: str | None


@router.get("/voices", summary="The voices that there are")
def list_voices(context: Ctx, _who: Reader) -> list[VoiceOut]:
    with context.db.reading() as session:
        return [VoiceOut(**asdict(one)) for one in room.offers(context.settings, session)]


@router.post("/voices/{name}/allow", summary="Agree that a voice sends text outside", status_code=204)
def allow(context: Ctx, who: Manager, name: str) -> None:
    """For the address that the settings name now. Recorded with who and when; holds from the next text on."""
    address = room.address_of(context.settings, name)
    with context.db.writing() as session:
        consent.allow(session, name, address=address, actor=who.actor, clock=context.clock)


@router.post("/voices/{name}/forbid", summary="Take that back", status_code=204)
def forbid(context: Ctx, who: Manager, name: str) -> None:
    room.address_of(context.settings, name)
    with context.db.writing() as session:
        consent.forbid(session, name, actor=who.actor, clock=context.clock)
