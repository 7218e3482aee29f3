"""Which lexicon reads a bulletin: its own unit's, else that of its campaign's one unit, else the province's."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from audio import lexicon
from broadcast.tables import Bulletin, Campaign
from core import units
from core.units import Unit, UnitLink


def unit_of(session: Session, bulletin: Bulletin, *, on: date) -> str | None:
    """The unit whose lexicon reads a bulletin on a date, or what took over from that unit; None without any units."""
    named = bulletin.unit_id
    if named is None and bulletin.campaign_id is not None:
        campaign = session.get_one(Campaign, bulletin.campaign_id)
        named = campaign.unit_ids[0] if len(campaign.unit_ids) == 1 else None
    if named is not None:
        return units.followed(session, [named], on=on)[0]
    province = (
        select(Unit.id)
        .join(UnitLink, UnitLink.unit_id == Unit.id)
        .where(Unit.kind == "province", UnitLink.relation == "below", units.valid(UnitLink, on))
    )
    return session.scalar(province.order_by(Unit.id).limit(1))


def lexicon_of(session: Session, bulletin: Bulletin, *, on: date) -> lexicon.Lexicon:
    """The lexicon that reads a bulletin on a date."""
    return lexicon.for_unit(session, unit_of(session, bulletin, on=on), on=on)
