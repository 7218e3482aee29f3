"""Every route, each with a thing of one commune, asked by everyone: who may, who may only look, who doesn't see it.

One database with a province, two areas and their communes, and a cast of eight. `TABLE` says for each route, in the
order of `CAST`, what becomes of it:

    +  done, or refused for another reason than who asks (a body that is empty here)
    -  not there (404)            x  there, or nothing of this kind is theirs at all (403)            0  log in first

A route that isn't in the table fails, and so does one that names something by a name that nobody has decided about.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from sqlalchemy.orm import Session

from api import feeds
from api.app import create_app
from api.auth import grants, named
from api.auth.guard import cookie_name
from api.auth.rights import ROLES
from api.auth.secrets import form_token
from api.auth.sessions import _open
from api.context import Context
from broadcast.choice_tables import ClashChoice, OfferAnswer, StandingAcceptance
from broadcast.recording_tables import Recording
from broadcast.site_sound_tables import SiteSound
from broadcast.tables import Bulletin, BulletinVersion, Campaign, Dispatch, IssuedCommand, Programme
from core import units
from core.clock import ManualClock
from core.database import Database
from core.events import SYSTEM
from schedules.calendar_tables import LocalDayRow
from schedules.rule_tables import RuleRow
from schedules.slot_tables import Filling, Slot, WeekTemplate
from schedules.tables import Schedule
from tests.api.scene import Scene, add_airing, add_person, add_places, add_playout
from tests.api.site import make_context
from tests.api.test_rights import OPEN
from tests.support.database import SqliteFiles

CAST = ("province", "area", "other_area", "commune", "other_commune", "auditor", "stranger", "nobody")
TODAY = datetime(2026, 7, 28, tzinfo=UTC).date()

# Whoever has an account; no place is asked about.
OWN = "+++++++0"
# Reading of a thing of the commune, and of what belongs to no place.
READ, ANY = "++-+-+x0", "++++++x0"
# With the rights of all roles (the first three), of an officer, of an auditor.
OFFICER = "++-+-xx0"
STAFF = "++-xxxx0"
STAFF_ANYWHERE, OFFICER_ANYWHERE = "+++xxxx0", "+++++xx0"
AUDIT_ANYWHERE = "+++xx+x0"
SITE = "+xxxxxx0"
SITE_OR_PLACE = SITE  # without a place it would hold everywhere

TABLE: dict[str, str] = {
    # --- the own account
    "POST /api/v1/logout": OWN,
    "GET /api/v1/me": OWN,
    "PUT /api/v1/me/password": OWN,
    "GET /api/v1/me/sessions": OWN,
    "DELETE /api/v1/me/sessions/{session_id}": "-------0",
    "GET /api/v1/me/tokens": OWN,
    "POST /api/v1/me/tokens": OWN,
    "DELETE /api/v1/me/tokens/{token_id}": "-------0",
    "GET /api/v1/me/grants": OWN,
    "POST /api/v1/me/grants/{own_grant_id}/substitutes": OWN,
    "POST /api/v1/me/grants/{own_grant_id}/end-substitutes": "-------0",
    # --- people
    "GET /api/v1/users": STAFF_ANYWHERE,
    "POST /api/v1/users": STAFF_ANYWHERE,
    "GET /api/v1/users/{user_id}": STAFF,
    "PATCH /api/v1/users/{user_id}": STAFF,
    "POST /api/v1/users/{user_id}/grants": STAFF,
    "POST /api/v1/grants/{grant_id}/end": STAFF,
    "POST /api/v1/grants/{grant_id}/substitutes": STAFF,
    "GET /api/v1/users/{user_id}/sessions": STAFF,
    "DELETE /api/v1/users/{user_id}/sessions/{session_id}": "---xxxx0",
    "GET /api/v1/users/{user_id}/tokens": STAFF,
    "DELETE /api/v1/users/{user_id}/tokens/{token_id}": "---xxxx0",
    # --- places
    "GET /api/v1/units": ANY,
    "POST /api/v1/units": STAFF_ANYWHERE,
    "POST /api/v1/units/import": SITE,
    "GET /api/v1/units/{unit_id}": READ,
    "GET /api/v1/units/{unit_id}/history": READ,
    "POST /api/v1/units/{unit_id}/change": STAFF,
    "POST /api/v1/units/{unit_id}/end": STAFF,
    "GET /api/v1/unit-groups": ANY,
    "POST /api/v1/unit-groups": SITE,
    "POST /api/v1/unit-groups/{group_id}/join": STAFF,
    "POST /api/v1/unit-groups/{group_id}/leave": STAFF,
    "POST /api/v1/mergers/preview": STAFF_ANYWHERE,
    "POST /api/v1/mergers": STAFF_ANYWHERE,
    # --- receivers
    "POST /api/v1/receivers/codes": STAFF_ANYWHERE,
    "GET /api/v1/receivers": ANY,
    "GET /api/v1/receivers/{receiver_id}": READ,
    "POST /api/v1/receivers": STAFF_ANYWHERE,
    "POST /api/v1/receivers/{receiver_id}/profile": STAFF,
    "POST /api/v1/receivers/{receiver_id}/revoke": STAFF,
    "POST /api/v1/receivers/{receiver_id}/test-tone": OFFICER,
    "POST /api/v1/receivers/{receiver_id}/volume": OFFICER,
    "POST /api/v1/receivers/{receiver_id}/mute": OFFICER,
    "GET /api/v1/releases": SITE,
    "GET /api/v1/releases/{release_id}": "-xxxxxx0",
    "POST /api/v1/releases/{release_id}/roll": SITE,
    "POST /api/v1/releases/{release_id}/halt": SITE,
    # --- news
    "GET /api/v1/dispatches": ANY,
    "POST /api/v1/dispatches": OFFICER_ANYWHERE,
    "GET /api/v1/dispatches/{dispatch_id}": READ,
    "GET /api/v1/campaigns": ANY,
    "POST /api/v1/campaigns": OFFICER_ANYWHERE,
    "GET /api/v1/campaigns/{campaign_id}": READ,
    "GET /api/v1/campaigns/{campaign_id}/plays": READ,
    "GET /api/v1/bulletins": ANY,
    "POST /api/v1/bulletins": OFFICER_ANYWHERE,
    "GET /api/v1/bulletins/{bulletin_id}": READ,
    "POST /api/v1/bulletins/{bulletin_id}/translations": OFFICER,
    "POST /api/v1/bulletins/{bulletin_id}/rate": OFFICER,
    "GET /api/v1/versions/{version_id}": READ,
    "POST /api/v1/versions/{version_id}/edit": OFFICER,
    "POST /api/v1/versions/{version_id}/render": OFFICER,
    "GET /api/v1/versions/{version_id}/rendering": READ,
    "POST /api/v1/versions/{version_id}/submit": OFFICER,
    "POST /api/v1/versions/{version_id}/approve": STAFF,
    "POST /api/v1/versions/{version_id}/return": STAFF,
    "POST /api/v1/versions/{version_id}/withdraw": STAFF,
    "GET /api/v1/versions/{version_id}/audio/{sha256}": "------x0",
    "GET /api/v1/languages": ANY,
    "POST /api/v1/bulletins/{bulletin_id}/recordings": OFFICER,
    "GET /api/v1/bulletins/{bulletin_id}/recordings/arriving": READ,
    "GET /api/v1/bulletins/{bulletin_id}/recordings": READ,
    "GET /api/v1/recordings/{recording_id}/checks": READ,
    "GET /api/v1/recordings/{recording_id}/waveform": READ,
    "GET /api/v1/recordings/{recording_id}/waveform.svg": READ,
    "GET /api/v1/versions/{version_id}/recipes": READ,
    "PUT /api/v1/versions/{version_id}/recipe": OFFICER,
    "POST /api/v1/versions/{version_id}/recipes/{number}/restore": OFFICER,
    "GET /api/v1/voices": ANY,
    "POST /api/v1/voices/{name}/allow": SITE,
    "POST /api/v1/voices/{name}/forbid": SITE,
    "GET /api/v1/units/{unit_id}/lexicon": READ,
    "GET /api/v1/units/{unit_id}/lexicon/own": READ,
    "GET /api/v1/units/{unit_id}/lexicon/history": READ,
    "POST /api/v1/units/{unit_id}/lexicon/preview": READ,
    "PUT /api/v1/units/{unit_id}/lexicon": OFFICER,
    "DELETE /api/v1/units/{unit_id}/lexicon": OFFICER,
    "POST /api/v1/units/{unit_id}/lexicon/restore": OFFICER,
    "GET /api/v1/sounds": ANY,
    "POST /api/v1/sounds": SITE,
    "GET /api/v1/sounds/{sound_id}": ANY,
    "GET /api/v1/sounds/{sound_id}/audio": ANY,
    "GET /api/v1/chimes/{name}/audio": "------x0",
    "POST /api/v1/sounds/{sound_id}/approve": SITE,
    "POST /api/v1/sounds/{sound_id}/retire": SITE,
    "DELETE /api/v1/sounds/{sound_id}": SITE,
    "GET /api/v1/programmes": ANY,
    "POST /api/v1/programmes": OFFICER_ANYWHERE,
    "GET /api/v1/programmes/{programme_id}": READ,
    "GET /api/v1/programmes/{programme_id}/audio": READ,
    # --- the timetable
    "POST /api/v1/schedules/preview": OFFICER_ANYWHERE,
    "POST /api/v1/sessions/preview": OFFICER_ANYWHERE,
    "GET /api/v1/schedules": ANY,
    "POST /api/v1/schedules/targets": ANY,
    "POST /api/v1/schedules": OFFICER_ANYWHERE,
    "GET /api/v1/schedules/{schedule_id}": READ,
    "PATCH /api/v1/schedules/{schedule_id}": OFFICER,
    "POST /api/v1/schedules/{schedule_id}/cancel": OFFICER,
    "GET /api/v1/airings": ANY,
    "GET /api/v1/airings/{airing_id}": READ,
    "POST /api/v1/airings/{airing_id}/cancel": OFFICER,
    "POST /api/v1/airings/{airing_id}/move": OFFICER,
    "POST /api/v1/airings/{airing_id}/edit": OFFICER,
    "POST /api/v1/airings/{airing_id}/restore": OFFICER,
    "POST /api/v1/airings/{airing_id}/edit-following": OFFICER,
    "POST /api/v1/airings/{airing_id}/stop": OFFICER,
    "POST /api/v1/sessions": OFFICER_ANYWHERE,
    "GET /api/v1/sessions/{schedule_id}": READ,
    "PUT /api/v1/sessions/{schedule_id}/slots": OFFICER,
    "GET /api/v1/slots/to-fill": ANY,
    "POST /api/v1/fillings": OFFICER_ANYWHERE,
    "GET /api/v1/fillings": ANY,
    "POST /api/v1/fillings/{filling_id}/undo": OFFICER,
    "POST /api/v1/weeks/copy": OFFICER_ANYWHERE,
    "GET /api/v1/week-templates": ANY,
    "POST /api/v1/week-templates": OFFICER_ANYWHERE,
    "POST /api/v1/week-templates/{template_id}/apply": OFFICER_ANYWHERE,
    "GET /api/v1/units/{unit_id}/rules": READ,
    "GET /api/v1/units/{unit_id}/rules/history": READ,
    "POST /api/v1/units/{unit_id}/rules": STAFF,
    "POST /api/v1/rules/{rule_id}/end": STAFF,
    "POST /api/v1/rules/check": ANY,
    "GET /api/v1/calendar": ANY,
    "GET /api/v1/local-days": ANY,
    "GET /api/v1/local-days/{local_day_id}": READ,
    "POST /api/v1/local-days": OFFICER_ANYWHERE,
    "PUT /api/v1/local-days/{local_day_id}": OFFICER,
    "POST /api/v1/local-days/{local_day_id}/cancel": "+----xx0",  # it can be taken back once
    "POST /api/v1/schedules/{schedule_id}/occurrences/cancel": OFFICER,
    "POST /api/v1/schedules/{schedule_id}/occurrences/move": OFFICER,
    "POST /api/v1/schedules/{schedule_id}/occurrences/edit": OFFICER,
    "POST /api/v1/schedules/{schedule_id}/occurrences/restore": OFFICER,
    "POST /api/v1/schedules/{schedule_id}/occurrences/edit-following": OFFICER,
    "POST /api/v1/feeds": OFFICER_ANYWHERE,
    "GET /api/v1/units/{unit_id}/feeds": READ,
    "POST /api/v1/feeds/{feed_id}/revoke": OFFICER,
    "GET /api/v1/offers": ANY,
    "POST /api/v1/offers/answers": OFFICER_ANYWHERE,
    "GET /api/v1/offers/answers": ANY,
    "POST /api/v1/offers/answers/{decision_id}/revoke": OFFICER,
    "POST /api/v1/acceptances": OFFICER_ANYWHERE,
    "GET /api/v1/acceptances": ANY,
    "POST /api/v1/acceptances/{decision_id}/revoke": OFFICER,
    "POST /api/v1/clash-orders": OFFICER_ANYWHERE,
    "GET /api/v1/clash-orders": ANY,
    "POST /api/v1/clash-orders/{decision_id}/revoke": OFFICER,
    # --- what happened
    "GET /api/v1/heard": ANY,
    "GET /api/v1/playouts": ANY,
    "GET /api/v1/airtime": ANY,
    "GET /api/v1/airtime.csv": ANY,
    "GET /api/v1/commands": ANY,
    "GET /api/v1/commands/{command_id}": READ,
    "POST /api/v1/commands/stop": OFFICER_ANYWHERE,
    "GET /api/v1/events": AUDIT_ANYWHERE,
    "GET /api/v1/live": ANY,
    # --- pages
    "GET /dot": ANY,
    "GET /dot/moi": OFFICER_ANYWHERE,
    "POST /van-ban": OFFICER_ANYWHERE,
    "POST /dot/moi": OFFICER_ANYWHERE,
    "GET /dot/{campaign_id}": READ,
    "GET /thoi-luong": ANY,
    "GET /thoi-luong/{unit_id}": READ,
    "GET /bo-thu/ghi-danh": STAFF_ANYWHERE,
    "POST /bo-thu/ghi-danh": STAFF_ANYWHERE,
    "GET /noi-nay": ANY,
    "GET /noi-nay/{unit_id}": READ,
    "GET /ban-tin": ANY,
    "GET /ban-tin/moi": OFFICER_ANYWHERE,
    "GET /ban-tin/{bulletin_id}/sua": OFFICER,
    "POST /ban-tin/moi": OFFICER_ANYWHERE,
    "POST /ban-tin/{bulletin_id}/sua": OFFICER,
    "POST /ban-tin/doc": ANY,
    "GET /ban-tin/{bulletin_id}": READ,
    "POST /ban-tin/{bulletin_id}/tao-tieng": OFFICER,
    "POST /ban-tin/{bulletin_id}/gui-duyet": OFFICER,
    "POST /ban-tin/{bulletin_id}/duyet": STAFF,
    "POST /ban-tin/{bulletin_id}/tra-lai": STAFF,
    "POST /ban-tin/{bulletin_id}/thu-hoi": STAFF,
    "POST /ban-tin/{bulletin_id}/tu-dien": OFFICER,
    "GET /chuong-trinh": ANY,
    "GET /chuong-trinh/moi": OFFICER_ANYWHERE,
    "POST /chuong-trinh/moi": OFFICER_ANYWHERE,
    "GET /chuong-trinh/{programme_id}": READ,
    "GET /bo-thu": ANY,
    "GET /bo-thu/{receiver_id}": READ,
    "POST /bo-thu/{receiver_id}/thu-loa": OFFICER,
    "POST /bo-thu/{receiver_id}/am-luong": OFFICER,
    "POST /bo-thu/{receiver_id}/tat-tieng": OFFICER,
    "GET /lich": ANY,
    "GET /lich/moi": OFFICER_ANYWHERE,
    "POST /lich/moi": OFFICER_ANYWHERE,
    "POST /lich/xem-truoc": OFFICER_ANYWHERE,
    "GET /lich/{schedule_id}": READ,
    "POST /lich/{schedule_id}/huy": OFFICER,
    "POST /lich/{schedule_id}/huy-lan/{airing_id}": OFFICER,
    "GET /tuan": ANY,
    "GET /tuan/{unit_id}": READ,
    "GET /nguoi-dung": STAFF_ANYWHERE,
    "GET /nguoi-dung/moi": STAFF_ANYWHERE,
    "POST /nguoi-dung/moi": SITE_OR_PLACE,
    "GET /nguoi-dung/{user_id}": STAFF,
    "POST /nguoi-dung/{user_id}/quyen": "+x-xxxx0",
    "POST /nguoi-dung/{user_id}/quyen/{grant_id}/thoi": STAFF,
    "POST /nguoi-dung/{user_id}/khoa": STAFF,
    "POST /nguoi-dung/{user_id}/mat-khau": STAFF,
    "POST /nguoi-dung/{user_id}/phien/{session_id}/thoat": "---xxxx0",
    "GET /nhat-ky": AUDIT_ANYWHERE,
    "GET /api/v1/clashes": ANY,
    "POST /api/v1/units/{unit_id}/pause": OFFICER,
    "GET /api/v1/units/{unit_id}/pause": READ,
    "POST /api/v1/units/{unit_id}/volume": OFFICER,
    "GET /xa-toi": ANY,
    "GET /xa-toi/{unit_id}": READ,
    "GET /xa-toi/{unit_id}/bang": READ,
    "GET /xa-toi/{unit_id}/tam-dung": OFFICER,
    "POST /xa-toi/{unit_id}/tam-dung": OFFICER,
    "POST /xa-toi/{unit_id}/phat-lai": OFFICER,
    "POST /xa-toi/{unit_id}/dung/{airing_id}": OFFICER,
    "POST /xa-toi/{unit_id}/tra-loi": OFFICER,
    "POST /xa-toi/{unit_id}/luon-nhan": OFFICER,
    "POST /xa-toi/{unit_id}/thoi-nhan": OFFICER,
    "POST /xa-toi/{unit_id}/thu-tu": OFFICER,
    "POST /xa-toi/{unit_id}/am-luong": OFFICER,
    "GET /xa-toi/{unit_id}/thong-bao": OFFICER,
    "GET /xa-toi/{unit_id}/thong-bao/{mau}": "-----xx0",
    "POST /xa-toi/{unit_id}/thong-bao/{mau}/doc": "-----xx0",
    "POST /xa-toi/{unit_id}/thong-bao/{mau}": "-----xx0",
    "GET /xa-toi/{unit_id}/phat/{version_id}": OFFICER,
    "POST /xa-toi/{unit_id}/phat/{version_id}": OFFICER,
    "GET /ngay-rieng": ANY,
    "GET /ngay-rieng/moi": OFFICER_ANYWHERE,
    "POST /ngay-rieng/moi": OFFICER_ANYWHERE,
    "POST /ngay-rieng/{local_day_id}/bo": "+----xx0",
    "GET /lich/doi/{airing_id}": OFFICER,
    "POST /lich/doi/{airing_id}": OFFICER,
    "POST /lich/tra-lai/{schedule_id}": OFFICER,
    "GET /quy-dinh": ANY,
    "GET /quy-dinh/{unit_id}": READ,
    "GET /quy-dinh/{unit_id}/them/{kind}": STAFF,
    "POST /quy-dinh/{unit_id}/them/{kind}": STAFF,
    "POST /quy-dinh/{unit_id}/thoi/{rule_id}": STAFF,
    "GET /lich/bang": ANY,
    "GET /buoi-phat": ANY,
    "POST /buoi-phat/xep": OFFICER_ANYWHERE,
    "POST /buoi-phat/bo-xep": OFFICER_ANYWHERE,
    "GET /buoi-phat/chep-tuan": OFFICER_ANYWHERE,
    "POST /buoi-phat/chep-tuan": OFFICER_ANYWHERE,
    "POST /dang-xuat": OWN,
    "GET /": ANY,
    "GET /hom-nay": ANY,
    "GET /lan-phat/{airing_id}/dung": OFFICER,
    "POST /lan-phat/{airing_id}/dung": OFFICER,
    "GET /gioi-thieu": ANY,
}

# Of a body or a query: what names nothing that anybody could be kept from.
HARMLESS = frozenset((
    "accepted", "active", "actor_id", "after", "ai", "always", "at", "bao_lau", "begins", "changes", "chime",
    "class", "class_", "classes", "clusters", "code", "current", "cut", "date", "day", "days", "den", "digest",
    "doi", "dry_run", "duration_ms", "each_commune", "effect", "end_ms", "ended", "ends", "exdates", "expires_at",
    "fallback", "fill_by_min", "fillings", "first", "first_date", "form", "format", "full_name", "gio", "grants",
    "het", "holiday", "hours", "id", "items", "key", "kind", "language", "languages", "last", "last_date",
    "length_days", "length_ms", "limit", "limit_ms", "loc", "local_time", "luc", "machine", "mau", "mergers",
    "moi_noi", "month", "move_by_ms", "muc", "music", "name", "new", "ngay", "nhan", "noi_moi", "note", "number",
    "official_code", "on", "online", "original_start", "other", "override_reason", "own_grant_id", "parts",
    "password", "percent", "pham-vi", "pham_vi", "places", "profile", "rate", "rate_wpm", "rdates", "reason",
    "release_id", "request", "review_by", "role", "roles", "rrule", "rule", "said", "sang", "session_id", "sha256",
    "sha256s", "since", "slot_id", "slots", "source", "source_note", "spans", "speaker", "spoken", "start_ms",
    "starts_at", "state", "status", "steps", "subject_id", "subject_kind", "tep", "text", "thang", "thay_may",
    "thoi_ngay", "tiep", "tim", "timetable", "title", "to", "token_id", "trang", "transcript", "truoc", "tt", "tu",
    "until", "use", "username", "valid_from", "valid_to", "value", "ve", "version", "viec", "voice", "volume",
    "week", "weekdays", "without_receivers", "written", "yields",
))  # fmt: skip
LEAVING = {"POST /api/v1/logout", "POST /dang-xuat"}  # the walk goes on with the same session
# The same local day as by REST, which is gone by then.
GONE = {"POST /ngay-rieng/{local_day_id}/bo"}
STREAMS = {"GET /api/v1/live"}  # has no end; what it says names nothing


@dataclass(slots=True)
class World:
    context: Context
    app: FastAPI
    scene: Scene
    ids: dict[str, str]
    secrets: dict[str, str]  # of the cast, who is logged in
    users: dict[str, str]

    def client(self, who: str) -> httpx.AsyncClient:
        cookies = {cookie_name(self.context): self.secrets[who]} if who in self.secrets else None
        transport = httpx.ASGITransport(app=self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://x", cookies=cookies)

    def ask(self, who: str, method: str, path: str, **given: Any) -> httpx.Response:
        async def once() -> httpx.Response:
            async with self.client(who) as client:
                return await client.request(method, path, **given)

        return asyncio.run(once())


@pytest.fixture(scope="module")
def world(sqlite_files: SqliteFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("scope")
    db = Database(sqlite_files.fresh(folder))
    clock = ManualClock(datetime(2026, 7, 28, 1, 0, tzinfo=UTC))
    context = make_context(db, clock, folder / "site")
    with db.writing() as session:
        scene = add_places(session, clock, communes=("Xã Đồng Bùi", "Xã Suối Mơ", "Xã Thượng Lâm"), receivers=1)
        users, secrets = _cast(session, scene, clock)
        ids = _things(session, scene, clock, users)
    app = create_app(context)
    yield World(context, app, scene, ids, secrets, users)
    app.state.live.close()
    db.close()


def _cast(session: Session, scene: Scene, clock: ManualClock) -> tuple[dict[str, str], dict[str, str]]:
    """The first two communes are one area, the third is another. The commune of the table is the first."""
    near, far = (
        units.add_group(session, name=name, since=TODAY.replace(month=1)) for name in ("Khu vực 1", "Khu vực 2")
    )
    for number, commune in enumerate(scene.communes):
        unit = units.get(session, commune)
        units.join(session, near if number < 2 else far, unit, TODAY.replace(month=1))
    staff: list[str] = [role for role in ROLES if role not in {"auditor", "officer"}]
    held: dict[str, tuple[list[str], dict[str, Any]]] = {
        "province": (staff, {}),
        "area": (staff, {"group_id": near.id}),
        "other_area": (staff, {"group_id": far.id}),
        "commune": (["officer"], {"unit_id": scene.communes[0]}),
        "other_commune": (["officer"], {"unit_id": scene.communes[2]}),
        "auditor": (["auditor"], {"group_id": near.id}),
        "stranger": ([], {}),
    }
    users, secrets = {}, {}
    for name, (roles, place) in held.items():
        person = add_person(session, clock, name, name.title())
        users[name] = person.id
        for role in roles:
            grants.give(session, person.id, role, actor=SYSTEM, clock=clock, **place)
        _, secrets[name] = _open(session, person, address="::1", browser="", clock=clock)
    return users, secrets


def _things(session: Session, scene: Scene, clock: ManualClock, users: dict[str, str]) -> dict[str, str]:
    """One of every kind, all of the first commune. Written by the system, so that nobody sees them as their own."""
    commune, now = scene.communes[0], clock.now()
    by = {"created_by": "system:test", "created_at": now}
    person = add_person(session, clock, "xa", "Người của xã")
    grant = grants.give(session, person.id, "editor", unit_id=commune, actor=SYSTEM, clock=clock)
    group = units.add_group(session, name="Cụm xã", since=TODAY)
    units.join(session, group, units.get(session, commune), TODAY)
    dispatch = Dispatch(
        addressees=[],
        missing=[],
        text="Công văn",
        sha256="0" * 64,
        unit_id=commune,
        imported_by="system:test",
        imported_at=now,
    )
    campaign = Campaign(title="Đợt", first_date=TODAY, last_date=TODAY, unit_ids=[commune], languages=["vi"], **by)
    bulletin = Bulletin(title="Tin của xã", unit_id=commune, **by)
    programme = Programme(title="Chương trình của xã", unit_id=commune, **by)
    session.add_all([dispatch, campaign, bulletin, programme])
    session.flush()
    version = BulletinVersion(bulletin_id=bulletin.id, text="Tin.", written_by="system:test", written_at=now)
    analysis = {"peaks": [], "bucket_ms": 1, "duration_ms": 1}
    recording = Recording(
        bulletin_id=bulletin.id, language="vi", speaker="Lan", sha256="1" * 64, bytes=1, format="WAV", duration_ms=1,
        analysis=analysis, added_by="system:test", added_at=now,
    )  # fmt: skip
    sound = SiteSound(
        kind="music", name="Nhạc", original_sha256="2" * 64, original_bytes=1, format="WAV", duration_ms=1,
        added_by="system:test", added_by_name="-", added_at=now,
    )  # fmt: skip
    session.add_all([version, recording, sound])
    everywhere = add_airing(session, scene, clock, "Tiếp từ tỉnh", now - timedelta(minutes=4))  # on air in all communes
    from_above = session.get_one(Schedule, everywhere.schedule_id)
    from_above.owner_id = scene.province
    scene.programme = programme.id
    airing = add_airing(session, scene, clock, "Lịch của xã", datetime(2026, 7, 28, 10, tzinfo=UTC), unit_ids=[commune])
    schedule = session.get_one(Schedule, airing.schedule_id)
    schedule.owner_id = commune
    add_playout(session, airing, scene.receivers[commune][0], "planned", clock)
    slot = Slot(
        schedule_id=schedule.id, position=1, kind="programme", title="Tin xã", owner_id=commune, length_ms=1,
        fill_by_min=1, fallback="silence",
    )  # fmt: skip
    session.add(slot)
    session.flush()
    filling = Filling(
        schedule_id=schedule.id, slot_id=slot.id, place_id=commune, original_start=airing.starts_at, source="owner",
        filled_by="system:test", filled_at=now,
    )  # fmt: skip
    template = WeekTemplate(name="Mẫu", entries=[], **by)
    rule = RuleRow(
        unit_id=commune, kind="quiet", body={"classes": ["ordinary"]}, valid_from=TODAY,
        valid_to=units.FOREVER, set_by="system:test",
        set_by_name="-", set_at=now,
    )  # fmt: skip
    day = LocalDayRow(
        unit_id=commune, name="Chợ", reason="", days="dates", first_date=TODAY, last_date=TODAY, effect="skip", **by
    )
    feed, _ = feeds.create(session, unit_id=commune, name="Lịch", actor=SYSTEM, clock=clock)
    command = IssuedCommand(
        audience=f"rx/{scene.receivers[commune][0]}",
        name="stop",
        body={},
        expires_at=now,
        issued_by="system:test",
        issued_at=now,
    )
    decided = {"unit_id": commune, "decided_by": "system:test", "decided_by_name": "-", "decided_at": now}
    answer = OfferAnswer(schedule_id=schedule.id, accepted=True, **decided)
    acceptance = StandingAcceptance(**decided)
    order = ClashChoice(first_schedule_id=schedule.id, second_schedule_id=schedule.id, **decided)
    session.add_all([filling, template, rule, day, command, answer, acceptance, order])
    session.flush()
    return {
        "unit_id": commune, "group_id": group.id, "receiver_id": scene.receivers[commune][0],
        "dispatch_id": dispatch.id, "campaign_id": campaign.id, "bulletin_id": bulletin.id,
        "version_id": version.id, "recording_id": recording.id,
        "programme_id": programme.id, "sound_id": sound.id, "schedule_id": schedule.id, "airing_id": airing.id,
        "filling_id": filling.id, "template_id": template.id, "rule_id": rule.id, "local_day_id": day.id,
        "feed_id": feed.id, "command_id": command.id, "user_id": person.id, "grant_id": grant.id,
        "answers/decision_id": answer.id, "acceptances/decision_id": acceptance.id,
        "clash-orders/decision_id": order.id, "from_above": from_above.id, "on_air": everywhere.id,
    }  # fmt: skip


def routes(app: FastAPI) -> Iterator[tuple[str, Any]]:
    for context in iter_route_contexts(app.routes):
        for method in sorted(context.methods or {"?"}):
            if method != "HEAD" and f"{method} {context.path}" not in OPEN:
                yield f"{method} {context.path}", context


def test_every_route_is_in_the_table_and_every_name_decided_about(world: World) -> None:
    held = dict(routes(world.app))
    assert set(held) == set(TABLE)
    for name, context in held.items():
        for path in re.findall(r"(?:([\w-]+)/)?\{(\w+)\}", name):
            known = {path[1], "/".join(path)} & named.PATHS.keys() or path[1] in HARMLESS
            assert known, f"{name}: what does {path[1]} name?"
        for parameter in _names(context.dependant):
            known = (
                parameter in named.NAMES or parameter in HARMLESS or any(one == parameter for _, one in named.ELSEWHERE)
            )
            assert known, f"{name}: what does {parameter} name?"


def _names(dependant: Any) -> Iterator[str]:
    for field in dependant.query_params:
        yield field.alias
    for field in dependant.body_params:
        inner = list(_fields(field.field_info.annotation, set()))
        yield from inner or [field.alias]
    for one in dependant.dependencies:
        yield from _names(one)


def _fields(annotation: Any, seen: set[Any]) -> Iterator[str]:
    for inner in getattr(annotation, "__args__", ()):
        yield from _fields(inner, seen)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in seen:
        seen.add(annotation)
        for name, field in annotation.model_fields.items():
            yield name
            yield from _fields(field.annotation, seen)


# Lists in which the commune's thing is found, and by the key of which identifier.
LISTS = {
    "/api/v1/users": ("user_id", "id"),
    "/api/v1/units": ("unit_id", "id"),
    "/api/v1/unit-groups": ("group_id", "id"),
    "/api/v1/receivers": ("receiver_id", "id"),
    "/api/v1/dispatches": ("dispatch_id", "id"),
    "/api/v1/campaigns": ("campaign_id", "id"),
    "/api/v1/bulletins": ("bulletin_id", "id"),
    "/api/v1/programmes": ("programme_id", "id"),
    "/api/v1/schedules": ("schedule_id", "id"),
    "/api/v1/airings?since=2026-07-28T00:00:00Z&until=2026-07-29T00:00:00Z": ("airing_id", "id"),
    "/api/v1/fillings?since=2026-07-28&until=2026-07-29": ("filling_id", "id"),
    "/api/v1/local-days?since=2026-07-28&until=2026-07-29": ("local_day_id", "id"),
    "/api/v1/playouts": ("receiver_id", "receiver_id"),
    "/api/v1/commands": ("command_id", "id"),
    "/api/v1/events?limit=500": ("user_id", "subject_id"),
}
PAGES = {
    "/bo-thu": "receiver_id", "/ban-tin": "bulletin_id", "/chuong-trinh": "programme_id", "/lich": "schedule_id",
    "/tuan": "unit_id", "/noi-nay": "unit_id", "/nguoi-dung": "user_id",
}  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
def test_a_list_holds_what_is_within_reach(world: World, path: str) -> None:
    thing, key = LISTS[path]

    def found(who: str) -> bool | None:
        answer = world.ask(who, "GET", path)
        if answer.status_code == 403:
            return None
        body = answer.json()
        return world.ids[thing] in {
            one.get("local_day", one)[key] for one in (body["items"] if isinstance(body, dict) else body)
        }

    assert found("province")
    assert found("area")
    assert found("other_area") is False
    assert found("other_commune") is not True
    assert found("stranger") is None


@pytest.mark.parametrize("path", PAGES)
def test_a_page_shows_what_is_within_reach(world: World, path: str) -> None:
    thing = world.ids[PAGES[path]]
    shown = {who: thing in world.ask(who, "GET", path).text for who in ("province", "area", "other_area", "stranger")}
    assert shown == {"province": True, "area": True, "other_area": False, "stranger": False}


def test_the_day_is_the_persons_own_day(world: World) -> None:
    near, far = world.ask("area", "GET", "/").text, world.ask("other_commune", "GET", "/").text
    assert "Xã Đồng Bùi" in near
    assert "Xã Thượng Lâm" not in near
    assert "Lịch của xã" in near
    assert "Xã Thượng Lâm" in far
    assert "Tiếp từ tỉnh" in far  # what the province sends sounds here too
    assert "Lịch của xã" not in far
    assert "Xã Đồng Bùi" not in far


def test_what_comes_from_above_is_seen_and_not_changed_and_stopped_at_home_only(world: World) -> None:
    schedule, airing = world.ids["from_above"], world.ids["on_air"]
    assert world.ask("other_commune", "GET", f"/api/v1/schedules/{schedule}").status_code == 200
    refused = world.ask("other_commune", "POST", f"/api/v1/schedules/{schedule}/cancel")
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/forbidden")
    assert "không gồm nơi này" in refused.json()["detail"]
    assert world.ask("other_commune", "POST", f"/api/v1/airings/{airing}/cancel").status_code == 403
    stopped = world.ask("other_commune", "POST", f"/api/v1/airings/{airing}/stop").json()
    assert [one["audience"] for one in stopped] == [f"area/{world.scene.communes[2]}"]
    elsewhere = {"unit_id": world.scene.communes[0]}
    assert world.ask("other_commune", "POST", f"/api/v1/airings/{airing}/stop", json=elsewhere).status_code == 404
    whole = {"unit_id": world.scene.province}
    assert world.ask("other_commune", "POST", f"/api/v1/airings/{airing}/stop", json=whole).status_code == 403


def test_a_body_names_no_place_beyond_reach(world: World) -> None:
    mine, other, province = world.scene.communes[2], world.scene.communes[0], world.scene.province
    body = {"title": "Tin", "text": "Nội dung bản tin."}
    here = world.ask("other_commune", "POST", "/api/v1/bulletins", json=body)
    assert (here.status_code, here.json()["unit_id"]) == (201, mine)
    for unit, status in ((other, 404), (province, 403)):
        asked = world.ask("other_commune", "POST", "/api/v1/bulletins", json=body | {"unit_id": unit})
        assert asked.status_code == status
    deep = {"grants": [{"role": "officer", "unit_id": other}], "username": "x", "full_name": "X", "password": "x"}
    assert world.ask("other_area", "POST", "/api/v1/users", json=deep).status_code == 404
    wide = {"role": "admin"}
    user = world.users["other_commune"]
    assert world.ask("other_area", "POST", f"/api/v1/users/{user}/grants", json=wide).status_code == 403


def test_a_substitute_approves_in_anothers_name_until_it_is_ended(world: World) -> None:
    mine = next(one for one in world.ask("area", "GET", "/api/v1/me/grants").json() if one["role"] == "approver")
    stand_in = {"user_id": world.users["auditor"], "valid_to": "2026-08-05"}
    path = f"/api/v1/me/grants/{mine['id']}"
    assert world.ask("area", "POST", f"{path}/substitutes", json=stand_in).status_code == 201
    back = f"/api/v1/versions/{world.ids['version_id']}/approve"
    assert world.ask("auditor", "POST", back, json={"sha256s": ["0" * 64]}).status_code == 409  # a draft, no more
    with world.context.db.reading() as session:
        held = grants.held_by(session, world.users["auditor"], on=TODAY)
        later = grants.held_by(session, world.users["auditor"], on=TODAY.replace(month=9))
    assert [(one.role, one.stands_for) for one in held] == [("auditor", None), ("approver", "Area")]
    assert [one.role for one in later] == ["auditor"]
    on = world.ask("auditor", "GET", "/api/v1/me/grants").json()[-1]["id"]
    further = {"user_id": world.users["commune"], "valid_to": "2026-08-05"}
    assert world.ask("auditor", "POST", f"/api/v1/me/grants/{on}/substitutes", json=further).status_code == 409
    assert world.ask("area", "POST", f"{path}/end-substitutes").status_code == 200
    assert world.ask("auditor", "POST", back, json={"sha256s": ["0" * 64]}).status_code == 403


def test_everybody_at_every_door(world: World) -> None:
    wrong = {}
    for name, expected in TABLE.items():
        if name in STREAMS | LEAVING | GONE:
            continue
        found = asyncio.run(_outcomes(world, name))
        if found != expected:
            wrong[name] = (expected, found)
    assert wrong == {}


async def _outcomes(world: World, name: str) -> str:
    method, _, path = name.partition(" ")

    def value(match: re.Match[str]) -> str:
        before, key = match[1] or "", match[2]
        return f"{before}/{world.ids.get(f'{before}/{key}', world.ids.get(key, '01K00000000000000000000000'))}"

    url = re.sub(r"([\w-]*)/\{(\w+)\}", value, path)
    told = ""
    for who in CAST:
        async with world.client(who) as client:
            given: dict[str, Any] = {}
            if method != "GET" and not path.startswith("/api/") and who in world.secrets:
                given["data"] = {"form": form_token(world.secrets[who])}
            answer = await client.request(method, url, **given)
        told += _outcome(answer)
    return told


def _outcome(answer: httpx.Response) -> str:
    if answer.status_code == 401 and "not-logged-in" in answer.text:
        return "0"
    if answer.status_code == 303 and answer.headers["location"].startswith("/dang-nhap?"):
        return "0"
    return {403: "x", 404: "-"}.get(answer.status_code, "+")
