"""What several commands need."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager

from core import migrations
from core.database import Database
from core.events import Actor
from core.settings import Settings

# Whoever can run commands on the server is trusted like its administrator; the event says so.
SYSTEM_OPERATOR = Actor("system:cli", f"Dòng lệnh ({getpass.getuser()})")


@contextmanager
def open_database(settings: Settings, *, migrated: bool = True) -> Iterator[Database]:
    """The database of the settings, closed at the end. Raises DatabaseNotMigrated unless told not to care."""
    db = Database(settings.database)
    try:
        if migrated:
            migrations.check_migrated(db)
        yield db
    finally:
        db.close()
