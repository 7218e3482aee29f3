"""Figures for Prometheus, in a registry of their own per application; beside them those of this process: memory, CPU,
and what ingest counts where it runs in the same process.

What the database knows (playouts by state, receivers online, plans and commands waiting) is counted when it is
asked for, at most every few seconds however often that is.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, MutableMapping
from datetime import timedelta
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.context import Context
from broadcast.tables import IssuedCommand, IssuedPlan, PlanRequest, Playout, RecordFork, StoredRecord
from devices.tables import Receiver
from schedules.tables import Airing

FRESH_S = 5.0
PLAYOUT_WINDOW = timedelta(hours=24)


class Metrics:
    """The counters of one application, and what it reads out of its database."""

    def __init__(self, context: Context) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "truyenthanh_http_requests",
            "HTTP requests answered",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "truyenthanh_http_request_seconds",
            "Time to answer an HTTP request (live streams left out)",
            ["route"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
            registry=self.registry,
        )
        self.logins_failed = Counter("truyenthanh_logins_failed", "Logins that failed", registry=self.registry)
        self.registry.register(_FromDatabase(context))

    def request_done(self, scope: MutableMapping[str, Any], status: int, seconds: float) -> None:
        route = route_template(scope)
        self.requests.labels(_method(scope), route, str(status)).inc()
        if not route.endswith("/live"):
            self.seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self.registry) + generate_latest(REGISTRY)


def _method(scope: MutableMapping[str, Any]) -> str:
    # Anyone can invent methods; a label must not grow without end.
    method = str(scope.get("method", ""))
    return method if method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else "other"


def route_template(scope: MutableMapping[str, Any]) -> str:
    """The route as declared, such as `/api/v1/bulletins/{bulletin_id}`; `unmatched` where there is none."""
    effective = scope.get("fastapi", {}).get("effective_route_context") if "fastapi" in scope else None
    route = effective or scope.get("route")
    return str(getattr(route, "path", None) or "unmatched")


class _FromDatabase:
    """A collector that asks the database, at most once in `FRESH_S`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._held: list[Metric] = []

    def describe(self) -> Iterable[Metric]:
        return []  # the registry must not ask the database when this is registered

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            now = self._context.clock.monotonic()
            if now - self._read_at >= FRESH_S:
                with self._context.db.reading() as session:
                    self._held = list(self._read(session))
                self._read_at = now
            return self._held

    def _read(self, session: Session) -> Iterable[Metric]:
        now = self._context.clock.now()
        playouts = GaugeMetricFamily("truyenthanh_playouts", "Playouts planned in the last 24 h", labels=["state"])
        recent = select(Airing.id).where(
            Airing.status.in_(("scheduled", "closed", "cancelled")),
            Airing.starts_at > now - PLAYOUT_WINDOW,
            Airing.starts_at <= now,
        )
        by_state = select(Playout.state, func.count()).where(Playout.airing_id.in_(recent)).group_by(Playout.state)
        for state, count in session.execute(by_state):
            playouts.add_metric([state], count)
        yield playouts

        receivers = GaugeMetricFamily("truyenthanh_receivers", "Active receivers", labels=["presence"])
        presence = select(Receiver.online, func.count()).where(Receiver.status == "active").group_by(Receiver.online)
        for online, count in session.execute(presence):
            receivers.add_metric(["online" if online else "offline"], count)
        yield receivers

        counts = {
            "truyenthanh_play_records": ("Play records taken in and kept", select(func.count(StoredRecord.seq))),
            "truyenthanh_record_forks": (
                "Records that contradict one taken in before",
                select(func.count(RecordFork.id)),
            ),
            "truyenthanh_plan_requests_waiting": ("Plans to be looked at", select(func.count(PlanRequest.receiver_id))),
            "truyenthanh_plans_unpublished": (
                "Plans issued and not yet published",
                select(func.count(IssuedPlan.revision)).where(IssuedPlan.published_at.is_(None)),
            ),
            "truyenthanh_commands_unpublished": (
                "Commands not yet published",
                select(func.count(IssuedCommand.id)).where(IssuedCommand.published_at.is_(None)),
            ),
        }
        for name, (text, query) in counts.items():
            yield GaugeMetricFamily(name, text, value=session.scalar(query) or 0)
