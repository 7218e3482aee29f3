"""Units from files and from the official list: all or nothing, each refusal with its row, twice as good as once."""

from __future__ import annotations

import io
from datetime import date
from importlib import resources
from pathlib import Path

import openpyxl
import pytest

from core import units
from core.database import Database
from core.errors import Invalid
from core.units import importing, sheets
from core.units.importing import Imported

SAMPLE = Path(str(resources.files("core.units") / "bac-giang-2025.csv"))
BEFORE, AFTER = date(2025, 6, 30), date(2025, 7, 1)


def load(db: Database, content: str) -> Imported:
    columns = {"needed": importing.NEEDED, "optional": importing.OPTIONAL}
    rows = sheets.parse(content.encode(), "tep.csv", called=importing.CALLED, **columns)
    with db.writing() as session:
        return importing.apply(session, rows, "tep.csv")


def shown(db: Database, on: date) -> dict[str, str | None]:
    """Names to the name above on this date."""
    with db.reading() as session:
        found = units.standing(session, on=on)
    names = {unit.id: unit.name for unit in found}
    return {unit.name: names.get(unit.parent_id or "") for unit in found}


def test_the_sample_has_three_tiers_before_july_2025_and_two_after(db: Database) -> None:
    rows = importing.read(SAMPLE)
    with db.writing() as session:
        done = importing.apply(session, rows, SAMPLE.name)
    assert done.unchanged == 0
    before, after = shown(db, BEFORE), shown(db, AFTER)
    assert before["Xã Phúc Sơn"] == "Huyện Sơn Động"
    assert before["Huyện Sơn Động"] == "Tỉnh Bắc Giang"
    assert before["Xã Đại Sơn"] == "Huyện Sơn Động"
    assert after["Xã Đại Sơn"] == "Tỉnh Bắc Ninh"
    assert "Xã Phúc Sơn" not in after
    assert not any(name.startswith(("Huyện", "Thị xã", "Thành phố")) for name in after)
    assert set(after.values()) == {None, "Tỉnh Bắc Ninh"}
    with db.writing() as session:
        again = importing.apply(session, rows, SAMPLE.name)
    assert (again.added, again.extended) == ([], [])


def test_the_official_list_and_the_sample_go_together(sqlite_db: Database) -> None:
    with sqlite_db.writing() as session:
        done = importing.apply(session, importing.official_rows("Bắc Ninh"), "Bắc Ninh")
        assert len(done.added) == 100
        assert importing.apply(session, importing.official_rows("24"), "Bắc Ninh").unchanged == 100
        merged = importing.apply(session, importing.read(SAMPLE), SAMPLE.name)
        assert "Huyện Sơn Động" in merged.added
        # Every new commune of the sample is one of the official list, by name and code: nothing stands beside it.
        assert len(units.standing(session, on=AFTER)) == 100
    with pytest.raises(Invalid, match="no province “Atlantis”"):
        importing.official_rows("Atlantis")


HEAD = "key,code,name,kind,parent,valid_from,valid_to,successors\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("ten,cap,màu\nXã,commune,xanh\n", "row 1: columns are unknown, rename them or take them out: màu;"),
        (
            "name,tên,cấp trên\nXã,Xã,\n",
            r"missing, add them: kind .Cấp.; row 1: columns are there twice.*: name .Tên.;",
        ),
        (HEAD + "a,,Xã Một,commune,khong-co,,,\n", "row 2: there is no one unit “khong-co”"),
        (HEAD + "a,,Xã Một,commune,b,,,\nb,,Xã Hai,commune,a,,,\n", "row 2: a cycle: a → b → a"),
        (HEAD + "a,1,Xã Một,commune,,,,\nb,1,Xã Một,commune,,,,\n", "row 3: 1 “Xã Một” is there twice"),
        (HEAD + "a,,Xã Một,commune,,,,\na,,Xã Một,commune,,2025-01-01,,\n", "row 3: “Xã Một” .a. overlaps row 2"),
        (HEAD + "a,,Xã Một,vùng,,,,\n", "row 2: there is no kind “vùng”"),
        (HEAD + "a,,Xã Một,commune,,hôm qua,,\n", "row 2: a date is wrong"),
        (HEAD + "a,,Xã Một,commune,,2025-01-01,2024-01-01,\n", "row 2: 2025-01-01 is not before 2024-01-01"),
        (HEAD + "a,,,commune,,,,\n", "row 2: the name is missing"),
        (HEAD + "a,,Xã Một,commune,,,,b\n", "row 2: there are successors and no valid_to"),
        (HEAD + "a,,Xã Một,commune,,,,\nb,,Xã Hai,commune,a,,,\n", "row 3: a commune can't be below the commune"),
        (HEAD + "t,,T,province,,2025-07-01,,\na,,X,commune,t,,,\n", "row 3: “X” can't be below “T” on 0001-01-01"),
    ],
)
def test_what_can_t_be_is_refused_with_its_row(sqlite_db: Database, content: str, said: str) -> None:
    with pytest.raises(sheets.SheetWrong, match=said) as caught:
        load(sqlite_db, content)
    assert "dòng" in caught.value.text("vi")
    assert shown(sqlite_db, AFTER) == {}


def test_all_that_is_wrong_is_told_at_once(sqlite_db: Database) -> None:
    content = HEAD + (
        "h,,Huyện,district,,,,\n"  # 2: sound
        "a,,Xã Một,vùng,h,,,\n"  # 3: no such kind
        "b,,Thôn A,village,a,,,\n"  # 4: nothing wrong but that it stands below row 3
        "c,,Xã Hai,commune,khong-co,,,\n"  # 5: unknown
        "d,,Xã Ba,commune,h,hôm qua,,\n"  # 6
        "e,,Xã Bốn,commune,c,,,\n"  # 7: nothing wrong but that row 5 is
        "f,,Xã Năm,commune,g,,,\ng,,Xã Sáu,commune,f,,,\n"  # 8, 9: a cycle
        "i,,Huyện Hai,district,h,,,\n"  # 10: a district below a district
        "k,,Xã Bảy,commune,h,,2025-01-01,mat\n"  # 11: unknown successor
    )
    with pytest.raises(sheets.SheetWrong) as caught:
        load(sqlite_db, content)
    told = caught.value.text("vi")
    assert [number for number in range(2, 12) if f"dòng {number}: " in told] == [3, 5, 6, 8, 9, 10, 11]
    assert shown(sqlite_db, AFTER) == {}


def test_columns_and_kinds_as_people_call_them(sqlite_db: Database) -> None:
    content = (
        "STT;Mã;TÊN ĐƠN VỊ;Cấp;Trực thuộc;Từ ngày;Ghi chú\n1;24;Tỉnh;Tỉnh;;01/07/2025;\n2;1;Xã Một;Xã;24;01/07/2025;x\n"
    )
    load(sqlite_db, content + "3;;Bản Đông;bản;1;01/07/2025;\n")
    assert shown(sqlite_db, AFTER) == {"Tỉnh": None, "Xã Một": "Tỉnh", "Bản Đông": "Xã Một"}


def test_a_second_import_that_contradicts_is_refused(sqlite_db: Database) -> None:
    load(sqlite_db, HEAD + "t,24,Tỉnh,province,,,,\na,1,Xã Một,commune,t,,,\n")
    with pytest.raises(sheets.SheetWrong, match="row 2: “Xã Một” has a place already"):
        load(sqlite_db, HEAD + "a,1,Xã Một,commune,,2025-01-01,,\n")


def test_xlsx_is_read_like_csv(tmp_path: Path, sqlite_db: Database) -> None:
    book = openpyxl.Workbook()
    for line in (["key", "name", "kind", "parent", "valid_from"], ["t", "Tỉnh", "tỉnh"], ["x", "Xã", "xã", "t"]):
        book.active.append(line)
    path = tmp_path / "donvi.xlsx"
    book.save(path)
    with sqlite_db.writing() as session:
        assert importing.apply(session, importing.read(path), path.name).added == ["Tỉnh", "Xã"]
    assert shown(sqlite_db, AFTER) == {"Tỉnh": None, "Xã": "Tỉnh"}
    path.write_bytes(b"PK no sheet")
    with pytest.raises(sheets.SheetWrong, match="can't be opened as XLSX"):
        importing.read(path)
    assert io.BytesIO(path.read_bytes()).read(2) == b"PK"
