"""The pages of receivers: which can be heard and which can't, and one of them with its month as a picture.

Each thing that is said of a box is a fact with its time: when it was last heard from, when it last played with a record
to prove it, how far off its clock may be. The month is a strip of days and hours, a cell coloured and shaped by the
worst that was to sound in that hour.
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import Right
from api.pages.forms import OnDutyForm, PlannerForm, Short, paged
from api.pages.newsdesk import plain
from api.pages.templating import page
from api.pages.words import STATES, sort_key
from api.routes import commands
from broadcast.tables import CommandAnswer, IssuedCommand, Playout, StoredRecord
from core import units
from core.clock import from_ms
from core.errors import Invalid
from devices import registry
from devices.protocol.reports import MATCH_LEAST
from devices.tables import Receiver

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(Needs(Right.READ_RECEIVERS))]

A_PAGE = 60
FILTERS = {
    "": "Đang dùng",
    "mat": "Mất kết nối",
    "im": "Chưa có bằng chứng phát",
    "cho": "Chờ lắp máy",
    "thu": "Đã thu hồi",
}
PROVEN = timedelta(days=3)  # a box that had something to play and proved nothing for so long is shown as silent
COMMANDS = {"test-tone": "thử loa", "volume": "đặt âm lượng", "mute": "tắt tiếng", "stop": "dừng phát"}
VOLUMES = (0, 20, 40, 50, 60, 70, 80, 90, 100)
MUTES = {1: "1 giờ", 3: "3 giờ", 12: "12 giờ", 24: "1 ngày", 72: "3 ngày", 168: "7 ngày"}
_SOUNDED = ("finished", "partial", "playing")


@dataclass(frozen=True, slots=True)
class Row:
    receiver: Receiver
    place: str
    sounded_at: datetime | None  # when it last ended something that its records prove
    owed: int  # playouts in the last days
    status: dict[str, Any]  # as the box itself said last

    @property
    def silent(self) -> bool:
        """It was to play, and nothing proves that it did."""
        return self.owed > 0 and self.sounded_at is None


@router.get("/bo-thu", response_class=HTMLResponse)
def every(
    request: Request,
    context: Ctx,
    who: Reader,
    loc: str = "",
    tim: Annotated[str, Query(max_length=200)] = "",
    trang: int = 1,
) -> Response:
    """Boxes by place. Facts of the last days are read for those that are shown, and for the filter that needs them."""
    now, wanted = context.clock.now(), plain(" ".join(tim.split()))
    with context.db.reading() as session:
        names = _places(session, now)
        every = session.scalars(select(Receiver).where(who.sees(session, "receiver"))).all()
        found = [one for one in every if wanted in plain(f"{one.name} {names.get(one.unit_id, '')}")]
        found.sort(key=lambda one: (sort_key(names.get(one.unit_id, "")), sort_key(one.name), one.id))
        active = [one for one in found if one.status == "active"]
        silent = {row.receiver.id for row in _rows(session, active, names, now) if row.silent}
        by_filter = {
            "": active,
            "mat": [one for one in active if not one.online],
            "im": [one for one in active if one.id in silent],
            "cho": [one for one in found if one.status == "waiting"],
            "thu": [one for one in found if one.status == "revoked"],
        }
        chosen = by_filter.get(loc, active)
        part = paged(chosen, trang, A_PAGE)
        rows = _rows(session, part.shown, names, now)
    counts = {name: len(some) for name, some in by_filter.items()}
    return page(request, "receivers.html", who=who, rows=rows, counts=counts, filters=FILTERS, chosen=loc, search=tim,
                number=part.number, pages=part.pages, any=bool(every))  # fmt: skip


def _places(session: Session, now: datetime) -> dict[str, str]:
    return {one.id: one.name for one in units.standing(session, on=units.date_of(now))}


def _rows(session: Session, receivers: Sequence[Receiver], names: dict[str, str], now: datetime) -> list[Row]:
    """With what each has proven in the last days."""
    recent = session.execute(
        select(
            Playout.receiver_id,
            func.count().label("owed"),
            func.max(Playout.ended_at).filter(Playout.state.in_(_SOUNDED)).label("sounded_at"),
        )
        .where(Playout.planned_at > now - PROVEN, Playout.planned_at <= now, ~Playout.cancelled)
        .group_by(Playout.receiver_id)
    )
    facts = {row.receiver_id: row for row in recent}
    rows = []
    for one in receivers:
        fact = facts.get(one.id)
        rows.append(
            Row(
                one,
                names.get(one.unit_id, ""),
                fact.sounded_at if fact else None,
                fact.owed if fact else 0,
                one.last_status or {},
            )
        )
    return rows


# --- One of them -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    """An hour in which something was to sound. `told` says what, for who hovers and who can't see."""

    state: str
    told: str


@router.get("/bo-thu/{receiver_id}", response_class=HTMLResponse)
def one(
    request: Request,
    context: Ctx,
    who: Reader,
    receiver_id: str,
    thang: Annotated[str, Query(max_length=7, description="Month: 2026-07; not given: this one")] = "",
) -> Response:
    now, zone = context.clock.now(), context.settings.zone
    first = _month(thang, now.astimezone(zone).date())
    with context.db.reading() as session:
        receiver = registry.get(session, receiver_id)
        told = _told(session, receiver_id, now)
        names = _places(session, now)
        row = _rows(session, [receiver], names, now)[0]
        days, counts = _strip(session, receiver_id, first, now, zone)
        evidence = _evidence(session, receiver_id, now)
    at = row.status.get("at")
    return page(
        request,
        "receiver.html",
        who=who,
        row=row,
        receiver=receiver,
        said_at=from_ms(at) if isinstance(at, int) else None,
        muted_until=_instant(row.status.get("muted_until"), now),
        told=told,
        evidence=evidence,
        match_least=MATCH_LEAST,
        volumes=VOLUMES,
        mutes=MUTES,
        command_words=COMMANDS,
        days=days,
        counts=sorted(counts.items(), key=lambda one: STATES[one[0]].rank),
        first=first,
        before=(first - timedelta(days=1)).replace(day=1),
        after=(first + timedelta(days=32)).replace(day=1),
    )


def _evidence(session: Session, receiver_id: str, now: datetime) -> dict[str, Any] | None:
    """The newest record of something that sounded in the last days: how loud it left, and whether it was heard."""
    held = StoredRecord
    recent = (held.receiver_id == receiver_id, held.planned_at > now - PROVEN, held.planned_at <= now + PROVEN)
    return session.scalar(
        select(held.body)
        .where(*recent, held.outcome.in_(("finished", "partial")))
        .order_by(held.planned_at.desc(), held.seq.desc())
        .limit(1)
    )


def _told(session: Session, receiver_id: str, now: datetime) -> list[tuple[IssuedCommand, CommandAnswer | None]]:
    """What the box was told by hand in the last day, newest first, with its answers."""
    rows = session.execute(
        select(IssuedCommand, CommandAnswer)
        .outerjoin(
            CommandAnswer,
            (CommandAnswer.command_id == IssuedCommand.id) & (CommandAnswer.receiver_id == receiver_id),
        )
        .where(IssuedCommand.audience == f"rx/{receiver_id}", IssuedCommand.issued_at > now - timedelta(days=1))
        .where(IssuedCommand.name.in_(COMMANDS))
        .order_by(IssuedCommand.id.desc())
        .limit(8)
    )
    return [(row[0], row[1]) for row in rows]


@router.post("/bo-thu/{receiver_id}/thu-loa")
def tone(context: Ctx, who: PlannerForm, receiver_id: str) -> Response:
    commands.test_tone(context, who, receiver_id, commands.ToneIn.model_validate({}))
    return _back(receiver_id)


@router.post("/bo-thu/{receiver_id}/am-luong")
def volume(context: Ctx, who: PlannerForm, receiver_id: str, muc: Annotated[int, Form(ge=0, le=100)]) -> Response:
    commands.set_volume(context, who, receiver_id, commands.VolumeIn(volume=muc))
    return _back(receiver_id)


@router.post("/bo-thu/{receiver_id}/tat-tieng")
def mute(
    context: Ctx, who: OnDutyForm, receiver_id: str, gio: Annotated[int, Form(ge=0, le=168)], reason: Short = ""
) -> Response:
    """For so many hours; 0: no longer."""
    until = context.clock.now() + timedelta(hours=gio) if gio else None
    commands.mute(context, who, receiver_id, commands.MuteIn(until=until, reason=reason.strip()))
    return _back(receiver_id)


def _back(receiver_id: str) -> RedirectResponse:
    return RedirectResponse(f"/bo-thu/{receiver_id}#lenh", 303)


def _instant(ms: object, now: datetime) -> datetime | None:
    """An instant that lies ahead; None for what is over or was never said."""
    return from_ms(ms) if isinstance(ms, int) and from_ms(ms) > now else None


def _month(text: str, today: date) -> date:
    try:
        first = date.fromisoformat(f"{text}-01") if text else today.replace(day=1)
    except ValueError:
        first = None
    if first is None or not 2000 <= first.year < 2199:
        raise Invalid(what="tháng chưa đúng, hãy ghi như 2026-07 / write the month as 2026-07")
    return first


def _strip(
    session: Session, receiver_id: str, first: date, now: datetime, zone: ZoneInfo
) -> tuple[list[tuple[date, dict[int, Cell]]], dict[str, int]]:
    """Each day of a month with the hours in which something was to sound by now, and how many of each state."""
    length = monthrange(first.year, first.month)[1]
    begins = datetime.combine(first, time(), zone)
    ends = datetime.combine(first + timedelta(days=length), time(), zone)
    rows = session.execute(
        select(Playout.planned_at, Playout.state, Playout.cancelled, Playout.started_at)
        .where(Playout.receiver_id == receiver_id, Playout.planned_at >= begins, Playout.planned_at < min(ends, now))
        .order_by(Playout.planned_at)
    ).all()
    hours: dict[tuple[date, int], list[tuple[datetime, str]]] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        if row.cancelled and row.started_at is None:
            continue
        local = row.planned_at.astimezone(zone)
        hours[local.date(), local.hour].append((local, row.state))
        counts[row.state] += 1
    days = []
    for number in range(length):
        day = first + timedelta(days=number)
        cells = {hour: _cell(hours[day, hour]) for hour in range(24) if (day, hour) in hours}
        days.append((day, cells))
    return days, counts


def _cell(held: list[tuple[datetime, str]]) -> Cell:
    worst = min((state for _, state in held), key=lambda state: STATES[state].rank)
    return Cell(worst, "; ".join(f"{at:%H:%M} {STATES[state].word}" for at, state in held))
