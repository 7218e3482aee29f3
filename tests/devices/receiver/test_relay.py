"""A relay on a box that can't relay: its fallback is not told as the relay."""

from __future__ import annotations

from core.ids import new_id
from devices.protocol.plan import Item, PlanAiring, Relay
from devices.protocol.reports import ClockFacts
from devices.receiver.evidence import RATE
from devices.receiver.jobs import Job

SOUND = "b" * 64


def job(relay: Relay) -> Job:
    item = Item(item=new_id(), duration_ms=600_000, relay=relay)
    return Job(PlanAiring(airing=new_id(), starts_at=0, ends_at=600_000, items=[item]), 1, 0)


def test_the_fallback_that_sounded_to_its_end_is_partial() -> None:
    held = job(Relay(source="vov1", ends_at=600_000, fallback="object", fallback_sha256=SOUND))
    slot = held.slots[0]
    slot.frames, slot.sound_frames, slot.started_at, slot.ended_at = 20 * RATE, 20 * RATE, 5, 20_005
    draft = held.draft(slot, reason="", clock=ClockFacts(), whole=True)
    assert (draft.outcome, draft.reason, draft.sha256, draft.played_ms) == ("partial", "relay-fallback", SOUND, 20_000)


def test_without_a_fallback_it_is_missed() -> None:
    held = job(Relay(source="vov1", ends_at=600_000))
    draft = held.draft(held.slots[0], reason="relay-unsupported", clock=ClockFacts())
    assert (draft.outcome, draft.reason, draft.sha256, draft.played_ms) == ("missed", "relay-unsupported", None, 0)
