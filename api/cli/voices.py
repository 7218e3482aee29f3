"""Commands for the site's voices: list, install, allow, forbid."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from api.cli.common import SYSTEM_OPERATOR, open_database
from core.clock import SystemClock
from core.errors import TruyenThanhError
from core.settings import Settings

voices_app = typer.Typer(help="Giọng đọc: liệt kê, cài, cho phép / voices", invoke_without_command=True)
Name = Annotated[str, typer.Argument(metavar="GIỌNG")]


def register(app: typer.Typer) -> None:
    app.add_typer(voices_app, name="voices")


@voices_app.callback()
def voices(context: typer.Context, *, as_json: Annotated[bool, typer.Option("--json", help="In JSON")] = False) -> None:
    """Liệt kê các giọng đọc / the voices that there are."""
    if context.invoked_subcommand is not None:
        return
    from api import voices as room  # noqa: PLC0415 - loads the engines

    settings = Settings.load()
    try:
        with open_database(settings) as db, db.reading() as session:
            found = room.offers(settings, session)
    except TruyenThanhError:  # voices are there before a database is; nobody has given leave then
        found = room.offers(settings, None)
    if as_json:
        typer.echo(json.dumps([asdict(offer) for offer in found], ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False)
    for title in ("", "Giọng", "Bộ máy", "Tiếng"):
        table.add_column(title, no_wrap=True)
    for title in ("Đọc ở", "Giấy phép", "MB", "Ra ngoài", "Trạng thái"):
        table.add_column(title, overflow="fold")
    for offer in found:
        state = room.STATES_VI[offer.state]
        if offer.fallback:
            state += "; dự phòng"
        if offer.allowed_by:
            state += f"; {offer.allowed_by} đồng ý {offer.allowed_at}"
        table.add_row(
            str(offer.place or ""),
            offer.name,
            offer.engine,
            offer.language,
            offer.speaks_at or "máy này",
            offer.licence,
            f"{offer.bytes / 1e6:.0f}" if offer.bytes is not None else "",
            "có" if offer.outside else "không",
            state,
        )
    Console().print(table)


@voices_app.command("install")
def install(
    name: Name,
    *,
    sha256: Annotated[str | None, typer.Option(help="SHA-256 của tệp .onnx mà bạn tin")] = None,
) -> None:
    """Tải và cài một giọng, ví dụ vi_VN-vais1000-medium / fetch a voice; an interrupted download is resumed."""
    from audio.voices.install import install as fetch  # noqa: PLC0415 - only this command needs it

    settings = Settings.load()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(name, total=1.0)
        voice = fetch(
            name,
            settings.voice_files,
            settings.voices_url,
            sha256=sha256,
            progress=lambda share: progress.update(task, completed=share),
        )
    typer.echo(f"Đã cài giọng {voice.name} ({voice.bytes / 1e6:.0f} MB) vào {voice.path}.")
    if voice.language == "vi" and "piper" in settings.voices:
        typer.echo("Từ nay giọng này đọc, theo thứ tự trong TRUYENTHANH_VOICES; máy chủ đang chạy dùng ngay.")


@voices_app.command("allow")
def allow(name: Name) -> None:
    """Đồng ý cho một giọng gửi văn bản ra ngoài / agree that a voice sends text outside; recorded with who and when."""
    from api.voices import address_of  # noqa: PLC0415 - loads the engines
    from broadcast import consent  # noqa: PLC0415 - as above

    settings = Settings.load()
    address = address_of(settings, name)
    with open_database(settings) as db, db.writing() as session:
        consent.allow(session, name, address=address, actor=SYSTEM_OPERATOR, clock=SystemClock())
    typer.echo(f"Giọng {name} được gửi văn bản tới {address}. Thu hồi: truyenthanh voices forbid {name}")


@voices_app.command("forbid")
def forbid(name: Name) -> None:
    """Thu hồi sự đồng ý đó / take that back."""
    from api.voices import address_of  # noqa: PLC0415 - loads the engines
    from broadcast import consent  # noqa: PLC0415 - as above

    settings = Settings.load()
    address_of(settings, name)
    with open_database(settings) as db, db.writing() as session:
        consent.forbid(session, name, actor=SYSTEM_OPERATOR, clock=SystemClock())
    typer.echo(f"Giọng {name} không được gửi văn bản ra ngoài nữa.")
