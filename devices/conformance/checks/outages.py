"""The network, and the power, go away (sections 3, 10, 12)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from devices.conformance.checks.playing import on_time
from devices.conformance.kit import BACK_S, Kit
from devices.conformance.running import Fault, Steps, Until, check

WILL_S = 120.0  # a keep-alive of 60 s, and half of it
CUT_MS = 1_100  # "right to a second"


@check("Mất mạng vẫn phát đúng giờ, báo lại sau", stage="alone")
def plays_with_the_cable_pulled(kit: Kit) -> Steps:
    """Sections 1, 12: without a network it plays its plan by its own clock, and tells when it is back."""
    line = kit.needs_line()
    airing = kit.air(kit.sounds.short, kit.sounds.other)
    yield kit.accepted(kit.programme.issue())
    log, through = max(kit.acked.items(), key=lambda item: item[1], default=("", 0))
    hellos, told = len(kit.journal.hellos), len(kit.journal.told)
    line.down()
    yield kit.until_time(airing.ends_at + 500)
    if kit.journal.records_of(airing.airing):
        raise Fault("the line was not cut")
    line.up()
    yield kit.hello_since(hellos)
    records = yield from kit.records(airing)
    off = on_time(kit, records[0], airing.starts_at)
    kit.whole(records)
    again = [one.record.seq for one in kit.journal.told[told:] if one.record.log == log and one.record.seq <= through]
    if again:
        raise Fault(f"records {again} came again, though all up to {through} were acknowledged")
    return f"{off:+d} ms off with the line cut; told when it was back, nothing below the watermark"


@check("Mất điện giữa chừng: ghi phát một phần, đúng đến một giây", stage="alone")
def reports_a_power_cut(kit: Kit) -> Steps:
    """Sections 10, 12: what sounded when power went is partial (power-off), right to a second, and not joined again."""
    kit.needs_power()
    airing = kit.air(kit.sounds.long, kit.sounds.long)
    off = kit.air(kit.sounds.other, at_ms=airing.ends_at + 600)
    yield kit.accepted(kit.programme.issue())
    yield kit.until_time(airing.starts_at + kit.sounds.long.duration_ms + 1_100)
    cut_ms = yield from power_cut(kit, off.ends_at)
    finished, cut = yield from kit.records(airing)
    kit.one(finished, "finished")
    kit.one(cut, "partial", "power-off")
    earlier = cut_ms - (cut.ended_at or 0)
    if not -200 <= earlier <= CUT_MS:
        raise Fault(f"by its record it ended {earlier} ms before the cut, at most {CUT_MS} are allowed")
    (missed,) = yield from kit.records(off)
    kit.one(missed, "missed", "power-off")
    return f"partial (power-off), {earlier} ms before the cut; what fell into the outage is missed (power-off)"


def power_cut(kit: Kit, until_ms: int) -> Generator[Until, Any, int]:
    """Take its power, wait for its last will, give it back, wait for its hello; when it was cut."""
    power, hellos, statuses = kit.needs_power(), len(kit.journal.hellos), len(kit.journal.statuses)
    boots = {hello.boot for _, hello in kit.journal.hellos}
    asked_ms = kit.now_ms
    power.off()
    cut_ms = (asked_ms + kit.now_ms) // 2
    yield kit.until(
        lambda: any(not status.online for _, status in kit.journal.statuses[statuses:]),
        "its last will, online false",
        WILL_S,
    )
    yield kit.until_time(until_ms)
    power.on()
    (_, hello), *_ = yield kit.hello_since(hellos)
    if hello.boot in boots:
        raise Fault(f"the same boot after a power cut: {hello.boot}")
    if hello.revision != kit.programme.revision:
        raise Fault(f"it holds revision {hello.revision}, before the cut {kit.programme.revision}")
    kit.survived = True
    return cut_ms


@check("Kế hoạch, bản ghi, lệnh đã làm còn nguyên sau mất điện", stage="alone")
def remembers_through_a_power_cut(kit: Kit) -> Steps:
    """Sections 3, 7, 9: the last will speaks for it; then the plan is held, and no old command is executed again."""
    if not kit.survived:
        yield from power_cut(kit, kit.now_ms)
    command, token = kit.executed
    if not command:
        return "the last will came, the plan is held"
    before, records = len(kit.journal.answers(command)), len(kit.journal.records_of(command))
    kit.desk.put("command", token)
    yield from kit.result(command, before + 1)
    yield kit.until_time(kit.now_ms + 1_500)
    if len(kit.journal.records_of(command)) != records:
        raise Fault("a command from before the power cut was executed again")
    return "last will, plan held under a new boot; a command from before it is answered, not executed"


@check("Khởi động lại theo lệnh, một lần", stage="alone")
def restarts_when_told(kit: Kit) -> Steps:
    """Section 9: restart begins anew without losing records, and the same command again does nothing."""
    hellos = len(kit.journal.hellos)
    boots = {hello.boot for _, hello in kit.journal.hellos}
    command, token = kit.command("restart")
    yield from kit.accepted_command(command)
    yield kit.until(
        lambda: any(hello.boot not in boots for _, hello in kit.journal.hellos[hellos:]),
        "a hello of a new boot",
        BACK_S,
    )
    boots = {hello.boot for _, hello in kit.journal.hellos}
    answered = len(kit.journal.answers(command))
    kit.desk.put("command", token)
    yield from kit.result(command, answered + 1)
    (record,) = yield from kit.records(kit.air(kit.sounds.short))
    kit.one(record, "finished")
    if {hello.boot for _, hello in kit.journal.hellos} != boots:
        raise Fault("the same restart was executed twice")
    return "a new boot; the same command again was answered only; it plays on"
