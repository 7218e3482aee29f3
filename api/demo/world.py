"""The demo's province: three communes, three people, and the simulated receivers."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from api.auth.users import actor_of, add_user
from broadcast import offers, samples
from core import units
from core.clock import Clock
from core.events import Actor
from core.profiles import PROFILES
from core.units import Unit
from devices import registry
from devices.keyring import Keyring
from devices.receiver.identity import Identity

DEMO = Actor("system:demo", "Trình diễn")
TAKEN = "Xã, phường tiếp nhận thường xuyên bản tin của tỉnh (trình diễn)"
PLACES = ("Nhà văn hóa", "Cổng trường học", "Chợ trung tâm", "Trạm y tế", "Đình làng", "Ngã tư")


@dataclass(frozen=True, slots=True)
class Login:
    """An account of the demo and its password, made up at each run."""

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class World:
    """What the demo starts with. `writer` writes and schedules, `approver` is somebody else."""

    province: Unit
    communes: Sequence[Unit]
    writer: Actor
    approver: Actor
    login: Login
    identities: Sequence[Identity]


def make_world(
    session: Session, *, receivers: int, keyring: Keyring, broker: registry.BrokerAddress, clock: Clock
) -> World:
    """Units, people and receivers, spread over the communes in turn."""
    province_sample = samples.province()
    province = units.add(session, kind="province", name=province_sample.name, code=province_sample.code)
    communes = [
        units.add(session, kind="commune", name=commune.name, parent=province, code=commune.code)
        for commune in province_sample.communes[:3]
    ]
    for commune in communes:
        offers.accept_standing(session, commune.id, from_unit_id=province.id, note=TAKEN, actor=DEMO, clock=clock)
    writer, _ = _person(session, "bientap", "Nguyễn Thị Biên (trình diễn)", ["editor", "operator"], clock)
    approver, _ = _person(session, "duyet", "Trần Văn Duyệt (trình diễn)", ["approver"], clock)
    _, login = _person(session, "quantri", "Quản trị (trình diễn)", ["admin"], clock)
    identities = [
        registry.enrol(
            session,
            unit=communes[number % len(communes)],
            name=f"{PLACES[number // len(communes) % len(PLACES)]} {number // len(communes) + 1}",
            clusters=1,
            profile=PROFILES[(number + 1) % len(PROFILES)],  # of each kind one in turn, boxes with horns first
            keyring=keyring,
            broker=broker,
            clock=clock,
            actor=DEMO,
        )[1]
        for number in range(receivers)
    ]
    return World(province, communes, writer, approver, login, identities)


def _person(session: Session, username: str, name: str, roles: list[str], clock: Clock) -> tuple[Actor, Login]:
    password = secrets.token_urlsafe(12)
    user = add_user(session, username, name, roles, password, DEMO, clock)
    return actor_of(user), Login(username, password)
