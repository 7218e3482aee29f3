"""What the project ships to begin with: a sample dispatch, bulletins against human trafficking, units for the demo.

Every text is the project's own. Each bulletin stands in one TOML file with its sources and the day by which its facts
have to be looked at again; two of them have blanks that the commune fills in, and can't be submitted before.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from broadcast.bulletin_rules import blanks as find_blanks
from broadcast.dispatch_facts import ParsedDispatch
from devices.protocol.plan import BroadcastClass

_TRAFFICKING = re.compile(
    r"\b(?:mua\s*,?\s*bán|buôn\s*,?\s*bán|buôn|lừa\s*bán)\s+(?:người|phụ nữ|trẻ em)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class SampleBulletin:
    """A bulletin as shipped: ready for `bulletins.create`."""

    key: str  # the name of its file: "01-viec-nhe-luong-cao"
    title: str
    topic: str
    class_: BroadcastClass
    language: str
    review_by: date
    sources: tuple[str, ...]
    text: str

    @property
    def source_note(self) -> str:
        return "\n".join(self.sources)

    @property
    def blanks(self) -> list[str]:
        """What the commune has to fill in before it can be submitted."""
        return find_blanks(self.title) + find_blanks(self.text)


@dataclass(frozen=True, slots=True)
class SampleCommune:
    """A commune or ward that exists: its official name and code."""

    name: str
    code: str


@dataclass(frozen=True, slots=True)
class SampleProvince:
    """The demo's province, by the two-tier list in force since 1 July 2025, and some of its communes."""

    name: str
    code: str
    communes: tuple[SampleCommune, ...]


def dispatch_text() -> str:
    """The sample dispatch: our own writing, of a department that doesn't exist."""
    return (resources.files(__name__) / "dispatch.txt").read_text(encoding="utf-8")


@cache
def bulletins() -> tuple[SampleBulletin, ...]:
    """The shipped bulletins in their order."""
    folder = resources.files(__name__) / "bulletins"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return tuple(_bulletin(f.name.removesuffix(".toml"), f.read_text(encoding="utf-8")) for f in files)


@cache
def spot() -> SampleBulletin:
    """The short message, at most 15 seconds when read aloud: for the demo's programme."""
    return _bulletin("spot", (resources.files(__name__) / "spot.toml").read_text(encoding="utf-8"))


@cache
def province() -> SampleProvince:
    """Real units for the demo."""
    data = tomllib.loads((resources.files(__name__) / "units.toml").read_text(encoding="utf-8"))
    communes = tuple(SampleCommune(unit["name"], unit["code"]) for unit in data["communes"])
    return SampleProvince(data["province"]["name"], data["province"]["code"], communes)


def samples_fit(parsed: ParsedDispatch) -> bool:
    """Whether the shipped bulletins are about what the dispatch is about: human trafficking, by its subject's words.

    Where the dispatch has no subject, the headings of its demands decide.
    """
    words = parsed.subject or " ".join(demand.heading for demand in parsed.demands)
    return _TRAFFICKING.search(words) is not None


def _bulletin(key: str, text: str) -> SampleBulletin:
    data: dict[str, Any] = tomllib.loads(text)
    return SampleBulletin(
        key=key,
        title=data["title"],
        topic=data["topic"],
        class_=data["class"],
        language=data["language"],
        review_by=data["review_by"],
        sources=tuple(data["sources"]),
        text=data["text"].strip(),
    )
