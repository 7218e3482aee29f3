"""The revisions of the database, for alembic; `core.migrations` runs them.

`tables` is the one place that knows every table. A revision is written by `python -m migrations.revise`. Until the
first release nobody has a database to keep, so a changed table goes into 0001 itself:
`python -m migrations.revise 0001 "All tables"`, then ruff on the file. From then on it gets the next number.
"""
