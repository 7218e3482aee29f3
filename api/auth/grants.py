"""Grants: a role given to a person at a unit or a group of units, from a day until another.

1. Without a unit and a group a grant is held everywhere; one given at the root unit is stored so, because the root
   may become another unit.
2. A grant holds on its days, while it isn't ended and the account is open. Ending one takes effect at once.
3. A substitute's grant stands in for another one, at the same place and with the same role. It has an end, holds only
   while the other one does, and can't be handed on. Whoever holds a grant may give it; so may who manages accounts
   there. The author of a text doesn't approve it as a substitute either: that is judged by the person who acts.
4. Somebody who manages accounts everywhere, without an end, always remains.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session, aliased

from api.auth.rights import ROLES
from api.tables import Grant, User
from core import units
from core.clock import Clock
from core.errors import Conflict, Invalid, NotFound
from core.events import Actor, record
from core.units import ALWAYS, FOREVER

SUBSTITUTE_ROLES = ("approver",)


@dataclass(frozen=True, slots=True)
class Held:
    """A role held at a place today; `stands_for` is the name of the person in whose place."""

    role: str
    unit_id: str | None
    group_id: str | None
    stands_for: str | None = None


def held_by(session: Session, user_id: str, *, on: date) -> list[Held]:
    """What a person holds on this local date."""
    base, other = aliased(Grant), aliased(User)
    rows = session.execute(
        select(Grant.role, Grant.unit_id, Grant.group_id, Grant.stands_for_id, other.full_name)
        .outerjoin(base, base.id == Grant.stands_for_id)
        .outerjoin(other, other.id == base.user_id)
        .where(
            Grant.user_id == user_id,
            _holds(Grant, on),
            or_(Grant.stands_for_id.is_(None), and_(_holds(base, on), other.active)),
        )
        .order_by(Grant.id)
    )
    return [Held(role, unit, group, name if stands else None) for role, unit, group, stands, name in rows]


def _holds(grant: type[Grant], on: date) -> ColumnElement[bool]:
    return and_(grant.ended_at.is_(None), grant.valid_from <= on, grant.valid_to > on)


def roles_of(session: Session, user_id: str, *, on: date) -> list[str]:
    """Each role that the person holds anywhere on this date, once, in the order of all."""
    held = {grant.role for grant in held_by(session, user_id, on=on)}
    return [role for role in ROLES if role in held]


def of_user(session: Session, user_id: str) -> list[Grant]:
    """Every grant that a person has or had, in the order given."""
    return list(session.scalars(select(Grant).where(Grant.user_id == user_id).order_by(Grant.id)))


def get(session: Session, grant_id: str) -> Grant:
    grant = session.get(Grant, grant_id)
    if grant is None:
        raise NotFound(what="quyền đã cấp / grant", id=grant_id)
    return grant


def give(
    session: Session,
    user_id: str,
    role: str,
    *,
    unit_id: str | None = None,
    group_id: str | None = None,
    since: date | None = None,
    until: date | None = None,
    actor: Actor,
    clock: Clock,
) -> Grant:
    """Give a role; without dates from today on and without an end. Raises `Invalid`, `NotFound`, `Conflict`."""
    if role not in ROLES:
        choice = ", ".join(ROLES)
        raise Invalid(what=f"không có vai trò “{role}”; chọn trong {choice} / no role “{role}”; choose from {choice}")
    if unit_id is not None and group_id is not None:
        raise Invalid(what="chọn một đơn vị hoặc một cụm, không cả hai / a unit or a group, not both")
    today = units.date_of(clock.now())
    if unit_id is not None:
        here = units.standing(session, on=today, unit_ids=[units.get(session, unit_id).id])
        if any(one.parent_id is None for one in here):
            unit_id = None
    if group_id is not None:
        units.get_group(session, group_id)
    grant = Grant(
        user_id=user_id,
        role=role,
        unit_id=unit_id,
        group_id=group_id,
        valid_from=since or today,
        valid_to=until or FOREVER,
    )
    return _add(session, grant, actor, clock)


def substitute(
    session: Session, grant_id: str, user_id: str, *, since: date | None, until: date, actor: Actor, clock: Clock
) -> Grant:
    """Let another person stand in for the holder of a grant until a day. Raises as `give`."""
    base = get(session, grant_id)
    if base.role not in SUBSTITUTE_ROLES:
        raise Conflict(what="chỉ người duyệt mới có người duyệt thay / only who approves can have a substitute")
    if base.stands_for_id is not None:
        raise Conflict(what="người duyệt thay không giao tiếp cho người khác / a substitute can't hand it on")
    if base.user_id == user_id:
        raise Invalid(what="hãy chọn một người khác duyệt thay / choose another person as the substitute")
    grant = Grant(
        user_id=user_id,
        role=base.role,
        unit_id=base.unit_id,
        group_id=base.group_id,
        valid_from=since or units.date_of(clock.now()),
        valid_to=until,
        stands_for_id=base.id,
    )
    return _add(session, grant, actor, clock)


def _add(session: Session, grant: Grant, actor: Actor, clock: Clock) -> Grant:
    today = units.date_of(clock.now())
    if not ALWAYS <= grant.valid_from < grant.valid_to <= FOREVER or grant.valid_to <= today:
        raise Invalid(
            what="ngày thôi giữ quyền phải sau ngày bắt đầu và sau hôm nay"
            " / the date from which on it is over must come after its first and after today"
        )
    if session.get(User, grant.user_id) is None:
        raise NotFound(what="tài khoản / account", id=grant.user_id)
    same = select(Grant.id).where(
        Grant.user_id == grant.user_id,
        Grant.role == grant.role,
        Grant.unit_id.is_(None) if grant.unit_id is None else Grant.unit_id == grant.unit_id,
        Grant.group_id.is_(None) if grant.group_id is None else Grant.group_id == grant.group_id,
        Grant.ended_at.is_(None),
        Grant.valid_from < grant.valid_to,
        Grant.valid_to > grant.valid_from,
    )
    if session.scalar(same.limit(1)) is not None:
        raise Conflict(what="người này đã có vai trò đó ở nơi đó / this person holds that role there already")
    now = clock.now()
    grant.given_by, grant.given_at = actor.id, now
    session.add(grant)
    session.flush()
    record(session, "user:grant:given", actor=actor, at=now, subject=("user", grant.user_id), **facts(grant))
    return grant


def end(session: Session, grant: Grant, *, actor: Actor, clock: Clock) -> None:
    """End a grant at once; one that is ended stays so. Raises `Conflict` where nobody would manage accounts."""
    if grant.ended_at is not None:
        return
    now = clock.now()
    grant.ended_at, grant.ended_by = now, actor.id
    session.flush()
    if grant.role == "admin":
        keep_an_admin(session, on=units.date_of(now))
    record(session, "user:grant:ended", actor=actor, at=now, subject=("user", grant.user_id), **facts(grant))


def end_substitutes(session: Session, base: Grant, *, actor: Actor, clock: Clock) -> list[Grant]:
    """End whatever stands in for this grant."""
    held = session.scalars(select(Grant).where(Grant.stands_for_id == base.id, Grant.ended_at.is_(None))).all()
    for one in held:
        end(session, one, actor=actor, clock=clock)
    return list(held)


def facts(grant: Grant) -> dict[str, str | None]:
    """What an event says of a grant."""
    return {
        "grant": grant.id,
        "role": grant.role,
        "unit": grant.unit_id,
        "group": grant.group_id,
        "from": None if grant.valid_from == ALWAYS else grant.valid_from.isoformat(),
        "until": None if grant.valid_to == FOREVER else grant.valid_to.isoformat(),
        "stands_for": grant.stands_for_id,
    }


def keep_an_admin(session: Session, *, on: date) -> None:
    """Raises `Conflict` where nobody would be left who manages accounts everywhere and without an end."""
    everywhere = (Grant.unit_id.is_(None), Grant.group_id.is_(None), Grant.stands_for_id.is_(None))
    left = select(Grant.id).join(User, User.id == Grant.user_id)
    left = left.where(Grant.role == "admin", *everywhere, Grant.valid_to == FOREVER, _holds(Grant, on), User.active)
    if session.scalar(left.limit(1)) is None:
        raise Conflict(what="phải còn ít nhất một người quản trị / at least one administrator must remain")
