"""The newsroom's cast, and a speaker that makes a sound at once: other words, another sound."""

from __future__ import annotations

from collections.abc import Callable

from audio.reading import Lexicon
from audio.store import ObjectStore
from audio.studio import SoundObject, Speech
from core.errors import NotFound
from core.events import Actor
from core.profiles import PROFILES, Profile

WRITER = Actor("01J00000000000000000WRITER", "Người viết")
APPROVER = Actor("01J000000000000000APPR0VER", "Người duyệt")
SECOND_APPROVER = Actor("01J00000000000000000SECOND", "Người duyệt khác")


class QuickSpeaker:
    """Stands for the studio where its sound doesn't matter: the bytes of a sound are the text and the voice."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self.fallback = False
        self.asked: list[tuple[str | None, int | None]] = []
        self.lexicons: list[Lexicon | None] = []
        self.before: Callable[[], None] = lambda: None

    def speak(
        self,
        text: str,
        *,
        rate: int | None = None,
        voice: str | None = None,
        lexicon: Lexicon | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Speech:
        self.before()
        self.lexicons.append(lexicon)
        self.asked.append((voice, rate))
        if progress:
            progress(1.0)
        name = voice or "quick"
        return Speech(self._sounds(f"{name}:{text}", 100 * len(text)), name, self.fallback, text.lower(), [], False)

    def chime(self, name: str = "mở đầu") -> dict[Profile, SoundObject]:
        if name not in {"mở đầu", "kết thúc"}:
            raise NotFound(what="nhạc hiệu", id=name)
        return self._sounds(f"chime {name}", 2_500)

    def _sounds(self, content: str, duration_ms: int) -> dict[Profile, SoundObject]:
        return {profile: self._sound(f"{profile}:{content}", duration_ms) for profile in PROFILES}

    def _sound(self, content: str, duration_ms: int) -> SoundObject:
        data = content.encode()
        return SoundObject(self.store.put(data), len(data), duration_ms, -16.0, -2.0)
