"""Tables of the timetable and its engine."""

from __future__ import annotations

from datetime import date, datetime, time

from sqlalchemy import (
    BigInteger,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
    delete,
    insert,
    inspect,
    text,
)
from sqlalchemy.event import listens_for
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from core.database import Base
from core.ids import new_id
from schedules.targets import Targets, columns_of, targets_of


class Aimed:
    """The columns of a row that has targets."""

    unit_ids: Mapped[list[str]] = mapped_column()
    group_ids: Mapped[list[str] | None] = mapped_column()
    receiver_ids: Mapped[list[str] | None] = mapped_column()
    except_unit_ids: Mapped[list[str] | None] = mapped_column()
    except_receiver_ids: Mapped[list[str] | None] = mapped_column()

    @property
    def targets(self) -> Targets:
        return targets_of(self)

    @targets.setter
    def targets(self, targets: Targets) -> None:
        for name, value in columns_of(targets).items():
            setattr(self, name, value)


class Schedule(Aimed, Base):
    """One programme at local wall times at some targets. An edited schedule keeps its id and raises `version`."""

    __tablename__ = "schedules"

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    title: Mapped[str] = mapped_column(String(300))
    # Of a schedule of one programme; null: it has slots (`schedules.slot_tables`).
    programme_id: Mapped[str | None] = mapped_column(ForeignKey("programmes.id"), index=True)
    duration_ms: Mapped[int]  # of the programme, or of all slots
    kind: Mapped[str] = mapped_column(String(8))  # once | daily | weekly | rrule
    first_date: Mapped[date]  # local
    last_date: Mapped[date | None]  # local, inclusive; null: open
    local_time: Mapped[time]
    timezone: Mapped[str] = mapped_column(String(64))
    weekdays: Mapped[list[int] | None] = mapped_column()  # ISO 1…7, for weekly
    rrule: Mapped[str | None] = mapped_column(String(500))  # RFC 5545, for rrule; counts from first_date, local_time
    rdates: Mapped[list[str] | None]  # local times that air too, ISO 8601
    exdates: Mapped[list[str] | None]  # local days and local times that don't air, ISO 8601
    # The series that this one goes on from, where "this and following" was edited.
    continues_id: Mapped[str | None] = mapped_column(ForeignKey("schedules.id"))
    # Whose schedule it is: of what level decides what it precedes. Null: no unit stands above all of its targets.
    owner_id: Mapped[str | None] = mapped_column(ForeignKey("units.id"), index=True)
    status: Mapped[str] = mapped_column(String(10), default="active")  # active | cancelled
    version: Mapped[int] = mapped_column(default=1)
    created_by: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime]


class Airing(Aimed, Base):
    """One concrete occurrence. Once in an issued plan it is never deleted or re-timed: it is cancelled and
    another one `replaces` it.
    """

    __tablename__ = "airings"
    __table_args__ = (
        # One row per schedule, part and original start, however often the schedule is expanded; a replacement
        # has the same original start and the next `generation`.
        UniqueConstraint("schedule_id", "original_start", "slot_id", "place_id", "generation", name="uq_airings_part"),
        Index("ix_airings_status_starts_at", "status", "starts_at"),
        Index("ix_airings_schedule_id_starts_at", "schedule_id", "starts_at"),
        Index("ix_airings_local_day_id", "local_day_id"),
        # Few are of a local day; whoever looks for those of a place asks for them apart.
        Index(
            "ix_airings_local_day",
            "starts_at",
            sqlite_where=text("local_day_id IS NOT NULL"),
            postgresql_where=text("local_day_id IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    schedule_id: Mapped[str] = mapped_column(ForeignKey("schedules.id"))
    programme_id: Mapped[str | None] = mapped_column(ForeignKey("programmes.id"))  # null: open, or a relay
    # Which part of a session it is: a slot, and the commune that fills it for itself. Empty: there is one part only.
    slot_id: Mapped[str] = mapped_column(String(26), default="", index=True)
    place_id: Mapped[str] = mapped_column(String(26), default="")
    original_start: Mapped[datetime]  # of the session
    # Of its slot after the session's start, and of the session after its original one where a hand moved all of it.
    offset_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    generation: Mapped[int] = mapped_column(default=0)
    starts_at: Mapped[datetime]
    duration_ms: Mapped[int]
    fill_by: Mapped[datetime | None] = mapped_column(index=True)
    # open (waits for a programme, is in no plan) | scheduled | cancelled
    # | closed (its time is over and every playout has its state)
    status: Mapped[str] = mapped_column(String(10), default="scheduled")
    planned: Mapped[bool] = mapped_column(default=False)  # was in an issued plan, hence is history
    own_programme: Mapped[bool] = mapped_column(default=False)  # chosen for this occurrence alone, and its length
    replaces_id: Mapped[str | None] = mapped_column(ForeignKey("airings.id"))
    cancelled_at: Mapped[datetime | None]
    cancelled_by: Mapped[str | None] = mapped_column(String(40))
    # unfilled (the slot stays silent)
    # By hand: withdrawn (this one) | occurrence (the whole session of that day) | moved | changed (has another
    # programme; of these two another one replaces it)
    # edited (another may replace it) | schedule (all of it was ended)
    # | local-day (a day of one place skips or moves it; another may replace it)
    cancel_reason: Mapped[str | None] = mapped_column(String(10))
    # The local day that lets it air there and then; null: its schedule does.
    local_day_id: Mapped[str | None] = mapped_column(ForeignKey("local_days.id"))


class ScheduleTarget(Base):
    """Which schedules name a unit, group or receiver as a target: an index of `schedules`, exceptions not in it.

    Whoever wants to know what airs at one place asks here first, instead of reading every schedule's list.
    """

    __tablename__ = "schedule_targets"

    target_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    schedule_id: Mapped[str] = mapped_column(ForeignKey("schedules.id"), primary_key=True, index=True)


class Lease(Base):
    """Who leads. `fence` rises with every change of holder; claims and publishes check it."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    holder: Mapped[str] = mapped_column(String(80))
    fence: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[float]  # Unix seconds by the database's clock


class Firing(Base):
    """A claim: (kind, key) is done once. The unique key is the lock."""

    __tablename__ = "firings"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(120))
    fence: Mapped[int] = mapped_column(BigInteger)
    due_at: Mapped[datetime]
    fired_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("kind", "key"),)


@listens_for(Schedule, "after_insert")
def _enter_targets(_mapper: Mapper[Schedule], connection: Connection, schedule: Schedule) -> None:
    """With the row, in its transaction: the index can't fall behind, whoever adds or changes a schedule."""
    targets = schedule.targets
    rows = [
        {"target_id": one, "schedule_id": schedule.id}
        for one in dict.fromkeys((*targets.units, *targets.groups, *targets.receivers))
    ]
    if rows:
        connection.execute(insert(ScheduleTarget), rows)


@listens_for(Schedule, "after_update")
def _change_targets(mapper: Mapper[Schedule], connection: Connection, schedule: Schedule) -> None:
    if any(inspect(schedule).attrs[name].history.has_changes() for name in ("unit_ids", "group_ids", "receiver_ids")):
        connection.execute(delete(ScheduleTarget).where(ScheduleTarget.schedule_id == schedule.id))
        _enter_targets(mapper, connection, schedule)
