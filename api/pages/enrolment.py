"""Enrolling boxes: entering places, and the sheet with their one-time codes, made to be printed, cut up and sent along.

The sheet is the answer to the form and nothing else: the codes on it are kept nowhere, so there is no address under
which it could be seen again. Whoever lost it makes new codes, and those on the lost sheet are void.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup
from pydantic import AfterValidator
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, Needs, NeedsForm, Principal
from api.auth.rights import Right
from api.context import Context
from api.pages.newsdesk import plain
from api.pages.templating import page
from api.routes.schemas import without_nul
from core import units
from core.errors import Invalid, TruyenThanhError
from core.units import Unit
from devices import enrolment, registry
from devices.enrolment import Made
from devices.keyring import Keyring
from devices.protocol.enrolment import grouped
from devices.tables import Receiver

router = APIRouter(include_in_schema=False)
Manager = Annotated[Principal, Depends(Needs(Right.MANAGE_RECEIVERS))]
ManagerForm = Annotated[Principal, Depends(NeedsForm(Right.MANAGE_RECEIVERS))]
Lines = Annotated[str, Form(max_length=60_000), AfterValidator(without_nul)]

WAITING_MOST = enrolment.CODES_MAX


@dataclass(frozen=True, slots=True)
class Card:
    """One box's part of the sheet."""

    name: str
    place: str
    secret: str
    fingerprint: str
    code: str
    qr: Markup


@dataclass(frozen=True, slots=True)
class Draft:
    """The form as it was typed."""

    places: str = ""
    replaced: str = ""
    chosen: tuple[str, ...] = ()
    days: int = enrolment.CODE_LIFE.days


@router.get("/bo-thu/ghi-danh", response_class=HTMLResponse)
def form(request: Request, context: Ctx, who: Manager) -> Response:
    return _form(request, context, who, Draft())


@router.post("/bo-thu/ghi-danh", response_class=HTMLResponse)
def sheet(
    request: Request,
    context: Ctx,
    who: ManagerForm,
    noi_moi: Lines = "",
    thay_may: Lines = "",
    cho: Annotated[list[str] | None, Form()] = None,
    ngay: Annotated[int, Form()] = enrolment.CODE_LIFE.days,
) -> Response:
    draft = Draft(noi_moi, thay_may, tuple((cho or [])[:WAITING_MOST]), ngay)
    try:
        root = Keyring.load(context.settings.keys, ()).issuer
        with context.db.writing() as session:
            receivers = [registry.get(session, one) for one in draft.chosen]
            receivers += [_known(session, who, line) for line in _lines(draft.replaced)]
            receivers += _new_places(session, context, draft.places, who)
            made = enrolment.make_codes(
                session,
                list(dict.fromkeys(receivers)),
                root=root,
                clock=context.clock,
                actor=who.actor,
                life=timedelta(days=draft.days),
            )
            cards = _cards(session, context, made, _address(request, context))
    except TruyenThanhError as error:
        return _form(request, context, who, draft, message=error.text(), status=error.status)
    return page(
        request,
        "enrolment-sheet.html",
        who=who,
        cards=cards,
        address=_address(request, context),
        until=made[0].expires_at,
        fingerprint=grouped(root.upper()),
    )


def _form(
    request: Request, context: Context, who: Principal, draft: Draft, *, message: str = "", status: int = 200
) -> HTMLResponse:
    today = units.date_of(context.clock.now())
    with context.db.reading() as session:
        waiting = session.scalars(
            select(Receiver)
            .where(Receiver.status == "waiting", who.sees(session, "receiver"))
            .order_by(Receiver.name)
            .limit(WAITING_MOST)
        ).all()
        paths = units.paths(session, {one.unit_id for one in waiting}, on=today)
        names = units.names(session, {unit for path in paths.values() for unit in path}, on=today)
        places = {one.id: _told(paths.get(one.unit_id, (one.unit_id,)), names) for one in waiting}
    return page(
        request,
        "enrolment.html",
        who=who,
        status=status,
        waiting=waiting,
        places=places,
        draft=draft,
        message=message,
        days_max=enrolment.CODE_LIFE_MAX.days,
        codes_max=enrolment.CODES_MAX,
    )


def _address(request: Request, context: Context) -> str:
    """Where boxes find this server."""
    return context.settings.public_url.rstrip("/") or str(request.base_url).rstrip("/")


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _new_places(session: Session, context: Context, text: str, who: Principal) -> list[Receiver]:
    """Each line: unit; name; clusters. The unit by identifier, official code or name. All of them or none."""
    lines = _lines(text)
    if len(lines) > enrolment.CODES_MAX:
        raise Invalid(what=f"mỗi lần tối đa {enrolment.CODES_MAX} mã / at most {enrolment.CODES_MAX} codes at a time")
    if not lines:
        return []
    by_name: dict[str, list[str]] = {}
    reach = who.reach(Right.MANAGE_RECEIVERS)
    standing = units.standing(session, on=units.date_of(context.clock.now()))
    for one in (unit for unit in standing if reach.covers(unit.id)):
        for key in {one.id, plain(one.name), one.official_code or one.id}:
            by_name.setdefault(key, []).append(one.id)
    made = []
    for number, line in enumerate(lines, 1):
        where, _, rest = (part.strip() for part in line.partition(";"))
        name, _, count = (part.strip() for part in rest.partition(";"))
        found = by_name.get(where) or by_name.get(plain(where)) or []
        if len(found) != 1:
            many = "có nhiều đơn vị tên này, hãy ghi mã" if found else "không có đơn vị này"
            english = "several units have this name, give its code" if found else "there is no such unit"
            raise Invalid(what=f"dòng {number}, “{where}”: {many} / line {number}, “{where}”: {english}")
        if count and not count.isdecimal():
            raise Invalid(what=f"dòng {number}: số cụm loa “{count}” không phải số / line {number}: not a number")
        made.append(
            registry.place(
                session,
                unit=session.get_one(Unit, found[0]),
                name=name[:200],
                clusters=int(count or 1),
                clock=context.clock,
                actor=who.actor,
            )
        )
    return made


def _known(session: Session, who: Principal, text: str) -> Receiver:
    """The receiver of this identifier or name."""
    named = (Receiver.id == text) | (Receiver.name == text)
    here = who.reach(Right.MANAGE_RECEIVERS).at(Receiver.unit_id)
    found = session.scalars(select(Receiver).where(named, here).limit(2)).all()
    if len(found) != 1:
        many = "có nhiều bộ thu tên này, hãy ghi mã" if found else "không có bộ thu này"
        english = "several receivers have this name, give its identifier" if found else "there is no such receiver"
        raise Invalid(what=f"“{text}”: {many} / “{text}”: {english}")
    return found[0]


def _cards(session: Session, context: Context, made: list[Made], address: str) -> list[Card]:
    today = units.date_of(context.clock.now())
    paths = units.paths(session, {one.receiver.unit_id for one in made}, on=today)
    names = units.names(session, {unit for path in paths.values() for unit in path}, on=today)
    return [
        Card(
            name=one.receiver.name,
            place=_told(paths.get(one.receiver.unit_id, ()), names),
            secret=grouped(one.code.secret),
            fingerprint=grouped(one.code.root.upper()),
            code=one.code.text,
            qr=_qr(f"{address} {one.code.text}"),
        )
        for one in made
    ]


def _told(path: tuple[str, ...], names: dict[str, str]) -> str:
    """The unit and what it stands below, from the near to the far."""
    return ", ".join(names[unit] for unit in path if unit in names)


def _qr(text: str) -> Markup:
    """A QR code as an inline picture; what it holds are the two words behind `truyenthanh receiver enrol`."""
    import segno  # noqa: PLC0415 - only this page needs it

    drawn: str = segno.make(text, error="m", micro=False).svg_inline(omitsize=True, svgclass="qr", lineclass=None)
    return Markup(drawn)  # noqa: S704 - drawn by the library, numbers alone
