"""The command line: `truyenthanh …`. Each group of commands is a module; the work is done in the rooms below."""

from __future__ import annotations

import faulthandler
import os
import sys
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer
from sqlalchemy.exc import OperationalError

from api.cli import (
    chimes,
    conformance,
    lexicon,
    programmes,
    reading,
    receivers,
    recordings,
    releases,
    reports,
    rules,
    site,
    speech,
    timetable,
    units,
    usage,
    voices,
)
from core import logs
from core.errors import DatabaseUnreachable, TruyenThanhError

app = typer.Typer(
    help="Truyền Thanh: từ văn bản chỉ đạo đến loa xã, và trở về thành thời lượng phát có bằng chứng.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer's own shape of a callback
    if wanted:
        typer.echo(f"truyenthanh {version('truyenthanh')}")
        raise typer.Exit


@app.callback()
def root(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Số phiên bản")
    ] = False,
) -> None:
    """Options that come before any command."""


site.register(app)
reading.register(app)
speech.register(app)
lexicon.register(app)
voices.register(app)
receivers.register(app)
conformance.register(app)
releases.register(app)
chimes.register(app)
programmes.register(app)
recordings.register(app)
reports.register(app)
units.register(app)
timetable.register(app)
rules.register(app)


def _tell(error: TruyenThanhError) -> NoReturn:
    for language in ("vi", "en"):
        print(error.text(language), file=sys.stderr)  # noqa: T201 - this is the command line
    sys.exit(1)


def main() -> None:
    """Run a command. An error of ours is said in Vietnamese and English, without a traceback; exit status 1."""
    faulthandler.enable(sys.__stderr__ or sys.stderr)  # a fault in a C library then names its thread and stack
    _quiet_log()
    try:
        status = app(standalone_mode=False)  # so that what the parser refuses comes here
    except usage.UsageError as error:
        usage.tell(error)
    except TruyenThanhError as error:
        _tell(error)
    except OperationalError as error:
        # The first line only: the rest is the statement and a link.
        _tell(DatabaseUnreachable(why=str(error.orig).splitlines()[0]))
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    sys.exit(status or 0)


def _quiet_log() -> None:
    """A command says itself what happened; the log is for servers, and for whoever asks for it by the setting."""
    level = os.environ.get("TRUYENTHANH_LOG_LEVEL", "error").lower()
    logs.configure(level if level in {"debug", "info", "warning"} else "error", "text")
