"""What the demo ends with: one object, printed as JSON or shown as tables.

Times are ISO 8601 in UTC; what isn't there is null.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.demo.story import Story
from broadcast import airtime, bulletins
from broadcast.airtime import UnitAirtime
from broadcast.tables import Approval, Bulletin, BulletinVersion, Campaign, Dispatch, Playout
from core.errors import NotFound
from devices.tables import Receiver
from schedules.tables import Airing


def iso(instant: datetime | None) -> str | None:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if instant else None


def collect(session: Session, story: Story, recordings: dict[str, Path]) -> dict[str, Any]:
    """Everything that the demo promises to tell, read back from the database."""
    airing = _there(session.get(Airing, story.airing_id), "lần phát", story.airing_id)
    return {
        "dispatch": _dispatch(_there(session.get(Dispatch, story.dispatch_id), "văn bản", story.dispatch_id)),
        "campaign": _campaign(_there(session.get(Campaign, story.campaign_id), "đợt", story.campaign_id)),
        "bulletins": _bulletins(session, story.campaign_id),
        "airings": [{"id": airing.id, "starts_at": iso(airing.starts_at), "duration_ms": airing.duration_ms}],
        "playouts": playouts(session, story.airing_id),
        "airtime": _airtime(airtime_of(session, story.airing_id)),
        "recordings": [{"receiver": receiver, "path": str(path)} for receiver, path in sorted(recordings.items())],
    }


def _there(row: Any, what: str, key: str) -> Any:
    if row is None:
        raise NotFound(what=what, id=key)
    return row


def _dispatch(row: Dispatch) -> dict[str, Any]:
    return {
        "number": row.number,
        "date": row.issued_on.isoformat() if row.issued_on else None,
        "issuer": row.issuer,
        "subject": row.subject,
        "addressees": row.addressees,
        "missing": row.missing,
    }


def _campaign(row: Campaign) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": row.title,
        "first_date": row.first_date.isoformat(),
        "last_date": row.last_date.isoformat(),
        "units": row.unit_ids,
        "languages": row.languages,
    }


def _bulletins(session: Session, campaign_id: str) -> list[dict[str, Any]]:
    rows: Iterable[tuple[Bulletin, BulletinVersion, Approval | None]] = session.execute(
        select(Bulletin, BulletinVersion, Approval)
        .join(BulletinVersion, BulletinVersion.bulletin_id == Bulletin.id)
        .outerjoin(Approval, (Approval.version_id == BulletinVersion.id) & (Approval.decision == "approved"))
        .where(Bulletin.campaign_id == campaign_id)
        .order_by(Bulletin.id)
    ).tuples()
    return [
        {
            "id": bulletin.id,
            "title": bulletin.title,
            "language": version.language,
            "voice": sounds[0].voice,
            "fallback": sounds[0].fallback,
            "duration_ms": sounds[0].duration_ms,
            "renditions": [
                {"profile": one.profile, "sha256": one.sha256, "loudness_lufs": round(one.loudness_lufs, 2)}
                for one in sounds
            ],
            "approved_by": approval.decided_by_name if approval else None,
            "drafted_from_dispatch": bulletin.drafted_from_dispatch,
        }
        for bulletin, version, approval in rows
        if (sounds := bulletins.renditions(session, version.id))
    ]


def playouts(session: Session, airing_id: str) -> list[dict[str, Any]]:
    rows = session.execute(
        select(Playout, Receiver.profile)
        .join(Receiver, Receiver.id == Playout.receiver_id)
        .where(Playout.airing_id == airing_id)
        .order_by(Playout.unit_id, Playout.receiver_id)
    )
    return [
        {
            "airing": row.airing_id,
            "receiver": row.receiver_id,
            "profile": profile,
            "unit": row.unit_id,
            "state": row.state,
            "reason": row.reason,
            "planned_at": iso(row.planned_at),
            "started_at": iso(row.started_at),
            "ended_at": iso(row.ended_at),
            "played_ms": row.played_ms,
        }
        for row, profile in rows
    ]


def airtime_of(session: Session, airing_id: str) -> list[UnitAirtime]:
    """The report of the airing's day: the demo's database holds nothing else."""
    airing = session.get_one(Airing, airing_id)
    return airtime.report(session, airing.starts_at - timedelta(days=1), airing.starts_at + timedelta(days=1))


def _airtime(rows: Iterable[UnitAirtime]) -> list[dict[str, Any]]:
    return [
        {
            "unit": row.unit_id,
            "name": row.name,
            "airings": row.airings,
            "playouts": row.playouts,
            "programme_ms": row.programme_ms,
            "cluster_ms": row.cluster_ms,
        }
        for row in rows
    ]
