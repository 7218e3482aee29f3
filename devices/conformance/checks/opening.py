"""How a receiver comes: hello, time before anything else, its first plan, and the sounds of it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any

from devices.conformance.kit import BACK_S, Kit
from devices.conformance.running import Fault, NotRun, Steps, Until, check
from devices.protocol.commands import TimeAnswer
from devices.protocol.reports import Alarm, PlanAccepted, Ready, Refusal
from devices.protocol.signing import SigningKey

HELD_BACK_S = 2
FETCH_AHEAD_MS = 15_000
FETCH_S = 180.0


@check("Chào khi kết nối, nêu kế hoạch đang giữ", stage="opening", essential=True)
def says_hello(kit: Kit) -> Steps:
    """Sections 3, 11: after each connection a hello with revision, software, boot and protocols."""
    yield kit.until(lambda: kit.journal.hellos, "a hello", BACK_S)
    hello = kit.journal.hellos[0][1]
    if 1 not in hello.protocols:
        raise Fault(f"it doesn't speak protocol 1: {hello.protocols}")
    kit.programme.revision = max(kit.programme.revision, hello.revision)
    kit.desk.next_seq(hello.revision)
    return f"{hello.software or 'software not stated'}, revision {hello.revision}, boot {hello.boot}"


@check("Im lặng khi chưa có giờ tin cậy", stage="opening")
def is_silent_without_time(kit: Kit) -> Steps:
    """Sections 4, 6: without signed time plans and commands are held back, and what expired meanwhile isn't obeyed."""
    if kit.journal.hellos[0][1].clock.source == "signed":
        kit.desk.answer_time = kit.desk.true_time
        raise NotRun("it knew the time from before; start it with an empty data folder to see this")
    kit.air(kit.sounds.short, at_ms=kit.now_ms + 1_500)
    kit.programme.flush()
    expires = kit.now_ms // 1_000 + HELD_BACK_S - 1
    emergency = kit.play_now(kit.sounds.strong, **{"class": "emergency"})
    command, _ = kit.command("play-now", claims={"exp": expires}, **emergency)
    yield kit.until(lambda: kit.journal.nonces, "a question for the time on up/time")
    yield kit.until_time((expires + 1) * 1_000)
    too_soon = kit.journal.heard(PlanAccepted) or kit.journal.told or kit.journal.answers(command)
    kit.desk.answer_time = kit.desk.true_time
    if too_soon:
        raise Fault(f"it had no time, and did: {too_soon[0]}")
    yield kit.accepted(kit.programme.revision)
    yield kit.until(lambda: kit.journal.heard(Refusal) or kit.journal.answers(command), "a refusal of the late command")
    kit.provoked()
    refusals = [refusal.reason for refusal in kit.journal.heard(Refusal)]
    if kit.journal.answers(command) or refusals != ["expired"]:
        raise Fault(f"the emergency that had expired was answered {kit.journal.answers(command)}, refused {refusals}")
    return f"nothing for {HELD_BACK_S} s without time; then the plan accepted, the expired command refused"


@check("Hỏi giờ bằng số ngẫu nhiên mới mỗi lần", stage="opening", essential=True)
def asks_for_the_time(kit: Kit) -> Steps:
    """Section 6: the time is asked for with a fresh nonce each time, every few seconds at first."""
    kit.desk.answer_time = kit.desk.true_time
    had = len(kit.journal.nonces)
    yield kit.until(lambda: len(kit.journal.nonces) >= max(2, had), "two questions for the time", 90.0)
    nonces = kit.journal.nonces
    if len(set(nonces)) < len(nonces):
        raise Fault(f"a nonce came twice in {len(nonces)} questions")
    return f"{len(nonces)} questions, no nonce twice"


@check("Nhận kế hoạch và báo lại có ký", stage="opening", essential=True)
def accepts_a_plan(kit: Kit) -> Steps:
    """Section 7: a good plan is answered with plan-accepted; members that nobody knows are ignored (the head)."""
    revision = kit.programme.issue()
    yield kit.accepted(revision)
    return f"plan-accepted {revision}, though it has members of no version"


@check("Tải âm thanh, kiểm và báo sẵn sàng", stage="opening", essential=True)
def fetches_what_is_needed(kit: Kit) -> Steps:
    """Section 8: the objects of an airing are fetched before it, chunk by chunk, and told ready."""
    for sound in kit.sounds.fetched:
        kit.publish(sound)
    yield from fetch_all(kit)
    sizes = [len(sound.data) for sound in kit.sounds.fetched]
    return f"{len(sizes)} objects, {sum(sizes)} bytes in {sum(len(s.chunks) for s in kit.sounds.fetched)} chunks, ready"


def fetch_all(kit: Kit) -> Generator[Until, Any, None]:
    """Put the sounds into an airing that is soon, and later again until all are there; then take it away."""
    wanted = {sound.sha256 for sound in kit.sounds.fetched}

    def ready() -> bool:
        return wanted <= {sha256 for report in kit.journal.heard(Ready) for sha256 in report.sha256}

    deadline = kit.now_ms + int(FETCH_S * 1_000)
    while not ready():
        if kit.now_ms > deadline:
            raise Fault(f"not all objects were told ready within {FETCH_S:.0f} s")
        planned = kit.air(*kit.sounds.fetched, at_ms=kit.now_ms + FETCH_AHEAD_MS)
        yield kit.until(partial(_ready_or_late, kit, ready, planned.starts_at - 4_000), "objects ready", FETCH_S)
        kit.programme.drop(planned)


def _ready_or_late(kit: Kit, ready: Callable[[], bool], late_ms: int) -> bool:
    return ready() or kit.now_ms > late_ms


@check("Bỏ giờ cũ hơn giờ đã biết", stage="opening")
def refuses_time_below_the_floor(kit: Kit) -> Steps:
    """Section 6: an answer below the latest signed time ever seen is refused (below-floor) and alarmed."""

    def yesterday(nonce: str, came_ms: int) -> bytes:
        kit.desk.answer_time = kit.desk.true_time
        body = TimeAnswer(nonce=nonce, received=came_ms - 86_400_000, sent=came_ms - 86_400_000)
        return kit.desk.signed("time", body)

    kit.desk.answer_time = yesterday
    kit.provoked()
    command, _ = kit.command("refresh")  # says hello, and with it many ask for the time
    yield from kit.accepted_command(command)
    yield kit.until(
        lambda: any(refusal.reason == "below-floor" for refusal in kit.journal.heard(Refusal)),
        "a refusal below-floor",
        150.0,
    )
    yield kit.until(lambda: any(a.name == "time-below-floor" for a in kit.journal.heard(Alarm)), "its alarm")
    return "yesterday's time, well signed, was refused and alarmed"


@check("Bỏ giờ do khóa khác ký", stage="opening")
def refuses_time_of_another_key(kit: Kit) -> Steps:
    """Sections 4, 6: an answer that no key of the role time signed is refused, and the true one is taken."""
    stranger = SigningKey.generate()

    def wrong(nonce: str, came_ms: int) -> bytes:
        kit.desk.answer_time = kit.desk.true_time
        late = came_ms + 86_400_000
        return kit.desk.signed("time", TimeAnswer(nonce=nonce, received=late, sent=late), key=stranger)

    kit.desk.answer_time = wrong
    kit.provoked()
    since = len(kit.journal.reports)
    command, _ = kit.command("refresh")
    yield from kit.accepted_command(command)
    found: list[Refusal] = yield kit.until(
        lambda: [r for r in kit.journal.heard(Refusal, since) if r.topic.endswith("/time")], "a refusal of it", 150.0
    )
    if found[0].reason != "unknown-key":
        raise Fault(f"refused as {found[0].reason}, expected unknown-key")
    return "refused as unknown-key"
