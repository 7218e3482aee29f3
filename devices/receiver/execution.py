"""What each command does. Every method gives the empty string, or why the command is refused."""

from __future__ import annotations

import logging
from collections.abc import Callable

from core.ids import new_id
from devices.protocol.commands import Command
from devices.protocol.plan import Item, Manifest, PlanAiring
from devices.receiver.cache import Cache
from devices.receiver.decisions import judge, source_of
from devices.receiver.jobs import Job
from devices.receiver.ledger import Ledger
from devices.receiver.orders import Order
from devices.receiver.planbook import Planbook
from devices.receiver.player import Player
from devices.receiver.state import State

FAR_MS = 9_007_199_254_740_991
TONE_MS = 5_000
TONE_MAX_MS = 60_000
TONE_LEAD_MS = 500  # from the command to its first sample, at most

log = logging.getLogger(__name__)


class Executor:
    """Used by the working thread only. `restart` None: nobody could start the agent again."""

    def __init__(
        self,
        *,
        state: State,
        player: Player,
        ledger: Ledger,
        planbook: Planbook,
        cache: Cache,
        refresh: Callable[[], None],
        restart: Callable[[], None] | None,
        update: Callable[[str, float], str],
    ) -> None:
        self._state = state
        self._player = player
        self._ledger = ledger
        self._planbook = planbook
        self._cache = cache
        self._refresh = refresh
        self._restart = restart
        self.objects: dict[str, dict[str, Manifest]] = {}  # what commands brought, by the command's id
        player.volume = (state.get("volume") or {}).get("volume")
        player.muted_until = state.get("muted-until", 0)
        self._actions: dict[str, Callable[[Order], str]] = {
            "play-now": self.play_now,
            "stop": self._stop,
            "volume": self._volume,
            "mute": self._mute,
            "test-tone": self._test_tone,
            "refresh": self._refresh_now,
            "restart": self._restart_soon,
            "rotate": self._rotate,
            "update": lambda order: update(order.command.release, order.accepted_at),
        }

    def execute(self, order: Order) -> str:
        return self._actions[order.command.name](order)

    def play_now(self, order: Order) -> str:
        """Also for one that was accepted before the agent was started again: what has its record is not played."""
        command = order.command
        if not command.items:
            return "malformed"
        manifests = {manifest.sha256: manifest for manifest in command.objects}
        plan = self._planbook.plan
        known = manifests.keys() | {manifest.sha256 for manifest in (plan.objects if plan else [])}
        for item in command.items:
            sha256 = source_of(item)
            if sha256 is None or (sha256 not in known and not self._cache.has(sha256)):
                return "no-manifest"
        job = self._job(order, command.items)
        if self._ledger.stopped(job.airing.airing, command.id):
            self._player.refuse(job, "stopped")
            return "stopped"
        verdict = judge(job.airing, self._player.rules(order.accepted_at), order.accepted_at, by_command=True)
        if verdict.refused:
            self._player.refuse(job, verdict.refused)
            return verdict.refused
        self.objects[command.id] = manifests
        self._player.add(job)
        return ""

    def take_up(self, order: Order) -> None:
        """A play-now that was accepted before the agent ended: go on with it, unless it has begun or expired."""
        command = order.command
        job = self._job(order, command.items)
        recorded = self._ledger.recorded(job.airing.airing, command.id)
        if not recorded:
            self.play_now(order)
            return
        for slot in job.slots:
            slot.closed = slot.item.item in recorded
        self._player.refuse(job, "power-off")

    def _job(self, order: Order, items: list[Item], *, recorded: bool = True) -> Job:
        command: Command = order.command
        airing = PlanAiring(
            airing=command.airing or command.id,
            starts_at=order.accepted_at,
            ends_at=FAR_MS,
            items=items,
            class_=command.class_,
            volume=command.volume,
            drill=command.drill,
        )
        return Job(
            airing,
            self._planbook.revision,
            order.accepted_at,
            command=command.id,
            deadline_ms=order.expires_at,
            recorded=recorded,
        )

    def _stop(self, order: Order) -> str:
        command = order.command
        for named in (command.stops_airing, command.stops_command):
            if named is not None:
                self._ledger.remember_stop(named, order.accepted_at)
        self._player.stop("stopped", airing=command.stops_airing, command=command.stops_command)
        return ""

    def _volume(self, order: Order) -> str:
        volume, plan = order.command.volume, self._planbook.plan
        if volume is None:
            return "malformed"
        if plan is not None and volume > plan.caps.volume:
            return "cap-volume"
        self._state.put("volume", {"volume": volume, "plan": plan.volume if plan else None})
        self._player.volume = volume
        return ""

    def plan_changed(self) -> None:
        """A plan that states another volume ends what a command had set."""
        kept, plan = self._state.get("volume"), self._planbook.plan
        if kept and plan is not None and kept["plan"] != plan.volume:
            self._state.put("volume", None)
            self._player.volume = None

    def _mute(self, order: Order) -> str:
        if order.command.until is None:
            return "malformed"
        self._state.put("muted-until", order.command.until)
        self._player.muted_until = order.command.until
        return ""

    def _test_tone(self, order: Order) -> str:
        duration_ms = min(order.command.duration_ms or TONE_MS, TONE_MAX_MS)
        if not self._player.free(order.accepted_at, order.accepted_at + duration_ms + TONE_LEAD_MS):
            return "busy"
        # Whatever class the command states: a tone is never an emergency.
        order = Order(_ordinary(order.command), order.expires_at, order.accepted_at)
        job = self._job(order, [Item(item=new_id(), duration_ms=duration_ms)], recorded=False)
        verdict = judge(job.airing, self._player.rules(order.accepted_at), order.accepted_at)
        if not verdict.refused:
            self._player.add(job)
        return verdict.refused

    def _refresh_now(self, order: Order) -> str:
        del order
        self._refresh()
        return ""

    def _restart_soon(self, order: Order) -> str:
        del order
        if self._restart is None:
            return "unsupported"
        self._restart()
        return ""

    def _rotate(self, order: Order) -> str:
        return "" if self._planbook.learn(order.command.keys) else "no-good-key"


def _ordinary(command: Command) -> Command:
    return Command(id=command.id, name=command.name, volume=command.volume, duration_ms=command.duration_ms)
