"""All tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:  # noqa: PLR0915 - generated, table by table
    op.create_table(
        "commands",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("audience", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=12), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("airing_id", sa.String(length=26), nullable=True),
        sa.Column("copy_of_id", sa.String(length=26), nullable=True),
        sa.Column("issued_by", sa.String(length=40), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["copy_of_id"], ["commands.id"], name=op.f("fk_commands_copy_of_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commands")),
    )
    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_commands_airing_id"), ["airing_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_commands_audience"), ["audience"], unique=False)
        batch_op.create_index(batch_op.f("ix_commands_copy_of_id"), ["copy_of_id"], unique=False)
        batch_op.create_index("ix_commands_unpublished", ["published_at"], unique=False)

    op.create_table(
        "dispatches",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.String(length=100), nullable=True),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("issued_text", sa.String(length=200), nullable=True),
        sa.Column("issuer", sa.String(length=300), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("addressees", sa.JSON(), nullable=False),
        sa.Column("observance_day", sa.Integer(), nullable=True),
        sa.Column("observance_month", sa.Integer(), nullable=True),
        sa.Column("missing", sa.JSON(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("imported_by", sa.String(length=40), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispatches")),
    )
    with op.batch_alter_table("dispatches", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dispatches_sha256"), ["sha256"], unique=False)

    op.create_table(
        "events",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("actor_id", sa.String(length=40), nullable=False),
        sa.Column("actor_name", sa.String(length=200), nullable=False),
        sa.Column("subject_kind", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_events_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_events_kind"), ["kind"], unique=False)
        batch_op.create_index("ix_events_subject", ["subject_kind", "subject_id"], unique=False)

    op.create_table(
        "firings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fired_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_firings")),
        sa.UniqueConstraint("kind", "key", name=op.f("uq_firings_kind_key")),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("holder", sa.String(length=80), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "login_failures",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_login_failures")),
    )
    with op.batch_alter_table("login_failures", schema=None) as batch_op:
        batch_op.create_index("ix_login_failures_last_at", ["last_at"], unique=False)

    op.create_table(
        "programmes",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("created_by", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_programmes")),
    )
    op.create_table(
        "published_objects",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("chunk_bytes", sa.Integer(), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_published_objects")),
    )
    op.create_table(
        "sequences",
        sa.Column("audience", sa.String(length=60), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("audience", name=op.f("pk_sequences")),
    )
    op.create_table(
        "units",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("parent_id", sa.String(length=26), nullable=True),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("official_code", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(["parent_id"], ["units.id"], name=op.f("fk_units_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_units")),
    )
    with op.batch_alter_table("units", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_units_parent_id"), ["parent_id"], unique=False)

    op.create_table(
        "users",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("full_name", sa.String(length=200), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("username", name=op.f("uq_users_username")),
    )
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("user_id", sa.String(length=26), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("hint", sa.String(length=12), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_api_tokens_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_api_tokens_token_sha256")),
    )
    with op.batch_alter_table("api_tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_tokens_user_id"), ["user_id"], unique=False)

    op.create_table(
        "campaigns",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("dispatch_id", sa.String(length=26), nullable=True),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("first_date", sa.Date(), nullable=False),
        sa.Column("last_date", sa.Date(), nullable=False),
        sa.Column("unit_ids", sa.JSON(), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("created_by", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["dispatch_id"], ["dispatches.id"], name=op.f("fk_campaigns_dispatch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
    )
    with op.batch_alter_table("campaigns", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_campaigns_dispatch_id"), ["dispatch_id"], unique=False)

    op.create_table(
        "login_sessions",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("user_id", sa.String(length=26), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("browser", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_login_sessions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_sessions")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_login_sessions_token_sha256")),
    )
    with op.batch_alter_table("login_sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_login_sessions_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_login_sessions_user_id"), ["user_id"], unique=False)

    op.create_table(
        "receivers",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("unit_id", sa.String(length=26), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("clusters", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("broker_password", sa.String(length=200), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_revision", sa.BigInteger(), nullable=False),
        sa.Column("software", sa.String(length=500), nullable=True),
        sa.Column("boot", sa.String(length=26), nullable=True),
        sa.Column("last_status", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_receivers_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receivers")),
    )
    with op.batch_alter_table("receivers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_receivers_unit_id"), ["unit_id"], unique=False)

    op.create_table(
        "schedules",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("programme_id", sa.String(length=26), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("first_date", sa.Date(), nullable=False),
        sa.Column("last_date", sa.Date(), nullable=True),
        sa.Column("local_time", sa.Time(), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("weekdays", sa.JSON(), nullable=True),
        sa.Column("unit_ids", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["programme_id"], ["programmes.id"], name=op.f("fk_schedules_programme_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
    )
    with op.batch_alter_table("schedules", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_schedules_programme_id"), ["programme_id"], unique=False)

    op.create_table(
        "airings",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("schedule_id", sa.String(length=26), nullable=False),
        sa.Column("programme_id", sa.String(length=26), nullable=False),
        sa.Column("original_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("unit_ids", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("planned", sa.Boolean(), nullable=False),
        sa.Column("replaces_id", sa.String(length=26), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_by", sa.String(length=40), nullable=True),
        sa.Column("cancel_reason", sa.String(length=10), nullable=True),
        sa.ForeignKeyConstraint(["programme_id"], ["programmes.id"], name=op.f("fk_airings_programme_id")),
        sa.ForeignKeyConstraint(["replaces_id"], ["airings.id"], name=op.f("fk_airings_replaces_id")),
        sa.ForeignKeyConstraint(["schedule_id"], ["schedules.id"], name=op.f("fk_airings_schedule_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_airings")),
        sa.UniqueConstraint(
            "schedule_id", "original_start", "generation", name=op.f("uq_airings_schedule_id_original_start_generation")
        ),
    )
    with op.batch_alter_table("airings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_airings_schedule_id"), ["schedule_id"], unique=False)
        batch_op.create_index("ix_airings_status_starts_at", ["status", "starts_at"], unique=False)

    op.create_table(
        "bulletins",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("campaign_id", sa.String(length=26), nullable=True),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("class", sa.String(length=10), nullable=False),
        sa.Column("review_by", sa.Date(), nullable=True),
        sa.Column("source_note", sa.Text(), nullable=True),
        sa.Column("drafted_from_dispatch", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_bulletins_campaign_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulletins")),
    )
    with op.batch_alter_table("bulletins", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bulletins_campaign_id"), ["campaign_id"], unique=False)

    op.create_table(
        "command_answers",
        sa.Column("command_id", sa.String(length=26), nullable=False),
        sa.Column("receiver_id", sa.String(length=26), nullable=False),
        sa.Column("result", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["command_id"], ["commands.id"], name=op.f("fk_command_answers_command_id")),
        sa.ForeignKeyConstraint(["receiver_id"], ["receivers.id"], name=op.f("fk_command_answers_receiver_id")),
        sa.PrimaryKeyConstraint("command_id", "receiver_id", name=op.f("pk_command_answers")),
    )
    op.create_table(
        "plan_requests",
        sa.Column("receiver_id", sa.String(length=26), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["receiver_id"], ["receivers.id"], name=op.f("fk_plan_requests_receiver_id")),
        sa.PrimaryKeyConstraint("receiver_id", name=op.f("pk_plan_requests")),
    )
    op.create_table(
        "plans",
        sa.Column("receiver_id", sa.String(length=26), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_reason", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(["receiver_id"], ["receivers.id"], name=op.f("fk_plans_receiver_id")),
        sa.PrimaryKeyConstraint("receiver_id", "revision", name=op.f("pk_plans")),
    )
    with op.batch_alter_table("plans", schema=None) as batch_op:
        batch_op.create_index(
            "ix_plans_current",
            ["receiver_id"],
            unique=True,
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )
        batch_op.create_index(
            "ix_plans_unpublished",
            ["published_at"],
            unique=False,
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )

    op.create_table(
        "play_batches",
        sa.Column("receiver_id", sa.String(length=26), nullable=False),
        sa.Column("log", sa.String(length=26), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["receiver_id"], ["receivers.id"], name=op.f("fk_play_batches_receiver_id")),
        sa.PrimaryKeyConstraint("receiver_id", "log", "first_seq", "token_sha256", name=op.f("pk_play_batches")),
    )
    op.create_table(
        "play_records",
        sa.Column("receiver_id", sa.String(length=26), nullable=False),
        sa.Column("log", sa.String(length=26), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("canonical_sha256", sa.String(length=64), nullable=False),
        sa.Column("prev", sa.String(length=64), nullable=False),
        sa.Column("airing_id", sa.String(length=26), nullable=False),
        sa.Column("item_id", sa.String(length=26), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("played_ms", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["receiver_id"], ["receivers.id"], name=op.f("fk_play_records_receiver_id")),
        sa.PrimaryKeyConstraint("receiver_id", "log", "seq", name=op.f("pk_play_records")),
    )
    with op.batch_alter_table("play_records", schema=None) as batch_op:
        batch_op.create_index("ix_play_records_airing_receiver", ["airing_id", "receiver_id"], unique=False)

    op.create_table(
        "receiver_objects",
        sa.Column("receiver_id", sa.String(length=26), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["receiver_id"], ["receivers.id"], name=op.f("fk_receiver_objects_receiver_id")),
        sa.PrimaryKeyConstraint("receiver_id", "sha256", name=op.f("pk_receiver_objects")),
    )
    op.create_table(
        "record_forks",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("receiver_id", sa.String(length=26), nullable=False),
        sa.Column("log", sa.String(length=26), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("canonical_sha256", sa.String(length=64), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["receiver_id"], ["receivers.id"], name=op.f("fk_record_forks_receiver_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_forks")),
        sa.UniqueConstraint(
            "receiver_id",
            "log",
            "seq",
            "canonical_sha256",
            name=op.f("uq_record_forks_receiver_id_log_seq_canonical_sha256"),
        ),
    )
    with op.batch_alter_table("record_forks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_record_forks_receiver_id"), ["receiver_id"], unique=False)

    op.create_table(
        "watermarks",
        sa.Column("receiver_id", sa.String(length=26), nullable=False),
        sa.Column("log", sa.String(length=26), nullable=False),
        sa.Column("through", sa.BigInteger(), nullable=False),
        sa.Column("through_sha256", sa.String(length=64), nullable=False),
        sa.Column("highest", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["receiver_id"], ["receivers.id"], name=op.f("fk_watermarks_receiver_id")),
        sa.PrimaryKeyConstraint("receiver_id", "log", name=op.f("pk_watermarks")),
    )
    op.create_table(
        "bulletin_versions",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("bulletin_id", sa.String(length=26), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("spoken", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("written_by", sa.String(length=40), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["bulletin_id"], ["bulletins.id"], name=op.f("fk_bulletin_versions_bulletin_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulletin_versions")),
        sa.UniqueConstraint(
            "bulletin_id", "language", "number", name=op.f("uq_bulletin_versions_bulletin_id_language_number")
        ),
    )
    with op.batch_alter_table("bulletin_versions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bulletin_versions_bulletin_id"), ["bulletin_id"], unique=False)

    op.create_table(
        "playouts",
        sa.Column("airing_id", sa.String(length=26), nullable=False),
        sa.Column("receiver_id", sa.String(length=26), nullable=False),
        sa.Column("unit_id", sa.String(length=26), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("planned_ms", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("first_revision", sa.BigInteger(), nullable=False),
        sa.Column("dropped_revision", sa.BigInteger(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("played_ms", sa.Integer(), nullable=False),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["airing_id"], ["airings.id"], name=op.f("fk_playouts_airing_id")),
        sa.ForeignKeyConstraint(["receiver_id"], ["receivers.id"], name=op.f("fk_playouts_receiver_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["units.id"], name=op.f("fk_playouts_unit_id")),
        sa.PrimaryKeyConstraint("airing_id", "receiver_id", name=op.f("pk_playouts")),
    )
    with op.batch_alter_table("playouts", schema=None) as batch_op:
        batch_op.create_index("ix_playouts_planned_at", ["planned_at"], unique=False)
        batch_op.create_index("ix_playouts_receiver_planned_at", ["receiver_id", "planned_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_playouts_state"), ["state"], unique=False)
        batch_op.create_index(batch_op.f("ix_playouts_unit_id"), ["unit_id"], unique=False)

    op.create_table(
        "approvals",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("version_id", sa.String(length=26), nullable=False),
        sa.Column("decision", sa.String(length=10), nullable=False),
        sa.Column("sha256s", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.String(length=40), nullable=False),
        sa.Column("decided_by_name", sa.String(length=200), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["bulletin_versions.id"], name=op.f("fk_approvals_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    with op.batch_alter_table("approvals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_approvals_version_id"), ["version_id"], unique=False)

    op.create_table(
        "programme_items",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("programme_id", sa.String(length=26), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("version_id", sa.String(length=26), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["programme_id"], ["programmes.id"], name=op.f("fk_programme_items_programme_id")),
        sa.ForeignKeyConstraint(["version_id"], ["bulletin_versions.id"], name=op.f("fk_programme_items_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_programme_items")),
        sa.UniqueConstraint("programme_id", "position", name=op.f("uq_programme_items_programme_id_position")),
    )
    with op.batch_alter_table("programme_items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_programme_items_programme_id"), ["programme_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_programme_items_version_id"), ["version_id"], unique=False)

    op.create_table(
        "renditions",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("version_id", sa.String(length=26), nullable=False),
        sa.Column("profile", sa.String(length=20), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("loudness_lufs", sa.Double(), nullable=False),
        sa.Column("true_peak_dbtp", sa.Double(), nullable=False),
        sa.Column("voice", sa.String(length=80), nullable=False),
        sa.Column("fallback", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["bulletin_versions.id"], name=op.f("fk_renditions_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_renditions")),
        sa.UniqueConstraint("version_id", "profile", "sha256", name=op.f("uq_renditions_version_id_profile_sha256")),
    )
    with op.batch_alter_table("renditions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_renditions_sha256"), ["sha256"], unique=False)
        batch_op.create_index(batch_op.f("ix_renditions_version_id"), ["version_id"], unique=False)


def downgrade() -> None:  # noqa: PLR0915 - generated, table by table
    with op.batch_alter_table("renditions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_renditions_version_id"))
        batch_op.drop_index(batch_op.f("ix_renditions_sha256"))

    op.drop_table("renditions")
    with op.batch_alter_table("programme_items", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_programme_items_version_id"))
        batch_op.drop_index(batch_op.f("ix_programme_items_programme_id"))

    op.drop_table("programme_items")
    with op.batch_alter_table("approvals", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_approvals_version_id"))

    op.drop_table("approvals")
    with op.batch_alter_table("playouts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_playouts_unit_id"))
        batch_op.drop_index(batch_op.f("ix_playouts_state"))
        batch_op.drop_index("ix_playouts_receiver_planned_at")
        batch_op.drop_index("ix_playouts_planned_at")

    op.drop_table("playouts")
    with op.batch_alter_table("bulletin_versions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_bulletin_versions_bulletin_id"))

    op.drop_table("bulletin_versions")
    op.drop_table("watermarks")
    with op.batch_alter_table("record_forks", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_record_forks_receiver_id"))

    op.drop_table("record_forks")
    op.drop_table("receiver_objects")
    with op.batch_alter_table("play_records", schema=None) as batch_op:
        batch_op.drop_index("ix_play_records_airing_receiver")

    op.drop_table("play_records")
    op.drop_table("play_batches")
    with op.batch_alter_table("plans", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_plans_unpublished",
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_plans_current",
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )

    op.drop_table("plans")
    op.drop_table("plan_requests")
    op.drop_table("command_answers")
    with op.batch_alter_table("bulletins", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_bulletins_campaign_id"))

    op.drop_table("bulletins")
    with op.batch_alter_table("airings", schema=None) as batch_op:
        batch_op.drop_index("ix_airings_status_starts_at")
        batch_op.drop_index(batch_op.f("ix_airings_schedule_id"))

    op.drop_table("airings")
    with op.batch_alter_table("schedules", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_schedules_programme_id"))

    op.drop_table("schedules")
    with op.batch_alter_table("receivers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_receivers_unit_id"))

    op.drop_table("receivers")
    with op.batch_alter_table("login_sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_login_sessions_user_id"))
        batch_op.drop_index(batch_op.f("ix_login_sessions_expires_at"))

    op.drop_table("login_sessions")
    with op.batch_alter_table("campaigns", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_campaigns_dispatch_id"))

    op.drop_table("campaigns")
    with op.batch_alter_table("api_tokens", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_api_tokens_user_id"))

    op.drop_table("api_tokens")
    op.drop_table("users")
    with op.batch_alter_table("units", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_units_parent_id"))

    op.drop_table("units")
    op.drop_table("sequences")
    op.drop_table("published_objects")
    op.drop_table("programmes")
    with op.batch_alter_table("login_failures", schema=None) as batch_op:
        batch_op.drop_index("ix_login_failures_last_at")

    op.drop_table("login_failures")
    op.drop_table("leases")
    op.drop_table("firings")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index("ix_events_subject")
        batch_op.drop_index(batch_op.f("ix_events_kind"))
        batch_op.drop_index(batch_op.f("ix_events_at"))

    op.drop_table("events")
    with op.batch_alter_table("dispatches", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dispatches_sha256"))

    op.drop_table("dispatches")
    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.drop_index("ix_commands_unpublished")
        batch_op.drop_index(batch_op.f("ix_commands_copy_of_id"))
        batch_op.drop_index(batch_op.f("ix_commands_audience"))
        batch_op.drop_index(batch_op.f("ix_commands_airing_id"))

    op.drop_table("commands")
