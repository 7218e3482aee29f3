"""Commands of chimes and music: list them, hand one in, listen to one, take one out of use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from api.cli.common import SYSTEM_OPERATOR, ProfileOption, check_output, open_database
from core.clock import SystemClock
from core.errors import FileMissing
from core.profiles import PROFILE_VI
from core.settings import Settings

chimes_app = typer.Typer(help="Nhạc hiệu và nhạc / chimes and music.", invoke_without_command=True)
Kind = Literal["chime", "music"]
Name = Annotated[str, typer.Argument(metavar="TÊN", help="Tên nhạc hiệu hoặc bài nhạc")]
KindOption = Annotated[Kind, typer.Option(help="chime: nhạc hiệu; music: bài nhạc")]


def register(app: typer.Typer) -> None:
    app.add_typer(chimes_app, name="chimes")


@chimes_app.callback()
def list_(context: typer.Context) -> None:
    """Liệt kê nhạc hiệu có sẵn, nhạc hiệu và bài nhạc của nơi này / list the chimes and music there are."""
    if context.invoked_subcommand is not None:
        return
    from audio import chime  # noqa: PLC0415 - heavy, as is all of this
    from broadcast import site_sounds as room  # noqa: PLC0415

    with open_database(Settings.load()) as db, db.reading() as session:
        for name in chime.NAMES:
            typer.echo(f"{name} (nhạc hiệu có sẵn)")
        for sound in room.all_of(session):
            typer.echo(
                f"{sound.name} ({room.KIND_VI[sound.kind]}, {sound.duration_ms / 1000:.1f} giây, "
                f"{room.STATUS_VI[sound.status]}; {sound.added_by_name} đưa lên; mã {sound.id})"
            )


@chimes_app.command("add")
def add(
    file: Annotated[Path, typer.Argument(metavar="TỆP", help="WAV, MP3, M4A, OGG, Opus, FLAC…")],
    *,
    name: Annotated[str, typer.Option(help="Tên để chọn trong chương trình")],
    kind: KindOption = "chime",
) -> None:
    """Đưa lên một nhạc hiệu (tối đa 30 giây) hoặc bài nhạc (tối đa 15 phút) / hand in a chime or music."""
    from api.serve import make_studio  # noqa: PLC0415 - heavy
    from audio.recordings.originals import BLOCK_BYTES, Originals  # noqa: PLC0415
    from broadcast import site_sounds as room  # noqa: PLC0415

    settings = Settings.load()
    with open_database(settings) as db:
        with db.reading() as session:
            room.require_free(session, room.checked_kind(kind), room.checked_name(name))
        with Originals(settings.originals).incoming(room.BYTES_MAX) as incoming:
            try:
                with file.open("rb") as source:
                    while block := source.read(BLOCK_BYTES):
                        incoming.write(block)
            except OSError as error:
                raise FileMissing.of(file, error) from error
            incoming.complete()
            sound, findings = room.add(
                db,
                incoming,
                kind=kind,
                name=name,
                studio=make_studio(settings),
                actor=SYSTEM_OPERATOR,
                clock=SystemClock(),
            )
    typer.echo(
        f"{room.KIND_VI[kind].capitalize()} “{sound.name}”, {sound.duration_ms / 1000:.1f} giây, mã {sound.id}. "
        "Chờ người có quyền duyệt nghe cả hai bản và duyệt."
    )
    for one in findings:
        typer.echo(f"Lưu ý: {one.vi}\n    {one.en}")


@chimes_app.command("save")
def save(
    name: Name,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Tệp âm thanh: .ogg, .opus, .mp3, .flac hoặc .wav")],
    kind: KindOption = "chime",
    profile: ProfileOption = "full",
) -> None:
    """Ghi một nhạc hiệu hoặc bài nhạc ra tệp để nghe / write one into a file, to listen to it."""
    from api.serve import make_studio  # noqa: PLC0415 - heavy
    from audio import chime  # noqa: PLC0415
    from broadcast import site_sounds as room  # noqa: PLC0415

    settings = Settings.load()
    check_output(output)
    studio = make_studio(settings)
    if kind == "chime" and chime.named(name):
        sha256 = studio.chime(name)[profile].sha256
    else:
        with open_database(settings) as db, db.reading() as session:
            sound = room.named(session, kind, name)
            sha256 = next(one.sha256 for one in room.renditions(session, sound.id) if one.profile == profile)
    studio.join([sha256], output)
    typer.echo(f"{output}: {name}, bản {PROFILE_VI[profile]}")


@chimes_app.command("retire")
def retire(name: Name, *, kind: KindOption = "chime") -> None:
    """Ngừng dùng một nhạc hiệu hoặc bài nhạc; chương trình cũ vẫn phát / take one out of use for new programmes."""
    from broadcast import site_sounds as room  # noqa: PLC0415 - heavy

    with open_database(Settings.load()) as db, db.writing() as session:
        sound = room.retire(session, room.named(session, kind, name).id, actor=SYSTEM_OPERATOR, clock=SystemClock())
        typer.echo(f"“{sound.name}” không còn để chọn cho chương trình mới.")


@chimes_app.command("delete")
def delete(name: Name, *, kind: KindOption = "chime") -> None:
    """Xóa một nhạc hiệu hoặc bài nhạc chưa chương trình nào dùng / delete one that no programme ever held."""
    from broadcast import site_sounds as room  # noqa: PLC0415 - heavy

    with open_database(Settings.load()) as db, db.writing() as session:
        sound = room.named(session, kind, name)
        room.delete(session, sound.id, actor=SYSTEM_OPERATOR, clock=SystemClock())
        typer.echo(f"Đã xóa “{name}”.")
