"""The site's voices: the chain as the settings order it, and what there is, for the API and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from audio.errors import UnknownVoice, VoiceFailed
from audio.voices import ENGINES, SentenceCache, Server, Site, VoiceChain, chain, make, piper
from broadcast import consent
from core.database import Database
from core.settings import Settings

State = Literal["ready", "damaged", "engine-missing", "not-configured", "not-allowed"]
STATES_VI: dict[State, str] = {
    "ready": "sẵn sàng",
    "damaged": "tệp hỏng",
    "engine-missing": "chưa cài bộ máy (truyenthanh[piper])",
    "not-configured": "chưa đặt địa chỉ",
    "not-allowed": "quản trị viên chưa đồng ý",
}
GOOGLE = "https://translate.google.com/"


@dataclass(frozen=True, slots=True)
class Offer:
    """A voice as it stands at this site. `place` in the chain counts from 1; None: not in it."""

    engine: str
    name: str
    language: str
    speaks_at: str  # "" on this machine, else the address
    licence: str
    bytes: int | None
    state: State
    outside: bool
    place: int | None
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


def chain_of(settings: Settings, db: Database | None, *, voice: str | None = None) -> VoiceChain:
    """The configured chain; `voice` names one voice instead, which is consent to it. Without a database nobody has
    given leave.
    """
    cache = None
    if settings.voice_cache_mb:
        cache = SentenceCache(settings.data_dir / "sentences", settings.voice_cache_mb << 20)
    if voice is not None:
        return chain([voice], outside_allowed=True, site=site_of(settings), cache=cache)

    def allowed(name: str) -> bool:
        if db is None:
            return False
        with db.reading() as session:
            return consent.given(session, name, address=address_of(settings, name)) is not None

    return chain(settings.voices, outside_allowed=allowed, site=site_of(settings), cache=cache)


def address_of(settings: Settings, name: str) -> str:
    """Where an engine outside speaks; leave is given for that address. Raises `UnknownVoice` for any other."""
    if name == "gtts":
        return GOOGLE
    if name == "http":
        return settings.http_voice_url
    raise UnknownVoice(voice=name, known="http, gtts")


def offers(settings: Settings, session: Session | None) -> list[Offer]:
    """What there is: voice files, then the engines."""
    site = site_of(settings)
    order = _order(settings, site)
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
        )
        for file in site.files()
    ]
    found += [_engine(settings, session, site, name, order.get(name)) for name in ("http", "gtts")]
    found.append(Offer("espeak", "espeak", "vi", "", "GPL-3.0-or-later", None, "ready", False, order.get("espeak")))
    return found


def _order(settings: Settings, site: Site) -> dict[str, int]:
    names: list[str] = []
    for wanted in settings.voices:
        if wanted in ENGINES and wanted != "piper":
            names.append(wanted)
        else:
            names += [voice.name for voice in make(wanted, site)]
    return {name: place for place, name in enumerate(dict.fromkeys(names), 1)}


def _engine(settings: Settings, session: Session | None, site: Site, name: str, place: int | None) -> Offer:
    address = address_of(settings, name)
    outside, state = True, "ready"
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
        language="vi",
        speaks_at=address,
        licence="",
        bytes=None,
        state=state,  # type: ignore[arg-type] # one of three
        outside=outside,
        place=place,
        allowed_by=leave.actor_name if leave else None,
        allowed_at=leave.at.isoformat() if leave else None,
    )
