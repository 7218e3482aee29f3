"""Entries in a file: one a row, written, spoken and perhaps a note, parted by tabs, or by commas or semicolons (CSV).

A first row of names (written, spoken, note) and rows that begin with # are passed over. A file is taken whole or not
at all: every row that can't be used is named, with what is wrong.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Final

from audio.lexicon.checks import checked_note, checked_spoken, checked_written
from audio.lexicon.match import key_of
from core.errors import TruyenThanhError

ROWS_MAX: Final = 20_000
SHOWN_MAX: Final = 4  # faulty rows that are told at once
_HEADINGS: Final = ("written", "viết", "chữ viết", "từ")


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of a file, checked; `line` counts from 1."""

    line: int
    written: str
    spoken: str
    note: str | None


class RowsUnusable(TruyenThanhError):
    slug = "lexicon-rows-unusable"
    status = 422
    vi = "Chưa nhập dòng nào, vì {count} dòng chưa dùng được:\n{told_vi}"
    en = "Nothing was taken in, because {count} rows can't be used:\n{told_en}"


def parse(text: str) -> list[Row]:
    """The entries of a file, in order. Raises `RowsUnusable`, which names each faulty row."""
    faults: list[tuple[int, str, str]] = []
    rows: list[Row] = []
    lines: dict[str, int] = {}
    for line, cells in _rows(text, faults):
        try:
            row = _row(line, cells)
        except TruyenThanhError as error:
            faults.append((line, error.text("vi"), error.text("en")))
            continue
        before = lines.setdefault(key_of(row.written), line)
        if before != line:
            faults.append((line, f"“{row.written}” đã có ở dòng {before}.", f"“{row.written}” is in row {before} too."))
        rows.append(row)
    if faults:
        raise _unusable(faults)
    if not rows:
        raise _unusable([(1, "tệp không có mục từ nào.", "the file holds no entry.")])
    return rows


def _rows(text: str, faults: list[tuple[int, str, str]]) -> list[tuple[int, list[str]]]:
    source = text.removeprefix("\ufeff").splitlines()
    if len(source) > ROWS_MAX:
        told = f"tệp dài quá {ROWS_MAX} dòng.", f"the file has over {ROWS_MAX} rows."
        faults.append((ROWS_MAX + 1, *told))
        return []
    first = next((line for line in source if line.strip() and not line.startswith("#")), "")
    if "\t" in first:
        found = [(number, line.split("\t")) for number, line in enumerate(source, 1)]
    else:
        found = _csv(source, ";" if first.count(";") > first.count(",") else ",", faults)
    kept = [(number, cells) for number, cells in found if any(map(str.strip, cells)) and not cells[0].startswith("#")]
    return kept[1:] if kept and kept[0][1][0].strip().lower() in _HEADINGS else kept


def _csv(source: list[str], delimiter: str, faults: list[tuple[int, str, str]]) -> list[tuple[int, list[str]]]:
    found: list[tuple[int, list[str]]] = []
    for number, line in enumerate(source, 1):  # row by row: a quote that is left open spoils its own row only
        try:
            found += [(number, cells) for cells in csv.reader([line], delimiter=delimiter, strict=True)]
        except csv.Error:
            faults.append((number, "dấu ngoặc kép chưa đóng.", "a quotation mark is left open."))
    return found


def _row(line: int, cells: list[str]) -> Row:
    if not 2 <= len(cells) <= 3:
        raise _WrongCells(count=len(cells))
    written = checked_written(cells[0])
    note = checked_note(written, cells[2] if len(cells) == 3 else None)
    return Row(line, written, checked_spoken(written, cells[1]), note)


class _WrongCells(TruyenThanhError):
    slug = "lexicon-row-cells"
    status = 422
    vi = "có {count} ô; cần hai ô “viết, đọc”, có thể thêm ô ghi chú."
    en = "{count} cells; it needs two, written and spoken, and may have a note."


def _unusable(faults: list[tuple[int, str, str]]) -> RowsUnusable:
    shown = sorted(faults)[:SHOWN_MAX]
    # A “ / ” inside would be taken for the border between the languages.
    told_vi = "\n".join(f"  dòng {line}: {vi}" for line, vi, _ in shown).replace(" / ", "/")
    told_en = "\n".join(f"  row {line}: {en}" for line, _, en in shown).replace(" / ", "/")
    more = "" if len(faults) <= SHOWN_MAX else "\n  …"
    return RowsUnusable(count=len(faults), told_vi=told_vi + more, told_en=told_en + more)
