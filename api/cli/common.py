"""What several commands need."""

from __future__ import annotations

import gc
import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from broadcast.encodings import decode
from broadcast.styled import plain_letters
from core import migrations, units
from core.database import Database
from core.errors import FileMissing, FileUnwritable, Invalid
from core.events import Actor
from core.profiles import Profile
from core.settings import Settings
from core.units import Unit

# Whoever can run commands on the server is trusted like its administrator; the event says so.
SYSTEM_OPERATOR = Actor("system:cli", f"Dòng lệnh ({getpass.getuser()})")

# The words before a unit's own name, which people leave out.
_KINDS = {"Tỉnh", "Thành phố", "Huyện", "Quận", "Thị xã", "Thị trấn", "Xã", "Phường", "Đặc khu", "Thôn", "Tổ dân phố"}

ProfileOption = Annotated[Profile, typer.Option(help="full: đủ dải (tăng âm, phát sóng); horn: loa nén")]
Source = Annotated[str, typer.Argument(metavar="[TỆP|-]", help="Tệp chữ UTF-8; - là đầu vào chuẩn")]


def text_of(source: str) -> str:
    """The text of a file, or of standard input for "-". Raises FileMissing, or what `decode` says of its bytes."""
    if source == "-":
        return _told(sys.stdin.buffer.read())
    try:
        return _told(Path(source).read_bytes())
    except OSError as error:
        raise FileMissing.of(source, error) from error


def _told(data: bytes) -> str:
    text = decode(data)
    if plain_letters(was := data.decode("utf-8", "ignore")) != was:
        typer.echo("Đã đổi chữ kiểu (đậm, nghiêng chép từ mạng) thành chữ thường / styled letters made plain", err=True)
    return text


def check_output(path: Path) -> None:
    """Before any work: can a file be written there? Raises FileUnwritable."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise FileUnwritable(path=path, why=f"không có thư mục {folder} / there is no folder {folder}")
    if path.is_dir():
        raise FileUnwritable(path=path, why="đây là thư mục / it is a folder")
    if not os.access(folder, os.W_OK):
        raise FileUnwritable(path=path, why=f"không có quyền ghi vào {folder} / no right to write into {folder}")


@contextmanager
def loaded_for_good() -> Iterator[None]:
    """Around imports of a server: what they make stays until it ends. The collector, which would go through it again
    and again (a sixth of the start), leaves it alone now and later.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def open_database(settings: Settings, *, migrated: bool = True) -> Iterator[Database]:
    """The database of the settings, closed at the end. Raises DatabaseNotMigrated unless told not to care."""
    db = Database(settings.database)
    try:
        if migrated:
            migrations.check_migrated(db)
        yield db
    finally:
        db.close()


def unit_id_of(session: Session, wanted: str) -> str:
    """The unit of this id or name; “Bắc Ninh” is found as “Tỉnh Bắc Ninh” where no name is just that.

    Raises NotFound for none, Invalid for a name that several have.
    """
    found = list(session.scalars(select(Unit.id).where(or_(Unit.id == wanted, Unit.name == wanted))))
    if not found:
        said = f" {wanted.strip()}".casefold()
        names = session.execute(select(Unit.id, Unit.name))
        found = [unit_id for unit_id, name in names if name.casefold().endswith(said) and name[: -len(said)] in _KINDS]
    if len(found) > 1:
        ids = ", ".join(sorted(found))
        raise Invalid(what=f"nhiều đơn vị cùng tên “{wanted}”, hãy nêu mã / several units have this name: {ids}")
    return found[0] if found else units.get(session, wanted).id
