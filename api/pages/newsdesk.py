"""What the pages of bulletins show: the list, and one bulletin with where it stands and what comes next."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.auth.guard import Principal
from api.auth.rights import Right
from api.pages.forms import paged
from api.tables import User
from broadcast import bulletins, programmes, recordings
from broadcast.bulletin_lexicon import unit_of
from broadcast.bulletin_rules import ALLOWED, STATUS_VI, Action
from broadcast.tables import Approval, Bulletin, BulletinVersion, Campaign, Programme, Rendition
from core import languages, units
from core.errors import NotFound
from schedules.tables import Airing

A_PAGE = 30

# The filters of the list, by their name in the address: what they are called, and which states they take.
FILTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "": ("Tất cả", tuple(STATUS_VI)),
    "dang-soan": ("Đang soạn", ("draft", "returned")),
    "cho-duyet": ("Chờ duyệt", ("submitted",)),
    "da-duyet": ("Đã duyệt", ("approved",)),
    "thu-hoi": ("Đã thu hồi", ("withdrawn",)),
}
CLASSES = {"ordinary": "thông thường", "priority": "ưu tiên", "emergency": "khẩn cấp"}
DECISIONS = {"approved": "đã duyệt", "returned": "trả lại", "withdrawn": "thu hồi"}


def plain(text: str) -> str:
    """Without marks and capitals, so that "dai son" finds Đại Sơn."""
    bare = (letter for letter in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(letter))
    return "".join(bare).replace("đ", "d")


@dataclass(frozen=True, slots=True)
class Row:
    bulletin: Bulletin
    states: tuple[tuple[str, str, int], ...]  # state, language, number: of the newest version of each language
    written_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    rows: list[Row]
    counts: dict[str, int]  # by filter, of what the search finds
    number: int
    pages: int


def listed(session: Session, who: Principal, *, chosen: str, search: str, number: int) -> Listed:
    """A page of the list, newest first. `chosen` is one of FILTERS, anything else is all."""
    newest = _newest(session)
    wanted = plain(" ".join(search.split()))
    titles = session.execute(
        select(Bulletin.id, Bulletin.title).where(who.sees(session, "bulletin")).order_by(Bulletin.id.desc())
    ).all()
    found = [row.id for row in titles if wanted in plain(row.title)] if wanted else [row.id for row in titles]
    by_filter = {
        name: [one for one in found if any(version.status in states for version in newest.get(one, ()))]
        for name, (_, states) in FILTERS.items()
    }
    shown = by_filter.get(chosen, by_filter[""])
    part = paged(shown, number, A_PAGE)
    ids = part.shown
    held = {one.id: one for one in session.scalars(select(Bulletin).where(Bulletin.id.in_(ids)))}
    names = names_of(session, {version.written_by for one in ids for version in newest[one]})
    rows = [_row(held[one], newest[one], names) for one in ids]
    return Listed(rows, {name: len(some) for name, some in by_filter.items()}, part.number, part.pages)


def _newest(session: Session) -> dict[str, list[Any]]:
    """Of every bulletin the newest version of each language, Vietnamese first."""
    last = (
        select(BulletinVersion.bulletin_id, BulletinVersion.language, func.max(BulletinVersion.number).label("number"))
        .group_by(BulletinVersion.bulletin_id, BulletinVersion.language)
        .subquery()
    )
    version = BulletinVersion
    rows = session.execute(
        select(
            version.bulletin_id, version.language, version.number, version.status, version.written_by,
            version.written_at, version.submitted_at,
        ).join(
            last,
            (version.bulletin_id == last.c.bulletin_id)
            & (version.language == last.c.language)
            & (version.number == last.c.number),
        )
    ).all()  # fmt: skip
    found: dict[str, list[Any]] = {}
    for row in sorted(rows, key=lambda row: (row.language != "vi", row.language)):
        found.setdefault(row.bulletin_id, []).append(row)
    return found


def _row(bulletin: Bulletin, versions: Sequence[Any], names: dict[str, str]) -> Row:
    states = tuple((one.status, languages.name(one.language), one.number) for one in versions)
    latest = max(versions, key=lambda one: one.submitted_at or one.written_at)
    return Row(bulletin, states, names.get(latest.written_by, ""), latest.submitted_at or latest.written_at)


def names_of(session: Session, ids: set[str]) -> dict[str, str]:
    """The names of these accounts; what the system wrote has none."""
    rows = session.execute(select(User.id, User.full_name).where(User.id.in_(ids))).all()
    return {row.id: row.full_name for row in rows}


# --- One bulletin ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """A version as the history shows it."""

    version: BulletinVersion
    by: str
    decisions: list[Approval]
    changes: list[tuple[str, str]]  # kind (same, out, in) and words, against the version before


@dataclass(slots=True)
class Desk:
    """One bulletin, one version of it in front."""

    bulletin: Bulletin
    version: BulletinVersion
    newest: BulletinVersion  # of its language
    by: str
    renditions: list[Rendition]
    recorded: bool
    history: list[Told]
    languages: list[tuple[str, str, BulletinVersion]]  # tag, name, newest version
    unit_id: str | None
    unit_name: str | None
    campaign: Campaign | None
    programmes: list[Programme]
    coming: list[Airing] = field(default_factory=list)

    def may(self, who: Principal, action: Action) -> bool:
        """Whether the page offers this: the state allows it, the account may, and it isn't one's own to approve."""
        if self.version.id != self.newest.id and action != "withdraw":
            return False
        deciding = action in ("approve", "return", "withdraw")
        if not who.may(Right.APPROVE_NEWS if deciding else Right.WRITE_NEWS):
            return False
        if action == "approve" and self.version.written_by == who.user.id:
            return False
        return self.version.status in ALLOWED[action]


def desk(session: Session, bulletin_id: str, version_id: str | None, *, now: datetime) -> Desk:
    """A bulletin with this version in front, or else the newest Vietnamese one. Raises NotFound."""
    bulletin = session.get(Bulletin, bulletin_id)
    if bulletin is None:
        raise NotFound(what="bản tin / bulletin", id=bulletin_id)
    every = session.scalars(
        select(BulletinVersion).where(BulletinVersion.bulletin_id == bulletin_id).order_by(BulletinVersion.number)
    ).all()
    newest = {one.language: one for one in every}
    tags = sorted(newest, key=lambda tag: (tag != "vi", tag))
    version = next((one for one in every if one.id == version_id), newest[tags[0]])
    if version_id is not None and version.id != version_id:
        raise NotFound(what="phiên bản bản tin / version of a bulletin", id=version_id)
    names = names_of(session, {one.written_by for one in every})
    unit_id = unit_of(session, bulletin, on=units.date_of(now))
    held = programmes.with_version(session, version.id)
    coming = (
        select(Airing)
        .where(Airing.programme_id.in_([one.id for one in held]), Airing.status == "scheduled", Airing.starts_at > now)
        .order_by(Airing.starts_at)
    )
    return Desk(
        bulletin=bulletin,
        version=version,
        newest=newest[version.language],
        by=names.get(version.written_by, "hệ thống"),
        renditions=bulletins.renditions(session, version.id),
        recorded=bool(recordings.recipes(session, version.id)),
        history=_history(session, [one for one in every if one.language == version.language], names),
        languages=[(tag, languages.name(tag), newest[tag]) for tag in tags],
        unit_id=unit_id,
        unit_name=units.name(session, unit_id, on=units.date_of(now)) if unit_id else None,
        campaign=session.get(Campaign, bulletin.campaign_id) if bulletin.campaign_id else None,
        programmes=held,
        coming=list(session.scalars(coming)),
    )


def _history(session: Session, versions: Sequence[BulletinVersion], names: dict[str, str]) -> list[Told]:
    """Newest first, each beside the one before it."""
    told = []
    before = ""
    for version in versions:
        changes = differences(before, version.text) if before else []
        by = names.get(version.written_by, "hệ thống")
        told.append(Told(version, by, bulletins.decisions(session, version.id), changes))
        before = version.text
    return told[::-1]


def differences(before: str, after: str) -> list[tuple[str, str]]:
    """What changed between two texts, word by word: kind (`same`, `out`, `in`) and words. Long same parts are cut."""
    old, new = re.findall(r"\S+\s*", before), re.findall(r"\S+\s*", after)
    found: list[tuple[str, str]] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            found.append(("same", _shortened(old[i1:i2], first=i1 == 0, last=i2 == len(old))))
            continue
        if i2 > i1:
            found.append(("out", "".join(old[i1:i2])))
        if j2 > j1:
            found.append(("in", "".join(new[j1:j2])))
    return found


def _shortened(words: list[str], *, first: bool, last: bool, around: int = 8) -> str:
    if len(words) <= 2 * around + 4:
        return "".join(words)
    head = "" if first else "".join(words[:around])
    tail = "" if last else "".join(words[-around:])
    return f"{head}… {tail}"
