"""From a code on paper to sound: a box enrols over HTTP, comes to mosquitto with its certificate, and plays a plan."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.database import Database
from devices import brokerfiles, credentials, eviction
from devices.authority import Authority
from devices.eviction import Evictions
from devices.keyring import RECEIVERS_CA, Keyring, make_online_key, root_key
from devices.link import MqttLink
from devices.protocol import topics
from devices.protocol.reports import PlanAccepted, Ready
from devices.receiver import machine, tls
from devices.receiver.agent import Agent
from devices.receiver.connection import mqtt_link
from devices.receiver.enrolling import enrol_box
from devices.receiver.identity import Identity
from devices.receiver.outputs import NullOutput
from tests.api.scene import Scene, add_cast, add_places
from tests.api.site import Site, make_context, running
from tests.devices.receiver.station import QUICK, Audio, Station, airing
from tests.devices.support import Inbox, eventually
from tests.support.mosquitto import Mosquitto

SERVER = {"server": "of the server"}


@dataclass
class Field:
    """A web process, a broker with the shipped configuration, and the server's side of the protocol."""

    site: Site
    scene: Scene
    broker: Mosquitto
    station: Station
    folder: Path

    def code(self, name: str) -> str:
        body = {"places": [{"unit_id": self.scene.communes[0], "name": name}]}
        answer = self.site.as_("admin").post("/api/v1/receivers/codes", json=body)
        assert answer.status_code == 201, answer.text
        code: str = answer.json()["codes"][0]["code"]
        return code

    def box(self, name: str) -> Identity:
        identity = enrol_box(self.site.url, self.code(name), self.folder / f"{name}.json")
        self.station.identities[identity.receiver] = identity
        return identity

    def link(self, client_id: str) -> MqttLink:
        """One of the server's."""
        return MqttLink(
            host=self.broker.host,
            port=self.broker.port,
            client_id=client_id,
            username="server",
            password=SERVER["server"],
        )

    def admit(self, evictions: Evictions) -> list[str]:
        """What the scheduler does each second, with the broker's reload, which is a unit of its own."""
        now = SystemClock().now()
        with self.site.db.reading() as session:
            revoked = credentials.revoked_certificates(session, now)
            ended = eviction.ended(session, now)
        authority = Authority.load(self.folder / "site" / "keys", RECEIVERS_CA)
        if brokerfiles.write_revocation_list(authority, revoked, self.broker.revocation_list, now):
            self.broker.reload()
        return evictions.look(ended)

    def agent(self, path: Path, data: Path) -> Agent:
        identity = Identity.load(path)
        return Agent(
            identity,
            data,
            output=NullOutput(SystemClock()),
            link=mqtt_link(identity),
            clock=SystemClock(),
            settings=replace(QUICK, machine=None),
            identity_file=path,
        )


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory, sqlite_files: object) -> Iterator[Field]:
    folder = tmp_path_factory.mktemp("field")
    clock = SystemClock()
    keys = folder / "site" / "keys"
    Keyring.create(keys, clock.now())
    db = Database(sqlite_files.fresh(folder))  # type: ignore[attr-defined]
    with db.writing() as session:
        add_cast(session, clock)
        scene = add_places(session, clock)
    with Mosquitto(folder / "broker", SERVER, keys=keys) as broker:
        settings = {"broker": "external", "receiver_broker": f"127.0.0.1:{broker.tls_port}"}
        with running(make_context(db, clock, folder / "site", **settings)) as site:
            link = MqttLink(
                host=broker.host, port=broker.port, client_id="station", username="server", password=SERVER["server"]
            )
            station = Station(folder / "site", link)
            try:
                yield Field(site, scene, broker, station, folder)
            finally:
                link.stop()
    db.close()


def test_a_box_enrols_itself_and_plays(field: Field, tmp_path: Path) -> None:
    identity = field.box("nhà-văn-hóa")
    path = field.folder / "nhà-văn-hóa.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.with_name(path.name + ".pending").exists()
    assert (identity.password, identity.place, identity.machine) == ("", "nhà-văn-hóa", machine.digest())
    listed = field.site.as_("admin").get(f"/api/v1/receivers/{identity.receiver}").json()
    assert listed["status"] == "active"

    audio = Audio.of(tmp_path, 0.5)
    field.station.publish(audio)
    agent = field.agent(path, tmp_path / "box")
    agent.start()
    try:
        start = field.station.clock.now() + timedelta(seconds=2.5)
        planned = airing(start, [audio])
        field.station.issue(field.station.plan(identity, [planned], [audio]))
        field.station.wait(lambda: field.station.heard(PlanAccepted, identity.receiver))
        field.station.wait(lambda: field.station.heard(Ready, identity.receiver))
        field.station.wait(lambda: field.station.records_of(planned.airing))
    finally:
        agent.stop()
    (record,) = field.station.records_of(planned.airing)
    assert record.outcome == "finished"


def test_at_the_broker_a_certificate_opens_its_own_and_nobody_elses(field: Field) -> None:
    """Delivery counts, not the SUBACK. The client id that it asks for is nobody's but its own either."""
    ana, binh = field.box("ana"), field.box("bình")
    server, everything, end = field.station.link, Inbox(), Inbox()
    server.subscribe(f"tt/1/rx/{binh.receiver}/up/#", everything)
    neighbour = mqtt_link(binh)
    kept, own, stray = Inbox(), Inbox(), Inbox()
    neighbour.subscribe(topics.down(binh.receiver, "command"), kept)
    taker = MqttLink(
        host=ana.broker_host,
        port=ana.broker_port,
        client_id=binh.receiver,  # would push the neighbour off
        username=binh.receiver,  # would give its rights
        password="",
        tls_ca=ana.ca,
        tls_client=(ana.certificate, ana.tls_key),
    )
    taker.subscribe(topics.down(ana.receiver, "command"), own)
    taker.subscribe("tt/1/rx/+/down/#", stray)
    neighbour.start()
    eventually(lambda: neighbour.connected)
    taker.start()
    try:
        eventually(lambda: taker.connected)
        assert taker.publish(topics.up(binh.receiver, "status"), b"forged").wait(10)
        assert neighbour.publish(topics.up(binh.receiver, "status"), b"own").wait(10)
        everything.wait_for_payload(b"own")
        assert b"forged" not in everything.payloads
        assert server.publish(topics.down(binh.receiver, "command"), b"for Binh").wait(10)
        assert server.publish(topics.down(ana.receiver, "command"), b"for Ana").wait(10)
        own.wait_for_payload(b"for Ana")
        kept.wait_for_payload(b"for Binh")
        assert b"for Binh" not in stray.payloads + own.payloads
        assert neighbour.attempts == 0
    finally:
        taker.stop()
        neighbour.stop()
        server.unsubscribe(f"tt/1/rx/{binh.receiver}/up/#")
    assert end.messages == []


def test_without_a_certificate_of_this_site_nobody_comes_in(field: Field, tmp_path: Path) -> None:
    identity = field.box("có-thẻ")
    stranger = Keyring.create(tmp_path / "other", SystemClock().now())
    assert stranger.root.kid != identity.root

    def outcome(client: tuple[str, str] | None) -> str:
        link = MqttLink(
            host=identity.broker_host,
            port=identity.broker_port,
            client_id=identity.receiver,
            username="server",
            password=SERVER["server"],
            tls_ca=identity.ca,
            tls_client=client,
        )
        link.start()
        try:
            eventually(lambda: link.connected or link.attempts > 0)
            return "connected" if link.connected else str(link.last_error)
        finally:
            link.stop()

    assert outcome((identity.certificate, identity.tls_key)) == "connected"
    assert outcome(None) != "connected"
    key = tls.new_key()
    false = Authority.load(tmp_path / "other", "receivers-ca").certify_receiver(
        tls.request_for(key), identity.receiver, SystemClock().now()
    )
    assert outcome((false.pem, key)) != "connected"


def test_a_revoked_box_is_cut_off_and_stays_out(field: Field) -> None:
    identity = field.box("bị-mất")
    evictions = Evictions(field.link, SystemClock())
    field.admit(evictions)  # whatever other tests left
    link = mqtt_link(identity)
    link.start()
    try:
        eventually(lambda: link.connected)
        answer = field.site.as_("admin").post(f"/api/v1/receivers/{identity.receiver}/revoke", json={"reason": "mất"})
        assert answer.json()["status"] == "revoked"
        assert identity.receiver in field.admit(evictions)
        eventually(lambda: link.attempts > 0)
        eventually(lambda: link.last_error is not None and "certificate" in link.last_error)
        assert link.attempts > 1
        assert not link.connected
    finally:
        link.stop()
    office_answer = field.site.client().post(
        "/api/v1/renewal", json={"receiver": identity.receiver, "request": "whatever"}
    )
    assert office_answer.status_code == 403


def test_another_box_at_the_same_place_takes_over(field: Field, tmp_path: Path) -> None:
    old = field.box("thay")
    body = {"receiver_ids": [old.receiver]}
    code = field.site.as_("admin").post("/api/v1/receivers/codes", json=body).json()["codes"][0]["code"]
    new = enrol_box(field.site.url, code, tmp_path / "new.json")
    assert new.receiver == old.receiver
    assert new.key != old.key
    field.admit(Evictions(field.link, SystemClock()))
    coming, staying = mqtt_link(old), mqtt_link(new)
    staying.start()
    coming.start()
    try:
        eventually(lambda: staying.connected and coming.attempts > 1)
        assert not coming.connected
    finally:
        coming.stop()
        staying.stop()


def test_online_keys_are_exchanged_without_a_visit(field: Field, tmp_path: Path) -> None:
    """The keys of time and plans are others when the box comes back: it asks, learns them, and plays by them."""
    identity = field.box("đi-vắng")
    path = field.folder / "đi-vắng.json"
    keys = field.folder / "site" / "keys"
    for role in ("time", "plan"):
        make_online_key(keys, root_key(keys), role, SystemClock().now())
    field.station.keys = Keyring.load(keys, ("plan", "command", "time", "ack"))
    agent = field.agent(path, tmp_path / "box")
    agent.start()
    try:
        field.station.issue(field.station.plan(identity, [], []))
        field.station.wait(lambda: field.station.heard(PlanAccepted, identity.receiver))
    finally:
        agent.stop()
    kept = Identity.load(path)
    assert kept.certificate != identity.certificate
    assert tls.fits(kept.certificate, kept.tls_key)
    assert set(kept.certificates) == set(field.station.keys.taught)
    link = mqtt_link(kept)
    link.start()
    try:
        eventually(lambda: link.connected)
    finally:
        link.stop()
