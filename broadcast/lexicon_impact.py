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
from difflib import SequenceMatcher
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from audio import reading
from audio.lexicon import EntryMissing, Lexicon, history, key_of, layers, lexicon_of
from audio.lexicon.checks import checked_spoken, checked_written
from audio.reading.prepare import prepare
from broadcast.bulletin_lexicon import unit_of
from broadcast.tables import Bulletin, BulletinVersion
from core import units
from core.clock import SystemClock

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


def impact(session: Session, unit_id: str, changes: Sequence[Change]) -> list[Altered]:
    """The submitted and approved versions that these changes at a unit would have read otherwise, oldest first.

    Raises what setting or removing the entries would: `WrittenUnusable`, `SpokenNotPlain`, `EntryMissing`, `NotFound`.
    """
    units.get(session, unit_id)
    wanted = _checked(session, unit_id, changes)
    finder = Lexicon({key: spoken or key for key, spoken in wanted.items()})
    below = units.below(session, [unit_id], on=units.date_of(SystemClock().now()))
    readers: dict[str, tuple[Lexicon, Lexicon]] = {}
    found: list[Altered] = []
    for version, bulletin in _decided(session):
        place = unit_of(session, bulletin)
        if place is None or place not in below or not _names_any(finder, version.text):
            continue
        if place not in readers:
            readers[place] = _before_and_after(session, place, unit_id, wanted)
        stretches = _differences(version.text, *readers[place])
        if stretches:
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


def impact_of_restoring(session: Session, unit_id: str, written: str, version: int) -> list[Altered]:
    """As `impact`, of making an entry again what it was in `version`. Raises `EntryMissing` for one that never was."""
    versions = history(session, unit_id, written)
    old = next((one for one in versions if one.number == version), None)
    if old is None:
        raise EntryMissing(written=written)
    if old.spoken is None and versions[-1].spoken is None:
        return []  # it was removed then and is now
    return impact(session, unit_id, [Change(written, old.spoken)])


def _checked(session: Session, unit_id: str, changes: Iterable[Change]) -> dict[str, str | None]:
    wanted: dict[str, str | None] = {}
    own = dict(layers(session, unit_id)[0][1])
    for change in changes:
        written = checked_written(change.written)
        key = key_of(written)
        if change.spoken is None and key not in own:
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


def _names_any(finder: Lexicon, text: str) -> bool:
    return any(True for _claim in finder.claims(prepare(text).text))


def _before_and_after(
    session: Session, place: str, unit_id: str, wanted: Mapping[str, str | None]
) -> tuple[Lexicon, Lexicon]:
    now = layers(session, place)
    then = []
    for unit, layer in now:
        changed = {**layer, **wanted} if unit == unit_id else layer
        then.append((unit, {key: spoken for key, spoken in changed.items() if spoken is not None}))
    return lexicon_of(now), lexicon_of(then)


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
