"""The command `read`: a text in spoken form, alone, as JSON, or as a table that says where each reading comes from."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.cli.common import Source, open_database, text_of, unit_id_of
from audio.errors import NotReadable
from broadcast.encodings import BYTES_MAX, FileIsEmpty, decode
from core import units
from core.clock import SystemClock
from core.errors import FileMissing, Invalid, TruyenThanhError
from core.settings import Settings

if TYPE_CHECKING:
    from audio.reading import Doubt, Reading

Read = Callable[[str], "Reading"]

_KINDS_VI: Final = {
    "document": "số hiệu văn bản", "date": "ngày tháng", "time": "giờ", "phone": "điện thoại", "money": "tiền",
    "number": "số", "unit": "đơn vị đo", "roman": "số La Mã", "abbreviation": "chữ viết tắt", "web": "địa chỉ mạng",
    "markup": "dấu trình bày", "foreign": "tên nước ngoài", "letter": "chữ cái", "symbol": "ký hiệu",
    "lexicon": "từ điển đơn vị",
}  # fmt: skip


def register(app: typer.Typer) -> None:
    app.command("read")(read)


def read(
    source: Source = "-",
    *,
    lines: Annotated[bool, typer.Option("--lines", help="Mỗi dòng vào là một văn bản, in đúng một dòng ra")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="In JSON: cách đọc, từng đoạn, chỗ chưa chắc")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="In bảng: chỗ nào đọc thành gì, chắc đến đâu")] = False,
    unit: Annotated[str | None, typer.Option(help="Đọc theo từ điển của đơn vị này (mã hoặc tên)")] = None,
) -> None:
    """In ra cách đọc thành lời của một văn bản / print how a text will be read aloud."""
    if explain and (lines or as_json):
        raise Invalid(
            what="--explain không dùng cùng --lines hoặc --json / --explain doesn't go with --lines or --json"
        )
    say = _reader(unit)
    if lines:
        _print_lines(source, say, as_json=as_json)
        return
    reading = say(text_of(source))
    if not reading.spoken:
        raise NotReadable
    if as_json:
        typer.echo(_json(reading))
    elif explain:
        _explain(reading)
    else:
        typer.echo(reading.spoken)
        _warn(reading.warnings)


def _reader(unit: str | None) -> Read:
    from audio.reading import read as spoken_form  # noqa: PLC0415 - loads dictionaries

    if unit is None:
        return spoken_form
    from audio import lexicon  # noqa: PLC0415 - only with a unit

    with open_database(Settings.load()) as db, db.reading() as session:
        names = lexicon.for_unit(session, unit_id_of(session, unit), on=units.date_of(SystemClock().now()))
    return lambda text: spoken_form(text, names)


# --- One text to a line ------------------------------------------------------------------------------------------


def _print_lines(source: str, say: Read, *, as_json: bool) -> None:
    """Each line as soon as it is there: the input may be large, or a pipe that stays open."""
    number = 0
    with ExitStack() as stack:
        for number, line in enumerate(_lines(_opened(source, stack)), 1):
            reading = say(line)
            one = dataclasses.replace(
                reading,
                spoken=" ".join(reading.spoken.split()),
                warnings=tuple(dataclasses.replace(doubt, line=number) for doubt in reading.warnings),
            )
            typer.echo(_json(one) if as_json else one.spoken)
            if not as_json:
                _warn(one.warnings)
    if not number:
        raise FileIsEmpty


def _opened(source: str, stack: ExitStack) -> BinaryIO:
    if source == "-":
        return sys.stdin.buffer
    try:
        return stack.enter_context(Path(source).open("rb"))
    except OSError as error:
        raise FileMissing.of(source, error) from error


def _lines(file: BinaryIO) -> Iterator[str]:
    """The lines of UTF-8, one after the other, or of UTF-16 with a mark, as a whole. A blank line is an empty text."""
    number = 0
    while data := file.readline(BYTES_MAX + 1):
        number += 1
        if number == 1 and data.startswith((b"\xff\xfe", b"\xfe\xff")):
            yield from decode(data + file.read(BYTES_MAX)).removesuffix("\n").split("\n")
            return
        try:
            yield decode(data) if data.removeprefix(b"\xef\xbb\xbf").strip() else ""
        except TruyenThanhError:
            typer.echo(f"Dòng {number} / line {number}:", err=True)
            raise


# --- Showing -----------------------------------------------------------------------------------------------------


def _json(reading: Reading) -> str:
    """`spoken`, `spans` and `warnings` on one line; offsets count characters of the text that was given."""
    shown: dict[str, Any] = {
        "spoken": reading.spoken,
        "spans": [dataclasses.asdict(span) for span in reading.spans],
        "warnings": [
            {**dataclasses.asdict(doubt), "message": {"vi": doubt.text("vi"), "en": doubt.text("en")}}
            for doubt in reading.warnings
        ],
    }
    return json.dumps(shown, ensure_ascii=False)


def _explain(reading: Reading) -> None:
    table = Table(title="Chỗ được đọc khác với chữ viết / what is read otherwise than written", title_justify="left")
    table.add_column("Vị trí", justify="right")
    for heading in ("Viết", "Đọc", "Loại"):
        table.add_column(heading, overflow="fold")
    table.add_column("Chắc", justify="right")
    for span in reading.spans:
        kind = _KINDS_VI.get(span.kind, span.kind)
        cells = (str(span.offset), span.written.strip(), span.spoken or "(không đọc)", kind, f"{span.certainty:.0%}")
        table.add_row(*map(Text, cells))
    console = Console(highlight=False)
    console.print(Text(reading.spoken))
    console.print(table)
    for doubt in reading.warnings:
        console.print(Text(_told(doubt)))


def _warn(doubts: tuple[Doubt, ...]) -> None:
    for doubt in doubts:
        typer.echo(_told(doubt), err=True)


def _told(doubt: Doubt) -> str:
    others = ", ".join(f"“{one}”" for one in doubt.suggestions if one != doubt.spoken)
    return f"Chưa chắc: {doubt.text('vi')}" + (f"; có thể là: {others}" if others else "")
