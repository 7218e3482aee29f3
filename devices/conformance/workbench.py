"""A run from end to end: broker, line, enrolment, power, the checks, and tidying up.

The receiver finds the kit at one address: the broker (through the line) at its port, the enrolment at the port above.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from core.clock import Clock, SystemClock
from core.errors import Invalid, TruyenThanhError
from devices import passwords
from devices.broker import EmbeddedBroker
from devices.conformance import checks  # noqa: F401 - they take themselves into the list
from devices.conformance.desk import Desk
from devices.conformance.door import Door, Place
from devices.conformance.journal import Journal
from devices.conformance.kit import Kit
from devices.conformance.line import Line
from devices.conformance.power import Power
from devices.conformance.running import CHECKS, Check, Outcome, Runner
from devices.keyring import Keyring, root_key
from devices.link import Link, MqttLink
from devices.protocol.signing import VerifyKey

SERVER = "server"
ENROL_S = 900.0
BROKER_S = 15.0


class NobodyEnrolled(TruyenThanhError):
    slug = "nobody-enrolled"
    status = 504
    vi = "Chưa có bộ thu nào ghi danh trong {minutes} phút. Hãy dùng mã và địa chỉ ở trên trên bộ thu rồi chạy lại."
    en = (
        "No receiver enrolled within {minutes} minutes. Use the code and the address above at the box and run it again."
    )


class BrokerAway(TruyenThanhError):
    slug = "kit-broker-away"
    status = 503
    vi = "Bộ thử không kết nối được máy chủ MQTT {address}: {why}. Hãy kiểm tra địa chỉ, tên và mật khẩu."
    en = "The kit can't connect to the broker {address}: {why}. Check address, name and password."


@dataclass(frozen=True)
class Bench:
    """What a run is given. `broker` is `mqtt://user:password@host:port`; empty: the kit starts one of its own.

    `listen` is the address that the receiver is told; `password` is the receiver's at a broker that isn't ours.
    """

    folder: Path
    receiver: str
    listen: tuple[str, int]
    broker: str = ""
    password: str = ""
    recording: Path | None = None


def chosen(names: Collection[str]) -> list[Check]:
    """The checks of these names, and what they can't do without; all where none is named. Raises `Invalid`."""
    unknown = set(names) - CHECKS.keys()
    if unknown:
        raise Invalid(what=f"không có phép thử {sorted(unknown)} / there is no such check: see --list")
    return [one for one in CHECKS.values() if not names or one.name in names or one.essential]


def run(
    bench: Bench,
    power: Callable[[], Power | None],
    *,
    told: Callable[[Outcome], None],
    invite: Callable[[str, str], None],
    wanted: Collection[str] = (),
    clock: Clock | None = None,
) -> list[Outcome]:
    """Judge one receiver. `power` is called once it may be started; `invite` is told address and code to enrol with.

    Raises what keeps the run from beginning at all; a receiver that does wrong is told in the outcomes.
    """
    clock = clock or SystemClock()
    picked = chosen(wanted)
    bench.folder.mkdir(parents=True, exist_ok=True)
    keys = Keyring.create(bench.folder / "keys", clock.now())
    place = Place.load(bench.folder, bench.receiver, bench.password)
    with ExitStack() as stack:
        link, far = _broker(bench, place, stack)
        line = stack.enter_context(Line(bench.listen, far))
        near = (bench.listen[0], line.port)
        at = (bench.listen[0], _above(line.port) if bench.listen[1] else 0)
        door = stack.enter_context(Door(at, place, keys, broker=near, clock=clock))
        place.save(bench.folder)
        if not place.key:
            invite(f"http://{bench.listen[0]}:{door.port}", door.code.text)
            if not door.enrolled.wait(ENROL_S):
                raise NobodyEnrolled(minutes=int(ENROL_S / 60))
            place.save(bench.folder)
        desk = Desk(link, keys, receiver=bench.receiver, clock=clock)
        stack.callback(link.stop)
        journal = Journal(bench.receiver, VerifyKey.from_hex(place.key), keys.issuer)
        _connected(link, bench.broker or "của bộ thử / of the kit")
        desk.answer_time = desk.no_time
        root = root_key(bench.folder / "keys")
        hand = power()
        if hand is not None:
            stack.callback(hand.close)
        kit = Kit(desk, journal, root=root, power=hand, line=line, recording=bench.recording)
        try:
            return Runner(kit, kit.pulse, told).run(picked)
        finally:
            desk.withdraw(kit.published)


def _broker(bench: Bench, place: Place, stack: ExitStack) -> tuple[Link, tuple[str, int]]:
    """The kit's own link, and where the broker is."""
    if bench.broker:
        parts = urlsplit(bench.broker)
        if parts.scheme != "mqtt" or not parts.hostname or not parts.username:
            raise Invalid(what=f"--broker {bench.broker}: mqtt://server:password@host:port")
        far = (parts.hostname, parts.port or 1883)
        user, password = unquote(parts.username), unquote(parts.password or "")
    else:
        user, password = SERVER, passwords.generate()
        hashes = {SERVER: passwords.hashed(password), place.receiver: passwords.hashed(place.password)}
        own = EmbeddedBroker(host="127.0.0.1", port=0, password_hash=hashes.get)
        far = ("127.0.0.1", own.start())
        stack.callback(own.stop)
    return MqttLink(host=far[0], port=far[1], client_id="conformance", username=user, password=password), far


def _connected(link: Link, address: str) -> None:
    """Wait until the kit hears what the receiver says."""
    arrived = threading.Event()
    link.on_connect(arrived.set)
    if not link.connected and not arrived.wait(BROKER_S):
        raise BrokerAway(address=address.rpartition("@")[2], why=link.last_error or "?")


def _above(port: int) -> int:
    return port + 1 if port < 65_535 else port - 1


def tally(outcomes: Iterable[Outcome]) -> dict[str, int]:
    counts = {"passed": 0, "failed": 0, "not-run": 0}
    for one in outcomes:
        counts[one.mark] += 1
    return counts
