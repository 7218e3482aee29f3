"""What a web process is given. No signing key is among it: whoever breaks into the console can't speak."""

from __future__ import annotations

from dataclasses import dataclass

from audio.store import ObjectStore
from audio.studio import Studio
from core.clock import Clock
from core.database import Database
from core.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """`broker_port` is where receivers enrolled here find the broker, if that isn't what the settings say (0: any)."""

    settings: Settings
    db: Database
    clock: Clock
    store: ObjectStore
    studio: Studio
    broker_port: int | None = None
