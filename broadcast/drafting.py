"""Bulletins drafted from a dispatch, for subjects that no shipped bulletin is about.

They are made of the dispatch's own words only: its subject, then what it asks for, clause by clause, nothing added but
full stops and capitals. So they say no more than it says, and no better: each is marked as drafted, in its title too,
and waits for somebody to write it anew before it is approved.

How it goes: sections that concern offices only (reports, funds) come last; the points of the others are taken in order,
whole clauses at a time, into at most four bulletins of some 40 seconds, each beginning with the subject; a fifth is a
message of at most 15 seconds. A clause with a blank to fill in is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from broadcast.bulletin_rules import blanks
from broadcast.dispatch_facts import Demand, ParsedDispatch, tidy
from broadcast.samples import samples_fit

__all__ = ["DraftBulletin", "draft", "estimated_seconds", "samples_fit"]

LONG_MAX = 4
SYLLABLES_A_SECOND = 2.5  # the offline voice at 125 words a minute with its pauses: measured 2.5 to 2.8
LONG_SECONDS = 40.0
SHORT_SECONDS = 12.0  # the promise is 15: room for a slower voice
TITLE_MARK = "Soạn từ văn bản"
_TITLE_SUBJECT_MAX = 120

_FOR_OFFICES = re.compile(
    r"báo cáo|kinh phí|tổ chức thực hiện|phân công|trách nhiệm|hình thức|yêu cầu|mục đích|cách làm|chế độ",
    re.IGNORECASE,
)
_REPORTING = re.compile(r"^(?:gửi\s|báo cáo|tổng hợp|giao\s|chế độ)", re.IGNORECASE)
_CLAUSE_END = re.compile(r"(?<=[.;!?])\s+(?=\S)")
_PHRASE_END = re.compile(r",\s+(?=\S)|\s+[-–—]\s+|\s+(?=và\s)|\s+(?=“)|:\s+")


@dataclass(frozen=True, slots=True)
class DraftBulletin:
    """One drafted bulletin. `spot`: the message of at most 15 seconds, of which there is one at most."""

    title: str
    text: str
    spot: bool
    drafted_from_dispatch: bool = True


def draft(parsed: ParsedDispatch) -> list[DraftBulletin]:
    """Up to four bulletins and a short one, in the dispatch's own words; empty where it says nothing to use."""
    lead = _sentence(parsed.subject) if parsed.subject and not blanks(parsed.subject) else ""
    clauses = list(_clauses(parsed))
    texts = _filled(lead, clauses)
    subject = lead.rstrip(".") or (clauses[0].rstrip(".") if clauses else "")
    short = _short(lead, clauses)
    drafts = [
        DraftBulletin(_title(subject, f"bài {at} trên {len(texts)}"), text, spot=False)
        for at, text in enumerate(texts, start=1)
    ]
    if short:
        drafts.append(DraftBulletin(_title(subject, "lời nhắn ngắn"), short, spot=True))
    return drafts


def estimated_seconds(text: str) -> float:
    """About how long a text is when read aloud, in seconds; numbers and abbreviations count as they are spoken."""
    syllables = 0
    for token in re.findall(r"\w+", text):
        digits = sum(c.isdigit() for c in token)
        letters = len(token) - digits
        spelled = letters > 1 and token.isupper() and not re.search(r"[AEIOUYÀ-ỸĂÂÊÔƠƯ]", token)
        syllables += 2 * digits + (letters if spelled else min(letters, 1))
    return syllables / SYLLABLES_A_SECOND


def _clauses(parsed: ParsedDispatch) -> Iterator[str]:
    """What there is to say, clause by clause, for listeners first."""
    public = [d for d in parsed.demands if not _FOR_OFFICES.search(d.heading)]
    rest = [d for d in parsed.demands if _FOR_OFFICES.search(d.heading)]
    texts = [text for demand in public for text in _points(demand)]
    if sum(map(estimated_seconds, texts)) < LONG_SECONDS:
        texts += [text for demand in rest for text in _points(demand)]
    if not texts:
        texts = list(parsed.paragraphs)
    for text in texts:
        for clause in _CLAUSE_END.split(tidy(text)):
            yield from (_sentence(piece) for piece in _pieces(clause) if not blanks(piece))


def _points(demand: Demand) -> list[str]:
    points = [point for point in demand.points if not _REPORTING.match(point)]
    # A heading that is a sentence of its own ("1. Chủ tịch UBND các xã chủ động …") is what it asks for.
    return [demand.heading, *points] if len(demand.heading.split()) > 12 or not points else points


def _pieces(clause: str) -> Iterator[str]:
    """A clause, or where it is longer than a whole bulletin its phrases, put together up to that length."""
    limit = LONG_SECONDS / 2
    if estimated_seconds(clause) <= limit:
        yield clause
        return
    piece = ""
    for phrase in re.split(r"(?<=,)\s+", clause):
        longer = f"{piece} {phrase}".strip()
        if piece and estimated_seconds(longer) > limit:
            yield piece
            longer = phrase
        piece = longer
    if piece and estimated_seconds(piece) <= limit * 1.5:
        yield piece


def _filled(lead: str, clauses: Sequence[str]) -> list[str]:
    """The long bulletins: the subject, then as many clauses as fit, evenly over at least two where there are two."""
    if not clauses:
        return [lead] if lead else []
    room = LONG_SECONDS - (estimated_seconds(lead) if lead else 0.0)
    total = sum(map(estimated_seconds, clauses))
    if len(clauses) > 1 and total <= room:
        room = total / 2
    bulletins: list[list[str]] = [[]]
    used = 0.0
    for clause in clauses:
        seconds = estimated_seconds(clause)
        if bulletins[-1] and used + seconds > max(room, 8.0):
            if len(bulletins) == LONG_MAX:
                break
            bulletins.append([])
            used = 0.0
        bulletins[-1].append(clause)
        used += seconds
    return [" ".join([lead, *sentences]).strip() for sentences in bulletins]


def _short(lead: str, clauses: Sequence[str]) -> str:
    for whole in (lead, *sorted(clauses, key=estimated_seconds)[:1]):
        if whole and estimated_seconds(whole) <= SHORT_SECONDS:
            return whole
    longest = lead or (clauses[0] if clauses else "")
    cuts = [match.start() for match in _PHRASE_END.finditer(longest)]
    for cut in reversed(cuts):
        kept = longest[:cut]
        if estimated_seconds(kept) <= SHORT_SECONDS and kept.count("“") == kept.count("”") and len(kept.split()) >= 4:
            return _sentence(kept)
    return ""


def _sentence(text: str | None) -> str:
    """The same words as a sentence: a capital in front, a full stop behind."""
    words = tidy(text or "").removesuffix("./.").rstrip(" ,;:./-–")
    if not words:
        return ""
    return words[0].upper() + words[1:] + ("" if words[-1] in "!?" else ".")


def _title(subject: str, part: str) -> str:
    shown = subject if len(subject) <= _TITLE_SUBJECT_MAX else subject[: _TITLE_SUBJECT_MAX - 1].rstrip() + "…"
    return f"{TITLE_MARK} ({part}): {shown}" if shown else f"{TITLE_MARK} ({part})"
