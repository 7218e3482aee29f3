"""A rule that is tried at some places only misses nothing that a search of the whole text finds."""

from __future__ import annotations

import pytest

from audio.reading.model import Rule
from audio.reading.prepare import prepare
from audio.reading.rules import ALL
from audio.reading.starts import starts_in
from benchmarks import gold

TEXT = prepare("\n".join(item.written for item in gold.load("tune"))).text
PLACES = {begins: set(starts) for begins, starts in starts_in(TEXT).items()}
TRIED_SOMEWHERE = [rule for rule in ALL if rule.begins]


@pytest.mark.parametrize("rule", TRIED_SOMEWHERE, ids=lambda rule: rule.pattern.pattern[:40])
def test_what_a_search_finds_begins_where_the_rule_is_tried(rule: Rule) -> None:
    assert rule.begins is not None
    missed = [found.group() for found in rule.pattern.finditer(TEXT) if found.start() not in PLACES[rule.begins]]
    assert not missed
