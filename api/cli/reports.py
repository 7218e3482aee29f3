"""Commands of the auditor: report airtime."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console

from api.cli.common import open_database
from core.clock import SystemClock
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
    from api import reports  # noqa: PLC0415 - only this command needs it
    from broadcast import airtime as room  # noqa: PLC0415 - as above

    settings = Settings.load()
    since, until = reports.period(
        first.date() if first else None,
        last.date() if last else None,
        today=SystemClock().now().astimezone(settings.zone).date(),
    )
    with open_database(settings) as db, db.reading() as session:
        rows = room.report(session, *reports.instants(since, until, settings.zone))
    if as_csv:
        typer.echo(reports.airtime_csv(rows, since, until), nl=False)
    else:
        Console().print(reports.airtime_table(rows, since, until))
