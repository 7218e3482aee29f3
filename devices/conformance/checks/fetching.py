"""How audio is fetched when it doesn't come as it should (section 8)."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from dataclasses import replace
from typing import Any

from devices.conformance.kit import WANT_S, Kit
from devices.conformance.running import Fault, Steps, Until, check
from devices.conformance.sounds import Sound, tone
from devices.protocol.plan import PlanAiring
from devices.protocol.reports import Alarm, Ready, Want

AHEAD_MS = 120_000


def planned_later(kit: Kit, sound: Sound) -> PlanAiring:
    """An airing that never comes: it is there so that the sound is fetched."""
    return kit.air(sound, at_ms=kit.now_ms + AHEAD_MS)


def wanted(kit: Kit, sound: Sound, n: int) -> Until:
    want = Want(sha256=sound.sha256, n=n)
    return kit.until(lambda: want in kit.journal.heard(Want) or is_ready(kit, sound), f"want of chunk {n}", WANT_S)


def is_ready(kit: Kit, sound: Sound) -> bool:
    return any(sound.sha256 in report.sha256 for report in kit.journal.heard(Ready))


def heard_whole(kit: Kit, sound: Sound, before: PlanAiring) -> Generator[Until, Any, int]:
    """Once it is ready: air it now; how many milliseconds of it were played."""
    yield kit.until(lambda: is_ready(kit, sound), "ready", WANT_S)
    kit.programme.drop(before)
    airing = kit.air(sound)
    (record,) = yield from kit.records(airing)
    kit.one(record, "finished")
    return record.played_ms


@check("Xin lại đoạn âm thanh bị thiếu")
def asks_for_a_missing_chunk(kit: Kit) -> Steps:
    """Section 8: a chunk that doesn't come is asked for with want; chunks that come twice do no harm."""
    sound = tone(1_400, 500)
    kit.publish(sound, leave_out={1})
    later = planned_later(kit, sound)
    yield wanted(kit, sound, 1)
    if is_ready(kit, sound):
        raise Fault("told ready though a chunk was missing")
    kit.publish(sound)
    kit.publish(sound)
    played = yield from heard_whole(kit, sound, later)
    return f"want of chunk 1; when it came, ready, and {played} ms played"


@check("Không nhận đoạn âm thanh bị sửa")
def refuses_a_changed_chunk(kit: Kit) -> Steps:
    """Section 8: a chunk that isn't what the manifest says is asked for again and never played."""
    sound = tone(1_500, 500)
    kit.publish(sound, damage={0})
    later = planned_later(kit, sound)
    yield wanted(kit, sound, 0)
    if is_ready(kit, sound):
        raise Fault("told ready though a chunk was changed")
    kit.publish(sound)
    played = yield from heard_whole(kit, sound, later)
    return f"want of chunk 0; when the right one came, ready, and {played} ms played"


@check("Không nhận âm thanh có mã băm tổng sai")
def refuses_a_wrong_whole(kit: Kit) -> Steps:
    """Section 8: when all chunks are there the hash of the whole is checked."""
    data = tone(kit.sounds.forbidden.hertz, 500).data
    sound = replace(kit.sounds.forbidden, data=data, named=hashlib.sha256(data + b"another").hexdigest())
    kit.publish(sound)
    later = planned_later(kit, sound)
    yield kit.until(
        lambda: is_ready(kit, sound) or any(alarm.name == "object-mismatch" for alarm in kit.journal.heard(Alarm)),
        "the alarm object-mismatch",
        WANT_S,
    )
    kit.programme.drop(later)
    if is_ready(kit, sound):
        raise Fault("told ready, though its bytes are not what its name says")
    return "every chunk as the manifest says, the whole is not: alarm object-mismatch, not ready"


@check("Thiếu âm thanh của một mục: vẫn phát mục khác")
def plays_the_others_when_one_is_missing(kit: Kit) -> Steps:
    """Section 12: some audio away: the other items play; the missing one is missed with no-audio."""
    lost = tone(1_600, 500)
    airing = kit.air(kit.sounds.short, lost)
    found, missing = yield from kit.records(airing)
    kit.one(found, "finished")
    kit.one(missing, "missed", "no-audio")
    return "the first finished, the second missed (no-audio)"
