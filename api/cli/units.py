"""Commands around units of administration: add, list as of a date, import, merge."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from api.cli.common import SYSTEM_OPERATOR, open_database
from core import units
from core.clock import SystemClock
from core.errors import Invalid
from core.events import record
from core.settings import Settings
from core.units import FOREVER, Placed, UnitKind, importing

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


@units_app.command("import")
def unit_import(
    file: Annotated[Path | None, typer.Argument(help="Tệp CSV hoặc XLSX, các cột như trong docs/units.md")] = None,
    *,
    province: Annotated[
        str | None, typer.Option(help="Nạp danh sách hai cấp hiện hành của tỉnh này, ví dụ “Bắc Ninh”")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Chỉ xem sẽ làm gì, không ghi")] = False,
) -> None:
    """Nạp đơn vị từ danh sách chính thức hoặc từ tệp / load units from the official list or from a file."""
    if (file is None) == (province is None):
        raise Invalid(what="hãy nêu một tệp hoặc --province / name a file or --province")
    rows = importing.read(file) if file else importing.official_rows(str(province))
    name = file.name if file else str(province)
    from broadcast import tree_changes  # noqa: PLC0415 - heavy, and only this command needs it

    with open_database(Settings.load()) as db, db.writing() as session:
        done = tree_changes.take_in(session, rows, name, actor=SYSTEM_OPERATOR, clock=SystemClock(), dry_run=dry_run)
    for mark, names in (("+", done.added), ("~", done.extended)):
        for one in names:
            typer.echo(f"{mark} {one}")
    said = "Sẽ thêm" if dry_run else "Đã thêm"
    typer.echo(f"{said} {len(done.added)}, bổ sung {len(done.extended)}, giữ nguyên {done.unchanged}.")


@units_app.command("merge")
def unit_merge(
    plan: Annotated[Path, typer.Argument(help="Tệp CSV hoặc XLSX, các cột như trong docs/units.md")],
    *,
    do: Annotated[bool, typer.Option("--apply", help="Áp dụng; không nêu: chỉ xem trước")] = False,
) -> None:
    """Xem trước, rồi áp dụng, một kế hoạch sáp nhập / preview, then apply, a plan of mergers."""
    from broadcast import mergers  # noqa: PLC0415 - heavy, and only this command needs it

    with open_database(Settings.load()) as db, db.writing() as session:
        wanted = mergers.read_plan(session, plan)
        step = mergers.apply if do else mergers.preview
        outcome = step(session, wanted, actor=SYSTEM_OPERATOR, clock=SystemClock())
    for mark, names in (("-", outcome.ended), ("+", outcome.created), ("~", outcome.renamed)):
        for one in names:
            typer.echo(f"{mark} {one}")
    for moved in outcome.moved:
        typer.echo(f"{moved.kind}: {moved.name}: {' < '.join(moved.before)} → {' < '.join(moved.after)}")
    typer.echo("Đã áp dụng." if do else "Chỉ xem trước, chưa ghi gì. Thêm --apply để áp dụng.")


def _day(on: datetime | None) -> date:
    return on.date() if on else units.date_of(SystemClock().now())
