"""Dispatches as rows."""

from __future__ import annotations

import threading
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from broadcast import dispatches, samples
from broadcast.dispatches import DispatchTooLong
from broadcast.encodings import FileIsEmpty, LegacyEncoding
from broadcast.tables import Dispatch
from core.clock import ManualClock
from core.database import Database
from core.errors import NotFound, TruyenThanhError
from core.events import Event
from tests.broadcast.newsroom.cases import CASES
from tests.broadcast.newsroom.support import WRITER


def test_importing_keeps_the_facts_the_text_and_who_did_it(db: Database, clock: ManualClock) -> None:
    text = samples.dispatch_text()
    with db.writing() as session:
        dispatch_id = dispatches.import_dispatch(session, text, actor=WRITER, clock=clock).id
    with db.reading() as session:
        stored = dispatches.get(session, dispatch_id)
        assert stored.number == "27/STTCS-MAU"
        assert stored.text == text
        assert (stored.observance_day, stored.observance_month) == (30, 7)
        assert stored.missing == []
        assert stored.imported_by == WRITER.id
        event = session.scalars(select(Event)).one()
        assert (event.kind, event.subject_id) == ("user:dispatch:imported", dispatch_id)
        assert event.at == clock.now()


def test_the_same_text_again_is_the_same_dispatch(db: Database, clock: ManualClock) -> None:
    text = samples.dispatch_text()
    again = "\ufeff" + unicodedata.normalize("NFD", text).replace("\n", " \r\n") + "\n\n"
    with db.writing() as session:
        first = dispatches.import_dispatch(session, text, actor=WRITER, clock=clock).id
    with db.writing() as session:
        assert dispatches.import_dispatch(session, again, actor=WRITER, clock=clock).id == first
        assert session.scalar(select(func.count()).select_from(Dispatch)) == 1
        assert session.scalar(select(func.count()).select_from(Event)) == 1


def test_two_who_import_the_same_text_at_once_get_one_dispatch(db: Database, clock: ManualClock) -> None:
    ready = threading.Barrier(2)

    def bring() -> str:
        ready.wait(10)
        with db.writing() as session:
            return dispatches.import_dispatch(session, samples.dispatch_text(), actor=WRITER, clock=clock).id

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(bring), pool.submit(bring)
        assert first.result(20) == second.result(20)


def test_what_is_not_found_is_null_and_named(sqlite_db: Database, clock: ManualClock) -> None:
    with sqlite_db.writing() as session:
        stored = dispatches.import_dispatch(session, CASES[0].text, actor=WRITER, clock=clock)
        assert stored.number is None
        assert stored.issued_on is None
        assert stored.issued_text == "Bắc Ninh, ngày tháng 9 năm 2026"
        assert stored.missing == ["number", "issued_on", "observance_day"]


def test_every_case_can_be_stored(db: Database, clock: ManualClock) -> None:
    with db.writing() as session:
        for case in CASES:
            dispatches.import_dispatch(session, case.text, actor=WRITER, clock=clock)
        assert session.scalar(select(func.count()).select_from(Dispatch)) == len(CASES)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (" \n", FileIsEmpty),
        ("Céng hßa x· héi chñ nghÜa ViÖt Nam", LegacyEncoding),
        ("a " * 200_001, DispatchTooLong),
    ],
)
def test_bad_text_stores_nothing(
    sqlite_db: Database, clock: ManualClock, text: str, error: type[TruyenThanhError]
) -> None:
    with pytest.raises(error), sqlite_db.writing() as session:
        dispatches.import_dispatch(session, text, actor=WRITER, clock=clock)
    with sqlite_db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Dispatch)) == 0
        assert session.scalar(select(func.count()).select_from(Event)) == 0


def test_an_unknown_dispatch_is_named(sqlite_db: Database) -> None:
    with sqlite_db.reading() as session, pytest.raises(NotFound):
        dispatches.get(session, "01J00000000000000000000000")
