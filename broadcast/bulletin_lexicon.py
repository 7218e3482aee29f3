"""Which lexicon reads a bulletin: its own unit's, else that of its campaign's one unit, else the province's."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from audio import lexicon
from broadcast.tables import Bulletin, Campaign
from core.units import Unit


def unit_of(session: Session, bulletin: Bulletin) -> str | None:
    """The unit whose lexicon reads a bulletin; None where there are no units at all."""
    if bulletin.unit_id is not None:
        return bulletin.unit_id
    if bulletin.campaign_id is not None:
        campaign = session.get_one(Campaign, bulletin.campaign_id)
        if len(campaign.unit_ids) == 1:
            return campaign.unit_ids[0]
    return session.scalar(select(Unit.id).where(Unit.kind == "province").limit(1))


def lexicon_of(session: Session, bulletin: Bulletin) -> lexicon.Lexicon:
    """The lexicon that reads a bulletin now."""
    return lexicon.for_unit(session, unit_of(session, bulletin))
