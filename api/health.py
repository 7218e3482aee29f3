"""Is this process alive, and can it do its work? For load balancers, systemd and Docker."""

from __future__ import annotations

import os
import tempfile
import time
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import Float, cast, extract, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.auth.guard import Ctx, public
from api.context import Context
from api.metrics import Metrics
from core import migrations
from core.errors import DatabaseNotMigrated
from schedules.tables import Lease

router = APIRouter(tags=["health"], dependencies=[Depends(public)])

LEASE_NAME = "engine"


def leader_age(session: Session) -> float | None:
    """Seconds since the leader's lease ran out; zero or below: one leads; None: none ever did.

    The lease is written by the database's clock, so it is compared with that one: with SQLite it is this machine's.
    """
    expires_at = session.scalar(select(Lease.expires_at).where(Lease.name == LEASE_NAME))
    if expires_at is None:
        return None
    if session.get_bind().dialect.name == "sqlite":
        return time.time() - expires_at
    now = session.scalar(select(cast(extract("epoch", func.clock_timestamp()), Float)))
    return (now or 0.0) - expires_at


@router.get("/healthz", response_class=PlainTextResponse, summary="Is the process alive?")
def healthz() -> str:
    return "ok\n"


@router.get("/readyz", summary="Can the process do its work?")
def readyz(context: Ctx) -> JSONResponse:
    """200 where the database answers and is migrated and the data folder can be written; 503 otherwise.

    Whether a scheduler leads is told as a fact only: a web process serves without one.
    """
    facts: dict[str, Any] = {"database": _database(context), "disk": _disk(context)}
    ready = all(fact["ok"] for fact in facts.values())
    if facts["database"]["ok"]:
        with context.db.reading() as session:
            age = leader_age(session)
        facts["leader"] = {
            "present": age is not None and age <= 0,
            "expired_s": None if age is None else max(0.0, round(age, 1)),
        }
    return JSONResponse({"ready": ready, **facts}, 200 if ready else 503)


@router.get("/metrics", summary="Figures for Prometheus")
def metrics(request: Request) -> Response:
    figures: Metrics = request.app.state.metrics
    return Response(figures.text(), media_type=CONTENT_TYPE_LATEST)


def _database(context: Context) -> dict[str, Any]:
    try:
        migrations.check_migrated(context.db)
    except DatabaseNotMigrated as error:
        return {"ok": False, "detail": error.text("vi"), "en": error.text("en")}
    except SQLAlchemyError:
        return {"ok": False, "detail": "Cơ sở dữ liệu không trả lời.", "en": "The database does not answer."}
    return {"ok": True}


def _disk(context: Context) -> dict[str, Any]:
    folder = context.settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"ready")
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        return {"ok": False, "detail": "Không ghi được vào thư mục dữ liệu.", "en": "The data folder can't be written."}
    return {"ok": True}
