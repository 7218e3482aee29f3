"""Commands of the auditor: report airtime."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated

import typer
from rich.console import Console

from api.cli.common import open_database
from core.settings import Settings

report_app = typer.Typer(help="Báo cáo / reports", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(report_app, name="report")


@report_app.command("airtime")
def airtime(
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="Từ ngày (theo giờ địa phương)")
    ] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Đến hết ngày")] = None,
    *,
    as_csv: Annotated[bool, typer.Option("--csv", help="In CSV")] = False,
) -> None:
    """Thời lượng phát đã được chứng minh của từng xã / proven airtime per commune; default: the last 30 days."""
    from api.reports import airtime_csv, airtime_table  # noqa: PLC0415 - only this command needs it
    from broadcast import airtime as room  # noqa: PLC0415 - only this command needs it

    settings = Settings()
    until: date = last.date() if last else datetime.now(settings.zone).date()
    since: date = first.date() if first else until - timedelta(days=29)
    start = datetime.combine(since, time.min, settings.zone)
    end = datetime.combine(until + timedelta(days=1), time.min, settings.zone)
    with open_database(settings) as db, db.reading() as session:
        rows = room.report(session, start, end)
    if as_csv:
        typer.echo(airtime_csv(rows), nl=False)
    else:
        Console().print(airtime_table(rows, since, until))
