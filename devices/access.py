"""Who may publish and who is given what at the broker: the contract's rules as pure functions.

The same rules stand in `deploy/mosquitto/acl`, in the embedded broker's plugin and in the in-memory broker; one test
holds all three against the same cases. They ask about the *topic of a message*, never about a filter: a receiver may
subscribe to `tt/1/#` and is given only what it may read. (mosquitto answers such a subscription "granted" too.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from devices.protocol.topics import ROOT

# The name of the server's processes. A receiver's name is its identifier, a ULID, so the two never meet.
SERVER = "server"

_RECEIVER = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")

# What every receiver may read beside its own: signed or public, never secret.
SHARED: tuple[str, ...] = ("area", "content", "live")


def may_read(username: str, topic: str, *, servers: Iterable[str] = (SERVER,)) -> bool:
    """May this user be given a message with this topic? (`topic` is a name, not a filter.)"""
    if username in servers:
        return _below(topic, ROOT)
    if not _RECEIVER.fullmatch(username):
        return False
    return _below(topic, f"{ROOT}/rx/{username}/down") or any(_below(topic, f"{ROOT}/{name}") for name in SHARED)


def may_write(username: str, topic: str, *, servers: Iterable[str] = (SERVER,)) -> bool:
    """May this user publish a message with this topic? Last wills are asked about when they are published."""
    if username in servers:
        return _below(topic, ROOT)
    return bool(_RECEIVER.fullmatch(username)) and _below(topic, f"{ROOT}/rx/{username}/up")


def may_subscribe(username: str, topic_filter: str, *, servers: Iterable[str] = (SERVER,)) -> bool:
    """Could this subscription ever give this user anything? For brokers that can refuse at the SUBSCRIBE.

    A filter that reaches beyond what the user may read is let through (its deliveries are filtered one by one);
    one that lies wholly outside is refused, so that a misconfigured client sees it at once.
    """
    if username in servers:
        return _meets(topic_filter, f"{ROOT}/#")
    if not _RECEIVER.fullmatch(username):
        return False
    readable = (f"{ROOT}/rx/{username}/down/#", *(f"{ROOT}/{name}/#" for name in SHARED))
    return any(_meets(topic_filter, allowed) for allowed in readable)


def _below(topic: str, parent: str) -> bool:
    """What `parent/#` matches: the parent itself and everything below it."""
    return topic == parent or topic.startswith(parent + "/")


def _meets(one: str, other: str) -> bool:
    """Is there a topic that both filters match?"""
    left, right = one.split("/"), other.split("/")
    for a, b in zip(left, right, strict=False):
        if "#" in {a, b}:
            return True
        if a != b and "+" not in {a, b}:
            return False
    longer = left if len(left) > len(right) else right
    rest = longer[min(len(left), len(right)) :]
    return not rest or rest[0] == "#"  # `a/#` matches `a` too
