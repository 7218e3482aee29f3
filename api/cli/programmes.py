"""Commands of programmes: export one as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.common import ProfileOption, check_output, open_database
from core.profiles import PROFILE_VI
from core.settings import Settings

programme_app = typer.Typer(help="Chương trình phát thanh / programmes.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(programme_app, name="programme")


@programme_app.callback()
def group() -> None:
    """Chương trình phát thanh / programmes."""


@programme_app.command("export")
def export_(
    programme: Annotated[str, typer.Argument(metavar="MÃ", help="Mã chương trình")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Tệp âm thanh: .ogg, .opus, .mp3, .flac hoặc .wav")],
    profile: ProfileOption = "full",
) -> None:
    """Ghi cả chương trình thành một tệp, liền mạch như khi phát / write a whole programme into one file."""
    from audio import export  # noqa: PLC0415 - heavy
    from audio.store import ObjectStore  # noqa: PLC0415
    from broadcast import programmes as room  # noqa: PLC0415

    settings = Settings.load()
    form = export.format_of(output)
    check_output(output)
    with open_database(settings) as db, db.reading() as session:
        title = room.get(session, programme).title
        sha256s = room.sha256s(session, programme, profile)
        length_ms = room.duration_ms(session, programme)
    kbps = settings.audio_horn_kbps if profile == "horn" else settings.audio_kbps
    export.write(ObjectStore(settings.objects), sha256s, output, form, kbps=kbps)
    typer.echo(f"{output}: {title}, {len(sha256s)} mục, {length_ms / 1000:.1f} giây, bản {PROFILE_VI[profile]}")
