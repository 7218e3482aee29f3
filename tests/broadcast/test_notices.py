"""Short notices: gaps filled in as people say them, what isn't needed left out with its words."""

from __future__ import annotations

import pytest

from audio.reading import read
from broadcast.notices import TEMPLATES, Template, compose, missing, named
from core.errors import Invalid, NotFound

OUT = {"ngay": "2026-07-30", "tu": "07:30", "den": "11:00", "dia_diem": "thôn Đông"}


def test_days_and_times_are_said_as_people_say_them() -> None:
    text = compose(named("mat-dien"), OUT, unit_name="Xã Đồng Bùi")
    assert text.startswith(
        "Ủy ban nhân dân xã Đồng Bùi xin thông báo: thứ Năm, ngày 30/7, từ 7 giờ 30 đến 11 giờ, "
        "tạm ngừng cấp điện tại thôn Đông. Đề nghị"
    )
    with_more = compose(named("mat-dien"), OUT | {"viec": "sửa đường dây", "them": "Có mưa thì hoãn."}, unit_name="X")
    assert "tại thôn Đông để sửa đường dây." in with_more
    assert "sản xuất. Có mưa thì hoãn. Xin cảm ơn" in with_more


def test_what_is_still_missing_is_seen_and_named() -> None:
    template = named("moi-hop")
    assert [gap.name for gap in missing(template, {"ai": "bà con", "them": ""})] == ["viec", "ngay", "tu", "dia_diem"]
    assert "tại ____" in compose(template, {}, unit_name="Xã A")


@pytest.mark.parametrize("wrong", [{"ngay": "mai"}, {"tu": "7h"}, {"dia_diem": "x" * 1001}])
def test_what_is_wrong_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        compose(named("mat-dien"), OUT | wrong, unit_name="Xã A")


def test_an_unknown_template() -> None:
    with pytest.raises(NotFound):
        named("khac")


def test_braces_and_brackets_that_a_person_types_stay() -> None:
    assert compose(named("tu-viet"), {"tin": "Gọi [số] {unit} 113."}, unit_name="Xã A") == "Gọi [số] {unit} 113."


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.name)
def test_every_template_is_read_without_a_doubt(template: Template) -> None:
    examples = {"date": "2026-07-30", "time": "07:30"}
    filled = {gap.name: examples.get(gap.kind, gap.example or "Xin cảm ơn bà con.") for gap in template.gaps}
    assert missing(template, filled) == []
    text = compose(template, filled, unit_name="Xã Đồng Bùi")
    assert not set("[]{}_") & set(text)
    assert read(text).warnings == ()
