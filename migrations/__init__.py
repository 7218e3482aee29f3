"""The revisions of the database, for alembic; `core.migrations` runs them.

`tables` is the one place that knows every table. A revision is written by `python -m migrations.revise`.
"""
