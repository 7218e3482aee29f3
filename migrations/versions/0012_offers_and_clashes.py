"""Communes decide of their own air: what they are offered and take, and what comes first where two clash there.

Until now all that was offered aired: each commune there is gets a standing acceptance by the system, so that it
goes on. And what schedules are for is indexed by place.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision: str | None = "0011"

AUDIO_MISSING = "thiếu tệp âm thanh trên máy chủ"
NOTE = "Tiếp nhận như trước khi có đề nghị phát; xã có thể thu hồi."
PARTS = ("unit_ids", "group_ids", "receiver_ids")


def upgrade() -> None:
    with op.batch_alter_table("playouts") as playouts:
        playouts.add_column(sa.Column("note", sa.String(length=500), nullable=True))
    note = sa.text("UPDATE playouts SET note = reason WHERE reason = :missing").bindparams(missing=AUDIO_MISSING)
    op.execute(note)
    _decisions(
        "standing_acceptances",
        sa.Column("from_unit_id", sa.String(length=26), sa.ForeignKey("units.id")),
        sa.Column("campaign_id", sa.String(length=26), sa.ForeignKey("campaigns.id")),
    )
    _decisions(
        "offer_answers",
        _schedule("schedule_id"),
        sa.Column("original_start", sa.DateTime(timezone=True)),
        sa.Column("accepted", sa.Boolean(), nullable=False),
    )
    op.create_index(op.f("ix_offer_answers_schedule_id"), "offer_answers", ["schedule_id"])
    _decisions(
        "clash_choices",
        _schedule("first_schedule_id"),
        sa.Column("first_start", sa.DateTime(timezone=True)),
        _schedule("second_schedule_id"),
        sa.Column("second_start", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_clash_choices_schedules", "clash_choices", ["first_schedule_id", "second_schedule_id"])
    _accept_all()
    op.create_table(
        "schedule_targets",
        sa.Column("target_id", sa.String(length=26), nullable=False),
        sa.Column("schedule_id", sa.String(length=26), sa.ForeignKey("schedules.id"), nullable=False),
        sa.PrimaryKeyConstraint("target_id", "schedule_id", name=op.f("pk_schedule_targets")),
    )
    op.create_index(op.f("ix_schedule_targets_schedule_id"), "schedule_targets", ["schedule_id"])
    _index_targets()
    ours = sa.text("local_day_id IS NOT NULL")
    op.create_index("ix_airings_local_day", "airings", ["starts_at"], sqlite_where=ours, postgresql_where=ours)


def downgrade() -> None:
    op.drop_index("ix_airings_local_day", "airings")
    op.drop_table("schedule_targets")
    for name in ("clash_choices", "offer_answers", "standing_acceptances"):
        op.drop_table(name)
    with op.batch_alter_table("playouts") as playouts:
        playouts.drop_column("note")


def _schedule(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=26), sa.ForeignKey("schedules.id"), nullable=False)


def _decisions(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        *columns,
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("unit_id", sa.String(length=26), sa.ForeignKey("units.id"), nullable=False),
        sa.Column("note", sa.Text()),
        sa.Column("decided_by", sa.String(length=40), nullable=False),
        sa.Column("decided_by_name", sa.String(length=200), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("ended_by", sa.String(length=40)),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    op.create_index(op.f(f"ix_{name}_unit_id"), name, ["unit_id"])


def _accept_all() -> None:
    # Each row takes its commune's identifier: it is one of its table, and as unique.
    op.get_bind().execute(
        sa.text(
            "INSERT INTO standing_acceptances (id, unit_id, note, decided_by, decided_by_name, decided_at)"
            " SELECT id, id, :note, 'system:migration', 'Hệ thống', :now FROM units WHERE kind = 'commune'"
        ).bindparams(sa.bindparam("now", type_=sa.DateTime(timezone=True))),
        {"note": NOTE, "now": datetime.now(UTC)},
    )


def _index_targets() -> None:
    bind = op.get_bind()
    schedules = bind.execute(sa.text(f"SELECT id, {', '.join(PARTS)} FROM schedules")).all()  # noqa: S608 - our own names
    rows = [
        {"target": target, "schedule": row.id}
        for row in schedules
        for target in dict.fromkeys(one for part in PARTS for one in _listed(getattr(row, part)))
    ]
    if rows:
        wanted = sa.text("INSERT INTO schedule_targets (target_id, schedule_id) VALUES (:target, :schedule)")
        bind.execute(wanted, rows)


def _listed(value: Any) -> list[str]:
    return list(json.loads(value) if isinstance(value, str) else value or ())
