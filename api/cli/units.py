"""Commands around units of administration: add, list as of a date, import, merge."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer

from api.cli.common import SYSTEM_OPERATOR, open_database
from core import units
from core.clock import SystemClock
from core.events import record
from core.settings import Settings
from core.units import FOREVER, Placed, UnitKind

units_app = typer.Typer(help="Đơn vị hành chính / administrative units", no_args_is_help=True)

Day = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d", "%d/%m/%Y"], help="Cây của ngày này; không nêu: hôm nay")
]


def register(app: typer.Typer) -> None:
    app.add_typer(units_app, name="units")
    app.add_typer(units_app, name="unit", hidden=True)  # as it was called at first


@units_app.command("add")
def unit_add(
    kind: Annotated[
        UnitKind, typer.Argument(help="Cấp: province (tỉnh), district, commune (xã, phường), village (thôn)")
    ],
    name: Annotated[str, typer.Argument(help="Tên, ví dụ “Xã Đại Sơn”")],
    *,
    parent: Annotated[str | None, typer.Option(help="Mã đơn vị cấp trên; không nêu: đơn vị gốc")] = None,
    since: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="Có từ ngày; không nêu: như cấp trên")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Không còn từ ngày; không nêu: vẫn còn")
    ] = None,
) -> None:
    """Thêm một đơn vị và in mã của nó / add a unit and print its identifier."""
    with open_database(Settings.load()) as db, db.writing() as session:
        above = units.get(session, parent) if parent else None
        unit = units.add(
            session,
            kind=kind,
            name=name,
            parent=above,
            since=since.date() if since else None,
            until=until.date() if until else FOREVER,
        )
        record(
            session,
            "user:unit:created",
            actor=SYSTEM_OPERATOR,
            at=SystemClock().now(),
            subject=("unit", unit.id),
            name=unit.name,
            unit_kind=unit.kind,
            parent_id=parent,
        )
    typer.echo(unit.id)


@units_app.command("list")
def unit_list(*, on: Day = None) -> None:
    """Liệt kê các đơn vị của một ngày, đơn vị dưới lùi vào / list the units of a date, those below indented."""
    with open_database(Settings.load()) as db, db.reading() as session:
        found = units.standing(session, on=_day(on))
    children: dict[str | None, list[Placed]] = {}
    for unit in sorted(found, key=lambda unit: (unit.name, unit.id)):
        children.setdefault(unit.parent_id, []).append(unit)

    def show(parent: str | None, depth: int) -> None:
        for unit in children.get(parent, []):
            typer.echo(f"{unit.id}  {'  ' * depth}{unit.name}")
            show(unit.id, depth + 1)

    show(None, 0)


def _day(on: datetime | None) -> date:
    return on.date() if on else units.date_of(SystemClock().now())
