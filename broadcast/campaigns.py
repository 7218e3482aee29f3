"""Campaigns (đợt tuyên truyền): a dispatch, a window of days, the units and the languages it is for.

Dates are local and inclusive. Without dates of its own a campaign has the window that its dispatch's text sets, unless
that is over. Without such a window it stands around its day of observance by our own rule, which no regulation
prescribes: from 15 days before the next such day to 3 days after it, never before today. Within those 3 days it is
still this year's campaign; later it is the next year's. A 29 February falls on the 28th otherwise. A dispatch that
names no such day is spoken about for 15 days from today: an assumption, and `window_for` says so. Whoever makes the
campaign can say otherwise.
"""

from __future__ import annotations

import calendar
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from broadcast import dispatches
from broadcast.dispatch_facts import ParsedDispatch
from broadcast.tables import Campaign, Dispatch
from core import units
from core.clock import Clock
from core.errors import NotFound, TruyenThanhError
from core.events import Actor, record
from core.languages import is_language

DAYS_BEFORE = 15
DAYS_AFTER = 3
DAYS_WITHOUT_OBSERVANCE = 15
DAYS_MAX = 366
TITLE_MAX = 300
VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


log = logging.getLogger(__name__)


class CampaignInvalid(TruyenThanhError):
    slug = "campaign-invalid"
    status = 422
    vi = "Chưa lập được đợt tuyên truyền: {problem_vi}."
    en = "The campaign can't be made: {problem_en}."


@dataclass(frozen=True, slots=True)
class Window:
    """First and last day, both inclusive, and where they come from.

    "given": whoever made the campaign; "text": as the dispatch writes it; "observance": around the day it names;
    "assumed": our own default. `over`: the window that the text sets, where it is not taken because it has passed.
    """

    first: date
    last: date
    source: Literal["given", "text", "observance", "assumed"]
    over: tuple[date, date] | None = None

    def remark(self, language: str = "vi") -> str:
        """What to tell beside dates that nobody wrote, in `vi` or `en`; "" where somebody did."""
        if self.source in {"given", "text"}:
            return ""
        vi, en = "tự đặt", "chosen by the system"
        if self.source == "observance":
            vi, en = "đặt quanh ngày hưởng ứng", "set around the day of observance"
        if self.over:
            first, last = (f"{day:%d/%m/%Y}" for day in self.over)
            return (
                f"{vi}, thời gian nêu trong văn bản ({first} – {last}) đã qua"
                if language == "vi"
                else f"{en}, the dispatch's own window ({self.over[0]} – {self.over[1]}) is over"
            )
        return f"{vi}, văn bản không nêu" if language == "vi" else f"{en}, the dispatch names none"


def window_for(dispatch: Dispatch | ParsedDispatch, today: date) -> Window:
    """The window of a campaign made from this dispatch today, if nobody says otherwise. A window as the text writes it
    may have begun before today.
    """
    written = dispatch.window if isinstance(dispatch, ParsedDispatch) else dispatches.parse(dispatch.text).window
    if written is not None and written[1] >= today:
        return Window(*written, "text")
    if dispatch.observance_day is None or dispatch.observance_month is None:
        return Window(today, today + timedelta(days=DAYS_WITHOUT_OBSERVANCE - 1), "assumed", written)
    around = window_around(dispatch.observance_day, dispatch.observance_month, today)
    return Window(*around, "observance", written)


def window_around(day: int, month: int, today: date) -> tuple[date, date]:
    """First and last date of a campaign around a yearly day of observance, by the rule above."""
    year = today.year
    if _in_year(day, month, year) + timedelta(days=DAYS_AFTER) < today:
        year += 1
    observed = _in_year(day, month, year)
    return max(observed - timedelta(days=DAYS_BEFORE), today), observed + timedelta(days=DAYS_AFTER)


def _in_year(day: int, month: int, year: int) -> date:
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def create_campaign(
    session: Session,
    *,
    title: str = "",
    dispatch_id: str | None = None,
    first_date: date | None = None,
    last_date: date | None = None,
    unit_ids: Sequence[str],
    languages: Sequence[str] = ("vi",),
    actor: Actor,
    clock: Clock,
    zone: tzinfo = VIETNAM,
) -> Campaign:
    """Make a campaign. Without a title it has the dispatch's subject, without dates the one of `window_for`;
    the event says where its window comes from.

    Raises CampaignInvalid with the first thing to mend, NotFound for a dispatch or a unit that isn't there.
    """
    dispatch = dispatches.get(session, dispatch_id) if dispatch_id is not None else None
    today = clock.now().astimezone(zone).date()
    window = _window(first_date, last_date, dispatch, today)
    campaign = Campaign(
        dispatch_id=dispatch_id,
        title=_title(title, dispatch),
        first_date=window.first,
        last_date=window.last,
        unit_ids=_units(session, unit_ids),
        languages=_languages(languages),
        created_by=actor.id,
        created_at=clock.now(),
    )
    session.add(campaign)
    session.flush()
    record(
        session,
        "user:campaign:created",
        actor=actor,
        at=campaign.created_at,
        subject=("campaign", campaign.id),
        dispatch=dispatch_id,
        first_date=window.first.isoformat(),
        last_date=window.last.isoformat(),
        window_source=window.source,
        window_over=[day.isoformat() for day in window.over] if window.over else None,
        units=campaign.unit_ids,
        languages=campaign.languages,
    )
    log.info("campaign created", extra={"campaign": campaign.id})
    return campaign


def get(session: Session, campaign_id: str) -> Campaign:
    campaign = session.get(Campaign, campaign_id)
    if campaign is None:
        raise NotFound(what="đợt tuyên truyền / campaign", id=campaign_id)
    return campaign


def _title(title: str, dispatch: Dispatch | None) -> str:
    given = " ".join(title.split())
    if not given and dispatch is not None and dispatch.subject:
        given = dispatch.subject[:1].upper() + dispatch.subject[1:]
        return given if len(given) <= TITLE_MAX else given[: TITLE_MAX - 1].rstrip() + "…"
    if not given:
        raise _invalid("chưa có tên đợt", "it has no title")
    if len(given) > TITLE_MAX:
        raise _invalid(f"tên đợt dài quá {TITLE_MAX} ký tự", f"its title is longer than {TITLE_MAX} characters")
    return given


def _window(first: date | None, last: date | None, dispatch: Dispatch | None, today: date) -> Window:
    if first is None and last is None:
        if dispatch is None:
            raise _invalid("chưa có ngày đầu và ngày cuối", "it has neither a dispatch nor a first and a last date")
        return window_for(dispatch, today)
    if first is None or last is None:
        raise _invalid("phải có cả ngày đầu và ngày cuối", "it needs both a first and a last date")
    if last < first:
        raise _invalid(
            f"ngày cuối {last:%d/%m/%Y} trước ngày đầu {first:%d/%m/%Y}", f"it ends ({last}) before it begins ({first})"
        )
    if last < today:
        raise _invalid(f"ngày cuối {last:%d/%m/%Y} đã qua", f"its last date {last} is over")
    if (last - first).days >= DAYS_MAX:
        raise _invalid(f"đợt dài quá {DAYS_MAX} ngày", f"it is longer than {DAYS_MAX} days")
    return Window(first, last, "given")


def _units(session: Session, unit_ids: Sequence[str]) -> list[str]:
    wanted = list(dict.fromkeys(unit_ids))
    if not wanted:
        raise _invalid("chưa chọn đơn vị hành chính nào", "no unit is chosen")
    for unit_id in wanted:
        units.get(session, unit_id)
    return wanted


def _languages(languages: Sequence[str]) -> list[str]:
    wanted = list(dict.fromkeys(languages))
    if not wanted:
        raise _invalid("chưa chọn ngôn ngữ nào", "no language is chosen")
    for language in wanted:
        if not is_language(language):
            raise _invalid(f"mã ngôn ngữ “{language}” không đúng, ví dụ đúng: vi, tyz, nut", f"“{language}” is no code")
    return wanted


def _invalid(vi: str, en: str) -> CampaignInvalid:
    return CampaignInvalid(problem_vi=vi, problem_en=en)
