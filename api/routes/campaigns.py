"""Dispatches and campaigns."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Depends, Request
from pydantic import Field
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.context import Context
from api.problems import responses
from api.routes import api_router
from api.routes.schemas import After, DateIn, Identifier, In, Instant, Limit, Out, Page, UnitIds, page_of
from broadcast import campaign_plays
from broadcast import campaigns as room
from broadcast import dispatches as registry
from broadcast.tables import Campaign, Dispatch

dispatches = api_router("dispatches")
campaigns = api_router("campaigns")

Reader = Annotated[Principal, Depends(Needs(Right.READ_NEWS))]
Auditor = Annotated[Principal, Depends(Needs(Right.READ_AIRTIME))]
Editor = Annotated[Principal, Depends(Needs(Right.WRITE_NEWS))]


class DispatchOut(Out):
    """What was read out of it; null: it doesn't stand there, and `missing` names it. Nothing is guessed."""

    id: str
    number: str | None = Field(examples=["614/TTCS-TTTQ"])
    issued_on: date | None
    issued_text: str | None = Field(description="The date line as written, even where incomplete")
    issuer: str | None
    subject: str | None
    addressees: list[str]
    observance_day: int | None
    observance_month: int | None
    missing: list[str]
    sha256: str
    imported_by: str
    imported_at: Instant


class DemandOut(Out):
    number: str
    heading: str
    points: list[str]


class ReferenceOut(Out):
    text: str
    kind: str
    number: str
    dated: date | None


class DispatchWhole(DispatchOut):
    text: str
    demands: list[DemandOut]
    references: list[ReferenceOut]


def _whole(dispatch: Dispatch) -> DispatchWhole:
    parsed = registry.parse(dispatch.text)
    return DispatchWhole(
        **DispatchOut.model_validate(dispatch).model_dump(),
        text=dispatch.text,
        demands=[DemandOut.model_validate(demand) for demand in parsed.demands],
        references=[ReferenceOut.model_validate(reference) for reference in parsed.references],
    )


@dispatches.get("/dispatches", summary="Dispatches, newest first")
def list_dispatches(context: Ctx, who: Reader, after: After = None, limit: Limit = 50) -> Page[DispatchOut]:
    wanted = select(Dispatch).order_by(Dispatch.id.desc()).limit(limit + 1)
    if after:
        wanted = wanted.where(Dispatch.id < after)
    with context.db.reading() as session:
        wanted = wanted.where(who.sees(session, "dispatch"))
        return page_of(session.scalars(wanted).all(), limit, DispatchOut.model_validate, lambda one: one.id)


@dispatches.post(
    "/dispatches",
    summary="Upload a dispatch as text",
    status_code=201,
    responses=responses(413),
    openapi_extra={"requestBody": {"required": True, "content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def import_dispatch(request: Request, context: Ctx, who: Editor) -> DispatchWhole:
    """The body is the text itself, in UTF-8. Old encodings (TCVN3, VNI) are recognised and named, not taken.

    The same text again is the same dispatch.
    """
    # Asynchronous only to read the raw body; what is done with it is not.
    return await run_in_threadpool(_import, context, who, await request.body())


def _import(context: Context, who: Principal, body: bytes) -> DispatchWhole:
    text = registry.decode(body)
    home = who.home(Right.WRITE_NEWS)
    with context.db.writing() as session:
        return _whole(registry.import_dispatch(session, text, unit_id=home, actor=who.actor, clock=context.clock))


@dispatches.get("/dispatches/{dispatch_id}", summary="One dispatch with its text", responses=responses(404))
def get_dispatch(context: Ctx, _who: Reader, dispatch_id: str) -> DispatchWhole:
    with context.db.reading() as session:
        return _whole(registry.get(session, dispatch_id))


class CampaignIn(In):
    """What is left out is taken from the dispatch: its subject as the title, the window around its day."""

    title: str = Field("", max_length=300)
    dispatch_id: Identifier | None = None
    first_date: DateIn | None = None
    last_date: DateIn | None = None
    unit_ids: UnitIds
    languages: list[Annotated[str, Field(max_length=12)]] = Field(["vi"], min_length=1, max_length=20)


class CampaignOut(Out):
    id: str
    dispatch_id: str | None
    title: str
    first_date: date
    last_date: date
    unit_ids: list[str]
    languages: list[str]
    created_by: str
    created_at: Instant


@campaigns.get("/campaigns", summary="Campaigns, newest first")
def list_campaigns(context: Ctx, who: Reader, after: After = None, limit: Limit = 50) -> Page[CampaignOut]:
    wanted = select(Campaign).order_by(Campaign.id.desc()).limit(limit + 1)
    if after:
        wanted = wanted.where(Campaign.id < after)
    with context.db.reading() as session:
        wanted = wanted.where(who.sees(session, "campaign"))
        return page_of(session.scalars(wanted).all(), limit, CampaignOut.model_validate, lambda one: one.id)


@campaigns.post("/campaigns", summary="Make a campaign", status_code=201, responses=responses(404))
def create_campaign(context: Ctx, who: Editor, body: CampaignIn) -> CampaignOut:
    with context.db.writing() as session:
        campaign = room.create_campaign(
            session,
            title=body.title,
            dispatch_id=body.dispatch_id,
            first_date=body.first_date,
            last_date=body.last_date,
            unit_ids=body.unit_ids,
            languages=body.languages,
            actor=who.actor,
            clock=context.clock,
            zone=context.settings.zone,
        )
        return CampaignOut.model_validate(campaign)


@campaigns.get("/campaigns/{campaign_id}", summary="One campaign", responses=responses(404))
def get_campaign(context: Ctx, _who: Reader, campaign_id: str) -> CampaignOut:
    with context.db.reading() as session:
        return CampaignOut.model_validate(room.get(session, campaign_id))


class HeardOut(Out):
    """An airing at a commune: receivers there by what they proved of the campaign's own items."""

    commune: str
    airing_id: str
    title: str
    starts_at: Instant
    verdict: campaign_plays.Verdict
    receivers: int
    whole: int
    unconfirmed: int
    lost: int


class DayOut(Out):
    """Airings of one day that came to what; `sounded` of those `owed` were whole at one receiver at least."""

    day: date
    owed: int
    sounded: int
    everywhere: int
    ahead: int
    verdict: campaign_plays.Verdict


class CommuneOut(Out):
    unit_id: str
    name: str
    meant: bool = Field(description="Whether the campaign is for it; others are told where it sounded all the same")
    owed: int
    sounded: int
    days: list[DayOut]


class PlaysOut(Out):
    first_date: date
    last_date: date
    communes: list[CommuneOut]
    gaps: list[HeardOut] = Field(description="Over, and not whole at every receiver; newest first")


@campaigns.get(
    "/campaigns/{campaign_id}/plays",
    summary="What came of a campaign, by commune and day, with its gaps",
    responses=responses(404),
)
def get_plays(context: Ctx, who: Auditor, campaign_id: str) -> PlaysOut:
    """Counted are airings whose programme holds a bulletin of the campaign; only what signed records prove sounded."""
    with context.db.reading() as session:
        campaign = room.get(session, campaign_id)
        now, zone, reach = context.clock.now(), context.settings.zone, who.reach(Right.READ_AIRTIME)
        within = None if reach.everywhere else reach.units
        found = campaign_plays.plays(session, campaign, now=now, zone=zone, within=within)
    return PlaysOut(
        first_date=campaign.first_date,
        last_date=campaign.last_date,
        communes=[
            CommuneOut(
                unit_id=commune.unit_id,
                name=commune.name,
                meant=commune.meant,
                owed=commune.owed,
                sounded=commune.sounded,
                days=[
                    DayOut(
                        day=day,
                        owed=cell.owed,
                        sounded=cell.sounded,
                        everywhere=cell.of("everywhere"),
                        ahead=cell.of("ahead"),
                        verdict=cell.verdict,
                    )
                    for day, cell in sorted(commune.cells.items())
                ],
            )
            for commune in found.communes
        ],
        gaps=[HeardOut.model_validate(gap) for gap in found.gaps],
    )
