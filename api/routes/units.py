"""Units of administration as the tree stood on a date, and groups of units beside it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from api.auth.errors import NotHere
from api.auth.guard import Ctx, Needs, Principal
from api.auth.rights import RIGHT_NAMES, Right
from api.context import Context
from api.problems import responses
from api.routes import api_router
from api.routes.schemas import After, DateIn, Identifier, In, Limit, Out, Page, page_of
from broadcast import tree_changes
from core import units as tree
from core.errors import Invalid
from core.events import record
from core.units import ALWAYS, FOREVER, Unit, UnitKind, UnitLink, importing

units = api_router("units")
groups = api_router("unit-groups")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Reader = Annotated[Principal, Depends(Needs(Right.READ_UNITS))]
Writer = Annotated[Principal, Depends(Needs(Right.WRITE_UNITS))]
# A group stands beside the tree, so it belongs to nobody below the root.
SiteWriter = Annotated[Principal, Depends(Needs(Right.WRITE_UNITS, everywhere=True))]
On = Annotated[DateIn | None, Query(description="The tree as it stood on this local date; not given: today")]
Since = Annotated[DateIn | None, Field(description="First local date; null: as long as what is above stands")]
Until = Annotated[DateIn | None, Field(description="Local date from which on no more; null: open")]


class UnitIn(In):
    kind: UnitKind
    name: str = Field(min_length=1, max_length=200, examples=["Xã Đại Sơn"])
    parent_id: Identifier | None = Field(None, description="The unit above; null for the root")
    official_code: str | None = Field(None, max_length=20)
    valid_from: Since = None
    valid_to: Until = None


class UnitChange(In):
    """Another name or another unit above, from a date on; before it all stays as it was."""

    on: DateIn
    name: str | None = Field(None, min_length=1, max_length=200)
    parent_id: Identifier | None = Field(None, description="The unit above from then on")


class UnitEnd(In):
    on: DateIn = Field(description="Local date from which on the unit stands no more")
    successors: list[Identifier] = Field(
        default_factory=list,
        max_length=100,
        description="What takes over: the first all that is at the unit, others parts of it (a split)",
    )


class UnitOut(Out):
    id: str
    parent_id: str | None
    kind: UnitKind
    name: str = Field(description="What it was called on that date")
    official_code: str | None
    valid_from: date | None = Field(description="Since when it stands there; null: always")
    valid_to: date | None = Field(description="Until when (exclusive) it stands there; null: open")


class DatedOut(Out):
    """A stretch of local dates, half-open; null: without a beginning, without an end."""

    valid_from: date | None
    valid_to: date | None


class NameOut(DatedOut):
    name: str


class LinkOut(DatedOut):
    relation: str = Field(description="below · successor (took over all) · also (took over a part)")
    parent_id: str | None


class UnitHistory(Out):
    id: str
    kind: UnitKind
    official_code: str | None
    names: list[NameOut]
    links: list[LinkOut]


class ImportOut(Out):
    """What an import did, or would do: units by their names."""

    dry_run: bool
    added: list[str]
    extended: list[str] = Field(description="Were there, and have other dates or successors now")
    unchanged: int


@units.get("/units", summary="Units of a date")
def list_units(
    context: Ctx,
    who: Reader,
    on: On = None,
    below: Annotated[str | None, Query(description="Only this unit and what is below it")] = None,
    kind: UnitKind | None = None,
    after: After = None,
    limit: Limit = 500,
) -> Page[UnitOut]:
    day = on or tree.date_of(context.clock.now())
    wanted = (
        select(Unit.id)
        .join(UnitLink, UnitLink.unit_id == Unit.id)
        .where(UnitLink.relation == "below", tree.valid(UnitLink, day))
        .order_by(Unit.id)
        .limit(limit + 1)
    )
    with context.db.reading() as session:
        wanted = wanted.where(who.sees(session, "unit"))
        if below:
            wanted = wanted.where(Unit.id.in_(tree.below_query(session, [tree.get(session, below).id], on=day)))
        if kind:
            wanted = wanted.where(Unit.kind == kind)
        if after:
            wanted = wanted.where(Unit.id > after)
        found = tree.standing(session, on=day, unit_ids=session.scalars(wanted).all())
        return page_of(found, limit, _shown, lambda unit: unit.id)


@units.post("/units", summary="Add a unit", status_code=201, responses=responses(404))
def create_unit(context: Ctx, who: Writer, body: UnitIn) -> UnitOut:
    with context.db.writing() as session:
        if body.parent_id is None and not who.may(Right.WRITE_UNITS, None):
            raise NotHere(what=RIGHT_NAMES[Right.WRITE_UNITS])
        parent = tree.get(session, body.parent_id) if body.parent_id else None
        unit = tree.add(
            session,
            kind=body.kind,
            name=body.name,
            parent=parent,
            code=body.official_code,
            since=body.valid_from,
            until=body.valid_to or FOREVER,
        )
        facts = {"name": unit.name, "unit_kind": unit.kind, "parent_id": body.parent_id}
        _record(session, context, who, "created", unit, **facts)
        return _last(session, unit)


@units.post(
    "/units/import",
    summary="Load units from a CSV or XLSX file",
    responses=responses(413),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("text/csv", XLSX)},
        }
    },
)
async def import_units(
    request: Request,
    context: Ctx,
    who: Annotated[Principal, Depends(Needs(Right.WRITE_UNITS, everywhere=True))],
    dry_run: Annotated[bool, Query(description="Only tell what would become of it")] = True,  # noqa: FBT002 - a query
) -> ImportOut:
    """The body is the file itself, with the columns that `docs/units.md` tells of. All of it is written or nothing."""
    # Asynchronous only to read the raw body; what is done with it is not.
    body = await request.body()
    return await run_in_threadpool(_import, context, who, body, dry_run=dry_run)


def _import(context: Context, who: Principal, body: bytes, *, dry_run: bool) -> ImportOut:
    # An XLSX is a ZIP, which no text begins like.
    name = "units.xlsx" if body.startswith(b"PK") else "units.csv"
    rows = importing.parse(body, name)
    with context.db.writing() as session:
        done = tree_changes.take_in(session, rows, name, actor=who.actor, clock=context.clock, dry_run=dry_run)
    return ImportOut(dry_run=dry_run, added=done.added, extended=done.extended, unchanged=done.unchanged)


@units.get("/units/{unit_id}", summary="One unit on a date", responses=responses(404))
def get_unit(context: Ctx, _who: Reader, unit_id: str, on: On = None) -> UnitOut:
    """Where it doesn't stand on that date: as it stood last."""
    with context.db.reading() as session:
        unit = tree.get(session, unit_id)
        placed = tree.standing(session, on=on or tree.date_of(context.clock.now()), unit_ids=[unit.id])
        return _shown(placed[0]) if placed else _last(session, unit)


@units.get("/units/{unit_id}/history", summary="Names, places and successors of a unit", responses=responses(404))
def unit_history(context: Ctx, _who: Reader, unit_id: str) -> UnitHistory:
    with context.db.reading() as session:
        unit = tree.get(session, unit_id)
        names, links = tree.history(session, unit.id)
        return UnitHistory(
            id=unit.id,
            kind=unit.kind,  # type: ignore[arg-type] # checked against the literal when the body is made
            official_code=unit.official_code,
            names=[NameOut(name=row.name, **_dates(row)) for row in names],
            links=[LinkOut(relation=row.relation, parent_id=row.parent_id, **_dates(row)) for row in links],
        )


@units.post("/units/{unit_id}/change", summary="Rename or move a unit from a date on", responses=responses(404))
def change_unit(context: Ctx, who: Writer, unit_id: str, body: UnitChange) -> UnitOut:
    if body.name is None and body.parent_id is None:
        raise Invalid(what="chưa nêu tên mới hay đơn vị cấp trên mới / give a new name or a new unit above")
    with context.db.writing() as session:
        unit = tree.get(session, unit_id)
        before = tree.name(session, unit.id, on=body.on)
        if body.name is not None:
            tree.rename(session, unit, body.name, body.on)
            _record(session, context, who, "renamed", unit, name=unit.name, was=before, on=body.on.isoformat())
        if body.parent_id is not None:
            around = {*tree.above(session, unit.id, on=body.on), *tree.above(session, body.parent_id, on=body.on)}
            tree.move(session, unit, tree.get(session, body.parent_id), body.on)
            _record(session, context, who, "moved", unit, parent_id=body.parent_id, on=body.on.isoformat())
            _follow(session, context, who, around, {unit.id}, body.on)
        placed = tree.standing(session, on=body.on, unit_ids=[unit.id])
        return _shown(placed[0]) if placed else _last(session, unit)


@units.post("/units/{unit_id}/end", summary="A unit stands no more from a date on", responses=responses(404))
def end_unit(context: Ctx, who: Writer, unit_id: str, body: UnitEnd) -> UnitOut:
    with context.db.writing() as session:
        unit = tree.get(session, unit_id)
        around = set(tree.above(session, unit.id, on=body.on))
        tree.end(session, unit, body.on, [tree.get(session, successor) for successor in body.successors])
        _record(session, context, who, "ended", unit, on=body.on.isoformat(), successors=body.successors)
        _follow(session, context, who, around | set(body.successors), {unit.id, *body.successors}, body.on)
        return _last(session, unit)


class GroupIn(In):
    name: str = Field(min_length=1, max_length=200, examples=["Cụm xã phía đông"])
    valid_from: DateIn
    valid_to: Until = None
    unit_ids: list[Identifier] = Field(default_factory=list, max_length=4000, description="Members from then on")


class MemberIn(In):
    unit_id: Identifier
    valid_from: DateIn
    valid_to: Until = None


class MemberEnd(In):
    unit_id: Identifier
    on: DateIn


class GroupOut(DatedOut):
    id: str
    name: str
    unit_ids: list[str] = Field(description="Members on that date; of a merged one, what took over")


@groups.get("/unit-groups", summary="Groups of units of a date")
def list_groups(context: Ctx, who: Reader, on: On = None) -> list[GroupOut]:
    day = on or tree.date_of(context.clock.now())
    with context.db.reading() as session:
        return [_group(session, group, day) for group in who.only(session, "unit-group", tree.groups(session, on=day))]


@groups.post("/unit-groups", summary="Add a group of units", status_code=201, responses=responses(404, 409))
def create_group(context: Ctx, who: SiteWriter, body: GroupIn) -> GroupOut:
    with context.db.writing() as session:
        group = tree.add_group(session, name=body.name, since=body.valid_from, until=body.valid_to or FOREVER)
        for unit_id in dict.fromkeys(body.unit_ids):
            tree.join(session, group, tree.get(session, unit_id), body.valid_from)
        _record_group(session, context, who, "created", group.id, name=group.name, units=body.unit_ids)
        return _group(session, group, body.valid_from)


@groups.post("/unit-groups/{group_id}/join", summary="A unit joins a group", responses=responses(404))
def join_group(context: Ctx, who: Writer, group_id: str, body: MemberIn) -> GroupOut:
    with context.db.writing() as session:
        group = tree.get_group(session, group_id)
        tree.join(session, group, tree.get(session, body.unit_id), body.valid_from, body.valid_to or FOREVER)
        facts = {"unit": body.unit_id, "on": body.valid_from.isoformat()}
        _record_group(session, context, who, "joined", group.id, **facts)
        _follow(session, context, who, {group.id}, {body.unit_id}, body.valid_from)
        return _group(session, group, body.valid_from)


@groups.post("/unit-groups/{group_id}/leave", summary="A unit leaves a group", responses=responses(404))
def leave_group(context: Ctx, who: Writer, group_id: str, body: MemberEnd) -> GroupOut:
    with context.db.writing() as session:
        group = tree.get_group(session, group_id)
        tree.leave(session, group, tree.get(session, body.unit_id), body.on)
        _record_group(session, context, who, "left", group.id, unit=body.unit_id, on=body.on.isoformat())
        _follow(session, context, who, {group.id}, {body.unit_id}, body.on)
        return _group(session, group, body.on)


def _follow(session: Session, context: Context, who: Principal, named: set[str], places: set[str], since: date) -> None:
    now = context.clock.now()
    tree_changes.follow(session, named=named, places=places, since=since, now=now, actor=who.actor)


def _dates(row: Any) -> dict[str, date | None]:
    return {
        "valid_from": None if row.valid_from == ALWAYS else row.valid_from,
        "valid_to": None if row.valid_to == FOREVER else row.valid_to,
    }


def _shown(unit: tree.Placed) -> UnitOut:
    held = ("id", "parent_id", "kind", "name", "official_code")
    return UnitOut.model_validate({name: getattr(unit, name) for name in held} | _dates(unit))


def _last(session: Session, unit: Unit) -> UnitOut:
    """As it stood last."""
    link = next((row for row in reversed(tree.history(session, unit.id)[1]) if row.relation == "below"), None)
    if link is None:
        raise Invalid(what=f"“{unit.name}” chưa có chỗ trong cây / “{unit.name}” has no place in the tree")
    return _shown(tree.standing(session, on=link.valid_from, unit_ids=[unit.id])[0])


def _group(session: Session, group: tree.UnitGroup, on: date) -> GroupOut:
    return GroupOut(id=group.id, name=group.name, unit_ids=tree.members(session, [group.id], on=on), **_dates(group))


def _record(session: Session, context: Context, who: Principal, action: str, unit: Unit, **facts: Any) -> None:
    at = context.clock.now()
    record(session, f"user:unit:{action}", actor=who.actor, at=at, subject=("unit", unit.id), **facts)


def _record_group(session: Session, context: Context, who: Principal, action: str, group: str, **facts: Any) -> None:
    at = context.clock.now()
    record(session, f"user:unit-group:{action}", actor=who.actor, at=at, subject=("unit-group", group), **facts)
