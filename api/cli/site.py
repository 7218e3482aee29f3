"""Commands of an installation: serve, demo, db, keys, user, settings."""

from __future__ import annotations

import re
import secrets
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import make_url

from api.cli.common import SYSTEM_OPERATOR, loaded_for_good, open_database
from core.clock import SystemClock
from core.errors import Invalid
from core.settings import Settings

db_app = typer.Typer(help="Cơ sở dữ liệu / the database", no_args_is_help=True)
keys_app = typer.Typer(help="Khóa ký / signing keys", no_args_is_help=True)
broker_app = typer.Typer(help="Broker MQTT / the broker", no_args_is_help=True)
user_app = typer.Typer(help="Tài khoản / accounts", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.command("demo")(demo)
    app.command("serve")(serve)
    app.command("settings")(show_settings)
    app.add_typer(db_app, name="db")
    app.add_typer(keys_app, name="keys")
    app.add_typer(broker_app, name="broker")
    app.add_typer(user_app, name="user")


def serve(
    only: Annotated[
        list[str] | None, typer.Option(help="Chỉ chạy phần này: web, scheduler, ingest (lặp lại được)")
    ] = None,
) -> None:
    """Chạy máy chủ đến khi nhận Ctrl-C: web, bộ lập lịch, bộ nhận nhật ký, và broker nhúng nếu được đặt."""
    with loaded_for_good():
        from api.serve import run_until_signal  # noqa: PLC0415 - heavy, and only this command needs it

    run_until_signal(Settings.load(), only)


def demo(
    *,
    dispatch: Annotated[
        Path | None, typer.Option(help="Văn bản chỉ đạo, tệp chữ UTF-8; không nêu: văn bản mẫu")
    ] = None,
    receivers: Annotated[int, typer.Option(min=1, max=300, help="Số bộ thu mô phỏng")] = 6,
    seconds: Annotated[int, typer.Option(min=3, max=3600, help="Phát sau khi lên lịch bao nhiêu giây")] = 12,
    voice: Annotated[
        str,
        typer.Option(
            help="Một giọng của `truyenthanh voices`: espeak (ngoại tuyến), một giọng đã cài, gtts (gửi chữ tới Google)"
        ),
    ] = "espeak",
    folder: Annotated[Path | None, typer.Option("--dir", help="Thư mục giữ mọi thứ của lần trình diễn này")] = None,
    leave: Annotated[bool, typer.Option("--exit", help="Kết thúc khi đã phát xong")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Cuối cùng in một đối tượng JSON ra đầu ra chuẩn")] = False,
) -> None:
    """Trình diễn cả hệ thống trên một máy: từ văn bản chỉ đạo đến sáu bộ thu và báo cáo thời lượng."""
    with loaded_for_good():
        from api.demo import DemoOptions, run_demo  # noqa: PLC0415 - heavy, and only this command needs it

    options = DemoOptions(
        dispatch=dispatch,
        receivers=receivers,
        airs_in=timedelta(seconds=seconds),
        voice=voice,
        folder=folder,
        leave=leave,
        as_json=as_json,
    )
    sys.exit(run_demo(options))


@db_app.command("upgrade")
def db_upgrade() -> None:
    """Đưa cơ sở dữ liệu lên phiên bản mà phần mềm này cần / migrate to the present revision."""
    from core import migrations  # noqa: PLC0415 - alembic is heavy

    with open_database(Settings.load(), migrated=False) as db:
        migrations.upgrade(db)
        typer.echo(f"Cơ sở dữ liệu đang ở phiên bản {migrations.current(db)}.")


@keys_app.command("create")
def keys_create() -> None:
    """Tạo khóa gốc và các khóa trực tuyến nếu chưa có / make the root and the online keys where there are none."""
    from devices.keyring import Keyring  # noqa: PLC0415 - only this command needs it

    settings = Settings.load()
    keyring = Keyring.create(settings.keys, SystemClock().now())
    typer.echo(f"Khóa nằm trong {settings.keys}. Dấu vân tay khóa gốc: {keyring.issuer}")


@keys_app.command("export")
def keys_export(
    roles: Annotated[
        list[str] | None, typer.Argument(help="Khóa bí mật cần có: plan, command, time, ack, enrol, receivers-ca")
    ] = None,
    *,
    to: Annotated[Path, typer.Option(help="Thư mục đích; chỉ tiến trình cần những khóa này mới được đọc")],
) -> None:
    """Chép phần công khai và khóa của các vai đã nêu / copy the public half and the keys of these roles."""
    from devices.keyring import RECEIVERS_CA, Keyring  # noqa: PLC0415 - only this command needs it
    from devices.protocol.trust import EVERY_ROLE  # noqa: PLC0415 - as above

    asked, known = set(roles or []), {*EVERY_ROLE, RECEIVERS_CA}
    if unknown := sorted(asked - known):
        raise typer.BadParameter(f"không có vai {', '.join(unknown)}; chọn trong {', '.join(sorted(known))}")
    wanted = [role for role in EVERY_ROLE if role in asked]
    Keyring.export(Settings.load().keys, wanted, to, receivers_ca=RECEIVERS_CA in asked)
    typer.echo(f"Đã chép vào {to}: {', '.join(['phần công khai', *sorted(asked)])}.")


@keys_app.command("rotate")
def keys_rotate(
    roles: Annotated[list[str], typer.Argument(metavar="VAI…", help="plan, command, time, ack, enrol")],
) -> None:
    """Thay khóa trực tuyến bằng khóa mới do khóa gốc chứng nhận / exchange online keys, where the root's key is."""
    from devices.keyring import Keyring, make_online_key, root_key  # noqa: PLC0415 - only this command needs it
    from devices.protocol.signing import VerifyKey  # noqa: PLC0415 - as above
    from devices.protocol.trust import EVERY_ROLE, Trust  # noqa: PLC0415 - as above

    folder, now = Settings.load().keys, SystemClock().now()
    wanted = [role for role in EVERY_ROLE if role in roles]
    if unknown := sorted(set(roles) - set(EVERY_ROLE)):
        raise typer.BadParameter(f"không có vai {', '.join(unknown)}; chọn trong {', '.join(EVERY_ROLE)}")
    root = root_key(folder)
    before = Keyring.load(folder, ()).certificates
    trust = Trust(VerifyKey(root.public.raw))
    for role in wanted:
        old = trust.learn_key(before[role]).kid if role in before else "chưa có"
        new = make_online_key(folder, root, role, now)
        typer.echo(f"{role}: {old} → {new}")
    typer.echo("Hãy xuất lại khóa cho các tiến trình và khởi động lại chúng; bộ thu tự biết khóa mới.")
    typer.echo("Khóa cũ vẫn được tin đến khi hết hạn. Nếu khóa cũ bị lộ: truyenthanh keys revoke MÃ-KHÓA.")


@keys_app.command("revoke")
def keys_revoke(
    kids: Annotated[list[str] | None, typer.Argument(metavar="[MÃ-KHÓA…]", help="32 chữ số hệ 16")] = None,
    *,
    receiver: Annotated[
        list[str] | None,
        typer.Option(help="Bộ thu phải im lặng: mã khóa (kid) của máy, hoặc mã bộ thu nếu chỗ đó không dùng nữa"),
    ] = None,
) -> None:
    """Ghi khóa vào danh sách thu hồi do khóa gốc ký / list keys as revoked, where the root's key is."""
    from devices.keyring import Keyring, revoke_keys  # noqa: PLC0415 - only this command needs it
    from devices.protocol.trust import Trust  # noqa: PLC0415 - as above

    folder, kids, receivers = Settings.load().keys, kids or [], receiver or []
    if not kids and not receivers:
        raise Invalid(what="chưa nêu mã khóa hoặc --receiver / name a key, or --receiver")
    if wrong := [one for one in receivers if not re.fullmatch("[0-9a-f]{32}|[0-9A-HJKMNP-TV-Z]{26}", one)]:
        raise Invalid(what=f"“{wrong[0]}” không phải mã bộ thu hay mã khóa / neither a receiver nor a key")
    if wrong := [kid for kid in kids if not re.fullmatch("[0-9a-f]{32}", kid)]:
        raise Invalid(what=f"“{wrong[0]}” không phải mã khóa (32 chữ số hệ 16) / not a key's identifier")
    keyring = Keyring.load(folder, ())
    trust = Trust(keyring.root)
    in_use = [role for role, certificate in keyring.certificates.items() if trust.learn_key(certificate).kid in kids]
    if in_use:
        raise Invalid(
            what=f"khóa đang dùng cho {', '.join(in_use)}: hãy chạy “truyenthanh keys rotate” trước"
            f" / in use for {', '.join(in_use)}: run “truyenthanh keys rotate” first"
        )
    listed = revoke_keys(folder, kids, SystemClock().now(), receivers=receivers)
    typer.echo(
        f"Danh sách thu hồi có {len(listed.kids)} khóa, {len(listed.receivers)} bộ thu."
        " Hãy xuất lại khóa và khởi động lại bộ lập lịch."
    )


@broker_app.command("passwords")
def broker_passwords(
    *,
    output: Annotated[Path, typer.Option(help="Tệp password_file của mosquitto")],
    server_only: Annotated[bool, typer.Option(help="Chỉ tài khoản của máy chủ, chưa có bộ thu nào")] = False,
) -> None:
    """Ghi tệp mật khẩu của mosquitto / write mosquitto's password file."""
    from api.serve import write_broker_passwords  # noqa: PLC0415 - heavy

    settings = Settings.load()
    if not settings.broker_password.get_secret_value():
        raise Invalid(what="chưa đặt TRUYENTHANH_BROKER_PASSWORD / the broker's password is not set")
    if server_only:
        write_broker_passwords(settings, None, output)
    else:
        with open_database(settings) as db:
            write_broker_passwords(settings, db, output)
    typer.echo(f"Đã ghi {output}.")


@broker_app.command("certificate")
def broker_certificate(
    names: Annotated[list[str], typer.Argument(metavar="TÊN…", help="Tên máy hoặc địa chỉ mà bộ thu dùng để nối tới")],
    *,
    to: Annotated[Path, typer.Option(help="Thư mục của mosquitto")],
) -> None:
    """Cấp chứng thư TLS cho máy chủ MQTT, ở nơi có khóa gốc / certify the broker, where the root's keys are."""
    from devices import brokerfiles  # noqa: PLC0415 - only this command needs it

    until = brokerfiles.write_certificate(Settings.load().keys, names, to, SystemClock().now())
    typer.echo(f"Đã ghi vào {to}: chứng thư của máy chủ MQTT cho {', '.join(names)}, dùng đến {until:%d/%m/%Y}.")


@user_app.command("add")
def user_add(
    username: str,
    *,
    name: Annotated[str, typer.Option(help="Họ và tên")],
    role: Annotated[list[str], typer.Option(help="Vai: admin, editor, approver, operator, auditor (lặp lại được)")],
    password_stdin: Annotated[
        bool, typer.Option(help="Đọc mật khẩu từ đầu vào chuẩn; không nêu: tạo ngẫu nhiên và in ra một lần")
    ] = False,
) -> None:
    """Thêm một tài khoản / add an account."""
    from api.auth.users import add_user  # noqa: PLC0415 - argon2 is only for this command

    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else secrets.token_urlsafe(15)
    with open_database(Settings.load()) as db, db.writing() as session:
        add_user(
            session,
            username=username,
            full_name=name,
            roles=role,
            password=password,
            actor=SYSTEM_OPERATOR,
            clock=SystemClock(),
        )
    typer.echo(f"Đã thêm tài khoản {username}.")
    if not password_stdin:
        typer.echo(f"Mật khẩu (chỉ hiện lần này): {password}")


def show_settings() -> None:
    """Liệt kê mọi thiết lập: biến môi trường, giá trị đang dùng, ý nghĩa / every setting, its value and meaning."""
    settings = Settings.load()
    for name, field in Settings.model_fields.items():
        typer.echo(f"TRUYENTHANH_{name.upper()}={_shown(getattr(settings, name))}")
        typer.echo(f"    {field.description}")


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str) and "://" in value:
        return make_url(value).render_as_string(hide_password=True)
    if isinstance(value, list):
        return ",".join(value)
    return str(value)  # a SecretStr shows stars
