"""Commands around receivers: enrol one, run the agent, run simulated ones."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from api.cli.common import SYSTEM_OPERATOR, open_database
from core import units
from core.clock import SystemClock, to_ms
from core.errors import Invalid
from core.profiles import PROFILE_VI, Profile
from core.settings import Settings

if TYPE_CHECKING:
    from devices.receiver.identity import Identity

receiver_app = typer.Typer(help="Bộ thu / receivers", no_args_is_help=True)

DEFAULT_IDENTITY = Path("/etc/truyenthanh-receiver/identity.json")
DEFAULT_FOLDER = Path("/var/lib/truyenthanh-receiver")
IdentityFile = Annotated[Path, typer.Option("--identity", exists=True, dir_okay=False, help="Tệp danh tính của bộ thu")]


def register(app: typer.Typer) -> None:
    app.add_typer(receiver_app, name="receiver")
    app.command("fleet")(fleet)


@receiver_app.command("add")
def add(
    unit: Annotated[str, typer.Argument(help="Mã đơn vị hành chính nơi đặt bộ thu")],
    name: Annotated[str, typer.Argument(help="Tên bộ thu, ví dụ “Nhà văn hóa thôn Chùa”")],
    *,
    identity: Annotated[Path, typer.Option(help="Ghi tệp danh tính vào đây; chép sang bộ thu rồi xóa")],
    clusters: Annotated[int, typer.Option(min=1, help="Số cụm loa phía sau")] = 1,
    profile: Annotated[
        Profile | None,
        typer.Option(
            help="horn: loa nén gắn thẳng; full: qua tăng âm, máy phát; không nêu: 1 cụm là horn, hơn là full"
        ),
    ] = None,
) -> None:
    """Thêm một bộ thu và ghi tệp danh tính của nó / enrol a receiver and write its identity file."""
    from api import enrolling  # noqa: PLC0415 - only this command needs it
    from devices import registry  # noqa: PLC0415 - only this command needs it
    from devices.keyring import Keyring  # noqa: PLC0415 - as above

    settings = Settings.load()
    if identity.exists():
        raise Invalid(what=f"{identity} đã có, hãy chọn tên khác / the file exists, choose another name")
    keyring = Keyring.load(settings.keys, ())
    with open_database(settings) as db, db.writing() as session:
        receiver, made = registry.enrol(
            session,
            unit=units.get(session, unit),
            name=name,
            clusters=clusters,
            profile=profile,
            keyring=keyring,
            broker=enrolling.broker_address(settings),
            authority=enrolling.authority(settings),
            clock=SystemClock(),
            actor=SYSTEM_OPERATOR,
        )
        made.save(identity)
    typer.echo(
        f"Bộ thu {receiver.id} đã thêm, phát bản {PROFILE_VI[receiver.profile]}. "
        f"Tệp danh tính: {identity} (giữ kín, chỉ dùng trên bộ thu này)."
    )


@receiver_app.command("enrol")
def enrol(
    url: Annotated[str, typer.Argument(metavar="ĐỊA-CHỈ", help="Địa chỉ máy chủ, ghi trên phiếu")],
    code: Annotated[list[str], typer.Argument(metavar="MÃ", help="Mã ghi danh trên phiếu; có thể gõ cách nhóm")],
    *,
    identity: Annotated[Path, typer.Option(help="Ghi tệp danh tính vào đây")] = DEFAULT_IDENTITY,
    ca: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Chứng thư CA riêng của máy chủ web, nếu có")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Máy đã ghi danh: ghi danh lại, bỏ danh tính cũ")] = False,
) -> None:
    """Ghi danh máy này làm bộ thu: tự tạo khóa, chứng minh mã, nhận danh tính / make this machine a receiver."""
    from devices.receiver.enrolling import enrol_box  # noqa: PLC0415 - only this command needs it

    made = enrol_box(url, " ".join(code), identity, web_ca=ca.read_text() if ca else "", again=again)
    typer.echo(f"Đã ghi danh: {made.place} (mã bộ thu {made.receiver}). Tệp danh tính: {identity}.")
    typer.echo("Tiếp theo: truyenthanh receiver run --identity TỆP --dir THƯ-MỤC, hoặc bật dịch vụ của bộ thu.")


@receiver_app.command("code")
def code(
    receivers: Annotated[
        list[str] | None, typer.Argument(metavar="[MÃ…]", help="Mã các bộ thu cần mã ghi danh")
    ] = None,
    *,
    unit: Annotated[str | None, typer.Option(help="Nơi mới: mã đơn vị hành chính")] = None,
    name: Annotated[list[str] | None, typer.Option(help="Nơi mới: tên bộ thu (lặp lại được)")] = None,
    clusters: Annotated[int, typer.Option(min=1, help="Số cụm loa phía sau mỗi bộ thu mới")] = 1,
    days: Annotated[int, typer.Option(min=1, max=180, help="Mã dùng được trong bao nhiêu ngày")] = 30,
) -> None:
    """Cấp mã ghi danh dùng một lần / give one-time codes for new places, or for places whose box is replaced."""
    from devices import enrolment, registry  # noqa: PLC0415 - only this command needs them
    from devices.keyring import Keyring  # noqa: PLC0415 - as above

    settings, clock = Settings.load(), SystemClock()
    if bool(unit) != bool(name):
        raise Invalid(what="nơi mới cần cả --unit và --name / a new place needs both --unit and --name")
    root = Keyring.load(settings.keys, ()).issuer
    with open_database(settings) as db, db.writing() as session:
        places = [registry.get(session, one) for one in receivers or []]
        for called in name or []:
            where = units.get(session, unit or "")
            places.append(
                registry.place(session, unit=where, name=called, clusters=clusters, clock=clock, actor=SYSTEM_OPERATOR)
            )
        made = enrolment.make_codes(
            session, places, root=root, clock=clock, actor=SYSTEM_OPERATOR, life=timedelta(days=days)
        )
        for one in made:
            typer.echo(f"{one.receiver.id}  {one.receiver.name}")
            typer.echo(f"  truyenthanh receiver enrol {settings.public_url or 'ĐỊA-CHỈ'} {one.code.text}")
    typer.echo(f"Mỗi mã dùng một lần, trong {days} ngày, và chỉ hiện lần này.")


@receiver_app.command("profile")
def set_profile(
    receiver: Annotated[str, typer.Argument(metavar="MÃ", help="Mã bộ thu")],
    profile: Annotated[Profile, typer.Argument(help="horn: loa nén gắn thẳng; full: qua tăng âm, máy phát")],
) -> None:
    """Đổi bản âm thanh mà bộ thu phát / change which rendition of each sound a receiver plays."""
    from broadcast import receiver_profiles  # noqa: PLC0415 - heavy

    with open_database(Settings.load()) as db, db.writing() as session:
        changed = receiver_profiles.change(session, receiver, profile, actor=SYSTEM_OPERATOR, clock=SystemClock())
        typer.echo(f"Bộ thu {changed.id} phát bản {PROFILE_VI[changed.profile]} từ kế hoạch tới.")


@receiver_app.command("run")
def run(
    identity: IdentityFile,
    *,
    folder: Annotated[Path, typer.Option("--dir", help="Thư mục giữ kế hoạch, âm thanh, nhật ký")],
    output: Annotated[str, typer.Option(help="sound (cạc âm thanh), sound:THIẾT-BỊ, wav:TỆP, hoặc null")] = "sound",
    listen: Annotated[str, typer.Option(help="sound[:THIẾT-BỊ]: micro hoặc loopback để nghe lại")] = "",
    amplifier: Annotated[str, typer.Option(help="Công tắc tăng âm: sysfs:TỆP, gpio:CHIP/ĐƯỜNG, exec:LỆNH")] = "",
    log_file: Annotated[Path | None, typer.Option(help="Ghi nhật ký phần mềm vào tệp, tối đa 4 MB")] = None,
) -> None:
    """Chạy phần mềm bộ thu trên máy này / run the receiver's agent on this machine."""
    # The agent is its own small program: replacing this process keeps the command line's libraries out of its memory.
    arguments = ["--identity", str(identity), "--dir", str(folder), "--output", output]
    arguments += ["--listen", listen] if listen else []
    arguments += ["--amplifier", amplifier] if amplifier else []
    arguments += ["--log-file", str(log_file)] if log_file else []
    os.execv(sys.executable, [sys.executable, "-m", "devices.receiver.launch", *arguments])  # noqa: S606 - our module


@receiver_app.command("status")
def status(
    folder: Annotated[Path, typer.Option("--dir", help="Thư mục dữ liệu của bộ thu")] = DEFAULT_FOLDER,
) -> None:
    """Tình trạng bộ thu trên máy này, và việc cần làm / how the receiver on this machine does, and what to do first."""
    from devices.receiver import board  # noqa: PLC0415 - only this command needs it

    facts, now = board.read(folder), to_ms(SystemClock().now())
    for line in board.lines(facts) if facts is not None else []:
        typer.echo(line)
    wrongs = board.wrongs(facts, now)
    for wrong in wrongs:
        typer.echo(f"✕ {wrong}")
    if wrongs:
        raise typer.Exit(1)
    typer.echo("● Sẵn sàng phát / ready to play")


def fleet(
    identities: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Thư mục các tệp danh tính (*.json)")
    ],
    *,
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Thư mục giữ dữ liệu và bản ghi của các bộ thu (none: không cần)")
    ] = None,
    output: Annotated[
        Literal["wav", "null", "none"],
        typer.Option(
            help="wav: ghi lại tiếng của từng bộ thu; null: không ghi;"
            " none: không phát, chỉ nhận, kiểm tra và báo nhật ký (cho hàng nghìn bộ thu)"
        ),
    ] = "wav",
) -> None:
    """Chạy nhiều bộ thu mô phỏng trong một tiến trình / run simulated receivers in one process, until Ctrl-C."""
    from devices.fleet import Fleet  # noqa: PLC0415 - only this command needs it
    from devices.receiver.identity import Identity  # noqa: PLC0415 - as above

    files = sorted(identities.glob("*.json"))
    if not files:
        raise Invalid(what=f"trong {identities} không có tệp danh tính *.json nào / no identity files there")
    loaded = [Identity.load(path) for path in files]
    if output == "none":
        asyncio.run(_crowd(loaded))
        return
    if folder is None:
        raise Invalid(what="hãy cho biết thư mục giữ dữ liệu: --dir THƯ_MỤC / say where to keep the data: --dir FOLDER")
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    running = Fleet(loaded, folder, clock=SystemClock(), output=output)
    running.start()
    typer.echo(f"{len(files)} bộ thu mô phỏng đang chạy. Ctrl-C để dừng.")
    stopped.wait()
    running.stop()


async def _crowd(identities: Sequence[Identity]) -> None:
    """Receivers without sound until a signal, and then what they did."""
    from devices.crowd import Crowd  # noqa: PLC0415 - only this command needs it

    many = Crowd(identities, SystemClock())
    running = asyncio.create_task(many.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    typer.echo(f"{len(identities)} bộ thu mô phỏng không phát tiếng đang chạy. Ctrl-C để dừng.")
    with contextlib.suppress(asyncio.CancelledError):
        await running
    typer.echo(", ".join(f"{name} {count}" for name, count in sorted(many.told.items())))
