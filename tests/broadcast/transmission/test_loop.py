"""The whole loop in one process: real engine, intake, agents and Opus files; only the network is in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from broadcast import airtime, commands, delivery
from broadcast.duties import Duties
from broadcast.ingest import Ingest
from broadcast.tables import CommandAnswer, Playout, Programme, ProgrammeItem
from core import units
from core.clock import SystemClock
from core.database import Database
from core.events import Event
from devices import registry
from devices.link import MemoryBroker, MemoryLink
from devices.receiver.agent import Agent
from devices.receiver.identity import Identity, will
from devices.receiver.outputs import NullOutput
from devices.tables import Receiver
from schedules.engine import Engine
from schedules.firings import POLICIES
from schedules.lease import Leadership
from schedules.tables import Airing
from tests.broadcast.transmission.world import OPERATOR, World
from tests.devices.receiver.station import QUICK, Audio

WAIT_S = 30.0
# Closing some seconds sooner than in earnest: nothing here is late.
SOON_CLOSED = [replace(policy, offset=min(policy.offset, timedelta(seconds=1))) for policy in POLICIES]
ADDRESS = registry.BrokerAddress("127.0.0.1", 1883)


class Site:
    """A server with its engine, and receivers, over one broker in memory."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.clock = SystemClock()
        self.folder = folder
        self.world = World(db, self.clock, folder)
        self.broker = MemoryBroker()
        self.agents: dict[str, Agent] = {}
        self.identities: dict[str, Identity] = {}
        self._enrol(folder)
        self.start()

    def _enrol(self, folder: Path) -> None:
        world = self.world
        audios = [Audio.of(folder, seconds, hertz=hertz) for seconds, hertz in ((0.5, 440.0), (1.0, 660.0))]
        with world.db.writing() as session:
            for box in world.boxes.values():  # the scripted ones don't take part
                session.get_one(Receiver, box.id).status = "revoked"
            self.programme = Programme(title="Thử", created_by=OPERATOR.id, created_at=self.clock.now())
            session.add(self.programme)
            session.flush()
            for position, audio in enumerate(audios):
                item = ProgrammeItem(
                    programme_id=self.programme.id,
                    position=position,
                    kind="chime",
                    sha256=world.store.put(audio.data),
                    duration_ms=audio.duration_ms,
                )
                session.add(item)
            self.duration_ms = sum(audio.duration_ms for audio in audios)
            for name, unit in (("bắc", world.north), ("thôn", world.village), ("nam", world.south)):
                _, identity = registry.enrol(
                    session,
                    unit=units.get(session, unit),
                    name=name,
                    clusters=1,
                    keyring=world.keyring,
                    broker=ADDRESS,
                    clock=self.clock,
                    actor=OPERATOR,
                )
                self.identities[name] = identity

    def start(self) -> None:
        """The server's processes, as after a start of the machine."""
        world = self.world
        self.server = self.broker.link("server", client_id="ingest", manual_ack=True)
        self.leader = self.broker.link("server", client_id="leader")
        self.ingest = Ingest(world.db, self.server, world.keyring, clock=self.clock, store=world.store)
        self.leadership = Leadership(world.db)
        work = Duties(
            world.db,
            self.leader,
            world.keyring,
            clock=self.clock,
            store=world.store,
            settings=world.settings,
            leadership=self.leadership,
        )
        self.engine = Engine(
            world.db, self.clock, self.leadership, firings=work.firings(), duties=work.duties(), policies=SOON_CLOSED
        )
        self.ingest.start()
        for link in (self.server, self.leader):
            link.start()
        self.engine.start()

    def stop(self) -> None:
        self.engine.stop()
        for link in (self.server, self.leader):
            link.stop()
        self.ingest.stop()

    def switch_on(self, *names: str) -> None:
        for name in names:
            identity = self.identities[name]
            link: MemoryLink = self.broker.link(identity.receiver, will=will(identity), clean=True)
            agent = Agent(
                identity,
                self.folder / name,
                output=NullOutput(self.clock),
                link=link,
                clock=self.clock,
                settings=QUICK,
            )
            agent.start()
            self.agents[name] = agent

    def switch_off(self, *names: str) -> None:
        for name in names:
            self.agents.pop(name).stop()

    def end(self) -> None:
        self.switch_off(*list(self.agents))
        self.stop()

    def air(self, seconds: float, **values: Any) -> str:
        """An airing so many seconds from now everywhere, as the timetable would have made it."""
        with self.world.db.writing() as session:
            airing = self.world.airing(
                session,
                timedelta(seconds=seconds),
                programme_id=self.programme.id,
                **({"duration_ms": self.duration_ms} | values),
            )
            delivery.request_for_airings(session, [airing], self.clock.now())
            return airing.id

    def states(self, airing_id: str) -> dict[str, str]:
        names = {identity.receiver: name for name, identity in self.identities.items()}
        with self.world.db.reading() as session:
            rows = session.execute(select(Playout.receiver_id, Playout.state).where(Playout.airing_id == airing_id))
            return {names[row.receiver_id]: row.state for row in rows}

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + WAIT_S
        while not (value := condition()):
            assert time.monotonic() < deadline, what
            time.sleep(0.02)
        return value


@pytest.fixture
def site(sqlite_db: Database, tmp_path: Path) -> Iterator[Site]:
    made = Site(sqlite_db, tmp_path)
    yield made
    made.end()


def test_the_loop_is_closed(site: Site) -> None:
    site.switch_on("bắc", "thôn")
    airing = site.air(5.0)
    site.until(lambda: set(site.states(airing).values()) >= {"ready"}, "somebody ready")
    site.until(lambda: list(site.states(airing).values()).count("finished") == 2, "both finished")
    with site.world.db.reading() as session:
        started = session.execute(
            select(Playout.planned_at, Playout.started_at, Playout.played_ms).where(Playout.state == "finished")
        ).all()
        rows = airtime.report(session, site.clock.now() - timedelta(hours=1), site.clock.now())
    for row in started:
        assert abs((row.started_at - row.planned_at).total_seconds()) <= 0.02
        assert abs(row.played_ms - site.duration_ms) <= 60
    north = next(row for row in rows if row.name == "Xã Bắc")
    assert (north.airings, north.playouts) == (1, 2)
    assert abs(north.programme_ms - site.duration_ms) <= 60
    assert abs(north.cluster_ms - 2 * site.duration_ms) <= 120
    # The one that was never switched on is missed, not forgotten, once the engine has closed the airing.
    site.until(lambda: site.states(airing)["nam"] == "missed", "the close")
    with site.world.db.reading() as session:
        assert session.get_one(Airing, airing).status == "closed"
        online = session.execute(select(Receiver.name).where(Receiver.online)).scalars().all()
    assert sorted(online) == ["bắc", "thôn"]


def test_receivers_play_while_server_and_broker_are_gone_and_tell_it_afterwards(site: Site) -> None:
    site.switch_on("bắc", "nam")
    airing = site.air(4.0)
    site.until(lambda: list(site.states(airing).values()).count("ready") == 2, "both ready")
    site.stop()
    site.broker.down(forget=True)
    with site.world.db.reading() as session:
        ends_at = session.get_one(Airing, airing).starts_at + timedelta(milliseconds=site.duration_ms)
    site.until(lambda: site.clock.now() > ends_at + timedelta(seconds=0.5), "the end of the airing")
    assert site.states(airing)["bắc"] == "ready"
    site.broker.up()
    site.start()
    site.until(lambda: list(site.states(airing).values()).count("finished") == 2, "both finished")


def test_what_sounds_is_stopped_at_once(site: Site) -> None:
    site.switch_on("bắc")
    airing = site.air(4.0)
    site.until(lambda: site.states(airing).get("bắc") == "playing", "playing")
    with site.world.db.writing() as session:
        commands.stop_airing(session, airing, actor=OPERATOR, now=site.clock.now(), reason="nhầm bản tin")
    site.until(lambda: site.states(airing)["bắc"] in {"partial", "missed"}, "cut")
    with site.world.db.reading() as session:
        playout = session.scalars(select(Playout).where(Playout.state == "partial")).one()
        answer = session.scalars(select(CommandAnswer)).one()
    assert 0 < playout.played_ms < site.duration_ms
    assert answer.result == "accepted"


def test_a_cancelled_airing_does_not_sound(site: Site) -> None:
    site.switch_on("nam")
    airing = site.air(5.0)
    site.until(lambda: site.states(airing).get("nam") == "ready", "ready")
    with site.world.db.writing() as session:
        row = session.get_one(Airing, airing)
        row.status, row.cancelled_at, row.cancelled_by = "cancelled", site.clock.now(), OPERATOR.id
        delivery.request_for_airings(session, [row], site.clock.now())
        ends_at = row.starts_at + timedelta(milliseconds=row.duration_ms)

    def accepted() -> list[Event]:
        with site.world.db.reading() as session:
            kind = "receiver:receiver:plan-accepted"
            return list(session.scalars(select(Event).where(Event.kind == kind)))

    site.until(lambda: len({event.data["revision"] for event in accepted()}) == 2, "the plan without it")
    site.until(lambda: site.clock.now() > ends_at, "its time is over")
    site.until(lambda: site.states(airing)["nam"] == "missed", "its close")
    with site.world.db.reading() as session:
        playout = session.get_one(Playout, (airing, site.identities["nam"].receiver))
    assert (playout.cancelled, playout.started_at, playout.reason) == (True, None, "đã hủy trước giờ phát")
