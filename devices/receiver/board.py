"""What the technician on the pole reads: the agent writes a small file when something changes and each minute, and
`truyenthanh receiver status` says it in words, with what is wrong and what to do first.

The file is written without waiting for the disk: after a power cut it may be gone, and is written anew.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import msgspec
from msgspec import Struct

from core.clock import from_ms
from devices.protocol.resolve import resolve
from devices.receiver import machine
from devices.receiver.cache import Cache
from devices.receiver.clock import SignedClock
from devices.receiver.identity import Identity
from devices.receiver.messenger import Messenger
from devices.receiver.outbox import Outbox
from devices.receiver.planbook import Planbook
from devices.receiver.player import Player
from devices.receiver.presence import Presence
from devices.receiver.supply import sources
from devices.receiver.upkeep import Upkeep

log = logging.getLogger(__name__)

NAME = "status.json"
EVERY_S = 60.0
STALE_MS = 180_000


class Facts(Struct, frozen=True, kw_only=True):
    """How the receiver does. Times are Unix milliseconds; `at` by the machine's own clock, for the file's age."""

    pid: int
    at: int
    receiver: str
    place: str
    software: str
    broker: str
    connected: bool
    silenced: str = ""
    output_wrong: str = ""
    clock_error_ms: float | None = None  # None: there is no trustworthy time
    revision: int = 0
    valid_until: int | None = None
    next_at: int | None = None
    playing: str | None = None
    volume: int | None = None
    muted_until: int | None = None
    records_waiting: int = 0
    objects: int = 0
    objects_missing: int = 0
    free_bytes: int = 0
    temperature_c: float | None = None


resolve(Facts)


class Board:
    """Used by the working thread only."""

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        *,
        clock: SignedClock,
        messenger: Messenger,
        presence: Presence,
        planbook: Planbook,
        player: Player,
        outbox: Outbox,
        cache: Cache,
        upkeep: Upkeep,
    ) -> None:
        self._path = folder / NAME
        self._identity = identity
        self._clock = clock
        self._messenger = messenger
        self._presence = presence
        self._planbook = planbook
        self._player = player
        self._outbox = outbox
        self._cache = cache
        self._upkeep = upkeep
        self._due_s = 0.0
        self._shown: tuple[object, ...] = ()

    def tick(self, now_s: float) -> float:
        """Write what has changed; in how many seconds to be called again."""
        sounding = self._player.sounding
        shown = (
            self._messenger.online,
            sounding.key if sounding else None,
            self._planbook.revision,
            self._upkeep.output_wrong,
            self._player.silenced,
            self._clock.trusted,
        )
        if shown != self._shown or now_s >= self._due_s:
            self._shown, self._due_s = shown, now_s + EVERY_S
            try:
                temporary = self._path.with_name(self._path.name + ".new")
                temporary.write_bytes(msgspec.json.encode(self._facts()))
                temporary.replace(self._path)
            except OSError as error:
                log.warning("The status can't be written: %s", error)
        return self._due_s - now_s

    def _facts(self) -> Facts:
        status, now, plan, identity = (
            self._presence.status(),
            self._clock.stated_ms(),
            self._planbook.plan,
            self._identity,
        )
        airings = self._planbook.airings
        needed = {sha256 for airing in airings if airing.ends_at > now for sha256 in sources(airing)}
        held = self._cache.facts()
        return Facts(
            pid=os.getpid(),
            at=self._clock.machine_ms(),
            receiver=identity.receiver,
            place=identity.place,
            software=machine.software(),
            broker=f"{identity.broker_host}:{identity.broker_port}",
            connected=self._messenger.online,
            silenced=self._player.silenced,
            output_wrong=self._upkeep.output_wrong,
            clock_error_ms=self._clock.facts().error_ms,
            revision=self._planbook.revision,
            valid_until=plan.valid_until if plan else None,
            next_at=min((airing.starts_at for airing in airings if airing.starts_at > now), default=None),
            playing=status.playing,
            volume=status.volume,
            muted_until=status.muted_until,
            records_waiting=self._outbox.last - self._outbox.acknowledged,
            objects=held.objects,
            objects_missing=sum(not self._cache.has(sha256) for sha256 in needed),
            free_bytes=held.free_bytes or 0,
            temperature_c=status.temperature_c,
        )


def read(folder: Path) -> Facts | None:
    """What the agent of this folder said last; None where it never ran, or the file is damaged."""
    try:
        return msgspec.json.decode((folder / NAME).read_bytes(), type=Facts)
    except (OSError, msgspec.DecodeError, UnicodeError):
        return None


def running(facts: Facts, now_ms: int) -> bool:
    """Does the agent that said this still live?"""
    try:
        os.kill(facts.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # of another user
    return now_ms - facts.at < STALE_MS


def wrongs(facts: Facts | None, now_ms: int) -> list[str]:
    """What keeps it from sounding, and what to do first; Vietnamese / English."""
    if facts is None:
        return ["bộ thu chưa chạy lần nào: systemctl enable --now truyenthanh-receiver / it has never run here"]
    if not running(facts, now_ms):
        return ["phần mềm không chạy: systemctl status truyenthanh-receiver / the agent isn't running"]
    found = []
    if facts.silenced:
        found.append(f"bộ thu bị buộc im lặng ({facts.silenced}): hãy ghi danh lại / it is silenced, enrol it again")
    if facts.output_wrong:
        found.append(f"cạc âm thanh: {facts.output_wrong} / sound card, look at plug and device")
    if not facts.connected:
        found.append(f"chưa kết nối {facts.broker}: hãy xem mạng, SIM, cáp / not connected, look at network and SIM")
    if facts.clock_error_ms is None:
        found.append("chưa có giờ tin được nên im lặng: cần kết nối một lần / silent until it has been told the time")
    elif not facts.revision:
        found.append("chưa có kế hoạch phát: hãy đặt lịch trên máy chủ / no plan yet, schedule something")
    elif facts.valid_until is not None and facts.valid_until < now_ms:
        found.append("kế hoạch phát đã hết hạn: cần kết nối / the plan has run out, it needs a connection")
    if facts.free_bytes < 50_000_000:
        found.append("thẻ nhớ sắp đầy / the disk is nearly full")
    return found


def lines(facts: Facts) -> list[str]:
    """The facts, one a line."""
    clock = "chưa tin được" if facts.clock_error_ms is None else f"lệch không quá {facts.clock_error_ms:.0f} ms"
    told = [
        ("Nơi đặt / place", f"{facts.place or '—'} ({facts.receiver})"),
        ("Phần mềm / software", facts.software),
        ("Máy chủ tin / broker", f"{facts.broker}: {'đang kết nối' if facts.connected else 'mất kết nối'}"),
        ("Đồng hồ / clock", clock),
        ("Kế hoạch / plan", f"{facts.revision or 'chưa có'}, đến {_local(facts.valid_until)}"),
        ("Lần phát tới / next", _local(facts.next_at)),
        ("Đang phát / playing", facts.playing or "không"),
        ("Âm thanh / audio", f"{facts.objects} tệp, thiếu {facts.objects_missing}"),
        ("Nhật ký chờ gửi / records waiting", str(facts.records_waiting)),
        ("Còn trống / free", f"{facts.free_bytes // 1_000_000} MB"),
    ]
    if facts.volume is not None:
        told.append(("Âm lượng / volume", f"{facts.volume} %"))
    if facts.muted_until:
        told.append(("Tắt tiếng đến / muted until", _local(facts.muted_until)))
    if facts.temperature_c is not None:
        told.append(("Nhiệt độ / temperature", f"{facts.temperature_c:.0f} °C"))
    return [f"{name}: {value}" for name, value in told]


def _local(ms: int | None) -> str:
    return "—" if ms is None else f"{from_ms(ms).astimezone():%H:%M %d/%m/%Y}"
