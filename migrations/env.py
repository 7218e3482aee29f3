"""What alembic runs: it takes the connection that `core.migrations` opened, and the tables of all rooms."""

from __future__ import annotations

from alembic import context

from migrations.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
