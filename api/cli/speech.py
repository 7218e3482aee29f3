"""Commands of the audio room: say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.common import ProfileOption, Source, check_output, open_database, text_of, unit_id_of
from core import units
from core.clock import SystemClock
from core.profiles import PROFILE_VI
from core.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from audio.lexicon import Lexicon


def register(app: typer.Typer) -> None:
    app.command("say")(say)


def say(
    source: Source = "-",
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Tệp âm thanh: .ogg, .opus, .mp3, .flac hoặc .wav")],
    unit: Annotated[str | None, typer.Option(help="Đọc theo từ điển của đơn vị này (mã hoặc tên)")] = None,
    voice: Annotated[
        str | None, typer.Option(help="Một giọng của `truyenthanh voices`; không nêu: theo thiết lập")
    ] = None,
    rate: Annotated[int | None, typer.Option(min=80, max=260, help="Tốc độ, từ mỗi phút")] = None,
    send_outside: Annotated[
        bool,
        typer.Option(
            "--send-outside",
            help="Đồng ý cho giọng gửi văn bản này ra ngoài; chỉ tính khi máy chưa có cơ sở dữ liệu"
            " (có rồi thì quản trị viên quyết định: truyenthanh voices allow)",
        ),
    ] = False,
    profile: ProfileOption = "full",
) -> None:
    """Đọc một văn bản thành tệp âm thanh / speak a text into an audio file."""
    from rich.console import Console  # noqa: PLC0415 - heavy, as is all of this
    from rich.progress import Progress  # noqa: PLC0415

    from api.serve import make_studio  # noqa: PLC0415
    from audio.errors import NobodyAgreed, OutsideVoiceRefused  # noqa: PLC0415
    from audio.export import format_of  # noqa: PLC0415

    settings = Settings.load()
    check_output(output)
    format_of(output)
    text = text_of(source)
    lexicon = _lexicon(settings, unit)
    site = _has_database(settings)
    studio = make_studio(settings, outside_allowed=_administrator(settings) if site else lambda _voice: send_outside)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Đang đọc", total=1.0)
        try:
            speech = studio.speak(
                text,
                rate=rate,
                voice=voice,
                lexicon=lexicon,
                progress=lambda share: progress.update(task, completed=share),
            )
        except OutsideVoiceRefused as refused:
            if site:
                raise
            raise NobodyAgreed(**refused.facts) from refused
    sound = speech.sounds[profile]
    studio.join([sound.sha256], output)
    for failure in speech.failures:
        typer.echo(failure, err=True)
    typer.echo(
        f"{output}: {sound.duration_ms / 1000:.1f} giây, giọng {speech.voice}"
        f"{' (giọng dự phòng)' if speech.fallback else ''}, {PROFILE_VI[profile]}, "
        f"{sound.loudness_lufs:.1f} LUFS"
    )


def _has_database(settings: Settings) -> bool:
    """There is a site, whose administrator decides what leaves the house."""
    return bool(settings.database_url) or (settings.data_dir / "truyenthanh.db").exists()


def _administrator(settings: Settings) -> Callable[[str], bool]:
    def allowed(name: str) -> bool:
        from api.voices import agreed  # noqa: PLC0415 - loads the engines

        with open_database(settings) as db:
            return agreed(settings, db)(name)

    return allowed


def _lexicon(settings: Settings, unit: str | None) -> Lexicon | None:
    """The lexicon that holds at a unit today; None where no unit is named."""
    if unit is None:
        return None
    from audio import lexicon  # noqa: PLC0415 - loads dictionaries

    with open_database(settings) as db, db.reading() as session:
        return lexicon.for_unit(session, unit_id_of(session, unit), on=units.date_of(SystemClock().now()))
