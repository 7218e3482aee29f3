"""Play records by month on PostgreSQL, judging after acknowledging, and signed messages kept uncompressed.

A record no longer refers to its receiver: its log's watermark does, and a check for each of thousands of rows a second
cost more than the row. Base64 of a signature's payload doesn't get smaller by compressing, which took longer than all
else about a message.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision: str | None = "0018"

RECORDS = "play_records"
KEY = ("receiver_id", "log", "seq")
MONTHS_AHEAD = 3  # later ones are made by the leader


def upgrade() -> None:
    op.create_table(
        "unjudged_batches",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("receiver_id", sa.String(length=26), nullable=False),
        sa.Column("airing_ids", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unjudged_batches")),
    )
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table(RECORDS) as batch_op:
            batch_op.drop_constraint("fk_play_records_receiver_id", type_="foreignkey")
        return
    op.execute("ALTER TABLE play_batches ALTER COLUMN token SET STORAGE EXTERNAL")
    _put_aside()
    op.execute(f"CREATE TABLE {RECORDS} (LIKE play_records_before) PARTITION BY RANGE (planned_at)")
    op.execute(f"ALTER TABLE {RECORDS} ADD CONSTRAINT pk_play_records PRIMARY KEY ({', '.join(KEY)}, planned_at)")
    op.execute(f"CREATE INDEX ix_play_records_airing_receiver ON {RECORDS} (airing_id, receiver_id)")
    op.execute(f"CREATE TABLE {RECORDS}_other PARTITION OF {RECORDS} DEFAULT")
    for first, following in _months():
        name = f"{RECORDS}_{first:%Y_%m}"
        op.execute(f"CREATE TABLE {name} PARTITION OF {RECORDS} FOR VALUES FROM ('{first}') TO ('{following}')")
    _take_back()


def downgrade() -> None:
    op.drop_table("unjudged_batches")
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table(RECORDS) as batch_op:
            batch_op.create_foreign_key("fk_play_records_receiver_id", "receivers", ["receiver_id"], ["id"])
        return
    op.execute("ALTER TABLE play_batches ALTER COLUMN token SET STORAGE EXTENDED")
    _put_aside()
    op.execute(f"CREATE TABLE {RECORDS} (LIKE play_records_before)")
    op.execute(f"ALTER TABLE {RECORDS} ADD CONSTRAINT pk_play_records PRIMARY KEY ({', '.join(KEY)})")
    op.execute(f"CREATE INDEX ix_play_records_airing_receiver ON {RECORDS} (airing_id, receiver_id)")
    op.create_foreign_key("fk_play_records_receiver_id", RECORDS, "receivers", ["receiver_id"], ["id"])
    _take_back()


def _put_aside() -> None:
    op.execute(f"ALTER TABLE {RECORDS} RENAME TO play_records_before")
    op.execute("ALTER INDEX pk_play_records RENAME TO pk_play_records_before")
    op.execute("ALTER INDEX ix_play_records_airing_receiver RENAME TO ix_play_records_airing_receiver_before")


def _take_back() -> None:
    op.execute(f"INSERT INTO {RECORDS} SELECT * FROM play_records_before")  # noqa: S608 - our own names
    op.execute("DROP TABLE play_records_before")


def _months() -> list[tuple[datetime, datetime]]:
    """The first instants of each month that there are records of, as far as that can be, and of the next ones."""
    now = datetime.now(UTC)
    this = now.year * 12 + now.month - 1
    found = op.get_bind().scalars(
        sa.text(
            "SELECT DISTINCT CAST(extract(year FROM planned_at AT TIME ZONE 'UTC') * 12"
            " + extract(month FROM planned_at AT TIME ZONE 'UTC') - 1 AS integer) FROM play_records_before"
        )
    )
    plausible = {number for number in found if (2020 * 12) <= number <= this + MONTHS_AHEAD}
    numbers = sorted(plausible | set(range(this, this + MONTHS_AHEAD + 1)))
    return [(_instant(number), _instant(number + 1)) for number in numbers]


def _instant(number: int) -> datetime:
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
