"""What a job sounds: its reel, made of what is in the cache now."""

from __future__ import annotations

from collections.abc import Callable

from devices.receiver.cache import Cache
from devices.receiver.decisions import source_of
from devices.receiver.jobs import Job, Slot
from devices.receiver.reel import Reel, Source, ToneReel


def reel_for(job: Job, cache: Cache, damaged: Callable[[str], None]) -> Reel:
    """A reel of a job's items; what isn't there keeps its place in silence. A test tone is made, not read."""
    if not job.recorded:
        item = job.slots[0].item
        return ToneReel(item.item, item.duration_ms)
    return Reel([_source(slot, cache) for slot in job.slots], on_damaged=damaged)


def why_silent(job: Job) -> str:
    """Why nothing of a job can be played."""
    return "no-audio" if any(source_of(slot.item) for slot in job.slots) else "relay-unsupported"


def _source(slot: Slot, cache: Cache) -> Source:
    sha256 = source_of(slot.item)
    there = sha256 is not None and cache.has(sha256)
    path = cache.path(sha256) if sha256 is not None and there else None
    missing = "no-audio" if sha256 is not None else "relay-unsupported"
    return Source(slot.item.item, slot.item.duration_ms, sha256, path, missing)
