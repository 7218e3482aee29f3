"""What a receiver must not believe (section 4, in the order of its table), and keys that come and go (section 5).

Each wrong plan would have the receiver sound the forbidden tone in a moment, and its audio is there.
"""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

from core.ids import new_id
from devices.conformance.kit import Kit
from devices.conformance.running import Steps, check
from devices.keyring import BACKDATED
from devices.protocol import topics
from devices.protocol.signing import SigningKey
from devices.protocol.trust import Revocations, certify, revoke

DAY_S = 86_400
SOON_MS = 1_500


def wrong(kit: Kit, **members: Any) -> dict[str, Any]:
    """A plan that would sound what is forbidden, soon."""
    sound = kit.sounds.forbidden
    at = kit.now_ms + SOON_MS
    airing = {
        "airing": new_id(),
        "starts_at": at,
        "ends_at": at + sound.duration_ms,
        "items": [{"item": new_id(), "duration_ms": sound.duration_ms, "sha256": sound.sha256}],
    }
    return kit.programme.body(**{"airings": [airing], **members})


def refused(kit: Kit, reason: str, body: dict[str, Any] | None = None, **claims: Any) -> Steps:
    body = body or wrong(kit)
    token = kit.desk.signed("plan", body, **{"seq": body["revision"], **claims})
    return (yield from kit.refused_plan(token, {reason}))


@check("Bỏ kế hoạch bị sửa một byte")
def refuses_a_changed_byte(kit: Kit) -> Steps:
    """Section 4, 3: a plan with one changed byte is forged."""
    body = wrong(kit)
    header, payload, signature = kit.desk.signed("plan", body, seq=body["revision"]).split(b".")
    at = len(payload) // 2
    changed = payload[:at] + (b"A" if payload[at : at + 1] != b"A" else b"B") + payload[at + 1 :]
    return (yield from kit.refused_plan(b".".join([header, changed, signature]), {"forged"}))


@check("Bỏ kế hoạch do khóa lệnh ký")
def refuses_a_plan_by_the_command_key(kit: Kit) -> Steps:
    """Section 4, 2: a key that is certified for commands signs no plan."""
    key = kit.desk.keys
    return (yield from refused(kit, "unknown-key", key=key.key("command"), cert=key.certificates["command"]))


@check("Bỏ kế hoạch do khóa lạ ký")
def refuses_a_certificate_of_another_root(kit: Kit) -> Steps:
    """Sections 4, 2 and 5: a certificate in the header counts only if the pinned root made it."""
    now, other, thief = kit.desk.clock.now(), SigningKey.generate(), SigningKey.generate()
    certificate = certify(other, thief.public, "plan", now - BACKDATED, now + timedelta(days=1))
    return (yield from refused(kit, "unknown-key", key=thief, cert=certificate))


@check("Bỏ tiêu đề có “crit”")
def refuses_crit(kit: Kit) -> Steps:
    """Section 4, 1: a header with crit is refused, whatever it asks for."""
    body = wrong(kit)
    _, payload, _ = kit.desk.signed("plan", body, seq=body["revision"]).split(b".")
    key = kit.desk.keys.key("plan")
    header = json.dumps({"alg": "Ed25519", "kid": key.kid, "crit": ["b64"], "b64": True}).encode()
    signed = base64.urlsafe_b64encode(header).rstrip(b"=") + b"." + payload
    token = signed + b"." + base64.urlsafe_b64encode(key.sign(signed)).rstrip(b"=")
    return (yield from kit.refused_plan(token, {"malformed"}))


@check("Bỏ thông điệp sai loại")
def refuses_another_type(kit: Kit) -> Steps:
    """Section 4, 5: what isn't of the type that belongs on a topic is refused, though the plan key signed it."""
    body = wrong(kit)
    claims = {"seq": body["revision"], "key": kit.desk.keys.key("plan")}
    return (yield from kit.refused_plan(kit.desk.signed("schedule", body, **claims), {"wrong-type"}))


@check("Bỏ kế hoạch của nơi khác phát hành")
def refuses_another_issuer(kit: Kit) -> Steps:
    """Section 4, 6: the issuer is the kid of the pinned root, nothing else."""
    return (yield from refused(kit, "wrong-issuer", iss="0" * 32))


@check("Bỏ kế hoạch gửi cho bộ thu khác")
def refuses_a_plan_for_another(kit: Kit) -> Steps:
    """Section 4, 7: a plan for another receiver, well signed, is misaddressed."""
    other = new_id()
    return (yield from refused(kit, "misaddressed", wrong(kit, receiver=other), aud=topics.audience(other)))


@check("Bỏ kế hoạch hết hạn")
def refuses_an_expired_plan(kit: Kit) -> Steps:
    """Section 4, 8: after exp a plan is refused."""
    now = kit.now_ms // 1_000
    return (yield from refused(kit, "expired", iat=now - 2 * DAY_S, exp=now - DAY_S))


@check("Bỏ số thứ tự vượt quá một ngày")
def refuses_a_number_from_far_ahead(kit: Kit) -> Steps:
    """Section 4, 9: a number more than a day ahead is refused; taken once, it would make all that follow old."""
    far = kit.now_ms + 3 * DAY_S * 1_000
    return (yield from refused(kit, "seq-ahead", wrong(kit, revision=far)))


@check("Khóa mới do khóa gốc chứng nhận được tin; khóa bị thu hồi thì không", stage="alone")
def follows_keys_that_come_and_go(kit: Kit) -> Steps:
    """Section 5: a key that the root certified is believed at once, and no more when the root's list names it."""
    root, now = kit.root, kit.desk.clock.now()
    fresh = SigningKey.generate()
    certificate = certify(root, fresh.public, "plan", now - BACKDATED, now + timedelta(days=1))
    body = kit.programme.body()
    kit.programme.revision = body["revision"]
    kit.desk.put("plan", kit.desk.signed("plan", body, seq=body["revision"], key=fresh, cert=certificate))
    yield kit.accepted(body["revision"])
    listed = Revocations(seq=kit.now_ms, kids=[fresh.kid])
    kit.programme.change(revocations=revoke(root, listed, now - BACKDATED, now + timedelta(days=7_000)))
    yield kit.accepted(kit.programme.issue())
    said = yield from refused(kit, "unknown-key", key=fresh, cert=certificate)
    return f"plan by a key that came in the header accepted; after the root's list named it, {said}"
