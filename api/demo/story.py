"""The newsroom's part of the demo: dispatch, campaign, bulletins, approval, programme, schedule."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from api.demo.screen import Screen
from api.demo.world import World
from api.serve import Server
from broadcast import bulletins, campaigns, delivery, dispatches, drafting, programmes, samples
from broadcast.tables import Rendition
from core.clock import Clock
from core.errors import FileMissing, Invalid
from schedules import timetable
from schedules.recurrence import Rule

PROGRAMME_MAX_MS = 25_000


@dataclass(frozen=True, slots=True)
class Story:
    """What was made on the way to the airing."""

    dispatch_id: str
    campaign_id: str
    airing_id: str
    starts_at: datetime
    duration_ms: int
    voices: frozenset[str]


def dispatch_text(path: Path | None) -> str:
    """The dispatch to start from: a file of the user's, or the sample. Raises what `dispatches.decode` raises."""
    if path is None:
        return samples.dispatch_text()
    try:
        return dispatches.decode(path.read_bytes())
    except OSError as error:
        raise FileMissing(path=path, why=error.strerror) from error
