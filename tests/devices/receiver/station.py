"""A small server for the tests of the agent: it signs plans and commands, publishes audio, answers time, acknowledges
records, and keeps what receivers said. Real keys, real signatures, real Opus files; only the broker is in memory.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import soundfile

from core.clock import Clock, SystemClock, to_ms
from core.ids import new_id
from devices.keyring import Keyring
from devices.link import Link, MemoryBroker, MemoryLink, Message
from devices.protocol import topics
from devices.protocol.commands import Ack, Command, TimeAnswer, TimeRequest
from devices.protocol.plan import Item, Manifest, Plan, PlanAiring
from devices.protocol.reports import Hello, PlayRecord, Plays, Report, Status
from devices.protocol.signing import GENESIS, SigningKey, canonical_sha256, decode_body, sign
from devices.protocol.upward import open_up
from devices.receiver.agent import Agent
from devices.receiver.identity import Identity, will
from devices.receiver.outputs import NullOutput, Output
from devices.receiver.settings import AgentSettings

RATE = 48_000
WAIT_S = 60.0  # a deadline, not a duration: a machine under load takes its time
QUICK = AgentSettings(fetch_jitter_s=0.0, chunk_timeout_s=1.0, ack_timeout_s=1.0, time_fast_s=0.5, machine="")


def tone(seconds: float, *, hertz: float = 440.0, level: float = 0.3) -> np.ndarray[Any, np.dtype[np.float32]]:
    at = np.arange(int(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * hertz * at)).astype(np.float32)


def opus(samples: np.ndarray[Any, np.dtype[np.float32]], path: Path) -> bytes:
    """The samples as Ogg Opus, 48 kHz mono."""
    soundfile.write(path, samples, RATE, format="OGG", subtype="OPUS")
    return path.read_bytes()


class Audio:
    """An object: its bytes, its manifest, and an item that plays it."""

    def __init__(self, data: bytes, duration_ms: int, *, chunk_bytes: int = 4_096) -> None:
        self.data = data
        self.duration_ms = duration_ms
        self.chunk_bytes = chunk_bytes
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.chunks = [data[at : at + chunk_bytes] for at in range(0, len(data), chunk_bytes)]

    @classmethod
    def of(cls, folder: Path, seconds: float, *, hertz: float = 440.0) -> Audio:
        data = opus(tone(seconds, hertz=hertz), folder / f"{seconds}-{hertz}.opus")
        return cls(data, round(seconds * 1000))

    @property
    def manifest(self) -> Manifest:
        return Manifest(
            sha256=self.sha256,
            bytes=len(self.data),
            chunk_bytes=self.chunk_bytes,
            chunk_sha256=[hashlib.sha256(chunk).hexdigest() for chunk in self.chunks],
        )

    def item(self) -> Item:
        return Item(item=new_id(), duration_ms=self.duration_ms, sha256=self.sha256)


def airing(start: datetime, audios: Sequence[Audio], **members: Any) -> PlanAiring:
    """An airing of these objects; `ends_at` as the server states it: the sum of the durations."""
    starts_at = to_ms(start)
    total = sum(audio.duration_ms for audio in audios)
    members = {"ends_at": starts_at + total, **members}
    return PlanAiring(airing=new_id(), starts_at=starts_at, items=[audio.item() for audio in audios], **members)


class Station:
    """The server's side of the protocol, over any link."""

    def __init__(self, folder: Path, link: Link, *, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self.keys = Keyring.create(folder / "keys", self.clock.now())
        self.link = link
        self.acknowledging = True
        self.answering_time = True
        self.identities: dict[str, Identity] = {}
        self.hellos: list[tuple[str, Hello]] = []
        self.statuses: list[tuple[str, Status]] = []
        self.reports: list[tuple[str, Report]] = []
        self.records: dict[tuple[str, int], PlayRecord] = {}
        self._seq = itertools.count(to_ms(self.clock.now()))
        self._changed = threading.Condition()
        link.subscribe(topics.every_up()[0], self._heard)
        link.start()

    def enrol(self, **members: Any) -> Identity:
        identity = _identity(self.keys, **members)
        self.identities[identity.receiver] = identity
        return identity

    @staticmethod
    def identity_only(folder: Path) -> Identity:
        """An identity by the keys in a station's folder, before there is a broker that could name its user."""
        return _identity(Keyring.create(folder / "keys", SystemClock().now()))

    # What it says.

    def publish(self, *audios: Audio, leave_out: Callable[[int], bool] = lambda _n: False) -> None:
        for audio in audios:
            for n, chunk in enumerate(audio.chunks):
                if not leave_out(n):
                    self.link.publish(topics.content(audio.sha256, audio.chunk_bytes, n), chunk, retain=True)

    def next_seq(self) -> int:
        return next(self._seq)

    def plan(self, identity: Identity, airings: Sequence[PlanAiring], audios: Sequence[Audio], **members: Any) -> Plan:
        now = to_ms(self.clock.now())
        members = {
            "receiver": identity.receiver,
            "revision": self.next_seq(),
            "valid_from": now - 60_000,
            "valid_until": now + 3_600_000,
            "unit": new_id(),
            "airings": list(airings),
            "objects": [audio.manifest for audio in audios],
            **members,
        }
        return Plan(**members)

    def signed(self, typ: Any, audience: str, body: Any, *, key: Any = None, **claims: Any) -> bytes:
        now = int(self.clock.now().timestamp())
        claims = {"iss": self.keys.issuer, "seq": self.next_seq(), "iat": now, "exp": now + 3600, **claims}
        return sign(key or self.keys.key(typ), typ=typ, aud=audience, body=body, **claims)

    def issue(self, plan: Plan, **claims: Any) -> bytes:
        claims = {"seq": plan.revision, **claims}
        token = self.signed("plan", topics.audience(plan.receiver), plan, **claims)
        self.link.publish(topics.down(plan.receiver, "plan"), token, retain=True)
        return token

    def command(self, receiver: str, command: Command, **claims: Any) -> bytes:
        token = self.signed("command", topics.audience(receiver), command, **claims)
        self.link.publish(topics.down(receiver, "command"), token)
        return token

    # What it hears.

    def _heard(self, message: Message) -> None:
        where = topics.parse_up(message.topic)
        if where is None:
            return
        receiver, name = where
        if name == "time":
            self._time(receiver, message.payload)
            return
        with self._changed:
            getattr(self, f"_{name}")(receiver, message.payload)
            self._changed.notify_all()

    def _time(self, receiver: str, payload: bytes) -> None:
        if not self.answering_time:
            return
        now = to_ms(self.clock.now())
        answer = TimeAnswer(nonce=msgspec.json.decode(payload, type=TimeRequest).nonce, received=now, sent=now)
        self.link.publish(topics.down(receiver, "time"), self.signed("time", topics.audience(receiver), answer), qos=0)

    def _hello(self, receiver: str, payload: bytes) -> None:
        self.hellos.append((receiver, msgspec.json.decode(payload, type=Hello)))

    def _status(self, receiver: str, payload: bytes) -> None:
        self.statuses.append((receiver, msgspec.json.decode(payload, type=Status)))

    def _open(self, receiver: str, typ: Any, token: bytes) -> Any:
        key = self.identities[receiver].signing_key().public
        return open_up(token, typ=typ, receiver=receiver, key=key, root_kid=self.keys.issuer)

    def _report(self, receiver: str, payload: bytes) -> None:
        report: Report = decode_body(self._open(receiver, "report", payload), Report)  # type: ignore[arg-type]
        self.reports.append((receiver, report))

    def _plays(self, receiver: str, payload: bytes) -> None:
        plays = decode_body(self._open(receiver, "plays", payload), Plays)
        for record in plays.records:
            self.records[record.log, record.seq] = record
        if self.acknowledging:
            self.acknowledge(receiver, plays.records[0].log)

    def acknowledge(self, receiver: str, log: str, **members: Any) -> None:
        through = 0
        while (log, through + 1) in self.records:
            through += 1
        body = Ack(log=log, through=through, **members)
        self.link.publish(topics.down(receiver, "ack"), self.signed("ack", topics.audience(receiver), body))

    def wait(self, condition: Callable[[], object], *, seconds: float = WAIT_S) -> None:
        """Until what was heard makes this true."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not condition():
                left = deadline - time.monotonic()
                assert left > 0, (
                    f"not within {seconds} s; heard {self.reports[-5:]}, {list(self.records.values())[-5:]}"
                )
                self._changed.wait(min(left, 0.2))

    def heard(self, kind: type[Any], receiver: str | None = None) -> list[Any]:
        return [report for who, report in self.reports if isinstance(report, kind) and receiver in {None, who}]

    def records_of(self, airing_id: str) -> list[PlayRecord]:
        found = [record for record in self.records.values() if record.airing == airing_id]
        return sorted(found, key=lambda record: record.seq)

    def check_chains(self) -> None:
        """Every record follows from the one before."""
        for (log, seq), record in self.records.items():
            before = self.records.get((log, seq - 1))
            assert record.prev == (canonical_sha256(before) if before else GENESIS), f"record {seq} doesn't follow"


def _identity(keys: Keyring, **members: Any) -> Identity:
    return Identity(
        receiver=new_id(),
        key=SigningKey.generate().seed.hex(),
        root=keys.root.hex,
        certificates=list(keys.certificates.values()),
        **members,
    )


class Bench:
    """A broker in memory, a station, and agents that are stopped at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = MemoryBroker()
        self.station = Station(folder, self.broker.link("server"))
        self.agents: list[Agent] = []
        self.links: dict[str, MemoryLink] = {}

    def agent(
        self,
        identity: Identity,
        *,
        output: Output | None = None,
        settings: AgentSettings = QUICK,
        clock: Clock | None = None,
        restart: Callable[[], None] | None = None,
        **members: Any,
    ) -> Agent:
        link = self.broker.link(identity.receiver, will=will(identity), clean=True)
        self.links[identity.receiver] = link
        clock = clock or SystemClock()
        agent = Agent(
            identity,
            self.folder / identity.receiver,
            output=output or NullOutput(clock),
            link=link,
            clock=clock,
            settings=settings,
            restart=restart,
            **members,
        )
        agent.start()
        self.agents.append(agent)
        return agent

    def soon(self, seconds: float) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=seconds)


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    """A bench whose agents made no mistake of their own: none of their work raised."""
    made = Bench(folder)
    try:
        yield made
    finally:
        for agent in made.agents:
            agent.stop()
        made.station.link.stop()
    assert [agent.failures for agent in made.agents] == [0] * len(made.agents)
