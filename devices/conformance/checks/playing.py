"""What sounds, when and how loud (section 7). Where the sound is recorded, its recording is measured as well."""

from __future__ import annotations

import itertools

from devices.conformance import recording
from devices.conformance.kit import Kit
from devices.conformance.programme import CAPS, VOLUME
from devices.conformance.running import Fault, Steps, check
from devices.protocol.plan import PlanAiring
from devices.protocol.reports import PlayRecord

ON_TIME_MS = 50  # and what the receiver's own clock states as its error
JOINED_MS = 20
WHOLE_MS = 250  # section 10
RESUMED_MS = 2_500  # for going on after what cut in; no receiver need begin anew for a moment only
BY_RECORDS = "by its signed records; the sound was not recorded"


def started(record: PlayRecord) -> int:
    if record.started_at is None or record.ended_at is None:
        raise Fault("a record without start and end")
    return record.started_at


def on_time(kit: Kit, record: PlayRecord, at_ms: int) -> int:
    """By how much it began late, if it is within what is allowed."""
    kit.one(record, "finished")
    off = started(record) - at_ms
    allowed = ON_TIME_MS + (record.clock.error_ms or 0.0)
    if abs(off) > allowed:
        raise Fault(f"it began {off} ms off, at most {allowed:.0f} ms are allowed")
    return off


def joined(kit: Kit) -> PlanAiring:
    """One airing of the joined sounds serves all checks that look at a programme of several items."""
    wanted = [sound.sha256 for sound in kit.sounds.joined]
    planned = [one for one in kit.programme.airings.values() if [item.sha256 for item in one.items] == wanted]
    return planned[0] if planned else kit.air(*kit.sounds.joined)


@check("Phát đúng giờ")
def plays_on_time(kit: Kit) -> Steps:
    """Section 7: starts_at is the instant at which the first sample leaves."""
    first = joined(kit)
    second = kit.air(kit.sounds.later)
    off = []
    for airing in (first, second):
        records = yield from kit.records(airing)
        off.append(on_time(kit, records[0], airing.starts_at))
    said = f"{off[0]:+d} and {off[1]:+d} ms off"
    if kit.recording is None:
        return f"{said}, {BY_RECORDS}"
    yield kit.at_the_end()
    apart = second.starts_at - first.starts_at
    heard = recording.apart_ms(kit.recording, kit.sounds.joined[0].hertz, kit.sounds.later.hertz)
    if abs(heard - apart) > 2 * ON_TIME_MS:
        raise Fault(f"two starts that should be {apart} ms apart are heard {heard:.1f} ms apart")
    return f"{said}; heard {heard:.1f} ms apart, planned {apart}"


@check("Các mục nối nhau không hở")
def plays_items_without_a_gap(kit: Kit) -> Steps:
    """Section 7: the items of an airing follow one another without a gap."""
    airing = joined(kit)
    records = yield from kit.records(airing)
    kit.whole(records)
    gaps = [started(after) - (before.ended_at or 0) for before, after in itertools.pairwise(records)]
    if any(abs(gap) > JOINED_MS for gap in gaps):
        raise Fault(f"between items there are {gaps} ms")
    if kit.recording is None:
        return f"{gaps} ms between items, {BY_RECORDS}"
    yield kit.at_the_end()
    silence = recording.longest_silence_ms(kit.recording, [sound.hertz for sound in kit.sounds.joined])
    if silence > JOINED_MS:
        raise Fault(f"{silence:.0f} ms of silence are heard inside the programme")
    return f"{gaps} ms by the records; the longest silence heard inside is {silence:.0f} ms"


@check("Mỗi mục đúng một bản ghi, phát đủ độ dài")
def records_each_item_whole(kit: Kit) -> Steps:
    """Section 10: each item has one record when it has ended, with what of it sounded."""
    airing = joined(kit)
    records = yield from kit.records(airing)
    kit.whole(records)
    for item, record in zip(airing.items, records, strict=True):
        if abs(record.played_ms - item.duration_ms) > WHOLE_MS or record.sha256 != item.sha256:
            raise Fault(f"{record.played_ms} of {item.duration_ms} ms are recorded")
    played = [record.played_ms for record in records]
    return f"{len(records)} records, {played} ms played of {[item.duration_ms for item in airing.items]}"


@check("Âm lượng theo kế hoạch, không vượt trần")
def holds_the_volume_and_its_cap(kit: Kit) -> Steps:
    """Section 7: an airing has its own volume or the plan's, and none is above caps.volume."""
    own = kit.air(kit.sounds.short, volume=40)
    plain = kit.air(kit.sounds.short)
    loud = kit.air(kit.sounds.short, volume=100)
    seen = []
    for airing, wanted in ((own, 40), (plain, VOLUME), (loud, CAPS["volume"])):
        (record,) = yield from kit.records(airing)
        kit.one(record, "finished")
        if record.volume is None:
            raise Fault("the record states no volume")
        seen.append(record.volume)
        if record.volume != wanted:
            raise Fault(f"volume {record.volume}, expected {wanted}")
    return f"volumes {seen}: the airing's, the plan's, and 100 held to the cap"


@check("Ưu tiên ngắt bản thường, bản thường phát tiếp")
def cuts_in_and_resumes(kit: Kit) -> Steps:
    """Section 7: priority cuts ordinary, which goes on afterwards where it says resume."""
    at = kit.programme.stretch(kit.sounds.long.duration_ms + kit.sounds.strong.duration_ms + RESUMED_MS)
    weak = kit.air(kit.sounds.long, at_ms=at, preempted="resume", ends_at=at + 10_000)
    strong = kit.air(kit.sounds.strong, at_ms=at + 800, class_="priority")
    (stronger,) = yield from kit.records(strong)
    on_time(kit, stronger, strong.starts_at)
    (weaker,) = yield from kit.records(weak)
    kit.one(weaker, "finished")
    if (weaker.ended_at or 0) < (stronger.ended_at or 0):
        raise Fault("the weaker one ended before the stronger one, so it was not interrupted")
    return (
        f"priority on time; ordinary went on after it and ended {weaker.ended_at - (stronger.ended_at or 0)} ms later"  # type: ignore[operator]
    )


@check("Ưu tiên ngắt bản thường, bản thường bỏ phần còn lại")
def cuts_in_and_drops(kit: Kit) -> Steps:
    """Section 7: where it says drop, what was interrupted is partial."""
    at = kit.programme.stretch(kit.sounds.long.duration_ms)
    weak = kit.air(kit.sounds.long, at_ms=at, preempted="drop")
    strong = kit.air(kit.sounds.strong, at_ms=at + 800, class_="priority")
    (stronger,) = yield from kit.records(strong)
    on_time(kit, stronger, strong.starts_at)
    (weaker,) = yield from kit.records(weak)
    kit.one(weaker, "partial")
    return f"partial ({weaker.reason}) after {weaker.played_ms} ms"
