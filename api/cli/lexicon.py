"""Commands around lexicons: how names are read in a unit, changed with their history, and taken in from a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from api.cli.common import SYSTEM_OPERATOR, open_database, text_of, unit_id_of
from audio import lexicon
from audio.lexicon import LexiconChange
from broadcast.lexicon_impact import Altered, Change, impact, impact_of_restoring
from core import units
from core.clock import SystemClock
from core.settings import Settings

lexicon_app = typer.Typer(help="Từ điển cách đọc của từng đơn vị / how names are read", no_args_is_help=True)

Unit = Annotated[str, typer.Argument(metavar="ĐƠN_VỊ", help="Mã hoặc tên đơn vị, xem “truyenthanh unit list”")]
Written = Annotated[str, typer.Argument(metavar="VIẾT", help="Tên như trong văn bản, ví dụ “QL37”")]
Number = Annotated[
    int | None, typer.Option("--version", min=0, help="Chỉ sửa nếu mục còn ở bản này (0: chưa có); không nêu: bản nay")
]


def register(app: typer.Typer) -> None:
    app.add_typer(lexicon_app, name="lexicon")


@lexicon_app.command("list")
def list_(
    unit: Unit,
    *,
    own: Annotated[bool, typer.Option("--own", help="Chỉ mục từ của chính đơn vị, không lấy của cấp trên")] = False,
) -> None:
    """Liệt kê cách đọc đang dùng ở một đơn vị và nơi đặt ra / what holds in a unit, and where it comes from."""
    with open_database(Settings.load()) as db, db.reading() as session:
        unit = unit_id_of(session, unit)
        for entry in lexicon.effective(session, unit, on=_today()):
            change = entry.change
            if own and change.unit_id != unit:
                continue
            where = units.get(session, change.unit_id).name
            cells = (change.written, change.spoken, where, f"bản {change.number}", change.note or "")
            typer.echo("\t".join(str(cell) for cell in cells).rstrip())


@lexicon_app.command("set")
def set_(
    unit: Unit,
    written: Written,
    spoken: Annotated[str, typer.Argument(metavar="ĐỌC", help="Như phát thanh viên đọc: chữ thường, không số")],
    *,
    note: Annotated[str | None, typer.Option(help="Ghi chú, ví dụ ai xác nhận cách đọc")] = None,
    number: Number = None,
) -> None:
    """Đặt cách đọc một tên / set how a name is read. Bulletins approved before stay as they are and are named."""
    with open_database(Settings.load()) as db:
        with db.reading() as session:
            unit = unit_id_of(session, unit)
            found = impact(session, unit, [Change(written, spoken)], on=_today())
        with db.writing() as session:
            made = lexicon.put(
                session,
                unit,
                written=written,
                spoken=spoken,
                note=note,
                number=_current(session, unit, written) if number is None else number,
                actor=SYSTEM_OPERATOR,
                clock=SystemClock(),
            )
    _tell_change(made)
    _tell_impact(found)


@lexicon_app.command("remove")
def remove(unit: Unit, written: Written, *, number: Number = None) -> None:
    """Bỏ một mục từ; cách đọc của cấp trên lại dùng / remove an entry; what stands above the unit holds again."""
    with open_database(Settings.load()) as db:
        with db.reading() as session:
            unit = unit_id_of(session, unit)
            found = impact(session, unit, [Change(written, None)], on=_today())
        with db.writing() as session:
            now = _current(session, unit, written) if number is None else number
            made = lexicon.remove(
                session, unit, written=written, number=now, actor=SYSTEM_OPERATOR, clock=SystemClock()
            )
    _tell_change(made)
    _tell_impact(found)


@lexicon_app.command("restore")
def restore(
    unit: Unit,
    written: Written,
    version: Annotated[int, typer.Argument(metavar="BẢN", min=1, help="Số bản, xem “lexicon history”")],
) -> None:
    """Đưa một mục từ về một bản trước / make an entry again what it was in an earlier version."""
    with open_database(Settings.load()) as db:
        with db.reading() as session:
            unit = unit_id_of(session, unit)
            found = impact_of_restoring(session, unit, written, version, on=_today())
        with db.writing() as session:
            now = _current(session, unit, written)
            made = lexicon.restore(
                session, unit, written=written, version=version, number=now, actor=SYSTEM_OPERATOR, clock=SystemClock()
            )
    _tell_change(made)
    _tell_impact(found)


@lexicon_app.command("history")
def history(
    unit: Unit, written: Annotated[str | None, typer.Argument(metavar="[VIẾT]", help="Chỉ mục từ này")] = None
) -> None:
    """Mọi lần sửa, ai sửa và khi nào / every change, who made it and when, the oldest first."""
    settings = Settings.load()
    with open_database(settings) as db, db.reading() as session:
        unit = unit_id_of(session, unit)
        for change in lexicon.history(session, unit, written):
            when = f"{change.changed_at.astimezone(settings.zone):%d/%m/%Y %H:%M}"
            cells = (when, change.written, f"bản {change.number}", change.spoken or "(bỏ)", change.changed_by_name)
            typer.echo("\t".join((*cells, change.note or "")).rstrip())


@lexicon_app.command("import")
def import_(
    unit: Unit,
    file: Annotated[Path, typer.Argument(metavar="TỆP", help="TSV hoặc CSV: viết, đọc, ghi chú; mỗi dòng một mục")],
    *,
    write: Annotated[bool, typer.Option("--apply", help="Ghi thật; không nêu: chỉ xem trước")] = False,
) -> None:
    """Nhập nhiều mục từ một tệp: cả tệp hoặc không gì cả / take entries in from a file, all of them or none.

    Không có --apply thì chỉ xem trước / without --apply nothing is written, only shown.
    """
    rows = lexicon.parse(text_of(str(file)))
    with open_database(Settings.load()) as db:
        with db.reading() as session:
            unit = unit_id_of(session, unit)
            found = impact(session, unit, [Change(row.written, row.spoken) for row in rows], on=_today())
            held = {entry.key: (entry.written, entry.spoken, entry.note) for entry in lexicon.own(session, unit)}
        keys = ((lexicon.key_of(row.written), (row.written, row.spoken, row.note)) for row in rows)
        changed = sum(held.get(key) != row for key, row in keys)
        if write:
            with db.writing() as session:
                changed = len(lexicon.apply(session, unit, rows, actor=SYSTEM_OPERATOR, clock=SystemClock()))
    same = f"{len(rows) - changed} mục giữ nguyên / {len(rows) - changed} as they were"
    if write:
        typer.echo(f"Đã ghi {changed} mục / {changed} entries written; {same}.")
    else:
        typer.echo(f"Sẽ ghi {changed} mục / {changed} entries would be written; {same}. Thêm --apply để ghi thật.")
    _tell_impact(found)


def _today() -> date:
    return units.date_of(SystemClock().now())


def _current(session: Session, unit: str, written: str) -> int:
    """The number of the entry's last version; 0 where there is none."""
    key = lexicon.key_of(written)
    return max((one.number for one in lexicon.history(session, unit) if one.key == key), default=0)


def _tell_change(made: LexiconChange) -> None:
    said = f"đọc là “{made.spoken}”" if made.spoken is not None else "đã bỏ"
    typer.echo(f"“{made.written}” {said} (bản {made.number}).")


def _tell_impact(found: Sequence[Altered]) -> None:
    if not found:
        typer.echo("Không bản tin đã duyệt hay chờ duyệt nào đọc khác đi / no approved bulletin is read otherwise.")
        return
    typer.echo(
        f"{len(found)} bản tin đã duyệt hoặc chờ duyệt sẽ đọc khác nếu đọc lại; âm thanh của chúng giữ nguyên"
        " / would be read otherwise if read anew; their sounds stay:"
    )
    for one in found:
        status = "đã duyệt" if one.status == "approved" else "chờ duyệt"
        typer.echo(f"  {one.title} (bản {one.number}, {one.language}, {status}) {one.version_id}")
        for stretch in one.stretches:
            typer.echo(f"    … {stretch.before} … → … {stretch.after} …")
