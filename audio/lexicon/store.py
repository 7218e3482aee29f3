"""Keeping lexicons: an append-only history of each entry, what holds now or held at any moment, and who changed it.

An edit names the version that it edits (0: there is none), so that nobody's change is lost under another's. What was
removed and is set again goes on counting. Takes a session and leaves the commit to whoever opened it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audio.lexicon.checks import checked_note, checked_spoken, checked_written
from audio.lexicon.files import Row
from audio.lexicon.match import Lexicon, dictionary_order, key_of
from audio.lexicon.tables import LexiconChange
from core import units
from core.clock import Clock
from core.errors import NotFound, TruyenThanhError
from core.events import Actor, record
from core.units import UnitLink

Layer = Mapping[str, str]  # the entries of one unit: key to spoken form


class EntryChanged(TruyenThanhError):
    slug = "lexicon-entry-changed"
    status = 409
    vi = (
        "Mục “{written}” đã được sửa từ khi mở ra: bạn sửa bản {given}, nay là bản {now}. "
        "Hãy xem lại bản hiện tại rồi sửa lại."
    )
    en = (
        "The entry “{written}” has changed since it was opened: you edit version {given}, it is at version {now}. "
        "Look at it as it is now, then edit again."
    )


class EntryMissing(NotFound):
    vi = "Đơn vị này không có mục từ “{written}” trong từ điển của mình. Hãy xem danh sách mục từ của đơn vị."
    en = "This unit has no entry “{written}” of its own. Look at the list of its entries."


@dataclass(frozen=True, slots=True)
class Sourced:
    """An entry that holds at a unit, and the units farther away whose reading of the same name it covers."""

    change: LexiconChange
    covers: tuple[LexiconChange, ...] = ()


# --- Looking -----------------------------------------------------------------------------------------------------


def _last(session: Session, unit_ids: Sequence[str], at: datetime | None) -> list[LexiconChange]:
    """The last change of every entry of these units, removals too."""
    last = select(LexiconChange.unit_id, LexiconChange.key, func.max(LexiconChange.number).label("number"))
    last = last.where(LexiconChange.unit_id.in_(unit_ids)).group_by(LexiconChange.unit_id, LexiconChange.key)
    if at is not None:
        last = last.where(LexiconChange.changed_at <= at)
    of = last.subquery()
    wanted = select(LexiconChange).join(
        of,
        (LexiconChange.unit_id == of.c.unit_id)
        & (LexiconChange.key == of.c.key)
        & (LexiconChange.number == of.c.number),
    )
    return list(session.scalars(wanted))


def own(session: Session, unit_id: str, at: datetime | None = None) -> list[LexiconChange]:
    """The unit's own entries, by name; as they were at the moment `at`, where one is given."""
    units.get(session, unit_id)
    entries = (change for change in _last(session, [unit_id], at) if change.spoken is not None)
    return sorted(entries, key=lambda change: dictionary_order(change.key))


def effective(session: Session, unit_id: str, *, on: date, at: datetime | None = None) -> list[Sourced]:
    """All entries that hold at a unit, by name, its own and from above as the tree stands `on` a date: of one name the
    nearest; as they were at the moment `at`, where one is given.
    """
    units.get(session, unit_id)
    nearness = {one: index for index, one in enumerate(_path(session, unit_id, on))}
    by_key: dict[str, list[LexiconChange]] = {}
    changes = [change for change in _last(session, list(nearness), at) if change.spoken is not None]
    for change in sorted(changes, key=lambda change: nearness[change.unit_id]):
        by_key.setdefault(change.key, []).append(change)
    return [Sourced(by_key[key][0], tuple(by_key[key][1:])) for key in sorted(by_key, key=dictionary_order)]


def _path(session: Session, unit_id: str, on: date) -> list[str]:
    """Whose entries hold at a unit, the nearest first: its own, those of what it took over from (the names of villages
    stay when communes are merged), then the same of what stands above it.
    """
    path: dict[str, None] = {}
    for unit in units.above(session, unit_id, on=on):
        _with_predecessors(session, unit, on, path)
    return list(path)


def _with_predecessors(session: Session, unit_id: str, on: date, path: dict[str, None]) -> None:
    if unit_id in path:
        return
    path[unit_id] = None
    before = select(UnitLink.unit_id).where(
        UnitLink.parent_id == unit_id, UnitLink.relation.in_(("successor", "also")), units.valid(UnitLink, on)
    )
    for predecessor in session.scalars(before.order_by(UnitLink.unit_id)).all():
        _with_predecessors(session, predecessor, on, path)


def layers(session: Session, unit_id: str, *, on: date, at: datetime | None = None) -> list[tuple[str, Layer]]:
    """The units whose entries hold at a unit, nearest first, each with its own; `on` and `at` as for `effective`."""
    path = _path(session, unit_id, on)
    own_of: dict[str, dict[str, str]] = {one: {} for one in path}
    for change in _last(session, path, at):
        if change.spoken is not None:
            own_of[change.unit_id][change.key] = change.spoken
    return [(one, own_of[one]) for one in path]


def lexicon_of(found: Iterable[tuple[str, Layer]]) -> Lexicon:
    """One lexicon of layers, nearest first: of one name the nearest wins."""
    entries: dict[str, str] = {}
    for _unit_id, layer in found:
        entries = {**layer, **entries}
    return Lexicon(entries)


def for_unit(session: Session, unit_id: str | None, *, on: date, at: datetime | None = None) -> Lexicon:
    """The lexicon that holds at a unit (None: an empty one), ready for reading; `on` and `at` as for `effective`."""
    return lexicon_of(layers(session, unit_id, on=on, at=at)) if unit_id is not None else Lexicon({})


def history(session: Session, unit_id: str, written: str | None = None) -> list[LexiconChange]:
    """All changes of the unit's own entries, or of one, the oldest first. Raises `EntryMissing` for one never there."""
    units.get(session, unit_id)
    wanted = select(LexiconChange).where(LexiconChange.unit_id == unit_id)
    if written is not None:
        wanted = wanted.where(LexiconChange.key == key_of(written)).order_by(LexiconChange.number)
    found = list(session.scalars(wanted.order_by(LexiconChange.changed_at, LexiconChange.id)))
    if written is not None and not found:
        raise EntryMissing(written=written)
    return found


# --- Changing ----------------------------------------------------------------------------------------------------


def put(
    session: Session,
    unit_id: str,
    *,
    written: str,
    spoken: str,
    note: str | None = None,
    number: int,
    actor: Actor,
    clock: Clock,
) -> LexiconChange:
    """Set how a name is read in a unit; `number` is the version that is edited, 0 for none.

    The same again makes no new version. Raises `WrittenUnusable`, `SpokenNotPlain`, `EntryChanged`, `NotFound`.
    """
    units.get(session, unit_id)
    last = _expected(session, unit_id, written, number)
    return _set(session, unit_id, last, written, spoken, note, actor=actor, clock=clock)


def _set(
    session: Session,
    unit_id: str,
    last: LexiconChange | None,
    written: str,
    spoken: str,
    note: str | None,
    *,
    actor: Actor,
    clock: Clock,
) -> LexiconChange:
    written = checked_written(written)
    spoken = checked_spoken(written, spoken)
    note = checked_note(written, note)
    if last is not None and (last.written, last.spoken, last.note) == (written, spoken, note):
        return last
    return _append(session, unit_id, last, written, spoken, note, "set", actor=actor, clock=clock)


def remove(
    session: Session, unit_id: str, *, written: str, number: int, note: str | None = None, actor: Actor, clock: Clock
) -> LexiconChange:
    """Take a unit's own entry away; what stands above it holds again. Raises `EntryMissing`, `EntryChanged`."""
    units.get(session, unit_id)
    last = _last_of(session, unit_id, written)
    if last is None or last.spoken is None:
        raise EntryMissing(written=written)
    _expected(session, unit_id, written, number)
    note = checked_note(written, note)
    return _append(session, unit_id, last, last.written, None, note, "removed", actor=actor, clock=clock)


def restore(
    session: Session, unit_id: str, *, written: str, version: int, number: int, actor: Actor, clock: Clock
) -> LexiconChange:
    """Make an entry again what it was in `version`, as a new version. Raises `EntryMissing`, `EntryChanged`."""
    wanted = select(LexiconChange).where(
        LexiconChange.unit_id == unit_id, LexiconChange.key == key_of(written), LexiconChange.number == version
    )
    old = session.scalar(wanted)
    last = _last_of(session, unit_id, written)
    if old is None or last is None:
        raise EntryMissing(written=written)
    _expected(session, unit_id, written, number)
    if (last.written, last.spoken, last.note) == (old.written, old.spoken, old.note):
        return last
    return _append(session, unit_id, last, old.written, old.spoken, old.note, "restored", actor=actor, clock=clock)


def apply(session: Session, unit_id: str, rows: Iterable[Row], *, actor: Actor, clock: Clock) -> list[LexiconChange]:
    """Set many entries over whatever is there now; gives those that changed."""
    units.get(session, unit_id)
    last = {change.key: change for change in _last(session, [unit_id], None)}
    changed = []
    for row in rows:
        before = last.get(key_of(row.written))
        made = _set(session, unit_id, before, row.written, row.spoken, row.note, actor=actor, clock=clock)
        last[made.key] = made
        if made is not before:
            changed.append(made)
    return changed


def _last_of(session: Session, unit_id: str, written: str) -> LexiconChange | None:
    wanted = select(LexiconChange).where(LexiconChange.unit_id == unit_id, LexiconChange.key == key_of(written))
    return session.scalar(wanted.order_by(LexiconChange.number.desc()).limit(1))


def _expected(session: Session, unit_id: str, written: str, number: int) -> LexiconChange | None:
    """The entry as it stands, if that is the version that the edit names; one that was removed may be named as 0."""
    last = _last_of(session, unit_id, written)
    now = last.number if last is not None else 0
    if number != now and not (number == 0 and last is not None and last.spoken is None):
        raise EntryChanged(written=written, given=number, now=now)
    return last


def _append(
    session: Session,
    unit_id: str,
    last: LexiconChange | None,
    written: str,
    spoken: str | None,
    note: str | None,
    action: str,
    *,
    actor: Actor,
    clock: Clock,
) -> LexiconChange:
    number = last.number if last is not None else 0
    change = LexiconChange(
        unit_id=unit_id,
        key=key_of(written),
        number=number + 1,
        written=written,
        spoken=spoken,
        note=note,
        changed_by=actor.id,
        changed_by_name=actor.name,
        changed_at=clock.now(),
    )
    session.add(change)
    try:
        session.flush()
    except IntegrityError as error:  # somebody wrote the same version between our look and now
        raise EntryChanged(written=written, given=number, now=number + 1) from error
    record(
        session,
        f"user:lexicon:{action}",
        actor=actor,
        at=change.changed_at,
        subject=("unit", unit_id),
        written=written,
        number=change.number,
        before=last.spoken if last is not None else None,
        after=spoken,
        note=note,
    )
    return change
