"""What holds whatever a receiver is told: quiet hours, hard ends, caps (section 7)."""

from __future__ import annotations

from devices.conformance.kit import Kit
from devices.conformance.programme import CAPS
from devices.conformance.running import Fault, Steps, check
from devices.protocol.plan import PlanAiring
from devices.protocol.reports import PlayRecord

CUT_MS = 150  # a fade may straddle the instant


def cut_at(record: PlayRecord, at_ms: int) -> int:
    off = (record.ended_at or 0) - at_ms
    if abs(off) > CUT_MS:
        raise Fault(f"it ended {off} ms after its limit")
    return off


def quiet_scene(kit: Kit) -> dict[str, PlanAiring]:
    """One quiet period for all the checks of it: something runs into it, something begins inside it."""
    if not kit.scene:
        at = kit.programme.stretch(4_200)
        kit.programme.change(quiet=[*kit.programme.quiet, {"from": at + 800, "until": at + 4_200}])
        kit.scene = {
            "into": kit.air(kit.sounds.long, at_ms=at),
            "inside": kit.air(kit.sounds.forbidden, at_ms=at + 2_000),
            "drill": kit.air(kit.sounds.forbidden, at_ms=at + 2_300, drill=True, class_="emergency"),
            "emergency": kit.air(kit.sounds.strong, at_ms=at + 3_000, class_="emergency"),
        }
    return kit.scene


@check("Chương trình lấn vào giờ yên tĩnh bị cắt")
def is_cut_by_quiet_hours(kit: Kit) -> Steps:
    """Section 7: what would run into a quiet period is cut with a fade, and is partial."""
    airing = quiet_scene(kit)["into"]
    (record,) = yield from kit.records(airing)
    kit.one(record, "partial", "quiet-hours")
    return f"partial, {cut_at(record, airing.starts_at + 800):+d} ms from where the quiet begins"


@check("Không phát trong giờ yên tĩnh")
def is_silent_in_quiet_hours(kit: Kit) -> Steps:
    """Sections 7, 10: nothing begins inside a quiet period; the record says refused, quiet-hours."""
    (record,) = yield from kit.records(quiet_scene(kit)["inside"])
    kit.one(record, "refused", "quiet-hours")
    return "refused (quiet-hours), by a signed record"


@check("Diễn tập khẩn cấp vẫn theo giờ yên tĩnh")
def keeps_drills_out_of_quiet_hours(kit: Kit) -> Steps:
    """Section 7: a drill of class emergency is none; quiet periods hold for it."""
    (record,) = yield from kit.records(quiet_scene(kit)["drill"])
    kit.one(record, "refused", "quiet-hours")
    return "refused (quiet-hours)"


@check("Khẩn cấp phát được trong giờ yên tĩnh")
def lets_an_emergency_through(kit: Kit) -> Steps:
    """Section 7: quiet periods make way for a proper emergency."""
    (record,) = yield from kit.records(quiet_scene(kit)["emergency"])
    kit.one(record, "finished")
    return "finished"


@check("Dừng ở giờ kết thúc cứng")
def stops_at_the_hard_end(kit: Kit) -> Steps:
    """Section 7: ends_at is a hard end, with a fade."""
    at = kit.programme.stretch(900)
    airing = kit.air(kit.sounds.long, at_ms=at, ends_at=at + 900)
    (record,) = yield from kit.records(airing)
    kit.one(record, "partial", "hard-end")
    return f"partial, {cut_at(record, airing.ends_at):+d} ms from its hard end"


@check("Không mục nào dài hơn trần")
def holds_the_cap_of_an_item(kit: Kit) -> Steps:
    """Section 7: caps.item_ms holds whatever a plan says."""
    airing = kit.air(kit.sounds.longest)
    (record,) = yield from kit.records(airing)
    kit.one(record, "partial")
    if not record.reason.startswith("cap-"):
        raise Fault(f"partial for {record.reason}, expected cap-…")
    return f"partial ({record.reason}), {cut_at(record, airing.starts_at + CAPS['item_ms']):+d} ms from the cap"
