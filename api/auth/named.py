"""Which things a request names, by the names of its parameters: in its path, its query and its body.

`NAMES` is the whole list. A test walks every route and every field of every body and wants each one either there or
among `HARMLESS`, so a new name is a decision about who may use it. A name of a path stands for what the route is about
and is held to the route's right (`at`); elsewhere most things are only referred to and must be in sight.

What reads needs sight alone. So does stopping an airing: whoever hears it may stop it at their own place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import Request
from sqlalchemy.orm import Session

from api.auth import things
from api.auth.rights import Right

if TYPE_CHECKING:
    from api.auth.guard import Principal

READING = frozenset(
    {
        Right.OWN_ACCOUNT,
        Right.READ_TODAY,
        Right.READ_UNITS,
        Right.READ_RECEIVERS,
        Right.READ_NEWS,
        Right.READ_SCHEDULES,
        Right.READ_AIRTIME,
        Right.READ_EVENTS,
    }
)


@dataclass(frozen=True, slots=True)
class Mention:
    """Things of a kind. `at`: the right must be held where they are, sight is not enough."""

    kind: str
    ids: tuple[str, ...] = ()
    at: bool = True


@dataclass(frozen=True, slots=True)
class Name:
    kind: str
    at: bool = False
    prefix: str = ""  # before the identifier; what doesn't begin so names nothing


# Of a path, by the end of what stands before it where one name stands for several kinds.
PATHS = {
    "unit_id": "unit",
    "group_id": "unit-group",
    "receiver_id": "receiver",
    "dispatch_id": "dispatch",
    "campaign_id": "campaign",
    "bulletin_id": "bulletin",
    "version_id": "version",
    "recording_id": "recording",
    "programme_id": "programme",
    "sound_id": "sound",
    "schedule_id": "schedule",
    "airing_id": "airing",
    "filling_id": "filling",
    "template_id": "week-template",
    "rule_id": "rule",
    "local_day_id": "local-day",
    "feed_id": "feed",
    "command_id": "command",
    "user_id": "user",
    "grant_id": "grant",
    "answers/decision_id": "answer",
    "acceptances/decision_id": "acceptance",
    "clash-orders/decision_id": "clash-order",
}

# What may be read of the units above one's own: what they are called, what they rule, and how they say names.
ABOVE_TOO = re.compile(r"/api/v1/units/[^/]+(/history|/rules(/history)?|/lexicon(/.*)?)?|/quy-dinh/[^/]+")

NAMES = {
    # Where something is to be: the right must be held there.
    "unit_id": Name("unit", at=True),
    "unit_ids": Name("unit", at=True),
    "place_ids": Name("unit", at=True),
    "owner_id": Name("unit", at=True),
    "parent_id": Name("unit", at=True),
    "successors": Name("unit", at=True),
    "into": Name("unit", at=True),
    "group_id": Name("unit-group", at=True),
    "group_ids": Name("unit-group", at=True),
    "receiver_id": Name("receiver", at=True),
    "receiver_ids": Name("receiver", at=True),
    "user_id": Name("user"),
    "unit": Name("unit", at=True),
    "noi": Name("unit", at=True),
    "receiver": Name("receiver", at=True),
    "cho": Name("receiver", at=True),
    # What is referred to.
    "below": Name("unit"),
    "from_unit_id": Name("unit"),
    "except_unit_ids": Name("unit"),
    "except_receiver_ids": Name("receiver"),
    "campaign_id": Name("campaign"),
    "dot": Name("campaign"),
    "dispatch_id": Name("dispatch"),
    "van_ban": Name("dispatch"),
    "programme_id": Name("programme"),
    "music_id": Name("programme"),
    "chuong-trinh": Name("programme"),
    "version_id": Name("version"),
    "ban": Name("version", at=True),
    "muc": Name("version", prefix="bulletin:"),
    "recording_id": Name("recording"),
    "filling": Name("filling", at=True),
    "decision": Name("acceptance", at=True),
    "schedule_id": Name("schedule"),
    "schedule_ids": Name("schedule"),
    "airing_id": Name("airing"),
    "since_airing_id": Name("airing"),
    "first_airing_id": Name("airing"),
    "second_airing_id": Name("airing"),
}

# By the path of the route, where a name means something else there.
ELSEWHERE: dict[tuple[str, str], Name | None] = {
    ("/chuong-trinh/moi", "tu"): Name("programme"),
    ("/api/v1/renewal", "receiver"): None,
}


def mentions(request: Request, body: Mapping[str, Any]) -> list[Mention]:
    """What a request names, of each kind the things of one name together."""
    found = [
        Mention(kind, (value,))
        for name, value in request.path_params.items()
        if isinstance(value, str) and (kind := kind_of(request.url.path, name, value))
    ]
    path = request.url.path
    query = {name: request.query_params.getlist(name) for name in request.query_params}
    for source, at in ((query, False), (body, True)):
        for name, ids in _ids(path, source):
            meant = _meaning(path, name)
            if meant is not None and ids:
                kind = "place" if meant.kind == "unit" and meant.at and not at else meant.kind
                found.append(Mention(kind, ids, at=meant.at and at))
    return found


def kind_of(path: str, name: str, value: str) -> str | None:
    """The kind of thing that a parameter of a path names."""
    if name == "unit_id":
        return "unit" if ABOVE_TOO.fullmatch(path) else "place"
    if name in PATHS:
        return PATHS[name]
    before = path.split(f"/{value}", maxsplit=1)[0].rpartition("/")[2]
    return PATHS.get(f"{before}/{name}")


def _meaning(path: str, name: str) -> Name | None:
    return ELSEWHERE[path, name] if (path, name) in ELSEWHERE else NAMES.get(name)


def _ids(path: str, source: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every name that means something, at any depth of a body, with the identifiers behind it."""
    pending: list[Mapping[str, Any]] = [source]
    while pending:
        for name, value in pending.pop().items():
            inner = value if isinstance(value, list) else [value]
            pending += [one for one in inner if isinstance(one, Mapping)]
            meant = _meaning(path, str(name))
            if meant is not None:
                given = [one for one in inner if isinstance(one, str) and one.startswith(meant.prefix)]
                yield str(name), tuple(one.removeprefix(meant.prefix) for one in given if one)


def require(session: Session, who: Principal, right: Right, mention: Mention) -> None:
    """Raises `NotFound` for what isn't in sight, `Forbidden` for what is and where the right isn't held."""
    sight = who.reach(right if right is Right.MANAGE_USERS and mention.kind in {"user", "grant"} else Right.READ_TODAY)
    things.require_seen(session, mention.kind, mention.ids, things.Looker(who.user.id, sight))
    stops = right is Right.STOP_SOUND and mention.kind == "airing"
    if mention.at and not stops and right not in READING:
        things.require_at(session, mention.kind, mention.ids, right, who.reach(right))
