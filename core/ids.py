"""Identifiers: ULIDs, which sort by the time they were made and say nothing else."""

from ulid import ULID


def new_id() -> str:
    """A new ULID: 26 characters of Crockford's base 32."""
    return str(ULID())
