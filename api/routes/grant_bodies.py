"""What the bodies of accounts and of the own account say of grants."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from api.auth.rights import Role
from api.routes.schemas import DateIn, Identifier, In, Instant, Out
from api.tables import Grant
from core.units import ALWAYS, FOREVER


class GrantIn(In):
    """A role at a unit or a group of units and below it; with neither: everywhere."""

    role: Role
    unit_id: Identifier | None = None
    group_id: Identifier | None = None
    valid_from: DateIn | None = Field(None, description="First local day; null: today")
    valid_to: DateIn | None = Field(None, description="Local day from which on no more; null: until it is ended")


class SubstituteIn(In):
    user_id: Identifier = Field(description="Who stands in")
    valid_from: DateIn | None = Field(None, description="First local day; null: today")
    valid_to: DateIn = Field(description="Local day from which on no more")


class GrantOut(Out):
    id: str
    user_id: str
    role: str
    unit_id: str | None
    group_id: str | None
    valid_from: date | None = Field(description="First local day; null: always")
    valid_to: date | None = Field(description="Local day from which on no more; null: until it is ended")
    stands_for_id: str | None = Field(description="The grant that this one is a substitute for")
    given_by: str
    given_at: Instant
    ended_at: Instant | None


def grant_out(grant: Grant) -> GrantOut:
    held = {name: getattr(grant, name) for name in GrantOut.model_fields}
    held["valid_from"] = None if grant.valid_from == ALWAYS else grant.valid_from
    held["valid_to"] = None if grant.valid_to == FOREVER else grant.valid_to
    return GrantOut(**held)
