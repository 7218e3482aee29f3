"""Units from a sheet, or from the official list, into the tree: all of it or nothing, and twice is as good as once.

A unit in a file has a `key`; several rows with one key are several stretches of its time (another name, another unit
above). A unit that is there already is recognised by its kind, its official code (where it has one) and any name that
it had; what is as the file says stays untouched.
"""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import Invalid
from core.units import changes, sheets
from core.units.sheets import Row
from core.units.tables import ALWAYS, FOREVER, KINDS, Unit, UnitKind, UnitLink, UnitName

NEEDED = ("name", "kind")
OPTIONAL = ("key", "code", "parent", "valid_from", "valid_to", "successors")
CALLED = {
    "name": ("Tên", "Tên đơn vị", "Đơn vị", "Tên đơn vị hành chính"),
    "kind": ("Cấp", "Loại", "Cấp hành chính", "Loại hình"),
    "key": ("Khóa", "Mã dòng"),
    "code": ("Mã", "Mã đơn vị", "Mã số", "Mã hành chính", "Mã ĐVHC"),
    "parent": ("Cấp trên", "Đơn vị cấp trên", "Trực thuộc", "Thuộc", "Mã cấp trên"),
    "valid_from": ("Từ ngày", "Hiệu lực từ", "Ngày hiệu lực"),
    "valid_to": ("Đến ngày", "Hiệu lực đến", "Ngày hết hiệu lực"),
    "successors": ("Kế tục", "Đơn vị kế tục", "Sáp nhập vào"),
}
TWO_TIERS = date(2025, 7, 1)  # the official list holds from this day on
_KINDS: dict[UnitKind, tuple[str, ...]] = {
    "province": ("tỉnh", "thành phố"),
    "district": ("huyện", "quận", "thị xã", "thành phố thuộc tỉnh"),
    "commune": ("xã", "phường", "thị trấn", "đặc khu"),
    "village": ("thôn", "tổ dân phố", "ấp", "bản", "buôn", "làng", "xóm", "khu phố"),
}
_KIND_OF: dict[str, UnitKind] = {sheets.plain(word): kind for kind, words in _KINDS.items() for word in (kind, *words)}


@dataclass(slots=True)
class Imported:
    """What an import did, or would do: units by their names."""

    added: list[str] = field(default_factory=list)
    extended: list[str] = field(default_factory=list)  # were there, and have other dates or successors now
    unchanged: int = 0
    touched: set[str] = field(default_factory=set)  # ids of the first two


@dataclass(frozen=True, slots=True)
class _Stretch:
    row: int
    key: str
    code: str | None
    name: str
    kind: UnitKind
    parent: str
    since: date
    until: date
    successors: tuple[str, ...]


def official_rows(province: str) -> list[Row]:
    """The two-tier list of one province ("Bắc Ninh", "24"), in force since 1 July 2025. Raises `Invalid`."""
    from vietnam_provinces import NESTED_DIVISIONS_JSON_PATH  # noqa: PLC0415 - only an import needs the list

    wanted = province.strip().casefold().removeprefix("tỉnh ").removeprefix("thành phố ")
    for found in json.loads(Path(NESTED_DIVISIONS_JSON_PATH).read_text(encoding="utf-8")):
        plain = found["name"].casefold().removeprefix("tỉnh ").removeprefix("thành phố ")
        if wanted not in {plain, str(found["code"]), f"{found['code']:02}"}:
            continue
        name = found["name"] if found["name"].startswith(("Thành phố", "Tỉnh")) else f"Tỉnh {found['name']}"
        top = f"{found['code']:02}"
        since = TWO_TIERS.isoformat()
        rows = [{"key": f"p{top}", "code": top, "name": name, "kind": "province", "valid_from": since}]
        for ward in found["wards"]:
            code = f"{ward['code']:05}"
            rows.append(
                {"code": code, "name": ward["name"], "kind": "commune", "parent": f"p{top}", "valid_from": since}
            )
        return [Row(number, cells) for number, cells in enumerate(rows, start=2)]
    raise Invalid(
        what=f"danh sách chính thức không có tỉnh “{province}”; hãy ghi như “Bắc Ninh” hoặc mã “24”"
        f" / the official list has no province “{province}”; write it like “Bắc Ninh”, or its code “24”"
    )


def parse(content: bytes, name: str) -> list[Row]:
    """The rows of a file of units that came as bytes."""
    return sheets.parse(content, name, needed=NEEDED, optional=OPTIONAL, called=CALLED)


def read(path: Path) -> list[Row]:
    """The rows of a file of units."""
    return sheets.read(path, needed=NEEDED, optional=OPTIONAL, called=CALLED)


def apply(session: Session, rows: Sequence[Row], name: str) -> Imported:
    """Bring the rows of the sheet `name` into the tree. Raises `SheetWrong` with every row that can't be.

    Also where some rows are wrong by themselves the others are tried, so that all is told at once; whoever calls takes
    the transaction back.
    """
    by_key, problems = _read(rows)
    return _Import(session, by_key, problems, name).run()


def _read(rows: Sequence[Row]) -> tuple[dict[str, list[_Stretch]], list[tuple[int, str]]]:
    """The stretches by their key, those of each in the order of time; and what is wrong with the file by itself."""
    problems: list[tuple[int, str]] = []
    by_key: dict[str, list[_Stretch]] = defaultdict(list)
    for row in rows:
        try:
            stretch = _stretch(row)
        except Invalid as error:
            problems.append((row.number, error.facts["what"]))
            by_key[_key(row)] += []  # named by others, it isn't unknown
            continue
        by_key[stretch.key].append(stretch)
    for held in by_key.values():
        held.sort(key=lambda stretch: stretch.since)
    return dict(by_key), [*problems, *_doubled(by_key), *_circles(by_key)]


def _key(row: Row) -> str:
    cells = row.cells
    named = f"{cells.get('kind', '')} {cells.get('name', '')} {cells.get('parent', '')}"
    return cells.get("key", "") or cells.get("code", "") or named


def _stretch(row: Row) -> _Stretch:
    called = row.cells.get("kind", "")
    kind = _KIND_OF.get(sheets.plain(called))
    if kind is None:
        words = ", ".join(word for held in _KINDS.values() for word in held)
        raise Invalid(
            what=f"cấp “{called}” không có; hãy ghi một trong: {words}"
            f" / there is no kind “{called}”; write one of: {', '.join(KINDS)}"
        )
    try:
        since, until = row.day("valid_from", ALWAYS), row.day("valid_to", FOREVER)
    except ValueError as error:
        said = "ngày không đúng; hãy ghi 2025-07-01 hoặc 01/07/2025 / a date is wrong; write 2025-07-01 or 01/07/2025"
        raise Invalid(what=said) from error
    name, code = row.cells.get("name", ""), row.cells.get("code", "")
    if not name:
        raise Invalid(what="chưa có tên / the name is missing")
    if since >= until:
        raise Invalid(what=f"ngày {since} không trước ngày {until} / {since} is not before {until}")
    successors = tuple(one.strip() for one in row.cells.get("successors", "").split("|") if one.strip())
    if successors and until == FOREVER:
        raise Invalid(
            what="có đơn vị kế tục mà không có valid_to; hãy ghi ngày chấm dứt"
            " / there are successors and no valid_to; write the day that it ends"
        )
    parent = row.cells.get("parent", "")
    return _Stretch(row.number, _key(row), code or None, name, kind, parent, since, until, successors)


def _doubled(by_key: Mapping[str, Sequence[_Stretch]]) -> list[tuple[int, str]]:
    problems = []
    first: dict[tuple[str, str, str], str] = {}
    for key, held in by_key.items():
        for before, after in itertools.pairwise(held):
            if after.since < before.until:
                problems.append(
                    (
                        after.row,
                        (
                            f"“{after.name}” ({key}) trùng ngày với dòng {before.row}; mỗi ngày chỉ một dòng"
                            f" / “{after.name}” ({key}) overlaps row {before.row}; one row a date, one key a unit"
                        ),
                    )
                )
            if (after.kind, after.code) != (before.kind, before.code):
                problems.append(
                    (
                        after.row,
                        (
                            f"mã “{key}” đã dùng cho đơn vị khác ở dòng {before.row}; hãy đặt cột key khác nhau"
                            f" / “{key}” is another unit in row {before.row}; give them different keys"
                        ),
                    )
                )
        for stretch in held:
            if stretch.code is None:
                continue
            other = first.setdefault((stretch.kind, stretch.code, stretch.name), key)
            if other != key:
                problems.append(
                    (
                        stretch.row,
                        (
                            f"mã {stretch.code} “{stretch.name}” có hai lần (“{other}”, “{key}”); hãy bỏ một"
                            f" / {stretch.code} “{stretch.name}” is there twice (“{other}”, “{key}”); leave one out"
                        ),
                    )
                )
    return problems


def _circles(by_key: Mapping[str, Sequence[_Stretch]]) -> list[tuple[int, str]]:
    problems = []
    for key, held in by_key.items():
        for stretch in held:
            way, over = [key], stretch.parent
            while over in by_key and over not in way:
                way.append(over)
                over = next((one.parent for one in by_key[over] if one.since <= stretch.since < one.until), "")
            if over == key:
                circle = " → ".join([*way, key])
                problems.append(
                    (
                        stretch.row,
                        f"cây có vòng: {circle}; hãy sửa cột parent / a cycle: {circle}; mend the column parent",
                    )
                )
    return problems


class _Import:
    def __init__(
        self,
        session: Session,
        stretches: Mapping[str, Sequence[_Stretch]],
        problems: Sequence[tuple[int, str]],
        name: str,
    ) -> None:
        self._session = session
        self._held = stretches
        self._name = name
        self._units: dict[str, Unit] = {}
        self._problems = list(problems)
        self._done = Imported()
        self._touched: set[str] = set()

    def run(self) -> Imported:
        self._refer()
        sound = self._sound()
        ordered = sorted(sound.items(), key=lambda item: KINDS.index(item[1][0].kind))
        fresh = {key for key, held in ordered if self._meet(key, held)}
        for key, held in ordered:
            for stretch in held:
                self._try(self._place, self._units[key], stretch)
        for key, held in ordered:
            for stretch in held:
                if stretch.successors and sound.keys() >= set(stretch.successors) & self._held.keys():
                    self._try(self._succeed, self._units[key], stretch)
        if self._problems:
            raise sheets.wrong(self._name, self._problems)
        self._no_second_province()
        for key, held in ordered:
            if key in fresh:
                self._done.added.append(held[-1].name)
            elif self._units[key].id in self._touched:
                self._done.extended.append(held[-1].name)
            else:
                self._done.unchanged += 1
        self._done.touched = self._touched
        return self._done

    def _refer(self) -> None:
        """Whatever a row names has to be in the file or in the tree."""
        for stretch in (one for held in self._held.values() for one in held):
            for key in filter(None, (stretch.parent, *stretch.successors)):
                if key not in self._held:
                    try:
                        self._find(key)
                    except Invalid as error:
                        self._problems.append((stretch.row, error.facts["what"]))

    def _sound(self) -> dict[str, Sequence[_Stretch]]:
        """The units of the file with which nothing is wrong, nor with what they stand below: only these are tried."""
        wrong = {row for row, _ in self._problems}
        sound = {key: held for key, held in self._held.items() if held and not any(one.row in wrong for one in held)}
        while True:
            left = {
                key: held
                for key, held in sound.items()
                if all(one.parent in sound or one.parent not in self._held for one in held)
            }
            if len(left) == len(sound):
                return sound
            sound = left

    def _meet(self, key: str, held: Sequence[_Stretch]) -> bool:
        """Find the unit of a key, or make it; True where it is new."""
        found = self._known(held)
        if found is not None:
            self._units[key] = found
            return False
        made = Unit(kind=held[0].kind, name=held[-1].name, official_code=held[0].code)
        self._session.add(made)
        self._session.flush()
        self._units[key] = made
        return True

    def _try(self, do: Callable[[Unit, _Stretch], None], unit: Unit, stretch: _Stretch) -> None:
        try:
            do(unit, stretch)
        except Invalid as error:
            self._problems.append((stretch.row, error.facts["what"]))

    def _known(self, held: Sequence[_Stretch]) -> Unit | None:
        names = {stretch.name for stretch in held}
        wanted = (
            select(Unit)
            .join(UnitName, UnitName.unit_id == Unit.id)
            .where(Unit.kind == held[0].kind, UnitName.name.in_(names))
        )
        if held[0].code is not None:
            wanted = wanted.where(Unit.official_code == held[0].code)
        else:
            parent = self._units.get(held[0].parent)
            above = select(UnitLink.unit_id).where(UnitLink.parent_id == (parent.id if parent else held[0].parent))
            wanted = wanted.where(Unit.id.in_(above))
        return self._session.scalars(wanted.order_by(Unit.id).limit(1)).first()

    def _find(self, key: str) -> Unit:
        """What a cell names: a key of the file, or the identifier or the one code of a unit that is there."""
        if key in self._units:
            return self._units[key]
        found = self._session.scalars(select(Unit).where((Unit.id == key) | (Unit.official_code == key)).limit(2)).all()
        if len(found) != 1:
            raise Invalid(
                what=f"không có (hoặc có nhiều) đơn vị “{key}”; hãy thêm một dòng có key “{key}”"
                f" / there is no one unit “{key}”; add a row with the key “{key}”"
            )
        return found[0]

    def _place(self, unit: Unit, stretch: _Stretch) -> None:
        parent = self._find(stretch.parent) if stretch.parent else None
        there = self._session.scalars(
            select(UnitLink).where(
                UnitLink.unit_id == unit.id,
                UnitLink.relation == "below",
                UnitLink.valid_from <= stretch.since,
                UnitLink.valid_to >= stretch.until,
            )
        ).first()
        if there is not None and there.parent_id == (parent.id if parent else None):
            return
        changes.link(self._session, unit, parent, stretch.since, stretch.until)
        self._session.add(
            UnitName(unit_id=unit.id, name=stretch.name, valid_from=stretch.since, valid_to=stretch.until)
        )
        self._session.flush()
        self._touched.add(unit.id)

    def _succeed(self, unit: Unit, stretch: _Stretch) -> None:
        successors = [self._find(key) for key in stretch.successors]
        links = select(UnitLink.parent_id).where(UnitLink.unit_id == unit.id, UnitLink.relation != "below")
        there = set(self._session.scalars(links))
        if there == {successor.id for successor in successors}:
            return
        changes.succeed(self._session, unit, stretch.until, successors)
        self._touched.add(unit.id)

    def _no_second_province(self) -> None:
        standing = self._session.scalars(
            select(Unit.name)
            .join(UnitLink, UnitLink.unit_id == Unit.id)
            .where(Unit.kind == "province", UnitLink.relation == "below", UnitLink.valid_to == FOREVER)
        ).all()
        if len(standing) > 1:
            named = ", ".join(standing)
            raise Invalid(
                what=f"mỗi hệ thống chỉ phục vụ một tỉnh, ở đây sẽ có: {named}; hãy ghi valid_to cho tỉnh cũ"
                f" / one installation serves one province, here there would be: {named}; give the old one a valid_to"
            )
