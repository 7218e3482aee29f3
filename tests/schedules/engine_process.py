"""An engine in a process of its own: `python -m tests.schedules.engine_process URL`. Ends when its input does.

Each firing leaves an event, in the transaction that claimed it.
"""

from __future__ import annotations

import os
import sys
import time

from sqlalchemy.orm import Session

from core import events
from core.clock import SystemClock
from core.database import Database
from core.events import SYSTEM
from schedules.engine import Engine
from schedules.firings import POLICIES, Due
from schedules.lease import Leadership


def handle(session: Session, what: Due) -> None:
    events.record(
        session,
        "test:airing:fired",
        actor=SYSTEM,
        at=what.due_at,
        subject=("airing", what.airing_id),
        kind_=what.kind,
        pid=os.getpid(),
    )
    session.flush()
    time.sleep(0.005)  # long enough to be killed in the middle of it


def main() -> None:
    db = Database(sys.argv[1])
    firings = {policy.kind: handle for policy in POLICIES}
    engine = Engine(db, SystemClock(), Leadership(db), firings=firings)
    engine.start()
    sys.stdin.read()
    engine.stop()
    db.close()


if __name__ == "__main__":
    main()
