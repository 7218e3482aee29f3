"""Programmes (chương trình phát thanh): chimes, music and approved bulletins in their order, played gaplessly.

A programme binds the sounds (sha256, one per profile) that were approved when it was put together. It never changes:
another order is another programme. A bulletin that is withdrawn later stays in it as history; `problems` says so, and
`require_usable` refuses it before it is scheduled or planned again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audio import chime as chimes
from audio.studio import SoundObject
from broadcast import bulletins, site_sounds
from broadcast.site_sound_tables import SiteSoundRendition
from broadcast.tables import BulletinVersion, Programme, ProgrammeItem, Rendition
from core.clock import Clock
from core.errors import Conflict, Invalid, NotFound
from core.events import Actor, record
from core.profiles import Profile

OPENING = "mở đầu"
CLOSING = "kết thúc"
ITEMS_MAX = 200
TITLE_MAX = 300

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chime:
    """A chime by its name: one of the project's, or an approved one of the site's own."""

    name: str = OPENING


@dataclass(frozen=True, slots=True)
class Music:
    """An approved piece of music of the site's, by its name."""

    name: str


Wanted = Chime | Music | str  # a string is the id of an approved version


class ItemRefused(Conflict):
    slug = "programme-item-refused"
    vi = "Bản tin “{title}” không đưa vào chương trình được: {reason_vi}."
    en = "The bulletin “{title}” can't go into a programme: {reason_en}."


class ProgrammeUnusable(Conflict):
    slug = "programme-unusable"
    vi = "Chương trình “{title}” không phát được nữa: {reasons_vi}. Hãy lập chương trình mới không có bản tin đó."
    en = "The programme “{title}” can't be aired any more: {reasons_en}. Make a new one without that bulletin."


class ChimeMaker(Protocol):
    """What `create` needs of `audio.studio.Studio`."""

    def chime(self, name: str = OPENING) -> dict[Profile, SoundObject]: ...


@dataclass(frozen=True, slots=True)
class _Bound:
    kind: str
    sounds: Mapping[Profile, SoundObject | Rendition | SiteSoundRendition]
    version_id: str | None = None
    name: str | None = None
    sound_id: str | None = None

    @property
    def duration_ms(self) -> int:
        return self.sounds["full"].duration_ms

    @property
    def sha256s(self) -> dict[Profile, str]:
        return {profile: sound.sha256 for profile, sound in self.sounds.items()}


def create(
    session: Session,
    *,
    title: str,
    items: Sequence[Wanted],
    unit_id: str | None = None,
    studio: ChimeMaker,
    actor: Actor,
    clock: Clock,
) -> Programme:
    """Put a programme together of chimes, music and approved versions, in their order. No unit: it is the province's.

    Raises Invalid (no title, no bulletin, too many), NotFound, SoundNotApproved, or ItemRefused with the reason.
    """
    title = " ".join(title.split())
    if not title or len(title) > TITLE_MAX:
        raise Invalid(
            what=f"tên chương trình phải có từ 1 đến {TITLE_MAX} ký tự / a title of 1 to {TITLE_MAX} characters"
        )
    if not any(isinstance(item, str) for item in items):
        raise Invalid(what="chương trình chưa có bản tin nào / the programme has no bulletin")
    if len(items) > ITEMS_MAX:
        raise Invalid(what=f"chương trình có quá {ITEMS_MAX} mục / the programme has more than {ITEMS_MAX} items")
    bound = [_bind(session, item, studio) for item in items]
    now = clock.now()
    programme = Programme(title=title, unit_id=unit_id, created_by=actor.id, created_at=now)
    session.add(programme)
    session.flush()
    for position, item in enumerate(bound):
        session.add(
            ProgrammeItem(
                programme_id=programme.id,
                position=position,
                kind=item.kind,
                name=item.name,
                sound_id=item.sound_id,
                version_id=item.version_id,
                sha256=item.sha256s["full"],
                horn_sha256=item.sha256s.get("horn"),
                duration_ms=item.duration_ms,
            )
        )
    session.flush()
    record(
        session,
        "user:programme:created",
        actor=actor,
        at=now,
        subject=("programme", programme.id),
        title=title,
        sha256s=[item.sha256s for item in bound],
        versions=[item.version_id for item in bound],
        duration_ms=sum(item.duration_ms for item in bound),
    )
    log.info("programme created", extra={"programme": programme.id, "items": len(bound)})
    return programme


def _bind(session: Session, item: Wanted, studio: ChimeMaker) -> _Bound:
    if isinstance(item, Chime) and (ours := chimes.named(item.name)):
        return _Bound("chime", studio.chime(ours), name=ours)
    if not isinstance(item, str):
        kind = "chime" if isinstance(item, Chime) else "music"
        sound, made = site_sounds.usable(session, kind, item.name)
        return _Bound(kind, {one.profile: one for one in made}, name=sound.name, sound_id=sound.id)
    # Locked, so that a withdrawal at the same moment comes before or after, never between.
    version = session.get(BulletinVersion, item, with_for_update=True, populate_existing=True)
    if version is None:
        raise NotFound(what="phiên bản bản tin / version of a bulletin", id=item)
    sounds = bulletins.approved_renditions(session, item)
    if not sounds:
        reason_vi, reason_en = _why_not(version)
        raise ItemRefused(title=bulletins.bulletin_of(session, version).title, reason_vi=reason_vi, reason_en=reason_en)
    return _Bound("bulletin", sounds, version_id=item)


def _why_not(version: BulletinVersion) -> tuple[str, str]:
    return {
        "draft": ("còn đang soạn, chưa gửi duyệt", "it is a draft and was not submitted"),
        "submitted": ("đang chờ duyệt", "it waits for approval"),
        "returned": ("đã bị trả lại để sửa", "it was returned to its author"),
        "withdrawn": ("đã bị thu hồi", "it was withdrawn"),
    }.get(version.status, ("không còn bản âm thanh đã duyệt", "its approved sound is gone"))


def get(session: Session, programme_id: str) -> Programme:
    programme = session.get(Programme, programme_id)
    if programme is None:
        raise NotFound(what="chương trình / programme", id=programme_id)
    return programme


def items(session: Session, programme_id: str) -> list[ProgrammeItem]:
    """The items in the order in which they play."""
    wanted = select(ProgrammeItem).where(ProgrammeItem.programme_id == programme_id).order_by(ProgrammeItem.position)
    return list(session.scalars(wanted))


def sounds_of(item: ProgrammeItem) -> dict[Profile, str]:
    """The sha256 of each of its sounds; one of before has `full` alone."""
    sounds: dict[Profile, str] = {"full": item.sha256}
    return sounds | {"horn": item.horn_sha256} if item.horn_sha256 else sounds


def sha256s(session: Session, programme_id: str, profile: Profile) -> list[str]:
    """The sounds that a receiver of this profile plays, in their order. Raises NotFound."""
    get(session, programme_id)
    made = [sounds_of(item) for item in items(session, programme_id)]
    return [sounds.get(profile, sounds["full"]) for sounds in made]


def duration_ms(session: Session, programme_id: str) -> int:
    """How long the whole programme plays, in milliseconds. Raises NotFound."""
    get(session, programme_id)
    total = select(func.coalesce(func.sum(ProgrammeItem.duration_ms), 0)).where(
        ProgrammeItem.programme_id == programme_id
    )
    return int(session.scalar(total) or 0)


def problems(session: Session, programme_id: str) -> list[ItemRefused]:
    """Why the programme may not be aired (any more): each bulletin of it that is not approved now. Empty: it may."""
    found: list[ItemRefused] = []
    for item in items(session, programme_id):
        if item.version_id is None:
            continue
        version = bulletins.get(session, item.version_id)
        approved = {one.sha256 for one in bulletins.approved_renditions(session, item.version_id).values()}
        if not approved.issuperset(sounds_of(item).values()):
            reason_vi, reason_en = _why_not(version)
            title = bulletins.bulletin_of(session, version).title
            found.append(ItemRefused(title=title, reason_vi=reason_vi, reason_en=reason_en))
    return found


def require_usable(session: Session, programme_id: str) -> None:
    """Raise ProgrammeUnusable where a bulletin of the programme was withdrawn since."""
    programme = get(session, programme_id)
    found = problems(session, programme_id)
    if found:
        raise ProgrammeUnusable(
            title=programme.title,
            reasons_vi="; ".join(f"“{p.facts['title']}” {p.facts['reason_vi']}" for p in found),
            reasons_en="; ".join(f"“{p.facts['title']}” {p.facts['reason_en']}" for p in found),
        )


def with_version(session: Session, version_id: str) -> list[Programme]:
    """The programmes that hold this version: what a withdrawal reaches."""
    held = select(ProgrammeItem.programme_id).where(ProgrammeItem.version_id == version_id)
    return list(session.scalars(select(Programme).where(Programme.id.in_(held)).order_by(Programme.id)))
