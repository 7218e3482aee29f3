"""Commands of recordings: check a file, hand one in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.common import SYSTEM_OPERATOR, check_output, open_database
from core import languages
from core.clock import SystemClock
from core.errors import FileMissing
from core.settings import Settings

recording = typer.Typer(help="Bản thu âm / recordings.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(metavar="TỆP", help="WAV, MP3, M4A, OGG, Opus, FLAC, 3GP, WebM…")]


def register(app: typer.Typer) -> None:
    app.add_typer(recording, name="recording")


@recording.command("check")
def check(
    file: File, *, svg: Annotated[Path | None, typer.Option(help="Ghi hình dạng sóng vào tệp SVG")] = None
) -> None:
    """Nghe kỹ thuật một tệp: dài bao lâu, có lỗi gì / check a file; exit status 1 where it can't be used."""
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.progress import Progress  # noqa: PLC0415

    from audio.recordings import checks, waveform  # noqa: PLC0415
    from audio.recordings.analysis import analyse  # noqa: PLC0415
    from audio.recordings.decoding import Decoder  # noqa: PLC0415
    from audio.store import write_atomically  # noqa: PLC0415

    _require_file(file)
    if svg is not None:
        check_output(svg)
    with Decoder(file) as decoder:
        header = decoder.header
        with Progress(console=Console(stderr=True), transient=True) as progress:  # an hour takes half a minute
            task = progress.add_task("Đang nghe", total=header.claimed_ms)
            found = analyse(decoder, progress=lambda ms: progress.update(task, completed=ms))
    typer.echo(
        f"{file.name}: dài {checks.clock(found.duration_ms)}, tệp {header.kind}, {header.sample_rate} Hz, "
        f"{'một kênh' if header.channels == 1 else 'hai kênh'}"
    )
    findings = checks.check(found)
    for one in findings:
        _tell(one.severity, one.vi, one.en)
    if not findings:
        typer.echo("Không thấy lỗi nào / no fault found.")
    if svg is not None:
        write_atomically(svg.absolute(), waveform.svg(found, file.name).encode())
    if any(one.severity == "blocks" for one in findings):
        raise typer.Exit(1)


@recording.command("add")
def add(
    file: File,
    *,
    bulletin: Annotated[str, typer.Option(help="Mã bản tin")],
    language: Annotated[str, typer.Option(help="Mã ngôn ngữ: vi, tyz (Tày), nut (Nùng), ium (Dao), …")],
    speaker: Annotated[str, typer.Option(help="Tên người đọc")],
    transcript: Annotated[str, typer.Option(help="Lời đọc, nếu đã ghi lại")] = "",
) -> None:
    """Gửi một bản thu làm phiên bản của bản tin / hand a recording in as a version of a bulletin."""
    from rich.console import Console  # noqa: PLC0415 - heavy
    from rich.progress import Progress  # noqa: PLC0415

    from audio.recordings.originals import BLOCK_BYTES, Originals  # noqa: PLC0415
    from broadcast import recordings as room  # noqa: PLC0415

    settings = Settings.load()
    _require_file(file)
    with open_database(settings) as db:
        room.require(db, bulletin, language, speaker)
        with Originals(settings.originals).incoming() as incoming, file.open("rb") as source:
            while block := source.read(BLOCK_BYTES):
                incoming.write(block)
            incoming.complete()
            with Progress(console=Console(stderr=True), transient=True) as progress:  # an hour takes half a minute
                task = progress.add_task("Đang kiểm tra", total=1.0)
                added, version = room.add(
                    db,
                    bulletin,
                    incoming,
                    language=language,
                    speaker=speaker,
                    transcript=transcript,
                    actor=SYSTEM_OPERATOR,
                    clock=SystemClock(),
                    progress=lambda share: progress.update(task, completed=share),
                )
        with db.reading() as session:
            findings = room.checks(session, room.get(session, added.id))
    typer.echo(f"Bản thu {added.id}, {languages.name(language)}, phiên bản {version.id if version else '-'}")
    for one in findings:
        _tell(one.severity, one.vi, one.en)


def _require_file(file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise FileMissing.of(file, error) from error


def _tell(severity: str, vi: str, en: str) -> None:
    typer.echo(f"{'LỖI' if severity == 'blocks' else 'Lưu ý'}: {vi}\n    {en}")
