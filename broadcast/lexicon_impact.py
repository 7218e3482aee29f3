"""What a change of a lexicon would alter, before it is made: bulletins approved or handed in, read before and after.

Nothing is altered here or by the change itself: a version keeps its sounds, and a new wording or reading of it is a
new version that needs its own approval. Versions that are recordings aren't read and so never appear.

1. Only bulletins of units at or below the changed one are looked at, and of those the texts in which a changed name
   is found.
2. Each is read with the lexicon as it is and as it would be. Where a nearer unit reads the name itself, both are alike.
3. The two spoken forms are compared word by word; what differs is shown with two words on either side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from audio import reading
from audio.lexicon import EntryMissing, Lexicon, history, key_of, layers, lexicon_of, own
from audio.lexicon.checks import checked_spoken, checked_written
from audio.lexicon.store import Layer
from audio.reading.prepare import prepare
from broadcast.bulletin_lexicon import unit_of
from broadcast.tables import Bulletin, BulletinVersion
from core import units

DECIDED: Final = ("submitted", "approved")
CONTEXT_WORDS: Final = 2


@dataclass(frozen=True, slots=True)
class Change:
    """An entry to be set, or (`spoken` None) to be removed."""

    written: str
    spoken: str | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A place that would be read otherwise, with a few words around it."""

    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Altered:
    """A version that would be read otherwise if it were read anew."""

    version_id: str
    bulletin_id: str
    title: str
    language: str
    number: int
    status: str
    unit_id: str
    stretches: tuple[Stretch, ...]


def impact(session: Session, unit_id: str, changes: Sequence[Change], *, on: date) -> list[Altered]:
    """The submitted and approved versions that these changes at a unit would have read otherwise, oldest first, as the
    tree of units stands `on` a date.

    Raises what setting or removing the entries would: `WrittenUnusable`, `SpokenNotPlain`, `EntryMissing`, `NotFound`.
    """
    units.get(session, unit_id)
    readers = _Readers(session, unit_id, _checked(session, unit_id, changes), on)
    found: list[Altered] = []
    for version, bulletin in _decided(session):
        if not readers.is_named_in(version.text):
            continue
        place = readers.place_of(bulletin)
        both = readers.at(place) if place is not None else None
        stretches = _differences(version.text, *both) if both is not None else ()
        if place is not None and stretches:
            found.append(
                Altered(
                    version_id=version.id,
                    bulletin_id=bulletin.id,
                    title=bulletin.title,
                    language=version.language,
                    number=version.number,
                    status=version.status,
                    unit_id=place,
                    stretches=stretches,
                )
            )
    return found


class _Readers:
    """What reads at each place before and after the changes, each made once."""

    def __init__(self, session: Session, unit_id: str, wanted: Mapping[str, str | None], on: date) -> None:
        self.session, self.unit_id, self.wanted, self.on = session, unit_id, wanted, on
        self._finder = Lexicon({key: spoken or key for key, spoken in wanted.items()})
        self._places: dict[tuple[str | None, str | None], str | None] = {}
        self._made: dict[str, tuple[Lexicon, Lexicon] | None] = {}

    def is_named_in(self, text: str) -> bool:
        return any(True for _claim in self._finder.claims(prepare(text).text))

    def place_of(self, bulletin: Bulletin) -> str | None:
        asked = bulletin.unit_id, bulletin.campaign_id
        if asked not in self._places:
            self._places[asked] = unit_of(self.session, bulletin, on=self.on)
        return self._places[asked]

    def at(self, place: str) -> tuple[Lexicon, Lexicon] | None:
        """None where the changed unit's entries don't hold."""
        if place not in self._made:
            now = layers(self.session, place, on=self.on)
            held = any(unit == self.unit_id for unit, _ in now)
            self._made[place] = (lexicon_of(now), lexicon_of(map(self._changed, now))) if held else None
        return self._made[place]

    def _changed(self, layer: tuple[str, Layer]) -> tuple[str, Layer]:
        unit, entries = layer
        if unit != self.unit_id:
            return layer
        return unit, {key: spoken for key, spoken in {**entries, **self.wanted}.items() if spoken is not None}


def impact_of_restoring(session: Session, unit_id: str, written: str, version: int, *, on: date) -> list[Altered]:
    """As `impact`, of making an entry again what it was in `version`. Raises `EntryMissing` for one that never was."""
    versions = history(session, unit_id, written)
    old = next((one for one in versions if one.number == version), None)
    if old is None:
        raise EntryMissing(written=written)
    if old.spoken is None and versions[-1].spoken is None:
        return []  # it was removed then and is now
    return impact(session, unit_id, [Change(written, old.spoken)], on=on)


def _checked(session: Session, unit_id: str, changes: Iterable[Change]) -> dict[str, str | None]:
    wanted: dict[str, str | None] = {}
    held = {entry.key for entry in own(session, unit_id)}
    for change in changes:
        written = checked_written(change.written)
        key = key_of(written)
        if change.spoken is None and key not in held:
            raise EntryMissing(written=change.written)
        wanted[key] = None if change.spoken is None else checked_spoken(written, change.spoken)
    return wanted


def _decided(session: Session) -> Iterator[tuple[BulletinVersion, Bulletin]]:
    rows = (
        select(BulletinVersion, Bulletin)
        .join(Bulletin, Bulletin.id == BulletinVersion.bulletin_id)
        .where(BulletinVersion.status.in_(DECIDED), BulletinVersion.spoken.is_not(None))
        .order_by(BulletinVersion.id)
    )
    return iter(session.execute(rows))


def _differences(text: str, before: Lexicon, after: Lexicon) -> tuple[Stretch, ...]:
    old = reading.read(text, before).spoken.split()
    new = reading.read(text, after).spoken.split()
    if old == new:
        return ()
    blocks = [code[1:] for code in SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if code[0] != "equal"]
    places: list[tuple[int, int, int, int]] = []
    for old_start, old_end, new_start, new_end in blocks:
        if places and old_start - places[-1][1] <= 2 * CONTEXT_WORDS:
            old_start, new_start = places[-1][0], places[-1][2]  # noqa: PLW2901 - one place with the one before
            places.pop()
        places.append((old_start, old_end, new_start, new_end))
    return tuple(
        Stretch(_with_context(old, start, end), _with_context(new, new_start, new_end))
        for start, end, new_start, new_end in places
    )


def _with_context(words: Sequence[str], start: int, end: int) -> str:
    return " ".join(words[max(start - CONTEXT_WORDS, 0) : end + CONTEXT_WORDS])
