"""Every error speaks Vietnamese and English, about the same facts."""

from __future__ import annotations

import string

import pytest

from core import errors as core_errors
from core.errors import DatabaseNotMigrated, TruyenThanhError
from schedules import errors as schedules_errors

KINDS = sorted(
    {
        kind
        for room in (core_errors, schedules_errors)
        for kind in vars(room).values()
        if isinstance(kind, type) and issubclass(kind, TruyenThanhError)
    },
    key=lambda kind: kind.__qualname__,
)


def facts(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("kind", KINDS)
def test_both_languages_tell_the_same_facts(kind: type[TruyenThanhError]) -> None:
    assert facts(kind.vi) == facts(kind.en)
    assert kind.vi != kind.en
    error = kind(**dict.fromkeys(facts(kind.vi), "…"))
    assert "{" not in error.text("vi") + error.text("en")
    assert 400 <= kind.status < 600
    assert kind.slug == kind.slug.lower()


def test_the_text_is_english_where_a_program_shows_it_and_vietnamese_for_people() -> None:
    error = DatabaseNotMigrated(current="0001", wanted="0002")
    assert str(error) == error.text("en")
    assert error.text().startswith("Cơ sở dữ liệu")
    assert error.facts == {"current": "0001", "wanted": "0002"}
