"""Commands of the audio room: read, say."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from broadcast.dispatches import decode
from core.errors import FileMissing
from core.settings import Settings

Source = Annotated[str, typer.Argument(metavar="[TỆP|-]", help="Tệp chữ UTF-8; - là đầu vào chuẩn")]


def register(app: typer.Typer) -> None:
    app.command("read")(read)
    app.command("say")(say)


def read(
    source: Source = "-",
    *,
    lines: Annotated[bool, typer.Option("--lines", help="Mỗi dòng vào là một văn bản, in đúng một dòng ra")] = False,
) -> None:
    """In ra cách đọc thành lời của một văn bản / print how a text will be read aloud."""
    from audio.reading import read as spoken_form  # noqa: PLC0415 - loads dictionaries

    text = _text(source)
    if lines:
        for line in text.splitlines():
            typer.echo(" ".join(spoken_form(line).spoken.split()))
        return
    reading = spoken_form(text)
    typer.echo(reading.spoken)
    for warning in reading.warnings:
        typer.echo(f"Chưa chắc: {warning.text('vi')}", err=True)


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
    speech = studio.speak(_text(source), rate=rate)
    studio.join([speech.sound.sha256], output)
    typer.echo(
        f"{output}: {speech.sound.duration_ms / 1000:.1f} giây, giọng {speech.voice}, "
        f"{speech.sound.loudness_lufs:.1f} LUFS"
    )


def _text(source: str) -> str:
    if source == "-":
        return decode(sys.stdin.buffer.read())
    try:
        return decode(Path(source).read_bytes())
    except OSError as error:
        raise FileMissing.of(source, error) from error
