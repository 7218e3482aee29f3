"""Commands: checked, executed once, answered each time they come.

Each audience has its own sequence. Commands may overtake one another (they are sent again after a reconnection), so the
floor of an audience is not the highest number seen but the highest number *forgotten*: ids are remembered until the
command expires, and what is at or below the floor is refused. So none can be executed twice, and none that is late but
still good is lost. A volume or a mute that was overtaken by a newer one of its kind is refused as superseded.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from core.clock import from_ms
from devices.protocol import topics
from devices.protocol.commands import Command
from devices.protocol.reports import CommandResult
from devices.protocol.signing import BadMessage, Claims, decode_body
from devices.protocol.trust import Trust
from devices.receiver.decisions import allowed_on_area
from devices.receiver.state import State

log = logging.getLogger(__name__)

LATEST_WINS = frozenset({"volume", "mute"})


@dataclass(frozen=True, slots=True)
class Order:
    """A command that may be executed now. Times are Unix milliseconds."""

    command: Command
    expires_at: int
    accepted_at: int


Execute = Callable[[Order], str]  # the empty string, or why it is refused


class Orders:
    """Used by the working thread only."""

    def __init__(
        self,
        state: State,
        trust: Trust,
        *,
        receiver: str,
        execute: Execute,
        answer: Callable[[CommandResult], None],
        refused: Callable[[str, str], None],
    ) -> None:
        self._state = state
        self._trust = trust
        self._audience = topics.audience(receiver)
        self._execute = execute
        self._answer = answer
        self._refused = refused

    def begin_anew(self, now_ms: float) -> None:
        """What was remembered is lost: nothing that was issued before now is obeyed."""
        self._state.put("command-floor:*", int(now_ms))

    def receive(self, topic: str, token: bytes, *, unit: str | None, obeyed: bool, now_ms: float) -> None:
        """A message on the topic of this receiver (`unit` None) or of a unit, whose commands are `obeyed` or not."""
        audience = self._audience if unit is None else topics.area_audience(unit)
        try:
            claims = self._trust.open(token, typ="command", audience=audience, now=from_ms(int(now_ms)))
            command = decode_body(claims, Command)
        except BadMessage as error:
            self._refused(topic, error.reason)
            return
        known = self._state.one("SELECT result, reason FROM commands WHERE id = ?", command.id)
        if known is not None:
            self._answer(CommandResult(id=command.id, result=known[0], reason=known[1]))
            return
        if unit is not None and not obeyed:
            self._refused(topic, "misaddressed")
            return
        reason = self._why_not(command, claims, area=unit is not None)
        self._perform(command, claims, reason, now_ms)

    def _why_not(self, command: Command, claims: Claims, *, area: bool) -> str:
        floors = [self._state.get(f"command-floor:{audience}", 0) for audience in (claims.aud, "*")]
        if claims.seq <= max(floors):
            return "replayed"
        if area and not allowed_on_area(command):
            return "not-for-areas"
        if command.name in LATEST_WINS and claims.seq < self._state.get(f"latest:{command.name}", 0):
            return "superseded"
        return ""

    def _perform(self, command: Command, claims: Claims, reason: str, now_ms: float) -> None:
        expires_at = claims.exp * 1000
        order = Order(command, expires_at, int(now_ms))
        # Remembered before it is executed: a restart must not come back and restart again.
        with self._state.writing():
            self._remember(order, claims, "refused" if reason else "accepted", reason)
            if not reason and command.name in LATEST_WINS:
                self._state.put(f"latest:{command.name}", claims.seq)
        if not reason:
            reason = self._execute(order)
            if reason:
                with self._state.writing():
                    self._remember(order, claims, "refused", reason)
        log.info("A command", extra={"command": command.name, "id": command.id, "refused": reason})
        result = CommandResult(id=command.id, result="refused" if reason else "accepted", reason=reason)
        self._answer(result)

    def _remember(self, order: Order, claims: Claims, result: str, reason: str) -> None:
        pending = None
        if result == "accepted" and order.command.name == "play-now":
            pending = msgspec.json.encode(order.command)
        self._state.run(
            "INSERT OR REPLACE INTO commands VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            order.command.id,
            claims.aud,
            claims.seq,
            order.expires_at,
            result,
            reason,
            order.accepted_at,
            pending,
        )

    def unfinished(self) -> list[Order]:
        """What was to be played when the agent ended, accepted and perhaps not played yet."""
        rows = self._state.rows("SELECT pending, expires_at, accepted_at FROM commands WHERE pending IS NOT NULL")
        return [Order(msgspec.json.decode(row[0], type=Command), row[1], row[2]) for row in rows]

    def forget(self, now_ms: float) -> None:
        """Drop what has expired, and raise the floors over it."""
        with self._state.writing():
            sql = "SELECT audience, MAX(seq) FROM commands WHERE expires_at < ? GROUP BY audience"
            for audience, seq in self._state.rows(sql, int(now_ms)):
                name = f"command-floor:{audience}"
                self._state.put(name, max(seq, self._state.get(name, 0)))
            self._state.run("DELETE FROM commands WHERE expires_at < ?", int(now_ms))
