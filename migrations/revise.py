"""Write a revision from what the models say and the database does not: `python -m migrations.revise 0003 "what for"`.

It compares the models with the revision before it on a scratch database and writes `versions/0003_what_for.py`, which
`ruff check --fix` and `ruff format` make tidy. Read it before it is committed: what alembic can't see (triggers, data)
is for a hand to write.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path
from typing import Any, Literal

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import ModifyTableOps, UpgradeOps
from alembic.runtime.migration import MigrationContext

from core.database import Database, UtcDateTime
from core.migrations import upgrade
from migrations.tables import metadata

VERSIONS = Path(__file__).parent / "versions"

FILE = '''"""{message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = {revision!r}
down_revision: str | None = {previous!r}


def upgrade() -> None:{allowed}
    {up}


def downgrade() -> None:{allowed}
    {down}
'''
STATEMENTS_MAX = 50  # ruff's limit for one function
ALLOWED = "  # noqa: PLR0915 - generated, table by table"


def revise(revision: str, message: str) -> Path:
    """Write the revision's file; the one before it is the number before it."""
    previous = f"{int(revision) - 1:04}" if int(revision) > 1 else None
    with tempfile.TemporaryDirectory() as folder:
        db = Database(f"sqlite:///{folder}/scratch.db")
        try:
            if previous is not None:
                upgrade(db, previous)
            with db.engine.connect() as connection:
                options = {"render_item": _render, "compare_type": True}
                script = produce_migrations(MigrationContext.configure(connection, opts=options), metadata)
        finally:
            db.close()
    up, down = script.upgrade_ops, script.downgrade_ops
    if up is None or down is None or up.is_empty():
        raise SystemExit("The models and the database are the same: nothing to write.")
    path = VERSIONS / f"{revision}_{re.sub(r'[^a-z0-9]+', '_', message.lower()).strip('_')}.py"
    path.write_text(
        FILE.format(
            message=message,
            revision=revision,
            previous=previous,
            allowed=ALLOWED if _statements(up) > STATEMENTS_MAX else "",
            up=_code(up),
            down=_code(down),
        )
    )
    return path


def _statements(operations: UpgradeOps) -> int:
    # A table that is changed is a `with` of one statement for each change.
    return sum(1 + len(one.ops) if isinstance(one, ModifyTableOps) else 1 for one in operations.ops)


def _code(operations: Any) -> str:
    code = render_python_code(operations, render_as_batch=True, render_item=_render)
    return "\n".join(line for line in code.splitlines() if "###" not in line).strip()  # alembic's own remarks


def _render(kind: str, thing: Any, _context: AutogenContext) -> str | Literal[False]:
    # A revision must mean the same for ever: it doesn't use types of ours, which may change.
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(thing, UtcDateTime) else False


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m migrations.revise", description=__doc__)
    parser.add_argument("revision", help="four digits, the next number")
    parser.add_argument("message", help="what it is for, in a few words")
    arguments = parser.parse_args()
    print(revise(arguments.revision, arguments.message))  # noqa: T201 - a developer's tool


if __name__ == "__main__":
    main()
