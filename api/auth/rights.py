"""Roles and the rights of each: what a person may do. *Where* they may is said by their grants (`api.auth.scope`).

A route asks for one right; at a place a person has the rights of all roles together that they hold there.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal, get_args

Role = Literal["admin", "editor", "approver", "operator", "auditor", "officer"]
ROLES: tuple[Role, ...] = get_args(Role)

ROLE_NAMES: dict[Role, str] = {
    "admin": "quản trị",
    "editor": "biên tập",
    "approver": "duyệt nội dung",
    "operator": "vận hành",
    "auditor": "giám sát",
    "officer": "cán bộ xã",
}


class Right(StrEnum):
    """What a route may ask for. The value is stable; `RIGHT_NAMES` says it in Vietnamese / English."""

    OWN_ACCOUNT = "account:own"
    READ_TODAY = "today:read"
    MANAGE_USERS = "users:manage"
    READ_UNITS = "units:read"
    WRITE_UNITS = "units:write"
    READ_RECEIVERS = "receivers:read"
    MANAGE_RECEIVERS = "receivers:manage"
    READ_NEWS = "news:read"
    WRITE_NEWS = "news:write"
    APPROVE_NEWS = "news:approve"
    WRITE_LEXICON = "lexicon:write"
    MANAGE_VOICES = "voices:manage"
    READ_SCHEDULES = "schedules:read"
    WRITE_SCHEDULES = "schedules:write"
    WRITE_RULES = "rules:write"
    OVERRIDE_RULES = "rules:override"
    STOP_SOUND = "sound:stop"
    READ_AIRTIME = "airtime:read"
    READ_EVENTS = "events:read"


RIGHT_NAMES: dict[Right, str] = {
    Right.OWN_ACCOUNT: "dùng tài khoản của mình / use an account of its own",
    Right.READ_TODAY: "xem trang Hôm nay / see the page Today",
    Right.MANAGE_USERS: "quản lý tài khoản / manage accounts",
    Right.READ_UNITS: "xem đơn vị hành chính / see units",
    Right.WRITE_UNITS: "sửa đơn vị hành chính / change units",
    Right.READ_RECEIVERS: "xem bộ thu / see receivers",
    Right.MANAGE_RECEIVERS: "cấp và thu hồi bộ thu / enrol and revoke receivers",
    Right.READ_NEWS: "xem bản tin / see bulletins",
    Right.WRITE_NEWS: "soạn bản tin / write bulletins",
    Right.APPROVE_NEWS: "duyệt bản tin / approve bulletins",
    Right.WRITE_LEXICON: "sửa từ điển cách đọc / change the lexicon",
    Right.MANAGE_VOICES: "cho phép giọng đọc gửi văn bản ra ngoài / agree that a voice sends text outside",
    Right.READ_SCHEDULES: "xem lịch phát thanh / see schedules",
    Right.WRITE_SCHEDULES: "đặt lịch phát thanh / schedule",
    Right.WRITE_RULES: "đặt quy định phát / set rules of sound",
    Right.OVERRIDE_RULES: "cho phát vượt quy định / let anything sound against a rule",
    Right.STOP_SOUND: "dừng phát / stop what sounds",
    Right.READ_AIRTIME: "xem thời lượng phát / see airtime",
    Right.READ_EVENTS: "xem nhật ký thao tác / see the audit trail",
}

# What everyone with an account sees.
_COMMON = frozenset(
    {
        Right.OWN_ACCOUNT,
        Right.READ_TODAY,
        Right.READ_UNITS,
        Right.READ_RECEIVERS,
        Right.READ_NEWS,
        Right.READ_SCHEDULES,
        Right.READ_AIRTIME,
    }
)

RIGHTS: dict[Role, frozenset[Right]] = {
    # Keeps accounts, units and receivers; neither writes nor approves what is said.
    "admin": _COMMON
    | {
        Right.MANAGE_USERS,
        Right.WRITE_UNITS,
        Right.MANAGE_RECEIVERS,
        Right.MANAGE_VOICES,
        Right.WRITE_RULES,
        Right.STOP_SOUND,
        Right.READ_EVENTS,
    },
    "editor": _COMMON | {Right.WRITE_NEWS, Right.WRITE_LEXICON, Right.STOP_SOUND},
    # Answers for what is said, and for its being said against a rule; it takes an operator to schedule it.
    "approver": _COMMON | {Right.APPROVE_NEWS, Right.OVERRIDE_RULES, Right.STOP_SOUND},
    # Anyone on duty can stop what sounds at once, alone.
    "operator": _COMMON | {Right.WRITE_SCHEDULES, Right.STOP_SOUND},
    # Looks and proves; changes nothing.
    "auditor": _COMMON | {Right.READ_EVENTS},
    # A commune's one part-time person: writes and plans there. Another one approves.
    "officer": _COMMON | {Right.WRITE_NEWS, Right.WRITE_LEXICON, Right.WRITE_SCHEDULES, Right.STOP_SOUND},
}


def rights_of(roles: Iterable[str]) -> frozenset[Right]:
    """All rights of these roles together; an unknown role gives none."""
    return frozenset[Right]().union(*(RIGHTS[role] for role in ROLES if role in set(roles)))
