"""Slots on their way into plans: relays, fallbacks at the fill-by, many communes at once, withdrawals, weeks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcast import delivery, facts, slots, withdrawal
from broadcast.programmes import sounds_of
from broadcast.slots import Fill
from broadcast.tables import Approval, Bulletin, BulletinVersion, ProgrammeItem, Rendition
from core import units
from core.clock import to_ms
from core.events import Event
from devices.protocol.plan import Relay
from schedules import filling, rule_store, sessions, timetable
from schedules.firings import FILLING, due
from schedules.recurrence import Rule
from schedules.rules import SoundRule
from schedules.slot_tables import Filling
from schedules.slots import SlotSpec
from schedules.tables import Airing, Firing
from schedules.targets import Targets
from tests.broadcast.transmission.world import OPERATOR, World

MINUTE = 60_000
ZONE = "Asia/Ho_Chi_Minh"


class Morning:
    """A session that begins in two hours and every day after, at all communes of the world."""

    def __init__(self, world: World, specs: Sequence[SlotSpec]) -> None:
        self.world = world
        begins = (world.clock.now() + timedelta(hours=2)).astimezone(units.ZONE).replace(second=0, microsecond=0)
        self.begins, self.day = begins, begins.date()
        with world.db.writing() as session:
            schedule = timetable.add(
                session,
                title="Buổi sáng",
                rule=Rule("daily", self.day, None, begins.time(), ZONE),
                targets=Targets((world.province,)),
                # The communes' own, so that nothing of it is an offer from above that they would have to take.
                owner_id=world.north,
                slots=[slots.measured(session, spec) for spec in specs],
                actor=OPERATOR,
                clock=world.clock,
            )
            self.id = schedule.id
        self.materialise()

    def materialise(self) -> None:
        now = self.world.clock.now()
        with self.world.db.writing() as session:
            timetable.materialise(session, now=now, until=now + timedelta(days=8), schedule_ids=[self.id])

    def slot(self, number: int) -> str:
        with self.world.db.reading() as session:
            return sessions.slots_of(session, self.id)[number].id

    def wish(self, number: int, programme: str, *, days: int = 0, place: str | None = None, cut: bool = False) -> Fill:
        on = self.day + timedelta(days=days)
        return Fill(self.id, self.slot(number), on, programme, place_id=place, cut=cut)

    def fill(self, *wishes: Fill, dry_run: bool = False) -> slots.Outcome:
        with self.world.db.writing() as session:
            return slots.fill_many(session, wishes, actor=OPERATOR, clock=self.world.clock, dry_run=dry_run)

    def airings(self, number: int, days: int = 0) -> list[Airing]:
        """What stands of a slot on a day."""
        start = (self.begins + timedelta(days=days)).astimezone(units.ZONE)
        with self.world.db.reading() as session:
            return list(
                session.scalars(
                    select(Airing)
                    .where(Airing.slot_id == self.slot(number), Airing.original_start == start)
                    .where(Airing.status.in_(("scheduled", "open")))
                    .order_by(Airing.place_id)
                )
            )

    def fire(self, until: timedelta) -> list[str]:
        """Let the clock run on, and do what is due of filling."""
        self.world.clock.advance(until)  # type: ignore[attr-defined]
        now = self.world.clock.now()
        done = []
        with self.world.db.writing() as session:
            for one in sorted(due(session, FILLING, now=now, until=now), key=lambda one: one.due_at):
                done.append(one.kind)
                claim = {"kind": one.kind, "key": one.key, "fence": 1, "due_at": one.due_at, "fired_at": now}
                session.add(Firing(**claim))
                if one.kind == "fill-by":
                    slots.fall_back(session, one.airing_id, now)
                else:
                    slots.warn(session, one.airing_id, now)
        return done

    def told(self, kind: str) -> list[dict[str, Any]]:
        with self.world.db.reading() as session:
            return [event.data for event in session.scalars(select(Event).where(Event.kind == kind))]


def approved(session: Session, world: World, durations_ms: Sequence[int]) -> tuple[str, str]:
    """A programme whose first item is an approved bulletin: (programme, version)."""
    programme, items = world.make_programme(session, durations_ms)
    now = world.clock.now()
    bulletin = Bulletin(title="Tin", created_by="x", created_at=now)
    session.add(bulletin)
    session.flush()
    version = BulletinVersion(bulletin_id=bulletin.id, text="Tin", status="approved", written_by="x", written_at=now)
    session.add(version)
    session.flush()
    sound = {"loudness_lufs": -16.0, "true_peak_dbtp": -2.0, "voice": "x", "made_at": now, "bytes": 1}
    item = session.get_one(ProgrammeItem, items[0].id)
    sounds = sounds_of(item)
    for profile, sha256 in sounds.items():
        row = {"version_id": version.id, "profile": profile, "sha256": sha256, "duration_ms": durations_ms[0]}
        session.add(Rendition(**row, **sound))
    decision = {"decision": "approved", "decided_by": "y", "decided_by_name": "y", "decided_at": now}
    session.add(Approval(version_id=version.id, sha256s=list(sounds.values()), **decision))
    item.kind, item.version_id = "bulletin", version.id
    session.flush()
    return programme, version.id


def district(**more: Any) -> SlotSpec:
    return replace(SlotSpec("programme", "Huyện", 5 * MINUTE, fill_by_min=60), **more)


def test_a_relay_stands_in_the_plan_with_its_hard_end_and_its_fallback(world: World) -> None:
    with world.db.writing() as session:
        music, _ = approved(session, world, [20_000])
    morning = Morning(
        world,
        [
            SlotSpec("relay", "Tiếp sóng", 10 * MINUTE, source="vov1", fallback="music", music_id=music),
            SlotSpec("relay", "Tiếp sóng tỉnh", 5 * MINUTE, source="tinh"),
            district(programme_id=world.programme),
        ],
    )
    with world.db.writing() as session:
        world.request_all(session)
    world.issue()
    plan = world.plan_of(world.a)
    first, second, third = sorted((one for one in plan.airings), key=lambda one: one.starts_at)[:3]
    with world.db.reading() as session:
        bulletin = session.scalars(select(ProgrammeItem).where(ProgrammeItem.programme_id == music)).one()
        sounds = sounds_of(bulletin).values()
    start = to_ms(morning.begins)
    relay = first.items[0].relay
    assert relay is not None
    assert relay.fallback_sha256 in sounds
    assert relay == Relay(
        source="vov1", ends_at=start + 10 * MINUTE, fallback="object", fallback_sha256=relay.fallback_sha256
    )
    assert second.items[0].relay == Relay(source="tinh", ends_at=start + 15 * MINUTE)
    assert [one.starts_at - start for one in (first, second, third)] == [0, 10 * MINUTE, 15 * MINUTE]
    assert relay.fallback_sha256 in {manifest.sha256 for manifest in plan.objects}
    assert first.title == "Buổi sáng: Tiếp sóng"
    with world.db.reading() as session:
        (held,) = facts.programme_items(session, [morning.slot(0)])[morning.slot(0)]
    assert (held.id, held.source, held.duration_ms) == (morning.slot(0), "vov1", 10 * MINUTE)


def test_an_open_slot_is_told_and_falls_back_once(world: World) -> None:
    morning = Morning(world, [district(fallback="previous"), district(fallback="silence")])
    morning.fill(morning.wish(0, world.programme))
    assert morning.fire(timedelta(minutes=30)) == ["to-fill"]  # of the second slot, an hour before its fill-by
    assert morning.told("system:slot:to-fill")[0]["why"] == "missing"
    assert morning.fire(timedelta(minutes=40)) == ["fill-by"]
    assert morning.airings(1) == []
    assert [one["given"] for one in morning.told("system:slot:fallback")] == ["silence"]
    morning.materialise()
    assert morning.airings(1) == []  # silence was decided

    # The next day nobody fills the first slot either: it airs what it last had.
    morning.fire(timedelta(days=1))
    (again,) = morning.airings(0, days=1)
    assert (again.status, again.programme_id) == ("scheduled", world.programme)
    assert morning.told("system:slot:fallback")[-1]["programme"] in {world.programme, None}
    with world.db.reading() as session:
        sources = set(session.scalars(select(Filling.source).where(Filling.slot_id == morning.slot(0))))
    assert sources == {"owner", "previous"}
    # Before its start an owner still may: the fallback gives way.
    morning.fill(morning.wish(1, world.programme, days=1))
    assert [one.status for one in morning.airings(1, days=1)] == ["scheduled"]


def test_many_communes_are_filled_at_once_each_by_itself(world: World) -> None:
    morning = Morning(world, [SlotSpec("programme", "Xã", 5 * MINUTE, each_commune=True)])
    with world.db.writing() as session:
        long, _ = world.make_programme(session, [400_000])
    wishes = [
        morning.wish(0, world.programme, place=world.north),
        morning.wish(0, long, place=world.south),
        morning.wish(0, world.programme, place=world.village),
        morning.wish(0, long, place=world.south, days=1, cut=True),
    ]
    shown = morning.fill(*wishes, dry_run=True)
    assert [one.refused.slug if one.refused else "" for one in shown.filled] == [
        "",
        "slot-too-long",
        "slot-wrong-place",
        "",
    ]
    assert {one.status for one in morning.airings(0)} == {"open"}  # nothing of it is left
    done = morning.fill(*wishes)
    assert [one.filling is not None for one in done.filled] == [True, False, False, True]
    assert {one.place_id: one.status for one in morning.airings(0)} == {world.north: "scheduled", world.south: "open"}
    with world.db.writing() as session:
        delivery.request_for_airings(session, done.changed, world.clock.now())
    world.issue()
    assert len(world.plan_of(world.b).airings) == 1  # the village is in the north
    assert [one.ends_at - one.starts_at for one in world.plan_of(world.c).airings] == [
        5 * MINUTE
    ]  # cut at the hard end


def test_a_withdrawn_bulletin_empties_the_slots_ahead(world: World) -> None:
    with world.db.writing() as session:
        programme, version = approved(session, world, [20_000])
        other, draft = approved(session, world, [20_000])
        session.get_one(BulletinVersion, draft).status = "submitted"
    morning = Morning(world, [district(), district(programme_id=programme)])
    done = morning.fill(morning.wish(0, programme), morning.wish(0, other, days=1))
    assert [one.refused.slug if one.refused else "" for one in done.filled] == ["", "programme-unusable"]
    assert [one.status for one in (*morning.airings(0), *morning.airings(1))] == ["scheduled"] * 2
    with world.db.writing() as session:
        cancelled = withdrawal.withdraw(session, version, actor=OPERATOR, clock=world.clock, note="số máy đã đổi")
    assert {one.status for one in cancelled} == {"cancelled"}
    assert [one.status for one in (*morning.airings(0), *morning.airings(1))] == ["open"] * 2
    with world.db.reading() as session:
        later = world.clock.now() + timedelta(hours=6)
        waiting = filling.to_fill(session, now=world.clock.now(), until=later)
        assert [one.why for one in waiting] == ["withdrawn", "missing"]
        kinds = set(session.scalars(select(Event.kind).where(Event.subject_kind == "slot")))
    assert kinds == {"user:slot:filled", "user:slot:emptied"}
    refused = morning.fill(morning.wish(0, programme))
    assert refused.filled[0].refused is not None


def test_a_week_is_copied_and_kept(world: World) -> None:
    morning = Morning(world, [district(), SlotSpec("programme", "Xã", 5 * MINUTE, each_commune=True)])
    monday = morning.day - timedelta(days=morning.day.weekday())
    morning.fill(morning.wish(0, world.programme), morning.wish(1, world.programme, place=world.south))
    with world.db.writing() as session:
        entries = slots.week_of(session, monday, units.ZONE)
        template = slots.save_template(session, "Tuần thường", entries, actor=OPERATOR, now=world.clock.now())
        assert len(template.entries) == 2
        given, later = {"actor": OPERATOR, "clock": world.clock}, monday + timedelta(days=7)
        shown = slots.fill_many(session, slots.wishes_for(template.entries, later), **given, dry_run=True)  # type: ignore[arg-type]
        assert [one.refused for one in shown.filled] == [None, None]
        assert len(slots.week_of(session, monday + timedelta(days=7), units.ZONE)) == 0
        slots.fill_many(session, slots.wishes_for(template.entries, later), **given)  # type: ignore[arg-type]
        assert len(slots.week_of(session, monday + timedelta(days=7), units.ZONE)) == 2
        past = slots.fill_many(session, slots.wishes_for(entries, monday - timedelta(days=7)), **given)  # type: ignore[arg-type]
        assert {one.refused.slug for one in past.filled if one.refused} == {"slot-not-on-that-day"}


def test_the_slots_of_one_session_count_as_one_session(world: World) -> None:
    """Though what fills them leaves minutes between."""
    with world.db.writing() as session:
        limit = SoundRule("", world.north, "sessions_a_day", 1, valid_from=units.date_of(world.clock.now()))
        rule_store.put(session, limit, settings=world.settings, actor=OPERATOR, clock=world.clock)
    standing = district(programme_id=world.programme)
    morning = Morning(world, [standing, standing])
    with world.db.writing() as session:
        world.request_all(session)
    world.issue()
    start, day = to_ms(morning.begins), 24 * 60 * MINUTE
    held = sorted(one.starts_at - start for one in world.plan_of(world.a).airings)
    assert held[:4] == [0, 5 * MINUTE, day, day + 5 * MINUTE]


def test_nothing_that_is_late_or_too_long_shifts_the_relay_behind_it(world: World) -> None:
    """Overlong, displaced by something stronger, filled in the last minute: the relay keeps its time to the second."""
    with world.db.writing() as session:
        long, _ = approved(session, world, [400_000])
        news, version = approved(session, world, [60_000])
        bulletin = session.get_one(BulletinVersion, version).bulletin_id
        session.get_one(Bulletin, bulletin).class_ = "priority"
    relay = SlotSpec("relay", "Tiếp sóng", 10 * MINUTE, source="vov1")
    morning = Morning(world, [district(title="Huyện", fill_by_min=1), relay, district(title="Sau")])
    refused = morning.fill(morning.wish(0, long)).filled[0].refused
    assert refused is not None
    assert refused.slug == "slot-too-long"
    overlong, short = morning.wish(0, long, cut=True), morning.wish(0, world.programme, days=1)
    morning.fill(overlong, short, morning.wish(2, long, cut=True))
    start, day = to_ms(morning.begins), 24 * 60 * MINUTE

    def heard() -> list[tuple[str, int, int]]:
        """The first two days at a receiver: titles with minutes after the session's start."""
        with world.db.writing() as session:
            world.request_all(session)
        world.issue()
        held = sorted(world.plan_of(world.a).airings, key=lambda one: one.starts_at)
        return [
            (one.title.split(": ")[-1], (one.starts_at - start) % day // 1000, (one.ends_at - start) % day // 1000)
            for one in held
            if one.starts_at < start + 2 * day
        ]

    usual = [("Huyện", 0, 300), ("Tiếp sóng", 300, 900), ("Sau", 900, 1200)]
    assert heard() == [*usual, ("Huyện", 0, 35), ("Tiếp sóng", 300, 900)]
    # What is stronger takes the start of the first slot on both days: there what is left of it is none that fits, here
    # it is late within its slot; the relay behind it doesn't move.
    with world.db.writing() as session:
        stronger = timetable.add(
            session,
            title="Thời sự",
            programme_id=news,
            rule=Rule("daily", morning.day, None, morning.begins.time(), ZONE),
            targets=Targets((world.province,)),
            duration_ms=60_000,
            actor=OPERATOR,
            clock=world.clock,
        )
        now, until = world.clock.now(), world.clock.now() + timedelta(days=3)
        timetable.materialise(session, now=now, until=until, schedule_ids=[stronger.id])
    clashing = [("Thời sự", 0, 60), ("Tiếp sóng", 300, 900), ("Sau", 900, 1200)]
    assert heard() == [*clashing, ("Thời sự", 0, 60), ("Huyện", 60, 95), ("Tiếp sóng", 300, 900)]
    # Filled a minute before it begins, and with something that fits into what is left of it.
    world.clock.advance(morning.begins - timedelta(minutes=1) - world.clock.now())  # type: ignore[attr-defined]
    morning.fill(morning.wish(0, world.programme))
    assert heard()[:3] == [("Thời sự", 0, 60), ("Huyện", 60, 95), ("Tiếp sóng", 300, 900)]
