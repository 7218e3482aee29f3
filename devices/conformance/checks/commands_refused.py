"""Commands that must not be obeyed (section 4). Each would have the receiver sound the forbidden tone."""

from __future__ import annotations

from typing import Any

from core.ids import new_id
from devices.conformance.kit import Kit
from devices.conformance.running import Steps, check
from devices.protocol import topics


def body(kit: Kit) -> dict[str, Any]:
    return {"id": new_id(), "name": "play-now", **kit.play_now(kit.sounds.forbidden, **{"class": "emergency"})}


@check("Bỏ lệnh bị sửa", stage="alone")
def refuses_a_forged_command(kit: Kit) -> Steps:
    """Section 4, 3: a command whose signature doesn't hold is forged."""
    header, payload, signature = kit.desk.signed("command", body(kit)).split(b".")
    other = kit.desk.signed("command", body(kit)).split(b".")[2]
    assert signature != other  # noqa: S101 - Ed25519 signs other bytes otherwise
    return (yield from kit.refused_command(b".".join([header, payload, other]), "forged"))


@check("Bỏ lệnh do khóa kế hoạch ký", stage="alone")
def refuses_a_command_by_the_plan_key(kit: Kit) -> Steps:
    """Section 4, 2: a key that is certified for plans signs no command."""
    token = kit.desk.signed("command", body(kit), key=kit.desk.keys.key("plan"))
    return (yield from kit.refused_command(token, "unknown-key"))


@check("Bỏ lệnh hết hạn", stage="alone")
def refuses_a_command_after_its_end(kit: Kit) -> Steps:
    """Section 4, 8: a command after its exp is refused; that is what keeps a recorded one from being played again."""
    now = kit.now_ms // 1_000
    token = kit.desk.signed("command", body(kit), iat=now - 120, exp=now - 2)
    return (yield from kit.refused_command(token, "expired"))


@check("Bỏ lệnh gửi cho bộ thu khác", stage="alone")
def refuses_a_command_for_another(kit: Kit) -> Steps:
    """Section 4, 7: a command for another receiver is misaddressed, whoever puts it on this topic."""
    token = kit.desk.signed("command", body(kit), aud=topics.audience(new_id()))
    return (yield from kit.refused_command(token, "misaddressed"))


@check("Bỏ lệnh riêng bị chép sang khu vực", stage="alone")
def refuses_a_command_on_the_wrong_topic(kit: Kit) -> Steps:
    """Section 4, 7: on an area topic only what names that unit as its audience counts."""
    token = kit.desk.signed("command", body(kit))
    return (yield from kit.refused_command(token, "misaddressed", area=kit.programme.area))
