"""Schedules and airings are for units, groups and receivers, minus exceptions; a schedule belongs to a unit.

Those there are belong to the commune that all of their units lie in, or else to the lowest unit above them all.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision: str | None = "0007"

PARTS = ("group_ids", "receiver_ids", "except_unit_ids", "except_receiver_ids")


def upgrade() -> None:
    for name in ("schedules", "airings"):
        with op.batch_alter_table(name) as rows:
            for part in PARTS:
                rows.add_column(sa.Column(part, sa.JSON(), nullable=True))
    with op.batch_alter_table("schedules") as schedules:
        schedules.add_column(sa.Column("owner_id", sa.String(length=26), nullable=True))
        schedules.create_foreign_key(schedules.f("fk_schedules_owner_id"), "units", ["owner_id"], ["id"])
        schedules.create_index(schedules.f("ix_schedules_owner_id"), ["owner_id"])
    _fill()


def downgrade() -> None:
    with op.batch_alter_table("schedules") as schedules:
        schedules.drop_index(schedules.f("ix_schedules_owner_id"))
        schedules.drop_constraint(schedules.f("fk_schedules_owner_id"), type_="foreignkey")
        schedules.drop_column("owner_id")
    for name in ("schedules", "airings"):
        with op.batch_alter_table(name) as rows:
            for part in reversed(PARTS):
                rows.drop_column(part)


def _fill() -> None:
    bind = op.get_bind()
    kinds = {row.id: row.kind for row in bind.execute(sa.text("SELECT id, kind FROM units"))}
    current = sa.text(
        "SELECT unit_id, parent_id, relation FROM unit_links"
        " WHERE relation <> 'also' AND valid_from <= :today AND valid_to > :today"
    ).bindparams(sa.bindparam("today", type_=sa.Date()))
    links = bind.execute(current, {"today": date.today()}).all()  # noqa: DTZ011
    # What took over from a unit counts as above it, which comes to the same; the unit itself owns nothing any more.
    parents = {row.unit_id: row.parent_id for row in links}
    kinds |= {row.unit_id: "over" for row in links if row.relation == "successor"}
    for row in bind.execute(sa.text("SELECT id, unit_ids FROM schedules")).all():
        owner = _owner(_listed(row.unit_ids), parents, kinds)
        if owner is not None:
            bind.execute(
                sa.text("UPDATE schedules SET owner_id = :owner WHERE id = :id"), {"owner": owner, "id": row.id}
            )


def _listed(value: Any) -> list[str]:
    return list(json.loads(value) if isinstance(value, str) else value)


def _owner(unit_ids: list[str], parents: dict[str, str | None], kinds: dict[str, str]) -> str | None:
    paths = [_path(unit, parents) for unit in unit_ids]
    common = [one for one in paths[0] if all(one in path for path in paths[1:])] if paths else []
    return next((one for one in common if kinds.get(one, "over") not in {"village", "over"}), None)


def _path(unit: str | None, parents: dict[str, str | None]) -> list[str]:
    path: list[str] = []
    while unit is not None and unit not in path:
        path.append(unit)
        unit = parents.get(unit)
    return path
