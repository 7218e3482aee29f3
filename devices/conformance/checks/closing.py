"""Over all that was heard: what is said must fit together."""

from __future__ import annotations

import hashlib
from collections import Counter

import rfc8785

from devices.conformance import recording
from devices.conformance.kit import Kit
from devices.conformance.running import Fault, Steps, check
from devices.protocol.signing import GENESIS

SETTLE_S = 30.0


@check("Chuỗi bản ghi liền, không ghi đè số nào", stage="closing")
def keeps_its_chain(kit: Kit) -> Steps:
    """Section 10: records are numbered from 1 in a log, each carries the hash of the one before, over restarts too."""
    yield kit.until(lambda: True, "the end")
    held: dict[tuple[str, int], str] = {}
    for one in kit.journal.told:
        digest = hashlib.sha256(rfc8785.dumps(one.raw)).hexdigest()
        if held.setdefault((one.record.log, one.record.seq), digest) != digest:
            raise Fault(f"a fork: record {one.record.seq} came with two contents")
    records = kit.journal.records
    if not records:
        raise Fault("no record came at all")
    for log, seq in sorted(records):
        before = held.get((log, seq - 1), GENESIS if seq == 1 else "")
        if not before:
            if seq == min(number for name, number in records if name == log):
                continue  # a receiver that was enrolled here before goes on in its log
            raise Fault(f"record {seq - 1} is missing")
        if records[log, seq].prev != before:
            raise Fault(f"prev of record {seq} is not the hash of record {seq - 1}")
    logs = len({log for log, _ in records})
    return f"{len(records)} records in {logs} log, each the hash of the one before, {len(kit.journal.told)} times told"


@check("Mỗi mục của mỗi lần phát đúng một bản ghi", stage="closing")
def has_one_record_for_each_item(kit: Kit) -> Steps:
    """Section 10: everything in an accepted plan gets a record for every item, whether it sounded or not; one."""
    over = [airing for airing in kit.programme.airings.values() if airing.ends_at < kit.now_ms - 3_000]
    wanted = {(airing.airing, item.item) for airing in over for item in airing.items}

    def seen() -> Counter[tuple[str, str, str | None]]:
        return Counter((one.airing, one.item, one.command) for one in kit.journal.records.values())

    yield kit.until(
        lambda: wanted <= {(airing, item) for airing, item, _ in seen()}, "a record for every item", SETTLE_S
    )
    twice = [name for name, count in seen().items() if count > 1]
    if twice:
        raise Fault(f"{len(twice)} items have two records, one of them {twice[0]}")
    return f"{len(wanted)} items of {len(over)} airings, one record each"


@check("Không lần nào phát ra thứ bị cấm", stage="closing")
def never_sounded_what_it_must_not(kit: Kit) -> Steps:
    """Sections 1, 4: nothing of what was forged, replayed, misaddressed, expired, muted or in quiet hours sounded."""
    yield kit.until(lambda: True, "the end")
    forbidden = kit.sounds.forbidden
    for record in kit.journal.records.values():
        if record.sha256 == forbidden.sha256 and record.started_at is not None:
            raise Fault(f"a record says that it sounded: {record.outcome} {record.reason}")
    if kit.recording is None:
        return "no record of it; the sound was not recorded"
    heard = recording.sounded_ms(kit.recording, forbidden.hertz)
    if heard:
        raise Fault(f"its tone is heard for {heard} ms")
    return f"no record of it, and {forbidden.hertz} Hz is nowhere in {recording.length_s(kit.recording):.0f} s of sound"


@check("Mọi thông điệp gửi lên đều đúng khuôn và có ký", stage="closing")
def says_everything_as_agreed(kit: Kit) -> Steps:
    """Sections 4, 11: whatever it said was of the stated types, well signed, and numbered upward."""
    yield kit.until(lambda: True, "the end")
    if kit.journal.broken:
        raise Fault(f"{len(kit.journal.broken)} messages don't fit: {kit.journal.broken[0]}")
    falling = [(a, b) for a, b in zip(kit.journal.seqs, kit.journal.seqs[1:], strict=False) if b <= a]
    if falling:
        raise Fault(f"the number of a signed message went from {falling[0][0]} to {falling[0][1]}")
    revisions = {record.plan_revision for record in kit.journal.records.values()}
    strange = [one for one in revisions if one > kit.programme.revision]
    if strange:
        raise Fault(f"records name plans that were never issued: {strange}")
    count = len(kit.journal.seqs) + len(kit.journal.hellos) + len(kit.journal.statuses) + len(kit.journal.nonces)
    return f"{count} messages, {len(kit.journal.seqs)} of them signed"
