"""A site's own chimes (nhạc hiệu) and music (bài nhạc): handed in as files, named, mastered like every sound.

A sound waits until somebody other than who handed it in has listened to it in both profiles and approves exactly
these: anything may be spoken in a file. Approved, it goes into programmes by its name, beside the chimes of the
project. Retired, its name is free again and no new programme takes it; programmes that hold it play on. Only what no
programme ever held can be deleted.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from typing import Final, Literal, get_args

from sqlalchemy import delete as delete_from
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audio import chime as chimes
from audio.recordings.checks import Check, check
from audio.recordings.checks import clock as as_clock
from audio.recordings.errors import RecordingRefused
from audio.recordings.originals import Incoming
from audio.recordings.recipe import Cut, mastered
from audio.studio import Studio
from broadcast.recordings import examine
from broadcast.site_sound_tables import SiteSound, SiteSoundRendition
from broadcast.tables import ProgrammeItem
from core.clock import Clock
from core.database import Database
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.events import Actor, record

Kind = Literal["chime", "music"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
KIND_VI: Final[dict[str, str]] = {"chime": "nhạc hiệu", "music": "bài nhạc"}
STATUS_VI: Final[dict[str, str]] = {"waiting": "chờ duyệt", "approved": "đã duyệt", "retired": "ngừng dùng"}
LENGTH_LEAST_MS: Final = 300
LENGTH_MOST_MS: Final[dict[Kind, int]] = {"chime": 30_000, "music": 15 * 60_000}
BYTES_MAX: Final = 200_000_000  # a quarter of an hour of WAV at 48 kHz, stereo, 24 bits is 259 MB; at 16 bits 173 MB
NAME_MAX: Final = 60

# What matters of a recording's findings where nobody has to be understood.
_HEEDED: Final = frozenset({"silent", "clipped", "damaged", "silent-head", "silent-tail", "dead-channel"})


class SoundNameTaken(Conflict):
    slug = "site-sound-name-taken"
    vi = "Đã có {kind_vi} tên “{name}”. Hãy đặt tên khác, hoặc ngừng dùng cái cũ trước."
    en = "There is a {kind} named “{name}”. Choose another name, or retire that one first."


class SoundLength(Invalid):
    slug = "site-sound-length"
    vi = "Tệp dài {length}, {kind_vi} phải dài từ 0,3 giây đến {limit}. Hãy cắt lại tệp."
    en = "The file is {length} long; a {kind} has 0.3 s to {limit}. Trim the file."


class OwnSound(Forbidden):
    slug = "site-sound-own-approval"
    vi = "Âm thanh “{name}” phải do một người khác với người đưa lên nghe và duyệt."
    en = "The sound “{name}” has to be listened to and approved by somebody other than who handed it in."


class OtherSounds(Conflict):
    slug = "site-sound-others"
    vi = "Các mã không phải hai bản âm thanh của “{name}”. Hãy nghe cả bản đủ dải và bản loa nén rồi duyệt."
    en = "These are not the two sounds of “{name}”. Listen to both, full range and horn, then approve."


class WrongSoundState(Conflict):
    slug = "site-sound-wrong-state"
    vi = "Âm thanh “{name}” {status_vi}, không làm được việc này."
    en = "The sound “{name}” is {status}: that can't be done."


class SoundNotApproved(Conflict):
    slug = "site-sound-not-approved"
    vi = "{kind_vi} “{name}” chưa được duyệt. Hãy nhờ người có quyền duyệt nghe và duyệt trước."
    en = "The {kind} “{name}” isn't approved yet. Ask somebody who may approve to listen to it first."


class SoundInUse(Conflict):
    slug = "site-sound-in-use"
    vi = "Âm thanh “{name}” đang nằm trong {count} chương trình nên không xóa được. Hãy ngừng dùng thay vì xóa."
    en = "The sound “{name}” is in {count} programmes and can't be deleted. Retire it instead."


def checked_kind(kind: str) -> Kind:
    if kind not in KINDS:
        raise Invalid(what=f"không có loại âm thanh “{kind}”, chọn chime hoặc music / no kind “{kind}”: chime or music")
    return kind


def checked_name(name: str) -> str:
    """The name as it is kept. Raises Invalid."""
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if not name or len(name) > NAME_MAX or not name.isprintable():
        raise Invalid(what=f"hãy đặt tên từ 1 đến {NAME_MAX} ký tự / give it a name of 1 to {NAME_MAX} characters")
    return name


def require_free(session: Session, kind: Kind, name: str) -> None:
    """Raises SoundNameTaken where the project or the site has such a sound in use."""
    held = session.scalars(select(SiteSound.name).where(SiteSound.kind == kind, SiteSound.status != "retired"))
    ours = [*chimes.NAMES, *chimes.ALIASES] if kind == "chime" else []
    if name.casefold() in {taken.casefold() for taken in [*held, *ours]}:
        raise SoundNameTaken(kind=kind, kind_vi=KIND_VI[kind], name=name)


def add(
    db: Database,
    incoming: Incoming,
    *,
    kind: str,
    name: str,
    studio: Studio,
    actor: Actor,
    clock: Clock,
) -> tuple[SiteSound, list[Check]]:
    """Keep a whole upload as a sound that waits for approval, with what is to be said of it.

    No transaction is held while it is decoded and mastered. Raises what `recordings.examine` raises, RecordingRefused
    (silence), SoundLength, SoundNameTaken, `SoundUnusable`; then nothing is kept.
    """
    kind, name = checked_kind(kind), checked_name(name)
    with db.reading() as session:
        require_free(session, kind, name)
    header, found = examine(incoming)
    findings = [one for one in check(found) if one.kind in _HEEDED]
    if silent := [one for one in findings if one.kind == "silent"]:
        raise RecordingRefused(faults=f"{silent[0].vi} / {silent[0].en}")
    if not LENGTH_LEAST_MS <= found.duration_ms <= LENGTH_MOST_MS[kind]:
        limits = {"length": as_clock(found.duration_ms), "limit": as_clock(LENGTH_MOST_MS[kind])}
        raise SoundLength(kind=kind, kind_vi=KIND_VI[kind], **limits)
    cut = Cut(incoming.path, found.mix, 0, found.duration_ms)
    made = mastered([cut], studio.kbps, folder=studio.store.folder)
    with db.writing() as session:
        require_free(session, kind, name)
        sounds = studio.keep(made)
        sound = SiteSound(
            kind=kind,
            name=name,
            original_bytes=incoming.bytes,
            original_sha256=incoming.keep(),
            format=f"{header.format} ({header.codec})"[:80],
            duration_ms=sounds["full"].duration_ms,
            added_by=actor.id,
            added_by_name=actor.name,
            added_at=clock.now(),
        )
        session.add(sound)
        try:
            session.flush()
        except IntegrityError as error:  # somebody else was quicker
            raise SoundNameTaken(kind=kind, kind_vi=KIND_VI[kind], name=name) from error
        for profile, one in sounds.items():
            session.add(
                SiteSoundRendition(
                    sound_id=sound.id,
                    profile=profile,
                    sha256=one.sha256,
                    bytes=one.bytes,
                    duration_ms=one.duration_ms,
                    loudness_lufs=one.loudness_lufs,
                    true_peak_dbtp=one.true_peak_dbtp,
                )
            )
        session.flush()
        _record(session, "added", sound, actor, clock, sha256s={profile: one.sha256 for profile, one in sounds.items()})
        return sound, findings


def get(session: Session, sound_id: str) -> SiteSound:
    sound = session.get(SiteSound, sound_id)
    if sound is None:
        raise NotFound(what="âm thanh của nơi này / sound of this site", id=sound_id)
    return sound


def all_of(session: Session) -> list[SiteSound]:
    """Every sound of the site, retired ones too, by kind and name."""
    return list(session.scalars(select(SiteSound).order_by(SiteSound.kind, SiteSound.name, SiteSound.id)))


def renditions(session: Session, sound_id: str) -> list[SiteSoundRendition]:
    """Its sounds, one per profile."""
    wanted = select(SiteSoundRendition).where(SiteSoundRendition.sound_id == sound_id)
    return list(session.scalars(wanted.order_by(SiteSoundRendition.profile)))


def named(session: Session, kind: str, name: str) -> SiteSound:
    """The sound in use of that name, however it is written in capitals. Raises NotFound."""
    wanted = checked_name(name).casefold()
    held = session.scalars(select(SiteSound).where(SiteSound.kind == kind, SiteSound.status != "retired"))
    found = next((sound for sound in held if sound.name.casefold() == wanted), None)
    if found is None:
        raise NotFound(what=f"{KIND_VI[kind]} / {kind}", id=name)
    return found


def usable(session: Session, kind: str, name: str) -> tuple[SiteSound, list[SiteSoundRendition]]:
    """The approved sound of that name, for a programme; locked, so that it isn't deleted meanwhile.

    Raises NotFound, SoundNotApproved.
    """
    sound = _locked(session, named(session, kind, name).id)
    if sound.status != "approved":
        kind_vi = KIND_VI[kind].capitalize()
        raise SoundNotApproved(kind=kind, kind_vi=kind_vi, name=sound.name)
    return sound, renditions(session, sound.id)


def approve(session: Session, sound_id: str, *, sha256s: Collection[str], actor: Actor, clock: Clock) -> SiteSound:
    """Approve exactly the sounds `sha256s`, one per profile. Raises OwnSound, OtherSounds, WrongSoundState."""
    sound = _locked(session, sound_id)
    if sound.status != "waiting":
        raise WrongSoundState(name=sound.name, status=sound.status, status_vi=STATUS_VI[sound.status])
    if actor.is_system or actor.id == sound.added_by:
        raise OwnSound(name=sound.name)
    if set(sha256s) != {one.sha256 for one in renditions(session, sound_id)}:
        raise OtherSounds(name=sound.name)
    sound.status, sound.approved_by, sound.approved_by_name = "approved", actor.id, actor.name
    sound.approved_at = clock.now()
    _record(session, "approved", sound, actor, clock, sha256s=sorted(sha256s))
    return sound


def retire(session: Session, sound_id: str, *, actor: Actor, clock: Clock) -> SiteSound:
    """Take it out of the choice for new programmes. Those that hold it play on. Raises WrongSoundState."""
    sound = _locked(session, sound_id)
    if sound.status == "retired":
        raise WrongSoundState(name=sound.name, status=sound.status, status_vi=STATUS_VI[sound.status])
    sound.status = "retired"
    _record(session, "retired", sound, actor, clock)
    return sound


def delete(session: Session, sound_id: str, *, actor: Actor, clock: Clock) -> None:
    """Remove one that no programme ever held. Raises SoundInUse."""
    sound = _locked(session, sound_id)
    held = select(ProgrammeItem.programme_id).where(ProgrammeItem.sound_id == sound_id).distinct()
    if programmes := session.scalars(held).all():
        raise SoundInUse(name=sound.name, count=len(programmes))
    _record(session, "deleted", sound, actor, clock)
    session.execute(delete_from(SiteSoundRendition).where(SiteSoundRendition.sound_id == sound_id))
    session.delete(sound)
    session.flush()


def _locked(session: Session, sound_id: str) -> SiteSound:
    sound = session.get(SiteSound, sound_id, with_for_update=True, populate_existing=True)
    if sound is None:
        raise NotFound(what="âm thanh của nơi này / sound of this site", id=sound_id)
    return sound


def _record(session: Session, action: str, sound: SiteSound, actor: Actor, clock: Clock, **data: object) -> None:
    record(
        session,
        f"user:sound:{action}",
        actor=actor,
        at=clock.now(),
        subject=("sound", sound.id),
        sound_kind=sound.kind,
        name=sound.name,
        **data,
    )
