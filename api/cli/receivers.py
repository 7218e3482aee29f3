"""Commands around receivers: enrol one, run the agent, run simulated ones."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, Literal

import typer

from api.cli.common import SYSTEM_OPERATOR, open_database
from core import units
from core.clock import SystemClock
from core.errors import Invalid
from core.profiles import PROFILE_VI, Profile
from core.settings import Settings

receiver_app = typer.Typer(help="Bộ thu / receivers", no_args_is_help=True)

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
    from api.serve import broker_address  # noqa: PLC0415 - heavy, and only this command needs it
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
            broker=broker_address(settings),
            clock=SystemClock(),
            actor=SYSTEM_OPERATOR,
        )
        made.save(identity)
    typer.echo(
        f"Bộ thu {receiver.id} đã thêm, phát bản {PROFILE_VI[receiver.profile]}. "
        f"Tệp danh tính: {identity} (giữ kín, chỉ dùng trên bộ thu này)."
    )


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
    output: Annotated[str, typer.Option(help="sound (cạc âm thanh), wav:TỆP, hoặc null")] = "sound",
) -> None:
    """Chạy phần mềm bộ thu trên máy này / run the receiver's agent on this machine."""
    # The agent is its own small program: replacing this process keeps the command line's libraries out of its memory.
    arguments = ["--identity", str(identity), "--dir", str(folder), "--output", output]
    os.execv(sys.executable, [sys.executable, "-m", "devices.receiver", *arguments])  # noqa: S606 - our own module


def fleet(
    identities: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Thư mục các tệp danh tính (*.json)")
    ],
    *,
    folder: Annotated[Path, typer.Option("--dir", help="Thư mục giữ dữ liệu và bản ghi của các bộ thu")],
    output: Annotated[
        Literal["wav", "null"], typer.Option(help="wav: ghi lại tiếng của từng bộ thu; null: không ghi")
    ] = "wav",
) -> None:
    """Chạy nhiều bộ thu mô phỏng trong một tiến trình / run simulated receivers in one process, until Ctrl-C."""
    from devices.fleet import Fleet  # noqa: PLC0415 - only this command needs it
    from devices.receiver.identity import Identity  # noqa: PLC0415 - as above

    files = sorted(identities.glob("*.json"))
    if not files:
        raise Invalid(what=f"trong {identities} không có tệp danh tính *.json nào / no identity files there")
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    running = Fleet([Identity.load(path) for path in files], folder, clock=SystemClock(), output=output)
    running.start()
    typer.echo(f"{len(files)} bộ thu mô phỏng đang chạy. Ctrl-C để dừng.")
    stopped.wait()
    running.stop()
