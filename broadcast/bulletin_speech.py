"""How a version gets its sound: spoken by the studio, or handed in ready, in every profile at once.

The renditions of a version are made together and give way together: there is one per profile, all of the same
duration, and an approval binds all of them. A version that was spoken before sounds were made in two profiles has a
`full` one alone, which then goes to receivers of either profile; spoken anew, it has both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from audio.lexicon import Lexicon
from audio.studio import Speech
from broadcast.bulletin_changes import locked, record_change, require
from broadcast.bulletin_lexicon import lexicon_of
from broadcast.bulletin_reads import bulletin_of, get, renditions
from broadcast.bulletin_rules import RecordedNotSpoken
from broadcast.recording_tables import Recipe
from broadcast.tables import BulletinVersion, Rendition
from core import units
from core.clock import Clock
from core.database import Database
from core.events import Actor
from core.profiles import Profile


class Speaker(Protocol):
    """What `render` needs of `audio.studio.Studio`."""

    def speak(
        self,
        text: str,
        *,
        rate: int | None = None,
        voice: str | None = None,
        lexicon: Lexicon | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Speech: ...


def render(
    db: Database,
    version_id: str,
    *,
    studio: Speaker,
    actor: Actor,
    clock: Clock,
    voice: str | None = None,
    rate: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> dict[Profile, Rendition]:
    """Speak a version and keep the sound, without holding a transaction while it is spoken.

    Raises what `Studio.speak` raises, and WrongState where the version isn't to be spoken any more.
    """
    with db.reading() as session:
        version = get(session, version_id)
        require(session, version, "render")
        if session.scalar(select(Recipe.id).where(Recipe.version_id == version_id).limit(1)):
            raise RecordedNotSpoken(title=bulletin_of(session, version).title)
        text = version.text
        if rate is None:
            rate = bulletin_of(session, version).rate_wpm
        lexicon = lexicon_of(session, bulletin_of(session, version), on=units.date_of(clock.now()))
    speech = studio.speak(text, rate=rate, voice=voice, lexicon=lexicon, progress=progress)
    with db.writing() as session:
        return attach(session, version_id, speech, lexicon=lexicon, actor=actor, clock=clock)


def attach(
    session: Session,
    version_id: str,
    speech: Speech,
    *,
    lexicon: Lexicon | None = None,
    actor: Actor,
    clock: Clock,
) -> dict[Profile, Rendition]:
    """Keep what was spoken as the version's sounds, and with which lexicon. An earlier sound of it that nobody approved
    gives way; the event names both. The same sound again is kept as it is, with who spoke it this time.
    """
    version = locked(session, version_id)
    require(session, version, "render")
    before = renditions(session, version_id)
    sha256s = {profile: sound.sha256 for profile, sound in speech.sounds.items()}
    if {one.profile: one.sha256 for one in before} == sha256s:
        another = any((one.voice, one.fallback) != (speech.voice, speech.fallback) for one in before)
        for one in before:  # the site may want another voice by now, or lack another one
            one.voice, one.fallback, one.passed_over = speech.voice, speech.fallback, list(speech.failures)
        if another:
            _record(session, version, speech, [], actor, clock)
        return {one.profile: one for one in before}
    for rendition in before:
        session.delete(rendition)
    session.flush()  # before the new ones come, of which one may be the same
    made = {
        profile: Rendition(
            version_id=version_id,
            profile=profile,
            sha256=sound.sha256,
            bytes=sound.bytes,
            duration_ms=sound.duration_ms,
            loudness_lufs=sound.loudness_lufs,
            true_peak_dbtp=sound.true_peak_dbtp,
            voice=speech.voice,
            fallback=speech.fallback,
            passed_over=list(speech.failures),
            made_at=clock.now(),
        )
        for profile, sound in speech.sounds.items()
    }
    version.spoken = speech.spoken
    version.lexicon = lexicon.digest if lexicon else None
    session.add_all(made.values())
    session.flush()
    _record(session, version, speech, [r.sha256 for r in before], actor, clock)
    return made


def _record(
    session: Session, version: BulletinVersion, speech: Speech, replaced: list[str], actor: Actor, clock: Clock
) -> None:
    record_change(
        session,
        "rendered",
        version,
        actor,
        clock,
        sha256s={profile: sound.sha256 for profile, sound in speech.sounds.items()},
        voice=speech.voice,
        fallback=speech.fallback,
        spoke_outside=speech.spoke_outside,
        voice_identity=speech.voice_identity,
        voices_failed=list(speech.failures),
        replaced=replaced,
        warnings=speech.warnings,
        lexicon=version.lexicon,
    )
