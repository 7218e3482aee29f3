"""The lexicon: what is found in a text, what an entry may hold, and its history, on both databases."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from audio import lexicon
from audio.lexicon import (
    EntryChanged,
    EntryMissing,
    Lexicon,
    LexiconChange,
    SpokenNotPlain,
    WrittenUnusable,
    key_of,
    store,
)
from audio.lexicon.match import dictionary_order
from audio.reading import letters, read
from audio.reading.prepare import prepare
from core import units
from core.clock import ManualClock
from core.database import Database
from core.errors import NotFound
from core.events import Actor, Event

EDITOR = Actor("01J00000000000000000EDITOR", "Biên tập viên")
TODAY = date(2026, 7, 1)
OTHER = Actor("01J000000000000000000OTHER", "Người khác")


def made(**entries: str) -> Lexicon:
    return Lexicon({key_of(written): spoken for written, spoken in entries.items()})


def heard(book: Lexicon, written: str) -> list[tuple[str, str]]:
    """What the lexicon reads of a text: as written, and as spoken."""
    return [(span.written, span.spoken) for span in read(written, book).spans if span.kind == "lexicon"]


# --- Finding -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "written", "found"),
    [
        ("QL37", "Trên QL37, đoạn cuối.", ["QL37"]),
        ("QL37", "Trên QL37A và ql37.", []),  # another word; in capitals only
        ("Đ.T 295B", "Sửa Đ.T 295B, Đ.T  295B.", ["Đ.T 295B", "Đ.T  295B"]),
        ("Đồng Bùi", "Thôn Đồng Bùi, THÔN ĐỒNG BÙI, cánh đồng bùi.", ["Đồng Bùi", "ĐỒNG BÙI"]),
        ("Đồng Bùi", "Qua Đồng.\nBùi Văn An.", []),  # not over the end of a line
        ("hợp tác xã", "Hợp tác xã, HỢP TÁC XÃ, hợp tác xã", ["Hợp tác xã", "HỢP TÁC XÃ", "hợp tác xã"]),
        ("Hoà Bình", "tỉnh Hòa Bình", ["Hòa Bình"]),
        ("Thúy", "chị Thuý", ["Thuý"]),
        ("Krông Búk", unicodedata.normalize("NFD", "huyện Krông Búk"), [unicodedata.normalize("NFD", "Krông Búk")]),
        ("UBND", "Quyết định số 12/QĐ-UBND của UBND xã", ["UBND"]),  # a code is one thing
        ("bacninh", "Thư: duongday@bacninh.gov.vn", []),
        ("Mông", "người H'Mông và người Mông", ["Mông"]),
        ("Lào Cai", "tuyến Yên Bái-Lào Cai", ["Lào Cai"]),
        ("Ma", "nước Ma-rốc", []),
        ("19", "19,5 và 1.19 và 19.", ["19"]),
        ("A&B", "Công ty A&B", ["A&B"]),
        ("“An Phú”", 'khu "An Phú"', ['"An Phú"']),  # quotes are made one kind
    ],
)
def test_an_entry_is_found_where_it_is_meant(entry: str, written: str, found: list[str]) -> None:
    assert [one for one, _ in heard(Lexicon({key_of(entry): "đọc thế này"}), written)] == found


def test_the_longest_entry_wins_and_what_is_read_stands_in_the_sentence() -> None:
    book = made(**{"An": "an an", "An Phú": "an phú đông", "An Phú Tây": "an phú tây"})
    assert heard(book, "An, An Phú, An Phú Tây, An Phú An") == [
        ("An", "an an"),
        ("An Phú", "an phú đông"),
        ("An Phú Tây", "an phú tây"),
        ("An Phú", "an phú đông"),
        ("An", "an an"),
    ]
    reading = read("Ngày 30/7, thôn An Phú họp.", book)
    assert reading.spoken == "ngày ba mươi tháng bảy, thôn an phú đông họp."


def test_an_entry_in_capitals_goes_before_a_name_that_is_capitalised() -> None:
    book = made(**{"Ba Na": "ba na", "BA NA": "bê a nờ a"})
    assert heard(book, "BA NA và Ba Na") == [("BA NA", "bê a nờ a"), ("Ba Na", "ba na")]


def test_names_stand_in_the_order_of_a_dictionary() -> None:
    names = ["QL37", "Yên", "Ánh", "An", "Đại", "Dương", "1022", "Ân", "Ăn"]
    in_order = ["1022", "An", "Ánh", "Ăn", "Ân", "Dương", "Đại", "QL37", "Yên"]
    assert sorted(names, key=dictionary_order) == in_order


def test_the_digest_tells_states_apart_and_not_orders() -> None:
    assert made(An="an", Ba="ba").digest == made(Ba="ba", An="an").digest
    assert made(An="an").digest != made(An="ăn").digest
    assert not Lexicon({})
    assert read("Xã An", Lexicon({})).spoken == "xã an"


WORDS = st.sampled_from(["An", "an", "Phú", "phú", "Hoà", "hòa", "QL37", "B", "295", ".", "-", "/", "'", "\n", "ĐT"])
NAMES = st.lists(WORDS.filter(lambda word: word != "\n"), min_size=1, max_size=4).map(" ".join)
SPOKEN = re.compile(f"[{letters.LOWER},.?! \n]*")


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(NAMES.filter(lambda name: any(map(str.isalnum, name))), st.sampled_from(["một", "hai ba"])),
    st.lists(WORDS, max_size=30),
    st.sampled_from(["", " "]),
    st.sampled_from(["NFC", "NFD"]),
)
def test_what_is_found_is_whole_words_the_longest_and_never_overlaps(
    entries: dict[str, str], words: list[str], between: str, form: str
) -> None:
    book = made(**entries)
    written = unicodedata.normalize(form, between.join(words))  # type: ignore[arg-type]
    prepared = prepare(written).text
    at = 0
    for start, end, spoken in book.claims(prepared):
        assert at <= start < end <= len(prepared)
        at = end
        assert spoken in entries.values()
        surface = key_of(prepared[start:end])
        assert any(surface in {key, key.upper()} or surface.lower() == key for key in book.entries)
        for edge in (start, end):  # never inside a word
            assert not (0 < edge < len(prepared) and prepared[edge - 1].isalnum() and prepared[edge].isalnum())
    reading = read(written, book)
    assert SPOKEN.fullmatch(reading.spoken)
    assert read(reading.spoken).spoken == reading.spoken


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40), st.lists(st.text(min_size=1, max_size=8), max_size=5))
def test_no_text_and_no_entry_makes_it_fail(written: str, names: list[str]) -> None:
    keys = {key_of(name) for name in names} - {""}
    claims = list(Lexicon(dict.fromkeys(keys, "một")).claims(prepare(written).text))
    assert claims == sorted(claims)


# --- Keeping -----------------------------------------------------------------------------------------------------


@pytest.fixture
def places(db: Database) -> tuple[str, str]:
    """A province and a commune in it."""
    with db.writing() as session:
        province = units.add(session, kind="province", name="Tỉnh Sông Bùi")
        return province.id, units.add(session, kind="commune", name="Xã Suối Mơ", parent=province).id


def put(db: Database, clock: ManualClock, unit: str, written: str, spoken: str, number: int = 0) -> LexiconChange:
    with db.writing() as session:
        return lexicon.put(session, unit, written=written, spoken=spoken, number=number, actor=EDITOR, clock=clock)


def test_the_nearest_reading_wins_and_what_it_covers_is_told(
    db: Database, clock: ManualClock, places: tuple[str, str]
) -> None:
    province, commune = places
    put(db, clock, province, "Đắk Pơ", "đắc pơ")
    put(db, clock, province, "QL37", "quốc lộ ba bảy")
    put(db, clock, commune, "Đắk Pơ", "đác pờ")
    with db.reading() as session:
        found = lexicon.effective(session, commune, on=TODAY)
        assert [(one.change.written, one.change.spoken, one.change.unit_id) for one in found] == [
            ("Đắk Pơ", "đác pờ", commune),
            ("QL37", "quốc lộ ba bảy", province),
        ]
        assert [one.spoken for one in found[0].covers] == ["đắc pơ"]
        assert [one.written for one in lexicon.own(session, commune)] == ["Đắk Pơ"]
        assert heard(lexicon.for_unit(session, commune, on=TODAY), "Đắk Pơ, QL37") == [
            ("Đắk Pơ", "đác pờ"),
            ("QL37", "quốc lộ ba bảy"),
        ]
        assert heard(lexicon.for_unit(session, province, on=TODAY), "Đắk Pơ") == [("Đắk Pơ", "đắc pơ")]
        assert not lexicon.for_unit(session, None, on=TODAY)


def test_the_readings_of_merged_communes_stay_and_their_successors_go_before(
    db: Database, clock: ManualClock, places: tuple[str, str]
) -> None:
    province, commune = places
    with db.writing() as session:
        merged = units.add(
            session, kind="commune", name="Xã Mới", parent=units.get(session, province), since=date(2026, 7, 1)
        ).id
        units.end(session, units.get(session, commune), date(2026, 7, 1), [units.get(session, merged)])
    put(db, clock, province, "An Phú", "an phú tỉnh")
    put(db, clock, commune, "An Phú", "an phú xã")
    with db.reading() as session:
        assert lexicon.for_unit(session, merged, on=TODAY).entries == {key_of("An Phú"): "an phú xã"}
    put(db, clock, merged, "An Phú", "an phú mới")
    with db.reading() as session:
        (held,) = lexicon.effective(session, merged, on=TODAY)
        assert [held.change.spoken, *(one.spoken for one in held.covers)] == ["an phú mới", "an phú xã", "an phú tỉnh"]


def test_every_change_is_kept_and_an_older_one_can_be_restored(
    db: Database, clock: ManualClock, places: tuple[str, str]
) -> None:
    province, _ = places
    moments = []
    for number, spoken in enumerate(["hòa bình", "hòa bình mới"]):
        put(db, clock, province, "Hoà Bình" if number else "Hòa Bình", spoken, number)
        moments.append(clock.now())
        clock.advance(timedelta(hours=1))
    with db.writing() as session:
        lexicon.remove(session, province, written="Hòa Bình", number=2, actor=OTHER, clock=clock)
        assert lexicon.own(session, province) == []
        clock.advance(timedelta(hours=1))
        lexicon.restore(session, province, written="Hòa Bình", version=1, number=3, actor=OTHER, clock=clock)
    with db.reading() as session:
        told = [(one.number, one.spoken, one.changed_by) for one in lexicon.history(session, province, "Hoà Bình")]
        assert told == [
            (1, "hòa bình", EDITOR.id),
            (2, "hòa bình mới", EDITOR.id),
            (3, None, OTHER.id),
            (4, "hòa bình", OTHER.id),
        ]
        for moment, spoken in zip(moments, ["hòa bình", "hòa bình mới"], strict=True):
            assert [one.spoken for one in lexicon.own(session, province, moment)] == [spoken]
            assert lexicon.for_unit(session, province, on=TODAY, at=moment).entries == {key_of("Hòa Bình"): spoken}
        assert [one.spoken for one in lexicon.own(session, province)] == ["hòa bình"]
        events = session.scalars(select(Event).where(Event.kind.startswith("user:lexicon:")).order_by(Event.seq)).all()
        assert [one.kind.rpartition(":")[2] for one in events] == ["set", "set", "removed", "restored"]
        assert (events[1].data["before"], events[1].data["after"]) == ("hòa bình", "hòa bình mới")


def test_an_edit_of_what_has_changed_meanwhile_is_refused(
    db: Database, clock: ManualClock, places: tuple[str, str]
) -> None:
    province, _ = places
    first = put(db, clock, province, "An Phú", "an phú")
    again = put(db, clock, province, "An Phú", "an phú", 1)
    assert (again.id, again.number) == (first.id, 1)  # the same again is no new version
    with pytest.raises(EntryChanged, match="edit version 0, it is at version 1"):
        put(db, clock, province, "An Phú", "an phú đông")
    put(db, clock, province, "An Phú", "an phú đông", 1)
    with pytest.raises(EntryChanged):
        put(db, clock, province, "An Phú", "an phú tây", 1)
    with db.writing() as session, pytest.raises(EntryChanged):
        lexicon.remove(session, province, written="An Phú", number=1, actor=EDITOR, clock=clock)
    with db.writing() as session:
        lexicon.remove(session, province, written="An Phú", number=2, actor=EDITOR, clock=clock)
    assert put(db, clock, province, "An Phú", "an phú").number == 4  # a name that was removed may be set anew


def test_two_that_edit_at_once_get_one_version(db: Database, clock: ManualClock, places: tuple[str, str]) -> None:
    """What the look before the change can't see, the database holds."""
    province, _ = places
    put(db, clock, province, "An Phú", "an phú")
    with db.writing() as session, pytest.raises(EntryChanged):
        store._append(session, province, None, "An Phú", "an", None, "set", actor=EDITOR, clock=clock)
    with db.reading() as session:
        assert [one.spoken for one in lexicon.history(session, province)] == ["an phú"]


@pytest.mark.parametrize("statement", ["UPDATE lexicon_changes SET spoken = 'x'", "DELETE FROM lexicon_changes"])
def test_the_database_itself_keeps_the_history(
    db: Database, clock: ManualClock, places: tuple[str, str], statement: str
) -> None:
    put(db, clock, places[0], "An Phú", "an phú")
    with pytest.raises(IntegrityError, match="appended to and never changed"), db.writing() as session:
        session.execute(text(statement))


@pytest.mark.parametrize(
    ("spoken", "instead"),
    [
        ("Quốc lộ ba mươi bảy", "quốc lộ ba mươi bảy"),
        ("quốc lộ 37", "quốc lộ ba mươi bảy"),
        ("an phú.", "an phú"),
        ("   ", "∅"),
        ("***", "∅"),
    ],
)
def test_a_reading_that_is_not_plain_speech_is_refused_with_what_it_would_be(
    db: Database, clock: ManualClock, places: tuple[str, str], spoken: str, instead: str
) -> None:
    with pytest.raises(SpokenNotPlain, match=f"would be read as “{instead}”") as refused:
        put(db, clock, places[0], "QL37", spoken)
    assert f"“{instead}”" in refused.value.text("vi")


@pytest.mark.parametrize("written", ["", "  ", "***", "a" * 121, "\0"])
def test_what_can_never_be_found_is_refused(
    db: Database, clock: ManualClock, places: tuple[str, str], written: str
) -> None:
    with pytest.raises(WrittenUnusable):
        put(db, clock, places[0], written, "một")


def test_what_is_not_there_is_named(db: Database, clock: ManualClock, places: tuple[str, str]) -> None:
    province, commune = places
    put(db, clock, province, "An Phú", "an phú")
    with db.writing() as session:
        with pytest.raises(EntryMissing, match="An Phú"):  # the province's isn't the commune's to remove
            lexicon.remove(session, commune, written="An Phú", number=1, actor=EDITOR, clock=clock)
        with pytest.raises(EntryMissing):
            lexicon.restore(session, province, written="An Phú", version=7, number=1, actor=EDITOR, clock=clock)
        with pytest.raises(EntryMissing):
            lexicon.history(session, commune, "An Phú")
        with pytest.raises(NotFound):
            lexicon.own(session, "01J0000000000000000000NONE")
