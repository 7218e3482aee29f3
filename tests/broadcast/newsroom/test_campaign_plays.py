"""What came of a campaign: by commune and day, from what receivers proved of its own items, and what is still ahead."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from broadcast import campaign_plays
from broadcast.campaign_plays import Heard, Plays
from broadcast.tables import Bulletin, BulletinVersion, Campaign, Playout, ProgrammeItem, StoredRecord
from core import units
from core.clock import ManualClock
from core.database import Database
from core.ids import new_id
from tests.api.scene import Scene, add_airing, add_places, add_playout

CHIME, OURS, OTHER = 0, 1, 2  # positions of the programme's items


@pytest.fixture
def scene(db: Database, clock: ManualClock) -> Scene:
    with db.writing() as session:
        return add_places(session, clock)


def _campaign(session: Session, scene: Scene, clock: ManualClock) -> tuple[Campaign, list[str]]:
    """A campaign for the first two communes, whose bulletin is the second of three items of the scene's programme."""
    today = clock.now().date()
    campaign = Campaign(
        title="Phòng, chống đuối nước",
        first_date=today - timedelta(days=1),
        last_date=today + timedelta(days=3),
        unit_ids=scene.communes[:2],
        languages=["vi"],
        created_by="user:x",
        created_at=clock.now(),
    )
    session.add(campaign)
    session.flush()
    items = [_item(session, scene, position, clock, campaign if position == OURS else None) for position in range(3)]
    return campaign, items


def _item(session: Session, scene: Scene, position: int, clock: ManualClock, campaign: Campaign | None) -> str:
    bulletin = Bulletin(
        title=f"Mục {position}", campaign_id=campaign.id if campaign else None, created_by="x", created_at=clock.now()
    )
    session.add(bulletin)
    session.flush()
    version = BulletinVersion(
        bulletin_id=bulletin.id, text="Tin", status="approved", written_by="x", written_at=clock.now()
    )
    session.add(version)
    session.flush()
    item = ProgrammeItem(
        programme_id=scene.programme, position=position, kind="bulletin", version_id=version.id, sha256="0" * 64,
        duration_ms=1000,
    )  # fmt: skip
    session.add(item)
    session.flush()
    return item.id


def _records(session: Session, playout: Playout, items: Sequence[str], clock: ManualClock) -> None:
    for seq, item in enumerate(items, 1):
        session.add(
            StoredRecord(
                receiver_id=playout.receiver_id, log=new_id(), seq=seq, canonical_sha256="0" * 64, prev="0" * 64,
                airing_id=playout.airing_id, item_id=item, outcome="finished", planned_at=playout.planned_at,
                played_ms=1000, body={}, received_at=clock.now(),
            )
        )  # fmt: skip


def _verdicts(found: Plays, unit_id: str) -> dict[int, str]:
    row = next(row for row in found.communes if row.unit_id == unit_id)
    return {(day - found.days[0]).days: cell.verdict for day, cell in row.cells.items()}


def test_a_commune_heard_it_where_its_items_were_proven(db: Database, scene: Scene, clock: ManualClock) -> None:
    first, second, third = scene.communes[:3]
    with db.writing() as session:
        campaign, items = _campaign(session, scene, clock)
        past = add_airing(session, scene, clock, "Tin sáng", clock.now() - timedelta(hours=3))
        cut = add_playout(session, past, scene.receivers[first][0], "partial", clock, reason="power-off")
        _records(session, cut, [items[CHIME], items[OURS]], clock)  # what was lost is another's item
        add_playout(session, past, scene.receivers[first][1], "finished", clock)
        short = add_playout(session, past, scene.receivers[second][0], "partial", clock, reason="power-off")
        _records(session, short, [items[CHIME]], clock)
        add_playout(session, past, scene.receivers[second][1], "unconfirmed", clock)
        gone = add_playout(session, past, scene.receivers[third][0], "missed", clock, reason="no-audio")
        add_playout(session, past, scene.receivers[third][1], "planned", clock).cancelled = True
        session.flush()
        found = campaign_plays.plays(session, campaign, now=clock.now())
        second_alone = campaign_plays.plays(session, campaign, now=clock.now(), within={second})
    assert ([row.unit_id for row in second_alone.communes], len(second_alone.gaps)) == ([second], 1)
    assert _verdicts(found, first) == {1: "everywhere"}
    assert _verdicts(found, second) == {1: "unconfirmed"}
    assert _verdicts(found, third) == {1: "none"}
    meant = {row.unit_id: row.meant for row in found.communes}
    assert meant == {first: True, second: True, third: False}
    reasons = {gap.commune: (gap.receivers, gap.reasons) for gap in found.gaps}
    assert reasons == {
        second: (2, {("partial", "power-off"): 1, ("unconfirmed", ""): 1}),
        third: (1, {("missed", "no-audio"): 1}),
    }
    assert gone.airing_id == past.id


def test_what_no_plan_holds_yet_is_ahead_and_an_empty_commune_is_told(
    db: Database, scene: Scene, clock: ManualClock
) -> None:
    first, second = scene.communes[:2]
    with db.writing() as session:
        campaign, _items = _campaign(session, scene, clock)
        coming = clock.now() + timedelta(days=2)
        add_airing(session, scene, clock, "Tin sáng", coming, unit_ids=[first])
        add_airing(session, scene, clock, "Đã hủy", coming, unit_ids=[second], status="cancelled")
        add_airing(session, scene, clock, "Ngoài đợt", clock.now() + timedelta(days=9), unit_ids=[second])
        found = campaign_plays.plays(session, campaign, now=clock.now())
    assert _verdicts(found, first) == {3: "ahead"}
    assert [row.unit_id for row in found.communes if row.empty] == [second]
    assert found.gaps == ()
    assert [(row.owed, row.sounded) for row in found.communes] == [(0, 0), (0, 0)]


def test_a_village_counts_for_its_commune(sqlite_db: Database, clock: ManualClock) -> None:
    with sqlite_db.writing() as session:
        scene = add_places(session, clock, communes=("Xã Một", "Xã Hai"))
        commune = session.get_one(units.Unit, scene.communes[0])
        village = units.add(session, kind="village", name="Thôn Trong", parent=commune)
        campaign, _items = _campaign(session, scene, clock)
        past = add_airing(session, scene, clock, "Tin", clock.now() - timedelta(hours=3))
        playout = add_playout(session, past, scene.receivers[scene.communes[0]][0], "finished", clock)
        playout.unit_id = village.id
        session.flush()
        found = campaign_plays.plays(session, campaign, now=clock.now())
    assert _verdicts(found, scene.communes[0]) == {1: "everywhere"}


@pytest.mark.parametrize(
    ("whole", "ahead", "unconfirmed", "lost", "verdict"),
    [
        (2, 0, 0, 0, "everywhere"),
        (1, 0, 1, 0, "some"),
        (1, 1, 0, 0, "ahead"),
        (0, 1, 0, 1, "ahead"),
        (0, 0, 1, 1, "unconfirmed"),
        (0, 0, 0, 2, "none"),
        (0, 0, 0, 0, "ahead"),
    ],
)
def test_the_verdict_is_what_the_receivers_prove(
    clock: ManualClock, whole: int, ahead: int, unconfirmed: int, lost: int, verdict: str
) -> None:
    heard = Heard("c", "a", "t", clock.now(), whole, ahead, unconfirmed, lost)
    assert heard.verdict == verdict
