"""Thousands of receivers in one process, which do everything but sound.

Each has its own connection, keys and log. It says hello, takes the plan that is signed for it and newer than what it
holds, and says that it accepted it; pulls what the plan needs, one chunk at a time, checks each chunk's hash and the
whole, and says what is ready; at the end of each airing it signs a record for every item as if it had sounded, and
offers its records again until a signed watermark acknowledges them. A chunk that doesn't come, or doesn't match, is
asked for again.

Nothing is kept: audio is hashed and dropped, and a new process begins a new log. For what a real box does, and keeps,
there is `devices.receiver`, and `devices.fleet` runs that many times over.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import ssl
from collections import Counter, deque
from collections.abc import Iterable
from pathlib import Path

import msgspec

from core.clock import Clock, to_ms
from core.ids import new_id
from devices.link.crowded import CrowdedLink
from devices.link.tls import tls_context
from devices.protocol import topics
from devices.protocol.commands import Ack
from devices.protocol.plan import Manifest, Plan, PlanAiring
from devices.protocol.reports import (
    Cache,
    ClockFacts,
    Hello,
    PlanAccepted,
    PlanRefused,
    PlayRecord,
    Plays,
    Ready,
    Report,
    Status,
    Want,
)
from devices.protocol.signing import GENESIS, BadMessage, canonical_sha256, decode_body
from devices.protocol.trust import Trust
from devices.protocol.upward import UpType, sign_up
from devices.receiver.identity import Identity

log = logging.getLogger(__name__)

SOFTWARE = "truyenthanh crowd"
CHUNK_WAIT_S = 15.0
RECORDS_WAIT_S = 15.0  # for a watermark, before records are offered again
RECORDS_IN_MESSAGE = 100
RECONNECT_S = (0.5, 5.0)
CONNECTING_AT_ONCE = 50


class Crowd:
    """The receivers of these identities, of one installation. `run` until it is cancelled."""

    def __init__(self, identities: Iterable[Identity], clock: Clock) -> None:
        self.told: Counter[str] = Counter()  # connected, accepted, ready, recorded, acknowledged, and what went wrong
        self._trusts: dict[str, Trust] = {}
        self.receivers = [_Receiver(one, clock, self._trust(one), self.told) for one in identities]

    def _trust(self, identity: Identity) -> Trust:
        """Keys are read once for all that believe the same root."""
        if identity.root not in self._trusts:
            self._trusts[identity.root] = identity.trust()
        return self._trusts[identity.root]

    async def run(self) -> None:
        gate = asyncio.Semaphore(CONNECTING_AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            for receiver in self.receivers:
                tasks.create_task(receiver.run(gate))


class _Receiver:
    def __init__(self, identity: Identity, clock: Clock, trust: Trust, told: Counter[str]) -> None:
        self._identity, self._clock, self._trust, self._told = identity, clock, trust, told
        self._id = identity.receiver
        self._key = identity.signing_key()
        self._boot, self._log = new_id(), new_id()
        self._link: CrowdedLink | None = None
        self._over = asyncio.Event()
        self._revision = self._seq = 0
        self._confirmed = False  # on this connection: the retained plan comes, and so may an answer to the hello
        self._have: set[str] = set()
        self._wanted: deque[Manifest] = deque()
        self._fetching: tuple[Manifest, int, int] | None = None  # object, chunk, how many bytes so far
        self._whole = hashlib.sha256()
        self._chunk_timer: asyncio.TimerHandle | None = None
        self._records: deque[PlayRecord] = deque()  # not acknowledged
        self._number, self._head = 0, GENESIS
        self._records_timer: asyncio.TimerHandle | None = None
        self._airings: dict[str, asyncio.TimerHandle] = {}
        self._recorded: set[str] = set()

    async def run(self, gate: asyncio.Semaphore) -> None:
        """Stay connected."""
        try:
            while True:
                self._over.clear()
                try:
                    async with gate:
                        await self._connect()
                    await self._over.wait()
                    self._told["lost"] += 1
                except OSError as error:
                    self._told["not-connected"] += 1
                    log.debug("No connection for %s: %s", self._id, error)
                self._link = None
                await asyncio.sleep(random.uniform(*RECONNECT_S))  # noqa: S311 - spreads the load
        finally:
            for timer in (self._chunk_timer, self._records_timer, *self._airings.values()):
                if timer is not None:
                    timer.cancel()
            if self._link is not None:
                self._link.close()

    async def _connect(self) -> None:
        one = self._identity
        off = msgspec.json.encode(Status(online=False))
        self._link = await CrowdedLink.connect(
            one.broker_host,
            one.broker_port,
            self._id,
            one.password,
            will=(topics.up(self._id, "status"), off),
            handler=self._heard,
            lost=self._over.set,
            tls=_tls(one),
        )
        self._told["connected"] += 1
        self._confirmed = False
        for name in ("plan", "ack"):
            self._link.subscribe(topics.down(self._id, name))
        now = to_ms(self._clock.now())
        self._publish("status", msgspec.json.encode(Status(online=True, at=now)), retain=True)
        hello = Hello(
            revision=self._revision,
            software=SOFTWARE,
            boot=self._boot,
            cache=Cache(objects=len(self._have)),
            clock=ClockFacts(source="ntp"),
        )
        self._publish("hello", msgspec.json.encode(hello))
        self._fetch()
        self._offer()

    def _heard(self, topic: str, payload: bytes) -> None:
        try:
            if (chunk := topics.parse_content(topic)) is not None:
                self._take_chunk(chunk, payload)
            elif topic == topics.down(self._id, "plan"):
                self._take_plan(payload)
            elif topic == topics.down(self._id, "ack"):
                self._take_ack(payload)
        except BadMessage as error:
            self._told[f"refused-{error.reason}"] += 1
            if topic.endswith("/plan"):
                self._report(PlanRefused(reason=error.reason))

    # Plans.

    def _take_plan(self, token: bytes) -> None:
        claims = self._trust.open(token, typ="plan", audience=topics.audience(self._id), now=self._clock.now())
        plan = decode_body(claims, Plan)
        if plan.receiver != self._id or plan.revision != claims.seq:
            raise BadMessage(reason="misaddressed")
        if plan.revision < self._revision:
            raise BadMessage(reason="replayed")
        known = plan.revision == self._revision
        if not (known and self._confirmed):
            self._report(PlanAccepted(revision=plan.revision))
            self._confirmed = True
        if known:
            return
        self._revision = plan.revision
        self._told["accepted"] += 1
        asked = {found.sha256 for found in self._wanted}
        self._wanted.extend(one for one in plan.objects if one.sha256 not in self._have | asked)
        self._fetch()
        self._expect(plan)

    def _expect(self, plan: Plan) -> None:
        """A record at the end of every airing; what the plan no longer holds doesn't sound."""
        loop, now = asyncio.get_running_loop(), to_ms(self._clock.now())
        for timer in self._airings.values():
            timer.cancel()
        self._airings = {
            airing.airing: loop.call_later((airing.ends_at - now) / 1000, self._record, airing, plan.revision)
            for airing in plan.airings
            if airing.airing not in self._recorded and airing.ends_at > now
        }

    # Audio.

    def _fetch(self) -> None:
        """The next chunk, where none is under way; after a reconnection the same again."""
        if self._fetching is None:
            while self._wanted and self._wanted[0].sha256 in self._have:
                self._wanted.popleft()
            if not self._wanted:
                return
            self._fetching, self._whole = (self._wanted.popleft(), 0, 0), hashlib.sha256()
        found, n, _ = self._fetching
        if self._link is not None:
            self._link.subscribe(topics.content(found.sha256, found.chunk_bytes, n))
            self._wait_for_chunk()

    def _wait_for_chunk(self) -> None:
        if self._chunk_timer is not None:
            self._chunk_timer.cancel()
        self._chunk_timer = asyncio.get_running_loop().call_later(CHUNK_WAIT_S, self._want_again)

    def _want_again(self) -> None:
        if self._fetching is not None:
            found, n, _ = self._fetching
            self._told["wanted"] += 1
            self._report(Want(sha256=found.sha256, n=n))
            self._wait_for_chunk()

    def _take_chunk(self, chunk: topics.Chunk, data: bytes) -> None:
        if self._fetching is None:
            return
        found, n, size = self._fetching
        if (chunk.sha256, chunk.n) != (found.sha256, n):
            return
        if hashlib.sha256(data).hexdigest() != found.chunk_sha256[n]:
            self._told["bad-chunk"] += 1
            return  # asked for again when the time is over
        self._whole.update(data)
        if self._link is not None:
            self._link.unsubscribe(topics.content(found.sha256, found.chunk_bytes, n))
        if n + 1 < len(found.chunk_sha256):
            self._fetching = (found, n + 1, size + len(data))
        else:
            self._fetching = None
            if self._chunk_timer is not None:
                self._chunk_timer.cancel()
            self._complete(found, size + len(data))
        self._fetch()

    def _complete(self, found: Manifest, size: int) -> None:
        if self._whole.hexdigest() != found.sha256 or size != found.bytes:
            self._told["bad-object"] += 1
            self._wanted.append(found)
            return
        self._have.add(found.sha256)
        if not any(one.sha256 not in self._have for one in self._wanted):
            self._told["ready"] += 1
            self._report(Ready(sha256=sorted(self._have)))

    # Records.

    def _record(self, airing: PlanAiring, revision: int) -> None:
        del self._airings[airing.airing]
        self._recorded.add(airing.airing)
        start = airing.starts_at
        for item in airing.items:
            self._number += 1
            there = item.sha256 is not None and item.sha256 in self._have
            record = PlayRecord(
                log=self._log,
                seq=self._number,
                airing=airing.airing,
                item=item.item,
                prev=self._head,
                outcome="finished" if there else "missed",
                planned_at=start,
                plan_revision=revision,
                clock=ClockFacts(source="ntp"),
                sha256=item.sha256,
                started_at=start if there else None,
                ended_at=start + item.duration_ms if there else None,
                played_ms=item.duration_ms if there else 0,
                reason="" if there else "no-audio",
            )
            self._head = canonical_sha256(record)
            self._records.append(record)
            self._told["recorded"] += 1
            start += item.duration_ms
        self._offer()

    def _offer(self) -> None:
        """All that is not acknowledged, and again after a while."""
        if not self._records:
            return
        waiting = list(self._records)
        for at in range(0, len(waiting), RECORDS_IN_MESSAGE):
            self._publish("plays", self._signed("plays", Plays(records=waiting[at : at + RECORDS_IN_MESSAGE])))
        if self._records_timer is not None:
            self._records_timer.cancel()
        self._records_timer = asyncio.get_running_loop().call_later(RECORDS_WAIT_S, self._offer)

    def _take_ack(self, token: bytes) -> None:
        claims = self._trust.open(token, typ="ack", audience=topics.audience(self._id), now=self._clock.now())
        ack = decode_body(claims, Ack)
        if ack.log == self._log:
            while self._records and self._records[0].seq <= min(ack.through, self._number):
                self._records.popleft()
                self._told["acknowledged"] += 1

    # Saying.

    def _report(self, report: Report) -> None:
        self._publish("report", self._signed("report", report))

    def _publish(self, name: topics.Up, payload: bytes, *, retain: bool = False) -> None:
        if self._link is not None:
            self._link.publish(topics.up(self._id, name), payload, retain=retain)

    def _signed(self, typ: UpType, body: Report | Plays) -> bytes:
        now = self._clock.now()
        self._seq = max(self._seq + 1, to_ms(now))
        iat = int(now.timestamp())
        return sign_up(
            self._key, typ=typ, receiver=self._id, root_kid=self._trust.issuer, seq=self._seq, iat=iat, body=body
        )


def _tls(identity: Identity) -> ssl.SSLContext | None:
    ca = identity.ca or (Path(identity.tls_ca) if identity.tls_ca else None)
    own = (identity.certificate, identity.tls_key) if identity.certificate else None
    return tls_context(ca, client=own) if ca else None
