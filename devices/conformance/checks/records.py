"""Records on their way to the server (section 10)."""

from __future__ import annotations

from devices.conformance.kit import Kit
from devices.conformance.running import Fault, Steps, check
from devices.protocol.commands import Ack
from devices.protocol.reports import Refusal

AGAIN_S = 120.0  # "after a silence (20 s, doubling)"
LOOK_MS = 1_200


def times_told(kit: Kit, log: str, seq: int) -> int:
    return sum(one.record.log == log and one.record.seq == seq for one in kit.journal.told)


@check("Chưa được xác nhận thì gửi lại")
def sends_again_without_an_acknowledgement(kit: Kit) -> Steps:
    """Section 10: what isn't acknowledged is sent again after a silence; an ack by another key changes nothing."""
    kit.acking = False
    had = len(kit.journal.told)
    yield kit.until(lambda: len(kit.journal.told) > had, "a record", AGAIN_S)
    first = kit.journal.told[-1]
    log, seq = first.record.log, first.record.seq
    kit.provoked()
    since = len(kit.journal.reports)
    forged = kit.desk.signed("ack", Ack(log=log, through=seq), key=kit.desk.keys.key("plan"))
    kit.desk.put("ack", forged)
    yield kit.until(lambda: times_told(kit, log, seq) > 1, "the record again", AGAIN_S)
    again = next(one for one in reversed(kit.journal.told) if (one.record.log, one.record.seq) == (log, seq))
    kit.acking = True
    kit.acknowledge()
    refusals = [r.reason for r in kit.journal.heard(Refusal, since) if r.topic.endswith("/ack")]
    if refusals != ["unknown-key"]:
        raise Fault(f"the ack by another key: {refusals or 'not reported'}, expected unknown-key")
    return f"record {seq} came again after {(again.at_ms - first.at_ms) / 1_000:.0f} s, and a false ack was refused"


@check("Gửi lại bản ghi cũ khi được hỏi, một lần", stage="alone")
def sends_old_records_when_asked(kit: Kit) -> Steps:
    """Section 10: ack with resend_from asks for acknowledged records again; once, and only for a fresh message."""
    if not kit.acked:
        raise Fault("it never sent a record")
    log, through = max(kit.acked.items(), key=lambda item: item[1])
    before = times_told(kit, log, 1)
    token = kit.desk.signed("ack", Ack(log=log, through=through, resend_from=1))
    kit.desk.put("ack", token)
    yield kit.until(lambda: times_told(kit, log, through) > 1 and times_told(kit, log, 1) > before, "old records")
    yield kit.until_time(kit.now_ms + LOOK_MS)
    had = times_told(kit, log, 1)
    kit.desk.put("ack", token)
    yield kit.until_time(kit.now_ms + LOOK_MS)
    if had != before + 1 or times_told(kit, log, 1) != had:
        raise Fault(f"asked once, it sent record 1 {times_told(kit, log, 1) - before} times")
    return f"records 1 to {through} came again; the same message a second time did nothing"
