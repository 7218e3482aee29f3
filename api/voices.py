"""The site's voices: the chain as the settings order it, and what there is, for the API and the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from audio.errors import UnknownVoice, VoiceFailed
from audio.voices import SentenceCache, Server, Site, Voice, VoiceChain, chain, make, piper
from audio.voices.lineup import LANGUAGE, of_site
from broadcast import consent
from core.database import Database
from core.settings import Settings

State = Literal["ready", "damaged", "not-installed", "engine-missing", "not-configured", "not-allowed"]
STATES_VI: dict[State, str] = {
    "ready": "sẵn sàng",
    "damaged": "tệp hỏng",
    "not-installed": "chưa cài: truyenthanh voices install",
    "engine-missing": "chưa cài bộ máy (requirements-piper.lock)",
    "not-configured": "chưa đặt địa chỉ",
    "not-allowed": "quản trị viên chưa đồng ý",
}
GOOGLE = "https://translate.google.com/"


@dataclass(frozen=True, slots=True)
class Offer:
    """A voice as it stands at this site. `place` in the chain counts from 1; None: not in it. What a `fallback` speaks
    is approved only where the site permits it.
    """

    engine: str
    name: str
    language: str
    speaks_at: str  # "" on this machine, else the address
    licence: str
    bytes: int | None
    state: State
    outside: bool
    place: int | None
    fallback: bool
    allowed_by: str | None = None
    allowed_at: str | None = None


def site_of(settings: Settings) -> Site:
    server = None
    if settings.http_voice_url:
        server = Server(
            settings.http_voice_url,
            settings.http_voice_model,
            settings.http_voice_name,
            settings.http_voice_key.get_secret_value(),
        )
    return Site(settings.voice_files, server)


def agreed(settings: Settings, db: Database) -> Callable[[str], bool]:
    """Whether an administrator of the site agrees that a voice sends text outside, asked of the database each time."""

    def allowed(name: str) -> bool:
        with db.reading() as session:
            return consent.given(session, name, address=address_of(settings, name)) is not None

    return allowed


def chain_of(settings: Settings, outside_allowed: Callable[[str], bool]) -> VoiceChain:
    """The configured chain; `outside_allowed` is asked at every text of each voice that would send it outside."""
    cache = None
    if settings.voice_cache_mb:
        cache = SentenceCache(settings.data_dir / "sentences", settings.voice_cache_mb << 20)
    return chain(settings.voices, outside_allowed=outside_allowed, site=site_of(settings), cache=cache)


def address_of(settings: Settings, name: str) -> str:
    """Where an engine outside speaks; leave is given for that address. Raises `UnknownVoice` for any other."""
    if name == "gtts":
        return GOOGLE
    if name == "http":
        return settings.http_voice_url
    raise UnknownVoice(voice=name, known="http, gtts")


def offers(settings: Settings, session: Session | None) -> list[Offer]:
    """What there is, in the chain's order and then the rest; a voice that the settings name and that isn't there too.

    Raises `UnknownVoice` where the settings name what is no voice.
    """
    site = site_of(settings)
    lineup = of_site(settings.voices, site)(None)
    order = {_name(place): number for number, place in enumerate(lineup.places, 1)}
    found = [
        Offer(
            engine="piper",
            name=file.name,
            language=file.language,
            speaks_at="",
            licence=file.licence,
            bytes=file.bytes,
            state=file.state if piper.available() or file.state == "damaged" else "engine-missing",
            outside=False,
            place=order.get(file.name),
            fallback=file.name not in lineup.wanted,
        )
        for file in site.files()
    ]
    found += [
        _engine(settings, session, site, name, order.get(name), fallback=name not in lineup.wanted)
        for name in ("http", "gtts")
    ]
    found.append(
        Offer(
            engine="espeak",
            name="espeak",
            language=LANGUAGE,
            speaks_at="",
            licence="GPL-3.0-or-later",
            bytes=None,
            state="ready",
            outside=False,
            place=order.get("espeak"),
            fallback=True,
        )
    )
    there = {offer.name for offer in found}
    found += [
        Offer("piper", name, LANGUAGE, "", "", None, "not-installed", outside=False, place=place, fallback=place > 1)
        for name, place in order.items()
        if name not in there
    ]
    return sorted(found, key=lambda offer: (offer.place is None, offer.place))


def _name(place: Voice | VoiceFailed) -> str:
    return str(place.facts["voice"]) if isinstance(place, VoiceFailed) else place.name


def _engine(
    settings: Settings, session: Session | None, site: Site, name: str, place: int | None, *, fallback: bool
) -> Offer:
    address = address_of(settings, name)
    outside = True
    state: State = "ready"
    try:
        outside = make(name, site)[0].outside
    except VoiceFailed:
        state = "not-configured"
    leave = consent.given(session, name, address=address) if session is not None and outside else None
    if state == "ready" and outside and leave is None:
        state = "not-allowed"
    return Offer(
        engine=name,
        name=name,
        language=LANGUAGE,
        speaks_at=address,
        licence="",
        bytes=None,
        state=state,
        outside=outside,
        place=place,
        fallback=fallback,
        allowed_by=leave.actor_name if leave else None,
        allowed_at=leave.at.isoformat() if leave else None,
    )
