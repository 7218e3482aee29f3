"""Alembic migrations for SQLite and PostgreSQL; `truyenthanh db upgrade` runs them."""
