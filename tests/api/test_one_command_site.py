"""Enrolling at a site that is one process: the embedded broker, passwords in place of certificates."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from api.serve import Server
from core import units
from core.clock import SystemClock
from core.events import Actor
from core.settings import Settings
from devices import enrolment, registry
from devices.keyring import Keyring
from devices.receiver.connection import mqtt_link
from devices.receiver.enrolling import enrol_box
from tests.devices.support import eventually

AN = Actor("user:an", "Nguyễn Thị An")


def test_a_box_that_is_replaced_is_cut_off_and_the_new_one_comes_in(sqlite_url: str, tmp_path: Path) -> None:
    clock = SystemClock()
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        data_dir=tmp_path / "site", database_url=sqlite_url, http_port=0, broker_port=0,
    )  # fmt: skip
    server = Server(settings)
    server.start()
    try:
        with server.db.writing() as session:
            unit = units.add(session, kind="province", name="Tỉnh Thử")
            place = registry.place(session, unit=unit, name="Chợ", clusters=1, clock=clock, actor=AN).id

        def code() -> str:
            with server.db.writing() as session:
                made = enrolment.make_codes(
                    session,
                    [registry.get(session, place)],
                    root=Keyring.load(settings.keys, ()).issuer,
                    clock=clock,
                    actor=AN,
                    life=timedelta(days=1),
                )
                return made[0].code.text

        old = enrol_box(server.url, code(), tmp_path / "old.json")
        assert old.password
        assert old.certificate == ""
        before = mqtt_link(old)
        before.start()
        eventually(lambda: before.connected)
        new = enrol_box(server.url, code(), tmp_path / "new.json")
        after = mqtt_link(new)
        eventually(lambda: before.last_error is not None and "refused" in before.last_error)
        after.start()
        eventually(lambda: after.connected)
        before.stop()
        after.stop()
    finally:
        server.stop()
