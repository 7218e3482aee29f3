"""Reading rows of a CSV or XLSX sheet. What is wrong is told with its row, all of it at once.

The first row names the columns, by the names of this project or as people call them in Vietnamese, with or without
their marks: "Cấp trên", "cap tren" and "parent" are one. Columns for counting and for notes are passed over.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from core.errors import FileMissing, TruyenThanhError

TOLD_MOST = 50  # problems told at once
ROWS_MOST = 50_000
BYTES_MOST = 20_000_000
_PASSED_OVER = {"stt", "tt", "so thu tu", "ghi chu", "note", "notes"}


class SheetWrong(TruyenThanhError):
    slug = "sheet-wrong"
    status = 422
    vi = "Tệp {name} chưa dùng được, chưa ghi gì: {what}."
    en = "The file {name} can't be used and nothing was written: {what}."


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number as a spreadsheet shows it, and its cells by column, without spaces around."""

    number: int
    cells: dict[str, str]

    def day(self, column: str, otherwise: date) -> date:
        """The date in a cell: 2025-07-01 or 01/07/2025; `otherwise` where it is empty. Raises ValueError."""
        text = self.cells.get(column, "")
        if not text:
            return otherwise
        try:
            return date.fromisoformat(text)
        except ValueError:
            day, month, year = text.split("/")
            return date(int(year), int(month), int(day))


def wrong(name: str, problems: Sequence[tuple[int, str]]) -> SheetWrong:
    """The error that tells these problems, each (row, “vi / en”)."""
    ordered = sorted(problems, key=lambda one: one[0])
    parts = [(f"dòng {row}: ", f"row {row}: ", *_languages(text)) for row, text in ordered[:TOLD_MOST]]
    more = f" (+{len(problems) - TOLD_MOST})" if len(problems) > TOLD_MOST else ""
    vi, en = "; ".join(row + text for row, _, text, _ in parts), "; ".join(row + text for _, row, _, text in parts)
    return SheetWrong(name=name, what=f"{vi}{more} / {en}{more}")


def _languages(text: str) -> tuple[str, str]:
    vietnamese, between, english = text.rpartition(" / ")
    return (vietnamese, english) if between else (text, text)


def plain(text: str) -> str:
    """A word as it is compared: small letters without marks, with single spaces."""
    bare = "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))
    return re.sub(r"[\W_]+", " ", bare.casefold().replace("đ", "d")).strip()


def read(
    path: Path, *, needed: Sequence[str], optional: Sequence[str], called: Mapping[str, Sequence[str]]
) -> list[Row]:
    """The rows of a file, by its ending `.xlsx` or CSV. Raises `FileMissing` and `SheetWrong`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileMissing.of(path, error) from error
    return parse(content, path.name, needed=needed, optional=optional, called=called)


def parse(
    content: bytes,
    name: str,
    *,
    needed: Sequence[str],
    optional: Sequence[str],
    called: Mapping[str, Sequence[str]],
) -> list[Row]:
    """`read` of a file's bytes. The first row names the columns, in any order; empty rows are passed over.

    `called`: by column, how it may be called in Vietnamese too, its usual name first.
    """
    if len(content) > BYTES_MOST:
        raise wrong(name, [(1, "tệp quá lớn, hãy chia nhỏ / the file is too large, split it")])
    lines = _xlsx(content, name) if name.lower().endswith(".xlsx") else _csv(content, name)
    header = _header(next(lines, []), name, needed, optional, called)
    rows = []
    for number, cells in enumerate(lines, start=2):
        if number > ROWS_MOST:
            raise wrong(name, [(number, f"tệp quá {ROWS_MOST} dòng / more than {ROWS_MOST} rows")])
        held = {column: cell.strip() for column, cell in zip(header, cells, strict=False) if column}
        if any(held.values()):
            rows.append(Row(number, held))
    return rows


def _header(
    cells: Sequence[str],
    name: str,
    needed: Sequence[str],
    optional: Sequence[str],
    called: Mapping[str, Sequence[str]],
) -> list[str]:
    """The column of each cell; empty: one that is passed over. Raises `SheetWrong` with all that is wrong."""
    columns = [*needed, *optional]
    known = {plain(word): column for column in columns for word in (column, *called.get(column, ()))}
    header = ["" if plain(cell) in _PASSED_OVER else known.get(plain(cell), cell.strip()) for cell in cells]

    def shown(some: Iterable[str]) -> str:
        words = {column: f" ({called[column][0]})" for column in columns if called.get(column)}
        return ", ".join(f"{column}{words.get(column, '')}" for column in some)

    missing = [column for column in needed if column not in header]
    unknown = [column for column in header if column and column not in columns]
    twice = [column for column in columns if header.count(column) > 1]
    problems = [
        (found, vi, en)
        for found, vi, en in (
            (missing, "thiếu cột, hãy thêm", "columns are missing, add them"),
            (unknown, "cột không dùng được, hãy bỏ hoặc đổi tên", "columns are unknown, rename them or take them out"),
            (twice, "cột có hai lần, hãy bỏ một", "columns are there twice, leave one out"),
        )
        if found
    ]
    if problems:
        told = [(1, f"{vi}: {shown(found)} / {en}: {shown(found)}") for found, vi, en in problems]
        told.append((1, f"các cột là: {shown(columns)} / the columns are: {shown(columns)}"))
        raise wrong(name, told)
    return header


def _csv(content: bytes, name: str) -> Iterator[list[str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        said = "không phải chữ UTF-8; hãy lưu lại là CSV UTF-8 / it is no UTF-8 text; save it as CSV UTF-8"
        raise wrong(name, [(1, said)]) from error
    first = text.partition("\n")[0]
    # Spreadsheets with Vietnamese settings separate by semicolons.
    separator = ";" if first.count(";") > first.count(",") else ","
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    except csv.Error as error:
        raise wrong(name, [(1, f"CSV hỏng: {error} / broken CSV: {error}")]) from error


def _xlsx(content: bytes, name: str) -> Iterator[list[str]]:
    import openpyxl  # noqa: PLC0415 - only who imports a sheet needs it
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415 - as above

    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        said = "không mở được như một tệp XLSX; hãy lưu lại / it can't be opened as XLSX; save it again"
        raise wrong(name, [(1, said)]) from error
    try:
        sheet: Any = book.worksheets[0]
        values: Iterable[tuple[Any, ...]] = sheet.iter_rows(values_only=True)
        for line in values:
            yield [_cell(value) for value in line]
    finally:
        book.close()


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)
