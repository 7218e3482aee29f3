"""Which plans are taken (section 7)."""

from __future__ import annotations

from devices.conformance.checks.trust import refused, wrong
from devices.conformance.kit import Kit
from devices.conformance.running import Fault, Steps, check
from devices.protocol.reports import PlanAccepted


@check("Bỏ kế hoạch cũ hơn kế hoạch đã nhận")
def refuses_an_older_plan(kit: Kit) -> Steps:
    """Section 7: a revision below one that was ever accepted is replayed."""
    older = kit.programme.issued[0] - 1
    return (yield from refused(kit, "replayed", wrong(kit, revision=older)))


@check("Bỏ kế hoạch có số hiệu khác số đã ký")
def refuses_a_revision_that_was_not_signed(kit: Kit) -> Steps:
    """Section 7: the revision in the body is the number that was signed."""
    body = wrong(kit)
    return (yield from refused(kit, "revision-mismatch", body, seq=body["revision"] + 1))


@check("Bỏ kế hoạch có một lần phát hai lần")
def refuses_an_airing_twice(kit: Kit) -> Steps:
    """Section 7: no airing comes twice in a plan."""
    body = wrong(kit)
    body["airings"] *= 2
    return (yield from refused(kit, "airing-twice", body))


@check("Bỏ giao thức phiên bản khác")
def refuses_another_protocol(kit: Kit) -> Steps:
    """Section 7: a plan of another protocol version is refused."""
    return (yield from refused(kit, "unsupported-protocol", wrong(kit, protocol=2)))


@check("Cùng kế hoạch đến lần nữa: nhận lại, không đổi gì")
def accepts_the_held_plan_again(kit: Kit) -> Steps:
    """Section 7: the very plan that is held, coming again, is accepted again without any effect."""

    def answers(revision: int) -> int:
        return sum(report.revision == revision for report in kit.journal.heard(PlanAccepted))

    yield kit.accepted(kit.programme.revision)
    revision, token = kit.programme.revision, kit.programme.token
    before = answers(revision)
    kit.desk.put("plan", token)
    yield kit.until(
        lambda: answers(revision) > before or kit.programme.revision > revision, "plan-accepted of the same plan"
    )
    if answers(revision) <= before:
        return (yield from accepts_the_held_plan_again(kit))  # another check has changed the plan meanwhile
    return f"plan-accepted {revision} again"


@check("Kế hoạch mới bỏ lần đang phát: dừng có giảm dần")
def stops_what_a_new_plan_has_not(kit: Kit) -> Steps:
    """Section 7: what sounds when a plan arrives that has it no longer is stopped."""
    airing = kit.air(kit.sounds.long)
    yield kit.sounding(airing.airing, airing.ends_at)
    kit.programme.drop(airing)
    (record,) = yield from kit.records(airing)
    if record.outcome != "partial" or record.played_ms >= kit.sounds.long.duration_ms - 100:
        raise Fault(f"{record.outcome} after {record.played_ms} ms, expected partial")
    return f"partial ({record.reason}) after {record.played_ms} ms"


@check("Lần phát đã qua khi kế hoạch đến: không phát giữa chừng")
def does_not_join_what_has_passed(kit: Kit) -> Steps:
    """Section 7: an airing whose time has passed when it becomes known is missed, not joined in the middle."""
    airing = kit.air(kit.sounds.longest, at_ms=kit.now_ms - 20_000, ends_at=kit.now_ms + 30_000)
    (record,) = yield from kit.records(airing)
    kit.one(record, "missed")
    return f"missed ({record.reason}), told at once"
