"""Evidence to state: the rules one by one, and what must hold for any set of records."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from broadcast.planning import ItemFacts
from broadcast.reconcile import (
    ACCEPTED_LATE,
    CANCEL_UNCONFIRMED,
    CANCELLED,
    NO_PLAN,
    NO_RECORD,
    NOT_ACCEPTED,
    NOT_HEARD,
    SILENT_CARD,
    TWO_LOGS,
    Evidence,
    Expected,
    Verdict,
    reconcile,
)
from tests.broadcast.transmission.world import sha

START = datetime(2026, 7, 28, 22, 0, tzinfo=UTC)
ITEMS = (ItemFacts("A", sha("a"), 3000), ItemFacts("B", sha("b"), 30_000), ItemFacts("C", sha("c"), 2000))
END = START + timedelta(milliseconds=35_000)
EXPECTED = Expected(ITEMS, START, END, accepted_at=START - timedelta(hours=5))
AFTER = END + timedelta(seconds=15)


def ms(value: int) -> timedelta:
    return timedelta(milliseconds=value)


def heard(n: int, seq: int | None = None, **changes: Any) -> Evidence:
    """Item n, played whole and in its place, unless changed."""
    begins = START + ms(sum(item.duration_ms for item in ITEMS[:n]))
    item = ITEMS[n]
    played = changes.get("played_ms", item.duration_ms)
    record = Evidence("LOG1", seq or n + 1, item.id, "finished", item.sha256, begins, begins + ms(played), played)
    return replace(record, **changes)


def silent(n: int, outcome: Any, reason: str = "") -> Evidence:
    return Evidence("LOG1", n + 1, ITEMS[n].id, outcome, ITEMS[n].sha256, reason=reason)


def judged(*records: Evidence, expected: Expected = EXPECTED, now: datetime = AFTER, closed: bool = True) -> Verdict:
    return reconcile(expected, records, now=now, closed=closed)


def test_finished_needs_every_item() -> None:
    verdict = judged(heard(0), heard(1), heard(2))
    assert verdict == Verdict("finished", None, START, END, 35_000)
    assert judged(heard(0), heard(1)).state == "partial"


def test_finished_needs_a_start_and_an_end() -> None:
    assert judged(heard(0), heard(1, ended_at=None), heard(2)).state == "partial"
    assert judged(heard(0), heard(1, started_at=None), heard(2)).state == "partial"
    alone = replace(EXPECTED, items=ITEMS[:1])
    assert judged(heard(0, ended_at=None), expected=alone).state == "unconfirmed"


def test_played_is_not_heard() -> None:
    """The reason says what the evidence doesn't carry; the state is what is proven."""
    every = range(len(ITEMS))
    assert judged(*(heard(n, heard_match=0.6, output_dbfs=-20.0) for n in every)).reason is None
    assert judged(*(heard(n, output_dbfs=-20.0) for n in every)).reason is None  # nothing listens
    deaf = judged(*(heard(n, heard_match=0.05, output_dbfs=-20.0) for n in every))
    assert (deaf.state, deaf.reason) == ("finished", NOT_HEARD)
    mute = judged(*(heard(n, output_dbfs=-120.0) for n in every))
    assert (mute.state, mute.reason) == ("finished", SILENT_CARD)


def test_other_audio_than_was_approved_proves_nothing() -> None:
    verdict = judged(heard(0), heard(1, sha256=sha("something else")), heard(2))
    assert (verdict.state, verdict.played_ms) == ("partial", 5000)


def test_a_power_cut_is_partial_with_what_was_played() -> None:
    cut = heard(1, outcome="partial", ended_at=None, played_ms=12_000, reason="power-cut")
    verdict = judged(heard(0), cut)
    assert (verdict.state, verdict.played_ms) == ("partial", 15_000)
    assert verdict.ended_at == START + ms(15_000)
    assert verdict.reason is not None
    assert "power-cut" in verdict.reason


def test_pieces_of_a_resumed_item_are_added_and_never_count_more_than_its_length() -> None:
    first = heard(1, 2, outcome="partial", played_ms=10_000)
    second = heard(1, 3, played_ms=20_000)
    assert judged(heard(0), first, second, heard(2, 4)).played_ms == 35_000
    assert judged(heard(0), first, replace(second, played_ms=30_000), heard(2, 4)).played_ms == 35_000


def test_silence_that_was_signed() -> None:
    assert judged(*(silent(n, "missed", "late") for n in range(3))) == Verdict("missed", "late")
    assert judged(*(silent(n, "refused", "quiet-hours") for n in range(3))) == Verdict("refused", "quiet-hours")
    assert judged(silent(0, "refused"), silent(1, "missed"), silent(2, "missed")).state == "refused"
    assert judged(heard(0), silent(1, "missed"), silent(2, "missed")).state == "partial"
    assert judged(silent(0, "missed")).state == "unconfirmed"  # the rest is unknown


def test_silence_without_a_word() -> None:
    assert judged() == Verdict("unconfirmed", NO_RECORD)
    assert judged(expected=replace(EXPECTED, accepted_at=None)) == Verdict("missed", NOT_ACCEPTED)
    assert judged(expected=replace(EXPECTED, accepted_at=END)) == Verdict("missed", ACCEPTED_LATE)
    assert judged(expected=replace(EXPECTED, accepted_at=None, issued=False)) == Verdict("missed", NO_PLAN)


def test_a_cancelled_one() -> None:
    cancelled = replace(EXPECTED, cancelled=True)
    assert judged(expected=cancelled) == Verdict("unconfirmed", CANCEL_UNCONFIRMED)
    assert judged(expected=replace(cancelled, withdrawal_accepted=True)) == Verdict("missed", CANCELLED)
    assert judged(expected=replace(cancelled, accepted_at=None)) == Verdict("missed", CANCELLED)
    assert judged(heard(0), heard(1), heard(2), expected=cancelled).state == "finished"  # it counts, flagged elsewhere


def test_before_its_close() -> None:
    before = START - timedelta(minutes=1)
    waiting = replace(EXPECTED, accepted_at=None)
    assert judged(expected=waiting, now=before, closed=False).state == "planned"
    assert judged(now=before, closed=False).state == "delivered"
    ready = replace(EXPECTED, ready=True)
    assert judged(expected=ready, now=before, closed=False).state == "ready"
    assert judged(expected=ready, now=AFTER, closed=False).state == "ready"  # its close will say
    during = START + ms(4000)
    assert judged(heard(0), now=during, closed=False) == Verdict("playing", None, START, START + ms(3000), 3000)
    told = reconcile(ready, [], now=during, closed=False, heard_playing=True)
    assert told.state == "playing"
    assert reconcile(ready, [], now=before, closed=False, heard_playing=True).state == "ready"
    assert judged(heard(0), now=AFTER, closed=False).state == "partial"


def test_two_logs_are_never_added_up() -> None:
    whole = [heard(n) for n in range(3)]
    clone = [replace(heard(n), log="LOG2", outcome="partial", played_ms=1000) for n in range(3)]
    verdict = judged(*whole, *clone)
    assert (verdict.state, verdict.played_ms, verdict.reason) == ("finished", 35_000, TWO_LOGS)
    denied = [replace(silent(n, "missed"), log="LOG0") for n in range(3)]
    assert judged(*whole, *denied).state == "finished"
    # A log that begins in mid-airing (the box lost its memory) goes on where the other ended: no contradiction.
    assert judged(heard(0), heard(1), replace(heard(2), log="LOG2", seq=1)) == Verdict(
        "finished", None, START, END, 35_000
    )


instants = st.integers(-5000, 60_000).map(lambda offset: START + ms(offset))
evidence = st.builds(
    Evidence,
    st.sampled_from(["LOG1", "LOG2"]),
    st.integers(1, 6),
    st.sampled_from(["A", "B", "C", "Z"]),
    st.sampled_from(["finished", "partial", "missed", "refused"]),
    st.sampled_from([item.sha256 for item in ITEMS]),
    st.none() | instants,
    st.none() | instants,
    st.integers(0, 60_000),
    st.sampled_from(["", "late", "stopped"]),
)
record_sets = st.lists(evidence, max_size=10, unique_by=lambda record: (record.log, record.seq))
expectations = st.builds(
    Expected,
    st.sampled_from([ITEMS, ITEMS[:1]]),
    st.just(START),
    st.just(END),
    issued=st.booleans(),
    accepted_at=st.none() | instants,
    ready=st.booleans(),
    cancelled=st.booleans(),
    withdrawal_accepted=st.booleans(),
)


@given(expectations, record_sets, st.booleans(), st.randoms(use_true_random=False))
def test_order_and_duplicates_change_nothing(
    expected: Expected,
    records: list[Evidence],
    closed: bool,  # noqa: FBT001 - hypothesis passes by name
    rng: random.Random,
) -> None:
    first = reconcile(expected, records, now=AFTER, closed=closed)
    again = records + rng.choices(records, k=5) if records else []
    rng.shuffle(again)
    assert reconcile(expected, again, now=AFTER, closed=closed) == first


@given(expectations, record_sets, st.timedeltas(timedelta(0), timedelta(days=90)))
def test_lateness_changes_nothing(expected: Expected, records: list[Evidence], late: timedelta) -> None:
    assert reconcile(expected, records, now=AFTER + late, closed=True) == reconcile(
        expected, records, now=AFTER, closed=True
    )


@given(expectations, record_sets)
def test_what_is_claimed_is_proved(expected: Expected, records: list[Evidence]) -> None:
    verdict = reconcile(expected, records, now=AFTER, closed=True)
    assert verdict.state not in {"planned", "delivered", "ready", "playing"}
    whole = {
        record.item
        for record in records
        if record.outcome == "finished" and record.started_at and record.ended_at
        if record.sha256 == {item.id: item.sha256 for item in ITEMS}.get(record.item)
    }
    if verdict.state == "finished":
        assert {item.id for item in expected.items} <= whole
    assert verdict.played_ms <= sum(item.duration_ms for item in expected.items)
    assert (verdict.played_ms == 0) or verdict.state in {"finished", "partial"}
    assert (verdict.started_at is None) == (verdict.state not in {"finished", "partial"})


@given(record_sets)
def test_a_further_record_never_takes_sound_away(records: list[Evidence]) -> None:
    """Within one log: proof only grows as records come in."""
    one_log = [record for record in records if record.log == "LOG1"]
    played = [reconcile(EXPECTED, one_log[:n], now=AFTER, closed=True).played_ms for n in range(len(one_log) + 1)]
    assert played == sorted(played)
