"""Commands that are obeyed, and how (section 9)."""

from __future__ import annotations

from core.ids import new_id
from devices.conformance.kit import Kit
from devices.conformance.running import Fault, Steps, check
from devices.protocol import topics

WAIT_MS = 1_000  # how long to look that nothing comes of it


def room(kit: Kit, length_ms: int) -> int:
    """A stretch of the timeline with air around it, for what is played as soon as it is asked for."""
    return kit.programme.stretch(length_ms + 700)


@check("Phát ngay khi có lệnh")
def plays_at_once(kit: Kit) -> Steps:
    """Section 9: play-now plays as soon as the audio is there; its record names the command."""
    yield kit.until_time(room(kit, kit.sounds.short.duration_ms))
    sent_ms = kit.now_ms
    command, _ = kit.command("play-now", **kit.play_now(kit.sounds.short))
    yield from kit.accepted_command(command)
    (record,) = yield from kit.records_of(command, 1, kit.now_ms + 2_000)
    kit.one(record, "finished")
    if record.command != command:
        raise Fault(f"the record names the command {record.command}")
    return f"accepted, begun {(record.started_at or 0) - sent_ms} ms after it was sent, finished"


@check("Một lệnh đến hai lần: trả lời hai lần, làm một lần")
def never_executes_twice(kit: Kit) -> Steps:
    """Section 9: a command whose id is known is answered again and never executed again."""
    yield kit.until_time(room(kit, kit.sounds.short.duration_ms + WAIT_MS))
    command, token = kit.command("play-now", **kit.play_now(kit.sounds.short))
    yield from kit.accepted_command(command)
    (record,) = yield from kit.records_of(command, 1, kit.now_ms + 2_000)
    kit.one(record, "finished")
    again_ms = kit.now_ms
    kit.desk.put("command", token)
    second = yield from kit.result(command, 2)
    yield kit.until_time(kit.now_ms + WAIT_MS)
    records = kit.journal.records_of(command)
    if len(records) > 1 or any(status.playing == command for at, status in kit.journal.statuses if at > again_ms + 100):
        raise Fault(f"it was executed again: {len(records)} records")
    kit.executed = (command, token)
    return f"answered twice ({second.result}), one record"


@check("Dừng cái đang phát")
def stops_what_sounds(kit: Kit) -> Steps:
    """Section 9: stop fades out what it names."""
    airing = kit.air(kit.sounds.long)
    yield kit.sounding(airing.airing, airing.ends_at)
    command, _ = kit.command("stop", stops_airing=airing.airing)
    yield from kit.accepted_command(command)
    (record,) = yield from kit.records(airing)
    kit.one(record, "partial", "stopped")
    return f"partial (stopped) after {record.played_ms} ms"


@check("Lệnh dừng đến trước lệnh phát vẫn có hiệu lực")
def remembers_a_stop_that_comes_first(kit: Kit) -> Steps:
    """Section 9: what a stop names never sounds again, even if the stop comes first."""
    yield kit.until_time(room(kit, WAIT_MS))
    later = new_id()
    stop, _ = kit.command("stop", stops_command=later)
    yield from kit.accepted_command(stop)
    kit.command("play-now", id=later, **kit.play_now(kit.sounds.forbidden))
    result = yield from kit.result(later)
    yield kit.until_time(kit.now_ms + WAIT_MS)
    if any(record.started_at for record in kit.journal.records_of(later)):
        raise Fault("it sounded, though it was stopped before it came")
    return f"the play-now that came after its stop: {result.result} ({result.reason}), nothing sounded"


@check("Âm thử: có kêu, không có bản ghi")
def sounds_a_test_tone(kit: Kit) -> Steps:
    """Section 9: a test tone is not a programme, so it has no record."""
    yield kit.until_time(room(kit, 1_000))
    command, _ = kit.command("test-tone", duration_ms=400, volume=20)
    yield from kit.accepted_command(command)
    yield kit.until_time(kit.now_ms + 900)
    if any(one.record.command == command for one in kit.journal.told):
        raise Fault("a test tone has a record")
    return "accepted, no record"


@check("Lệnh làm mới: chào lại")
def says_hello_again(kit: Kit) -> Steps:
    """Section 9: refresh has it say hello again."""
    before = len(kit.journal.hellos)
    command, _ = kit.command("refresh")
    yield from kit.accepted_command(command)
    hellos = yield kit.hello_since(before)
    return f"hello with revision {hellos[-1][1].revision}"


@check("Nghe lệnh của khu vực mình thuộc về")
def obeys_its_area(kit: Kit) -> Steps:
    """Section 9: on the topic of a unit that the plan's areas name, stop is obeyed."""
    airing = kit.air(kit.sounds.long)
    yield kit.sounding(airing.airing, airing.ends_at)
    body = {"id": new_id(), "name": "stop", "stops_airing": airing.airing}
    unit = kit.programme.area
    kit.desk.put_area(unit, kit.desk.signed("command", body, aud=topics.area_audience(unit)))
    yield from kit.accepted_command(str(body["id"]))
    (record,) = yield from kit.records(airing)
    kit.one(record, "partial", "stopped")
    return f"stopped by a command to the unit, after {record.played_ms} ms"


@check("Lệnh khu vực chỉ gồm phát, dừng, tắt tiếng")
def refuses_what_is_not_for_areas(kit: Kit) -> Steps:
    """Section 9: on an area topic anything but play-now, stop and mute is refused (not-for-areas)."""
    yield kit.accepted(kit.programme.revision)
    body = {"id": new_id(), "name": "volume", "volume": 5}
    unit = kit.programme.area
    kit.desk.put_area(unit, kit.desk.signed("command", body, aud=topics.area_audience(unit)))
    result = yield from kit.result(str(body["id"]))
    if (result.result, result.reason) != ("refused", "not-for-areas"):
        raise Fault(f"{result.result} ({result.reason}), expected refused (not-for-areas)")
    return "volume for a whole unit: refused (not-for-areas)"


@check("Không nghe lệnh của khu vực khác", stage="alone")
def ignores_another_area(kit: Kit) -> Steps:
    """Section 9: units that the plan's areas don't name are not obeyed."""
    unit = new_id()
    body = {"id": new_id(), "name": "play-now", **kit.play_now(kit.sounds.forbidden)}
    kit.desk.put_area(unit, kit.desk.signed("command", body, aud=topics.area_audience(unit)))
    yield kit.until_time(kit.now_ms + WAIT_MS)
    if kit.journal.answers(str(body["id"])) or kit.journal.records_of(str(body["id"])):
        raise Fault("a command to a unit that the plan doesn't name was obeyed")
    return "nothing came of it"


@check("Âm lượng trên trần bị từ chối")
def refuses_a_volume_above_its_cap(kit: Kit) -> Steps:
    """Section 9: a volume above the cap is refused (cap-volume)."""
    yield kit.accepted(kit.programme.revision)
    command, _ = kit.command("volume", volume=100)
    result = yield from kit.result(command)
    if (result.result, result.reason) != ("refused", "cap-volume"):
        raise Fault(f"{result.result} ({result.reason}), expected refused (cap-volume)")
    return "refused (cap-volume)"


@check("Đổi âm lượng; lệnh cũ đến sau bị bỏ", stage="alone")
def takes_the_latest_volume(kit: Kit) -> Steps:
    """Section 9: a volume that was overtaken by a newer one is refused as superseded."""
    older = kit.desk.next_seq()
    newest, _ = kit.command("volume", volume=33)
    yield from kit.accepted_command(newest)
    late, _ = kit.command("volume", volume=66, claims={"seq": older})
    result = yield from kit.result(late)
    if (result.result, result.reason) != ("refused", "superseded"):
        raise Fault(f"{result.result} ({result.reason}), expected refused (superseded)")
    (record,) = yield from kit.records(kit.air(kit.sounds.short))
    if record.volume != 33:
        raise Fault(f"the volume is {record.volume}, expected 33")
    return "the late one refused (superseded), the newest holds: 33 %"


@check("Tắt tiếng: im, trừ khẩn cấp", stage="alone")
def is_silent_while_muted(kit: Kit) -> Steps:
    """Section 9: mute is silence but for emergencies, until it is taken back."""
    command, _ = kit.command("mute", until=kit.now_ms + 600_000)
    yield from kit.accepted_command(command)
    (silent,) = yield from kit.records(kit.air(kit.sounds.forbidden))
    kit.one(silent, "refused", "muted")
    urgent, _ = kit.command("play-now", **kit.play_now(kit.sounds.strong, **{"class": "emergency"}))
    (sounded,) = yield from kit.records_of(urgent, 1, kit.now_ms + 2_000)
    kit.one(sounded, "finished")
    again, _ = kit.command("mute", until=0)
    yield from kit.accepted_command(again)
    (after,) = yield from kit.records(kit.air(kit.sounds.short))
    kit.one(after, "finished")
    return "an airing refused (muted), an emergency finished, and after the mute all as before"


@check("Không có kế hoạch còn hạn: chỉ phát khẩn cấp", stage="alone")
def plays_only_emergencies_without_a_plan(kit: Kit) -> Steps:
    """Sections 7, 12: without a plan in force nothing but a play-now of class emergency that is no drill."""
    until = kit.now_ms + 1_500
    yield kit.accepted(kit.programme.issue(valid_until=until))
    yield kit.until_time(until + 300)
    said = []
    for members in ({}, {"class": "emergency", "drill": True}):
        command, _ = kit.command("play-now", **kit.play_now(kit.sounds.forbidden, **members))
        result = yield from kit.result(command)
        if result.result != "refused":
            raise Fault(f"a play-now {members} was accepted")
        said.append(result.reason)
    urgent, _ = kit.command("play-now", **kit.play_now(kit.sounds.strong, **{"class": "emergency"}))
    (sounded,) = yield from kit.records_of(urgent, 1, kit.now_ms + 2_000)
    kit.one(sounded, "finished")
    yield kit.accepted(kit.programme.issue())
    return f"an ordinary one and a drill refused ({', '.join(said)}), an emergency finished"
