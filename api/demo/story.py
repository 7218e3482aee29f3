"""The newsroom's part of the demo: dispatch, campaign, bulletins, approval, programme, schedule."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from api.demo.screen import Screen
from api.demo.world import World
from api.serve import Server
from broadcast import bulletins, campaigns, delivery, dispatches, drafting, programmes, samples
from broadcast.dispatches import ParsedDispatch
from broadcast.tables import BulletinVersion, Rendition
from core.clock import Clock
from core.database import Database
from core.errors import FileMissing, Invalid
from core.profiles import Profile
from schedules import timetable
from schedules.recurrence import Rule
from schedules.targets import Targets

PROGRAMME_MAX_MS = 25_000


class Interrupted(Exception):
    """Ctrl-C before anything was scheduled."""


@dataclass(frozen=True, slots=True)
class Story:
    """What was made on the way to the airing."""

    dispatch_id: str
    campaign_id: str
    airing_id: str
    starts_at: datetime
    duration_ms: int
    voices: dict[str, bool]  # which spoke, and whether as a fallback


@dataclass(frozen=True, slots=True)
class Text:
    """A bulletin to be, from the shipped ones or drafted from the dispatch. The `spot` is the one that airs."""

    title: str
    text: str
    drafted: bool
    spot: bool = False
    sample: samples.SampleBulletin | None = None


def dispatch_text(path: Path | None) -> str:
    """The dispatch to start from: a file of the user's, or the sample. Raises what `dispatches.decode` raises."""
    if path is None:
        return samples.dispatch_text()
    try:
        return dispatches.decode(path.read_bytes())
    except OSError as error:
        raise FileMissing.of(path, error) from error


class Storyteller:
    """Does what an operator and an approver do, one step a method."""

    def __init__(self, server: Server, world: World, screen: Screen, clock: Clock, stopped: threading.Event) -> None:
        self.server, self.world, self.screen, self.clock, self.stopped = server, world, screen, clock, stopped
        self.db: Database = server.db

    def tell(self, text: str, airs_in: timedelta) -> Story:
        parsed = dispatches.parse(text)
        self._show(parsed)
        dispatch_id, campaign_id = self._campaign(text)
        versions = self._write(campaign_id, list(texts_for(parsed)))
        renditions = self._speak([version for version, _ in versions])
        self._approve(renditions)
        spot = next(version for version, text in versions if text.spot)
        programme_id, duration_ms = self._programme(spot)
        airing_id, starts_at = self._schedule(programme_id, duration_ms, airs_in)
        voices = {one.voice: one.fallback for made in renditions.values() for one in made.values()}
        return Story(dispatch_id, campaign_id, airing_id, starts_at, duration_ms, voices)

    def _show(self, parsed: ParsedDispatch) -> None:
        window = campaigns.window_for(parsed, self.clock.now().astimezone(self.server.settings.zone).date())
        remark = f" ({window.remark()})" if window.remark() else ""
        self.screen.facts(
            "Văn bản chỉ đạo",
            {
                "Số, ký hiệu": parsed.number,
                "Ngày": f"{parsed.issued_on:%d/%m/%Y}" if parsed.issued_on else None,
                "Nơi ban hành": parsed.issuer,
                "Trích yếu": parsed.subject,
                "Nơi nhận": "; ".join(parsed.addressees) or None,
                "Ngày hưởng ứng": f"{parsed.observance_day}/{parsed.observance_month}"
                if parsed.observance_day
                else None,
                "Thời gian của đợt": f"{window.first:%d/%m/%Y} – {window.last:%d/%m/%Y}{remark}",
            },
        )

    def _campaign(self, text: str) -> tuple[str, str]:
        with self.db.writing() as session:
            dispatch = dispatches.import_dispatch(session, text, actor=self.world.writer, clock=self.clock)
            campaign = campaigns.create_campaign(
                session,
                title="" if dispatch.subject else "Đợt tuyên truyền theo văn bản không rõ trích yếu",
                dispatch_id=dispatch.id,
                unit_ids=[unit.id for unit in self.world.communes],
                actor=self.world.writer,
                clock=self.clock,
                zone=self.server.settings.zone,
            )
            return dispatch.id, campaign.id

    def _write(self, campaign_id: str, texts: Sequence[Text]) -> list[tuple[BulletinVersion, Text]]:
        with self.db.writing() as session:
            return [
                (
                    bulletins.create(
                        session,
                        title=text.title,
                        text=text.text,
                        campaign_id=campaign_id,
                        review_by=text.sample.review_by if text.sample else None,
                        source_note=text.sample.source_note if text.sample else None,
                        drafted_from_dispatch=text.drafted,
                        actor=self.world.writer,
                        clock=self.clock,
                    ),
                    text,
                )
                for text in texts
            ]

    def _speak(self, versions: Sequence[BulletinVersion]) -> dict[str, dict[Profile, Rendition]]:
        """Speak all, two at a time."""
        spoken: dict[str, dict[Profile, Rendition]] = {}
        with (
            self.screen.progress("Đọc bản tin thành tiếng", len(versions)) as done,
            ThreadPoolExecutor(2, "speak") as pool,
        ):
            waiting = {pool.submit(self._speak_one, version.id): version.id for version in versions}
            for future in as_completed(waiting):
                self._go_on(pool)
                spoken[waiting[future]] = future.result()
                done(len(spoken))
        return spoken

    def _go_on(self, pool: ThreadPoolExecutor) -> None:
        if self.stopped.is_set():
            pool.shutdown(wait=False, cancel_futures=True)
            raise Interrupted

    def _speak_one(self, version_id: str) -> dict[Profile, Rendition]:
        return bulletins.render(
            self.db, version_id, studio=self.server.studio, actor=self.world.writer, clock=self.clock
        )

    def _approve(self, renditions: dict[str, dict[Profile, Rendition]]) -> None:
        """The writer submits, somebody else approves exactly the sounds that were made."""
        with self.screen.progress("Duyệt (người thứ hai)", len(renditions)) as done:
            for number, (version_id, made) in enumerate(renditions.items(), 1):
                with self.db.writing() as session:
                    bulletins.submit(session, version_id, actor=self.world.writer, clock=self.clock)
                    bulletins.approve(
                        session,
                        version_id,
                        actor=self.world.approver,
                        clock=self.clock,
                        sha256s=[one.sha256 for one in made.values()],
                        fallback_permitted=self.server.settings.fallback_voices_permitted,
                    )
                done(number)

    def _programme(self, spot: BulletinVersion) -> tuple[str, int]:
        with self.db.writing() as session:
            programme = programmes.create(
                session,
                title="Chương trình trình diễn",
                items=[programmes.Chime(), spot.id],
                studio=self.server.studio,
                actor=self.world.writer,
                clock=self.clock,
            )
            duration_ms = programmes.duration_ms(session, programme.id)
        if duration_ms > PROGRAMME_MAX_MS:
            raise Invalid(what=f"chương trình trình diễn dài {duration_ms} ms, tối đa {PROGRAMME_MAX_MS} / too long")
        return programme.id, duration_ms

    def _schedule(self, programme_id: str, duration_ms: int, airs_in: timedelta) -> tuple[str, datetime]:
        settings = self.server.settings
        now = self.clock.now()
        local = (now + airs_in).astimezone(settings.zone).replace(microsecond=0)
        rule = Rule(
            kind="once", first_date=local.date(), last_date=None, local_time=local.time(), zone=settings.timezone
        )
        with self.db.writing() as session:
            schedule = timetable.add(
                session,
                title="Trình diễn: từ văn bản đến loa",
                programme_id=programme_id,
                rule=rule,
                targets=Targets(tuple(unit.id for unit in self.world.communes)),
                duration_ms=duration_ms,
                actor=self.world.writer,
                clock=self.clock,
            )
            made = timetable.materialise(
                session, now=now, until=now + timedelta(days=settings.airing_days), schedule_ids=[schedule.id]
            )
            delivery.request_for_airings(session, made, now)
            return made[0].id, made[0].starts_at


def texts_for(parsed: ParsedDispatch) -> Iterator[Text]:
    """The shipped bulletins where the dispatch is about their subject, otherwise drafts from its own words."""
    if drafting.samples_fit(parsed):
        for sample in samples.bulletins():
            if not sample.blanks:  # what a commune has to fill in first can't be spoken yet
                yield Text(sample.title, sample.text, drafted=False, sample=sample)
        spot = samples.spot()
        yield Text(spot.title, spot.text, drafted=False, spot=True, sample=spot)
        return
    for draft in drafting.draft(parsed):
        yield Text(draft.title, draft.text, drafted=True, spot=draft.spot)
