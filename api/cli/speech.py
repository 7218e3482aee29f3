"""Commands of the audio room: say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.common import Source, open_database, text_of, unit_id_of
from core import units
from core.clock import SystemClock
from core.errors import FileMissing
from core.settings import Settings

if TYPE_CHECKING:
    from audio.lexicon import Lexicon


def register(app: typer.Typer) -> None:
    app.command("say")(say)


def say(
    source: Source = "-",
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Tệp âm thanh: .ogg (Opus) hoặc .wav")],
    unit: Annotated[str | None, typer.Option(help="Đọc theo từ điển của đơn vị này (mã hoặc tên)")] = None,
    voice: Annotated[str | None, typer.Option(help="Giọng đọc; không nêu: theo thiết lập")] = None,
    rate: Annotated[int | None, typer.Option(min=80, max=300, help="Tốc độ, từ mỗi phút")] = None,
) -> None:
    """Đọc một văn bản thành tệp âm thanh / speak a text into an audio file."""
    from api.serve import make_studio  # noqa: PLC0415 - heavy, and only this command needs it

    settings = Settings.load()
    if not output.absolute().parent.is_dir():
        raise FileMissing(path=output.parent, why="không có thư mục này / no such folder")
    if output.suffix not in {".ogg", ".wav"}:
        raise typer.BadParameter("tên tệp phải kết thúc bằng .ogg hoặc .wav", param_hint="-o")
    studio = make_studio(settings, voice=voice)
    speech = studio.speak(text_of(source), rate=rate, lexicon=_lexicon(settings, unit))
    studio.join([speech.sound.sha256], output)
    typer.echo(
        f"{output}: {speech.sound.duration_ms / 1000:.1f} giây, giọng {speech.voice}, "
        f"{speech.sound.loudness_lufs:.1f} LUFS"
    )


def _lexicon(settings: Settings, unit: str | None) -> Lexicon | None:
    """The lexicon that holds at a unit today; None where no unit is named."""
    if unit is None:
        return None
    from audio import lexicon  # noqa: PLC0415 - loads dictionaries

    with open_database(settings) as db, db.reading() as session:
        return lexicon.for_unit(session, unit_id_of(session, unit), on=units.date_of(SystemClock().now()))
