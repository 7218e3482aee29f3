"""Which events of the audit trail a person sees: those about what they see, those they caused, those at their places.

An event names its subject by kind and identifier; what it is about is found by the same rules as the thing itself.
Whatever has no kind of its own here (the lease, a voice) belongs to the root alone.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, false, or_, select, true
from sqlalchemy.orm import Session

from api.auth import things
from api.tables import ApiToken
from core.events import Event
from schedules.slot_tables import Slot
from schedules.tables import Schedule

# The kinds of subjects of events whose things are of a kind of `things.KINDS` by the same name.
SAME = (
    "unit", "unit-group", "receiver", "dispatch", "campaign", "bulletin", "programme", "schedule", "airing", "filling",
    "rule", "local-day", "feed", "user", "grant", "command", "version", "recording",
)  # fmt: skip
# Named otherwise in the trail.
OTHERWISE = {"playout": "airing", "week-template": "week-template"}


def seen(session: Session, who: things.Looker) -> ColumnElement[bool]:
    """That an event is one that this person may see."""
    if who.reach.everywhere:
        return true()
    if not who.reach:
        return false()
    kinds = {**{one: one for one in SAME}, **OTHERWISE}
    about = [_about(session, subject, things.KINDS[kind], who) for subject, kind in kinds.items()]
    people = select(things.KINDS["user"].id).where(things.seen(session, "user", who))
    schedules = select(Schedule.id).where(things.seen(session, "schedule", who))
    slots = select(Slot.id).where(Slot.schedule_id.in_(schedules))
    tokens = select(ApiToken.id).where(ApiToken.user_id.in_(people))
    return or_(
        Event.actor_id == who.user_id,
        and_(Event.subject_kind == "token", Event.subject_id.in_(tokens)),
        and_(Event.subject_kind == "slot", Event.subject_id.in_(slots)),
        *about,
    )


def _about(session: Session, subject: str, kind: things.Kind, who: things.Looker) -> ColumnElement[bool]:
    ids = select(kind.id).where(kind.seen(session, who)).correlate(None)
    return and_(Event.subject_kind == subject, Event.subject_id.in_(ids))
