"""Commands around the receivers' software: pack, sign, register, roll out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from api.cli.common import SYSTEM_OPERATOR, check_output, open_database
from core.clock import SystemClock
from core.errors import FileMissing, Invalid
from core.settings import Settings

release_app = typer.Typer(help="Phần mềm của bộ thu / the receivers' software", no_args_is_help=True)
RELEASE_LIFE = timedelta(days=3650)
ROOMS = ("core", "devices")  # what a receiver runs, as far as it is ours; libraries stay those of the box

Name = Annotated[str, typer.Argument(metavar="BẢN", help="Số phiên bản hoặc mã")]


def register(app: typer.Typer) -> None:
    app.add_typer(release_app, name="release")


@release_app.command("pack")
def pack(
    version: Annotated[str, typer.Argument(metavar="PHIÊN-BẢN", help="Ví dụ 0.2.0")],
    to: Annotated[Path, typer.Argument(metavar="TỆP", help="Ghi vào đây (.tar.gz)")],
    *,
    source: Annotated[Path | None, typer.Option(help="Thư mục mã nguồn; không nêu: chính bản đang chạy")] = None,
) -> None:
    """Đóng gói phần mềm bộ thu / pack the receiver's software as one file."""
    import devices  # noqa: PLC0415 - where it is installed
    from devices.receiver.updates import pack as packed  # noqa: PLC0415 - only this command needs it

    root = source or Path(str(devices.__file__)).parents[1]
    check_output(to)
    files = {str(path.relative_to(root)): path.read_bytes() for room in ROOMS for path in (root / room).rglob("*.py")}
    if "devices/receiver/__main__.py" not in files:
        raise Invalid(what=f"{root} không có phần mềm bộ thu / there is no receiver's software in it")
    to.write_bytes(packed(files, version))
    typer.echo(f"{to}: {to.stat().st_size} byte, {len(files)} tệp. Tiếp theo, nơi có khóa: truyenthanh release sign.")


@release_app.command("sign")
def sign(
    version: Annotated[str, typer.Argument(metavar="PHIÊN-BẢN")],
    file: Annotated[Path, typer.Argument(metavar="TỆP", help="Tệp do release pack làm ra")],
    *,
    to: Annotated[Path, typer.Option(help="Ghi chữ ký vào đây")],
    health_s: Annotated[int, typer.Option("--health-s", min=20, max=3600, help="Hạn tự chứng tỏ, giây")] = 300,
    python: Annotated[str, typer.Option(help="Python tối thiểu trên bộ thu")] = "3.11",
) -> None:
    """Ký một bản phần mềm bằng khóa release / sign a release; the key stays where the root is."""
    import hashlib  # noqa: PLC0415 - as below

    from core.ids import new_id  # noqa: PLC0415 - only this command needs them
    from devices.keyring import Keyring  # noqa: PLC0415
    from devices.protocol.plan import CHUNK_BYTES, Manifest  # noqa: PLC0415
    from devices.protocol.releases import Release, sign_release  # noqa: PLC0415

    data, now = _bytes(file), SystemClock().now()
    keyring = Keyring.load(Settings.load().keys, ("release",))
    check_output(to)
    chunks = [data[at : at + CHUNK_BYTES] for at in range(0, len(data), CHUNK_BYTES)]
    manifest = Manifest(
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        chunk_bytes=CHUNK_BYTES,
        chunk_sha256=[hashlib.sha256(chunk).hexdigest() for chunk in chunks],
    )
    token = sign_release(
        keyring.key("release"),
        Release(release=new_id(), version=version, object=manifest, health_s=health_s, python=python),
        issuer=keyring.issuer,
        certificate=keyring.certificates["release"],
        now=now,
        until=now + RELEASE_LIFE,
    )
    to.write_text(token + "\n")
    typer.echo(f"Đã ký bản {version} vào {to}. Tiếp theo, trên máy chủ: truyenthanh release add {file} {to}")


@release_app.command("add")
def add(
    file: Annotated[Path, typer.Argument(metavar="TỆP")], signature: Annotated[Path, typer.Argument(metavar="CHỮ-KÝ")]
) -> None:
    """Đưa một bản đã ký vào hệ thống / register a signed release. Nobody is offered it yet."""
    from audio.store import ObjectStore  # noqa: PLC0415 - heavy
    from broadcast import releases  # noqa: PLC0415 - heavy
    from devices.keyring import Keyring  # noqa: PLC0415 - as above

    settings = Settings.load()
    trust = Keyring.load(settings.keys, ()).trust()
    with open_database(settings) as db, db.writing() as session:
        row = releases.add(
            session,
            _bytes(signature).decode("ascii", "replace"),
            _bytes(file),
            trust=trust,
            store=ObjectStore(settings.objects),
            actor=SYSTEM_OPERATOR,
            clock=SystemClock(),
        )
        typer.echo(
            f"Bản {row.version} đã vào hệ thống. Phát hành thử: truyenthanh release roll {row.version} --percent 5"
        )


@release_app.command("roll")
def roll(
    name: Name,
    *,
    percent: Annotated[int, typer.Option(min=0, max=100, help="Phần trăm số bộ thu; lớn hơn thì gồm cả phần cũ")] = 0,
    receiver: Annotated[list[str] | None, typer.Option(help="Mã bộ thu (lặp lại được)")] = None,
    unit: Annotated[list[str] | None, typer.Option(help="Mã đơn vị, gồm cả cấp dưới (lặp lại được)")] = None,
) -> None:
    """Phát hành một bản cho một đợt bộ thu / offer a release to a stage of receivers."""
    from broadcast import releases  # noqa: PLC0415 - heavy

    stage = releases.Stage(percent=percent, receivers=receiver or [], units=unit or [])
    with open_database(Settings.load()) as db, db.writing() as session:
        row = releases.get(session, name)
        offered = releases.roll(session, row, stage, actor=SYSTEM_OPERATOR, clock=SystemClock())
    typer.echo(f"Đã gửi bản {name} tới {len(offered)} bộ thu. Xem kết quả: truyenthanh release list")


@release_app.command("halt")
def halt(name: Name, *, reason: Annotated[str, typer.Option(help="Vì sao")] = "") -> None:
    """Dừng phát hành một bản / offer a release to nobody more."""
    from broadcast import releases  # noqa: PLC0415 - heavy

    with open_database(Settings.load()) as db, db.writing() as session:
        releases.halt(session, releases.get(session, name), reason=reason, actor=SYSTEM_OPERATOR, clock=SystemClock())
    typer.echo(f"Bản {name} không được gửi tới bộ thu nào nữa. Bộ thu đã dùng bản này vẫn dùng tiếp.")


@release_app.command("list")
def show() -> None:
    """Các bản phần mềm và kết quả từng bản / releases, and what became of each."""
    from broadcast import releases  # noqa: PLC0415 - heavy

    words = {"running": "đang dùng", "accepted": "đã nhận", "offered": "chờ", "expired": "quá hạn"}
    words |= {"refused": "từ chối", "failed": "hỏng, đã quay lại bản cũ"}
    with open_database(Settings.load()) as db, db.reading() as session:
        for row in releases.every(session):
            found = releases.progress(session, row, SystemClock().now())
            told = ", ".join(f"{words[state]} {count}" for state, count in releases.counts(found).items())
            typer.echo(
                f"{row.version}  {row.id}  {'đã dừng' if row.halted_at else 'đang phát hành'}  {told or 'chưa gửi'}"
            )
            for one in found:
                if one.state in {"failed", "refused"}:
                    typer.echo(f"  {one.receiver.id}  {one.receiver.name}: {words[one.state]} ({one.reason})")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileMissing.of(str(path), error) from error
