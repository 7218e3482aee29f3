"""Commands of the audio room: say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.common import Source, text_of
from core.errors import FileMissing
from core.settings import Settings


def register(app: typer.Typer) -> None:
    app.command("say")(say)


def say(
    source: Source = "-",
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Tệp âm thanh: .ogg (Opus) hoặc .wav")],
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
    speech = studio.speak(text_of(source), rate=rate)
    studio.join([speech.sound.sha256], output)
    typer.echo(
        f"{output}: {speech.sound.duration_ms / 1000:.1f} giây, giọng {speech.voice}, "
        f"{speech.sound.loudness_lufs:.1f} LUFS"
    )
