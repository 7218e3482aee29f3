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
TWO_TIERS = date(2025, 7, 1)  # the official list holds from this day on
_VIETNAMESE = {"tỉnh": "province", "thành phố": "province", "huyện": "district", "xã": "commune", "phường": "commune"}
_VIETNAMESE |= {"thị trấn": "commune", "đặc khu": "commune", "thôn": "village", "tổ dân phố": "village"}


@dataclass(slots=True)
class Imported:
    """What an import did, or would do: units by their names."""

    added: list[str] = field(default_factory=list)
    extended: list[str] = field(default_factory=list)  # were there, and have other dates or successors now
    unchanged: int = 0


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


def read(path: Path) -> list[Row]:
    """The rows of a file of units."""
    return sheets.read(path, needed=NEEDED, optional=OPTIONAL)


def apply(session: Session, rows: Sequence[Row], name: str) -> Imported:
    """Bring the rows of the sheet `name` into the tree. Raises `SheetWrong` with every row that can't be."""
    stretches = _checked(rows, name)
    return _Import(session, stretches, name).run()


def _checked(rows: Sequence[Row], name: str) -> dict[str, list[_Stretch]]:
    problems: list[tuple[int, str]] = []
    by_key: dict[str, list[_Stretch]] = defaultdict(list)
    for row in rows:
        try:
            stretch = _stretch(row)
        except Invalid as error:
            problems.append((row.number, error.facts["what"]))
            continue
        by_key[stretch.key].append(stretch)
    for held in by_key.values():
        held.sort(key=lambda stretch: stretch.since)
    if not problems:
        problems += [*_doubled(by_key), *_circles(by_key)]
    if problems:
        raise sheets.wrong(name, problems)
    return dict(by_key)


def _stretch(row: Row) -> _Stretch:
    kind = row.cells.get("kind", "").lower()
    kind = _VIETNAMESE.get(kind, kind)
    if kind not in KINDS:
        raise Invalid(
            what=f"cấp “{kind}” không có; hãy ghi một trong: {', '.join(KINDS)}"
            f" / there is no kind “{kind}”; write one of: {', '.join(KINDS)}"
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
    key = row.cells.get("key", "") or code or f"{kind} {name} {row.cells.get('parent', '')}"
    parent = row.cells.get("parent", "")
    return _Stretch(row.number, key, code or None, name, kind, parent, since, until, successors)


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
    def __init__(self, session: Session, stretches: Mapping[str, Sequence[_Stretch]], name: str) -> None:
        self._session = session
        self._held = stretches
        self._name = name
        self._units: dict[str, Unit] = {}
        self._problems: list[tuple[int, str]] = []
        self._done = Imported()
        self._touched: set[str] = set()

    def run(self) -> Imported:
        ordered = sorted(self._held.items(), key=lambda item: KINDS.index(item[1][0].kind))
        fresh = {key for key, held in ordered if self._meet(key, held)}
        for key, held in ordered:
            for stretch in held:
                self._try(self._place, self._units[key], stretch)
        for key, held in ordered:
            for stretch in held:
                if stretch.successors:
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
        return self._done

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
