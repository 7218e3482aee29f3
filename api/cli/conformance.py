"""`truyenthanh conformance`: does a receiver keep the contract? Docs: docs/receiver-protocol.md, section 14."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import Invalid
from core.ids import new_id

if TYPE_CHECKING:
    from devices.conformance.power import Power
    from devices.conformance.running import Outcome

DEFAULT_FOLDER = Path("conformance")


def register(app: typer.Typer) -> None:
    app.command("conformance")(conformance)


def conformance(
    *,
    receiver: Annotated[str, typer.Option(help="Mã bộ thu (ULID); không nêu: bộ thử đặt một mã mới")] = "",
    folder: Annotated[Path, typer.Option("--dir", help="Khóa của bộ thử và bộ thu đã ghi danh")] = DEFAULT_FOLDER,
    listen: Annotated[
        str, typer.Option(help="Địa chỉ mà bộ thu tìm thấy bộ thử: MQTT ở cổng này, ghi danh ở cổng kế trên")
    ] = "127.0.0.1:18830",
    broker: Annotated[
        str, typer.Option(help="mqtt://server:mật-khẩu@máy:cổng; không nêu: bộ thử tự mở một máy chủ MQTT")
    ] = "",
    receiver_password: Annotated[str, typer.Option(help="Mật khẩu của bộ thu ở máy chủ MQTT nêu trên")] = "",
    start_command: Annotated[str, typer.Option(help="Lệnh chạy bộ thu; bộ thử giết nó thay cho mất điện")] = "",
    power_command: Annotated[str, typer.Option(help="Lệnh đóng cắt điện, gọi với off rồi on")] = "",
    recording: Annotated[Path | None, typer.Option(help="Tệp WAV đang ghi tiếng của bộ thu, nếu có")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Chỉ thử phép này (lặp lại được); xem --list")] = None,
    listed: Annotated[bool, typer.Option("--list", help="Kể các phép thử rồi thôi")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Kết quả dạng JSON")] = False,
) -> None:
    """Thử một bộ thu theo giao thức công khai / put a receiver through the checks of the public contract.

    Kết thúc với mã 0: đạt hết; 1: có phép không đạt; 3: không phép nào sai nhưng có phép chưa thử được.
    """
    from devices.conformance import report, workbench  # noqa: PLC0415 - only this command needs them
    from devices.conformance.running import CHECKS  # noqa: PLC0415 - as above

    if listed:
        for one in CHECKS.values():
            typer.echo(report.heading(one))
        return
    receiver = receiver or new_id()
    if not re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", receiver):
        raise Invalid(what=f"--receiver {receiver}: phải là một ULID 26 ký tự / it must be a ULID of 26 characters")
    bench = workbench.Bench(
        folder=folder,
        receiver=receiver,
        listen=_address(listen),
        broker=broker,
        password=receiver_password,
        recording=recording,
    )

    def told(outcome: Outcome) -> None:
        if not as_json:
            typer.echo(report.line(outcome))

    outcomes = workbench.run(
        bench,
        lambda: _power(start_command, power_command, folder),
        told=told,
        invite=_invite,
        wanted=only or (),
    )
    if as_json:
        typer.echo(json.dumps(report.as_json(receiver, outcomes), ensure_ascii=False, indent=2))
    else:
        typer.echo(report.summary(receiver, outcomes))
    raise typer.Exit(report.exit_status(outcomes))


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise Invalid(what=f"--listen {text}: phải có dạng máy:cổng / it must be host:port")
    return host, int(port)


def _power(start_command: str, power_command: str, folder: Path) -> Power | None:
    from devices.conformance.power import Asked, Commanded, Started  # noqa: PLC0415 - only this command needs them

    if start_command and power_command:
        raise Invalid(what="chỉ nêu một: --start-command hoặc --power-command / give only one of them")
    if start_command:
        return Started(start_command, folder / "receiver.log")
    if power_command:
        return Commanded(power_command)
    return Asked(_ask) if sys.stdin.isatty() else None


def _ask(what: str) -> None:
    typer.echo(f"\n>>> {what}", err=True)
    sys.stdin.readline()


def _invite(address: str, code: str) -> None:
    typer.echo("Hãy ghi danh bộ thu cần thử / enrol the receiver under test:", err=True)
    typer.echo(f"  địa chỉ / address: {address}\n  mã / code:         {code}", err=True)
