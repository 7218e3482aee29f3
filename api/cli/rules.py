"""What may sound when at a unit: `truyenthanh rules`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from api.cli.common import open_database, unit_id_of
from broadcast.rules import RuleBook
from core import units
from core.clock import SystemClock
from core.settings import Settings
from core.units import FOREVER
from schedules.rule_words import rule_text
from schedules.rules import SoundRule


def register(app: typer.Typer) -> None:
    app.command("rules")(rules)


def rules(
    unit: Annotated[str, typer.Argument(metavar="ĐƠN_VỊ", help="Mã hoặc tên đơn vị, xem “truyenthanh units list”")],
    *,
    on: Annotated[
        datetime | None,
        typer.Option("--on", formats=["%Y-%m-%d", "%d/%m/%Y"], help="Vào ngày này; không nêu: hôm nay / on this date"),
    ] = None,
) -> None:
    """Quy định phát đang có hiệu lực ở một đơn vị và ai đặt ra / what may sound when there, and who set it."""
    settings = Settings.load()
    day = on.date() if on else units.date_of(SystemClock().now())
    with open_database(settings) as db, db.reading() as session:
        unit_id = unit_id_of(session, unit)
        path = tuple(units.above(session, unit_id, on=day))
        found = RuleBook(session, settings, day, day).at(path).on(day)
        names = units.names(session, {unit_id, *(rule.unit_id for rule in (*found.rules, *found.idle))}, on=day)
    typer.echo(f"{names[unit_id]}, {day:%d/%m/%Y}")
    _tell(found.rules, names)
    if found.idle:
        typer.echo("Không có tác dụng ở đây vì quy định khác chặt hơn hoặc gần hơn / set too, but another one decides:")
        _tell(found.idle, names)


def _tell(rules: Sequence[SoundRule], names: dict[str, str]) -> None:
    for rule in rules:
        if rule.id.startswith("default:"):
            who = f"mặc định, {names[rule.unit_id]} chưa quy định / by default"
        else:
            who = f"{names[rule.unit_id]}, từ {rule.valid_from:%d/%m/%Y}"
            who += f" đến trước {rule.valid_to:%d/%m/%Y}" if rule.valid_to < FOREVER else ""
            who += ", cấp dưới được nới / units below may loosen it" if rule.yields else ""
        typer.echo(f"  {rule_text(rule)}\t{rule_text(rule, 'en')}\t({who})")
