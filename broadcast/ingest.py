"""Listening to receivers: everything they publish comes through here.

1. Time is asked for and answered at once, on the link's own thread: it never waits behind the database.
2. Everything else is queued, and a worker takes it in batches (what comes within 50 ms, within limits). It checks
   signatures and shapes; behind it another worker commits, so that one batch is checked while the database is at the
   one before.
3. A batch is applied and committed in one transaction; then its MQTT messages are acknowledged; then the signed
   watermarks, plans and chunks that it asks for are published. What was not committed was not acknowledged: the
   broker, and behind it the receiver's outbox, still has it. What records mean for playouts is judged after that, by
   a thread of its own (`broadcast.judging`).
4. Several processes share what comes (`shared`) where the broker can share it out; each has a session of its own.
5. While the database is away the batch is tried again, slower and slower. A message that can't be taken in for any
   other reason is set aside alone, with an event and a count; a receiver goes on offering its records until they are
   acknowledged by a watermark, so setting aside loses nothing.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from prometheus_client import Counter
from sqlalchemy.exc import SQLAlchemyError

from audio.store import ObjectStore
from broadcast import content, intake
from broadcast.intake import Answers, Opened, Rejected, Upward
from broadcast.judging import Judge
from broadcast.playlog import Standing
from core.clock import Clock, to_ms
from core.database import Database, is_away
from devices.keyring import Keyring
from devices.link import Link, Message
from devices.protocol import topics
from devices.protocol.commands import Ack, TimeAnswer, TimeRequest
from devices.protocol.signing import sign
from devices.protocol.trust import Role

log = logging.getLogger(__name__)

BATCH_MESSAGES = 500
BATCH_BYTES = 4_194_304  # about 7,000 records
BATCHES_AHEAD = 2  # checked, and waiting for the database
BATCH_WAIT_S = 0.05
BACKOFF_FIRST_S = 0.1
BACKOFF_MAX_S = 5.0
ACK_LIFE = timedelta(days=1)
TIME_LIFE = timedelta(minutes=1)
WANT_AGAIN_S = 2.0  # many receivers miss the same chunk at once: it is published once
NOTE_AGAIN_S = 60.0  # one event a minute for each receiver and reason, however many bad messages come

MESSAGES = Counter("truyenthanh_ingest_messages", "Messages of receivers taken in", ["kind", "result"])
RECORDS = Counter("truyenthanh_ingest_records", "Play records offered by receivers")


GROUP = "ingest"  # of the processes that share


@dataclass(frozen=True, slots=True)
class _Batch:
    messages: list[Message]
    opened: Opened | None


class Ingest:
    """`start()` subscribes on the link (made with `manual_ack`) and starts the workers; `stop()` ends after a batch.

    `shared`: other processes take in as well, and the broker gives each message to one of them.
    """

    def __init__(
        self, db: Database, link: Link, keyring: Keyring, *, clock: Clock, store: ObjectStore, shared: bool = False
    ) -> None:
        self._db = db
        self._link = link
        self._keyring = keyring
        self._clock = clock
        self._store = store
        self._shared = shared
        self._queue: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._checked: queue.Queue[_Batch | None] = queue.Queue(BATCHES_AHEAD)
        self._stopping = threading.Event()
        self._checker = threading.Thread(target=self._check, name="ingest-check", daemon=True)
        self._committer = threading.Thread(target=self._commit, name="ingest-commit", daemon=True)
        self._judge = Judge(db, clock)
        self._seq = 0
        self._numbering = threading.Lock()
        self._published_chunks: dict[tuple[str, int], float] = {}
        self._noted: dict[Rejected, float] = {}

    def start(self) -> None:
        self._judge.start()
        self._checker.start()
        self._committer.start()
        if self._shared:
            # The kept session of an earlier version, or of a time when there was one process, may still hold these.
            for topic_filter in topics.every_up():
                self._link.subscribe(topic_filter, self._arrived, qos=1)
                self._link.unsubscribe(topic_filter)
        for topic_filter in topics.every_up(shared_by=GROUP if self._shared else None):
            self._link.subscribe(topic_filter, self._arrived, qos=1)

    def stop(self) -> None:
        """Finish the batch at hand. What is still queued was not acknowledged and comes again.

        The subscription stays: in a session that outlives the connection the broker goes on collecting.
        """
        self._stopping.set()
        self._queue.put(None)
        for thread in (self._checker, self._committer):
            if thread.ident is not None:
                thread.join()
        self._judge.stop()

    # On the link's thread.

    def _arrived(self, message: Message) -> None:
        received = self._clock.now()
        where = topics.parse_up(message.topic)
        if where is not None and where[1] == "time":
            self._answer_time(where[0], message.payload, received)
            message.ack()
        elif not self._stopping.is_set():
            self._queue.put(message)

    def _answer_time(self, receiver: str, payload: bytes, received: datetime) -> None:
        try:
            nonce = msgspec.json.decode(payload, type=TimeRequest).nonce
        except (msgspec.DecodeError, UnicodeError):
            MESSAGES.labels("time", "malformed").inc()
            return
        sent = self._clock.now()
        body = TimeAnswer(nonce=nonce, received=to_ms(received), sent=to_ms(sent))
        self._link.publish(topics.down(receiver, "time"), self._sign("time", receiver, body, sent, TIME_LIFE), qos=0)
        MESSAGES.labels("time", "answered").inc()

    # On the checking thread.

    def _check(self) -> None:
        while not self._stopping.is_set():
            messages = self._collect()
            if messages:
                opened = self._open(messages)
                self._judge.make_way(busy=True)
                self._checked.put(_Batch(messages, opened))
        self._checked.put(None)

    def _collect(self) -> list[Message]:
        """What is there already, and a little of what comes."""
        first = self._queue.get()
        self._judge.make_way(busy=True)
        batch, size = [], 0
        deadline = self._clock.monotonic() + BATCH_WAIT_S
        message = first
        with suppress(queue.Empty):
            while message is not None:
                batch.append(message)
                size += len(message.payload)
                if len(batch) >= BATCH_MESSAGES or size >= BATCH_BYTES or self._stopping.is_set():
                    break
                message = self._queue.get(timeout=max(min(deadline - self._clock.monotonic(), BATCH_WAIT_S / 5), 0))
        return batch

    def _open(self, messages: Sequence[Message]) -> Opened | None:
        """The messages checked; None where that failed (the database is away): the committer tries again."""
        try:
            upward = [Upward(message.topic, message.payload, message.retain) for message in messages]
            return intake.open_batch(self._db, upward, self._keyring.issuer)
        except Exception as error:
            log.debug("A batch could not be checked", exc_info=error)
            return None

    # On the committing thread.

    def _commit(self) -> None:
        while (batch := self._checked.get()) is not None:
            if not self._stopping.is_set():
                self._settle(batch.messages, batch.opened)
            if self._queue.empty() and self._checked.empty():
                self._judge.make_way(busy=False)

    def _settle(self, batch: Sequence[Message], opened: Opened | None = None) -> None:
        """Take in a batch, for as long as it takes; then acknowledge it and send what it asks for."""
        wait_s = BACKOFF_FIRST_S
        while True:
            try:
                answers = self._take_in(batch, opened)
                break
            except SQLAlchemyError as error:
                if not is_away(error):
                    self._settle_one_by_one(batch, error)
                    return
                log.warning("The database is away; nothing is acknowledged", extra={"error": type(error).__name__})
                if self._stopping.wait(wait_s):
                    return
                wait_s = min(wait_s * 2, BACKOFF_MAX_S)
                opened = None  # who is active may have changed
            except Exception as error:  # noqa: BLE001 - whatever one message does, the others are taken in
                self._settle_one_by_one(batch, error)
                return
        try:
            for message in batch:
                message.ack()
            self._send(answers)
        except Exception:
            # All of it is asked for again: records by the outbox, plans by the next hello, chunks by the next want.
            log.exception("An answer could not be sent")

    def _settle_one_by_one(self, batch: Sequence[Message], error: Exception) -> None:
        if len(batch) > 1:
            for message in batch:
                if not self._stopping.is_set():
                    self._settle([message])
            return
        message = batch[0]
        log.error("A message can't be taken in and is set aside", extra={"topic": message.topic}, exc_info=error)
        where = topics.parse_up(message.topic) or (None, "unknown")
        with suppress(SQLAlchemyError):
            self._note([Rejected(where[0], where[1], "failed")])
        message.ack()

    def _take_in(self, batch: Sequence[Message], opened: Opened | None) -> Answers:
        if opened is None:
            messages = [Upward(message.topic, message.payload, message.retain) for message in batch]
            opened = intake.open_batch(self._db, messages, self._keyring.issuer)
        with self._db.writing() as session:
            answers = intake.apply(session, opened, self._clock)
        if opened.plays:
            self._judge.wake()
        self._note(opened.rejected)
        for kind, count in (
            ("hello", len(opened.hellos)),
            ("status", len(opened.statuses)),
            ("report", len(opened.reports)),
            ("plays", len(opened.plays)),
        ):
            MESSAGES.labels(kind, "taken").inc(count)
        RECORDS.inc(sum(len(plays.records) for plays in opened.plays))
        return answers

    def _note(self, rejected: Sequence[Rejected]) -> None:
        """Count what was rejected, and leave an event, but not a flood of them."""
        at = self._clock.monotonic()
        fresh = []
        for one in rejected:
            MESSAGES.labels(one.kind, one.reason).inc()
            if at - self._noted.get(one, -NOTE_AGAIN_S) >= NOTE_AGAIN_S:
                self._noted[one] = at
                fresh.append(one)
        if fresh:
            with self._db.writing() as session:
                for one in fresh:
                    intake.note_rejected(session, one, self._clock.now())
        if len(self._noted) > 10_000:
            self._noted = {one: then for one, then in self._noted.items() if at - then < NOTE_AGAIN_S}

    def _send(self, answers: Answers) -> None:
        now = self._clock.now()
        for standing in answers.watermarks:
            self._send_watermark(standing, now)
        for receiver, token in answers.plans.items():
            # Not retained: the leader's newer plan may lie there by now, and must go on lying there.
            self._link.publish(topics.down(receiver, "plan"), token.encode(), qos=1)
        at = self._clock.monotonic()
        self._published_chunks = {
            chunk: then for chunk, then in self._published_chunks.items() if at - then < WANT_AGAIN_S
        }
        for chunk in sorted(answers.wants - self._published_chunks.keys()):
            self._published_chunks[chunk] = at
            if content.publish_chunk(self._store, self._link, *chunk) is None:
                log.warning("A receiver wants a chunk that isn't there", extra={"sha256": chunk[0], "n": chunk[1]})

    def _send_watermark(self, standing: Standing, now: datetime) -> None:
        body = Ack(log=standing.log, through=standing.through)
        token = self._sign("ack", standing.receiver_id, body, now, ACK_LIFE)
        self._link.publish(topics.down(standing.receiver_id, "ack"), token, qos=1)

    def _next_seq(self, now: datetime) -> int:
        """Acknowledgements and times only state facts: a number that orders those of this process is enough."""
        with self._numbering:
            self._seq = max(self._seq + 1, to_ms(now))
            return self._seq

    def _sign(self, role: Role, receiver: str, body: Ack | TimeAnswer, now: datetime, life: timedelta) -> bytes:
        return sign(
            self._keyring.key(role),
            typ=role,
            iss=self._keyring.issuer,
            aud=topics.audience(receiver),
            seq=self._next_seq(now),
            iat=int(now.timestamp()),
            exp=int((now + life).timestamp()),
            body=body,
            cert=self._keyring.certificates[role],
        )
