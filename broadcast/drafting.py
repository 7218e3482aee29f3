"""Bulletins drafted from a dispatch, for subjects that no shipped bulletin is about.

They are made of the dispatch's own words only: its subject, then what it asks for, clause by clause, nothing added but
full stops and capitals. So they say no more than it says, and no better: each is marked as drafted, in its title too,
and waits for somebody to write it anew before it is approved.

How it goes: sections that concern offices only (reports, funds) come last; the points of the others are taken in order,
whole clauses at a time, into at most four bulletins of some 40 seconds, each beginning with the subject; a fifth is a
message of at most 15 seconds. Clauses that cite documents are left out where others are left, clauses with a blank to
fill in always, and one is cut into its phrases only where there is no shorter one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from broadcast.bulletin_rules import blanks
from broadcast.dispatch_facts import Demand, ParsedDispatch, tidy
from broadcast.samples import samples_fit

__all__ = ["DraftBulletin", "draft", "estimated_seconds", "samples_fit"]

LONG_MAX = 4
SYLLABLES_A_SECOND = 2.5  # the offline voice at 125 words a minute with its pauses: measured 2.5 to 2.8
LONG_SECONDS = 40.0
SHORT_SECONDS = 12.0  # the promise is 15: room for a slower voice
_CLAUSE_SECONDS = LONG_SECONDS / 2
_SPOT_WORDS = 15
TITLE_MARK = "Soạn từ văn bản"
_TITLE_SUBJECT_MAX = 120

_FOR_OFFICES = re.compile(
    r"báo cáo|kinh phí|tổ chức thực hiện|phân công|trách nhiệm|hình thức|yêu cầu|mục đích|cách làm|chế độ",
    re.IGNORECASE,
)
_REPORTING = re.compile(r"báo cáo (?:kết quả|về)|gửi báo cáo|gửi về|^(?:báo cáo|tổng hợp|giao)\s|^gửi\s", re.IGNORECASE)
_CITED = re.compile(r"\d\s?[/-]\s?[A-ZĐ]{2}")  # "48-CT/TW": of no use to a listener
_CLAUSE_END = re.compile(r"(?<=[.;!?])\s+(?=\S)")
_PHRASE_END = re.compile(r"(?<!hòng),\s+(?=\S)|\s+[-–—]\s+|\s+(?=và\s)|\s+(?=“)|:\s+|\s+(?=\()")  # not "phòng, chống"


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
    clauses = _clauses(parsed)
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


def _clauses(parsed: ParsedDispatch) -> list[str]:
    """What there is to say, clause by clause, for listeners first; the best kind of clause of which there is any."""
    public = [d for d in parsed.demands if not _FOR_OFFICES.search(d.heading)]
    rest = [d for d in parsed.demands if _FOR_OFFICES.search(d.heading)]
    texts = [text for demand in public for text in _points(demand)]
    if sum(map(estimated_seconds, texts)) < LONG_SECONDS:
        texts += [text for demand in rest for text in _points(demand)]
    if not texts:
        texts = list(parsed.paragraphs)
    clauses = [clause for text in texts for clause in _CLAUSE_END.split(tidy(text)) if clause and not blanks(clause)]
    whole = [clause for clause in clauses if estimated_seconds(clause) <= _CLAUSE_SECONDS]
    for kind in ([c for c in whole if not _CITED.search(c)], whole, [p for c in clauses for p in _phrases(c)]):
        if kind:
            return [_sentence(clause) for clause in kind]
    return []


def _points(demand: Demand) -> list[str]:
    points = [point for point in demand.points if not _REPORTING.search(point)]
    # A heading without points ("1. Chủ tịch UBND các xã chủ động …") is itself what is asked for; NỘI DUNG is not.
    heading = demand.heading
    if demand.points or heading.isupper() or heading.endswith(":") or _REPORTING.search(heading):
        return points
    return [heading] if heading else []


def _phrases(clause: str) -> list[str]:
    """The phrases of a clause that is longer than a bulletin bears."""
    cuts = [0, *(match.end() for match in _PHRASE_END.finditer(clause)), len(clause)]
    phrases = [clause[start:end] for start, end in pairwise(cuts)]
    return [phrase for phrase in phrases if len(phrase.split()) >= 4 and estimated_seconds(phrase) <= _CLAUSE_SECONDS]


def _filled(lead: str, clauses: Sequence[str]) -> list[str]:
    """The long bulletins: the subject, then the clauses in order, spread evenly; two at least where there are two."""
    if not clauses:
        return [lead] if lead else []
    room = LONG_SECONDS - (estimated_seconds(lead) if lead else 0.0)
    seconds = [estimated_seconds(clause) for clause in clauses]
    count = min(max(2, math.ceil(sum(seconds) / max(room, _CLAUSE_SECONDS))), LONG_MAX, len(clauses))
    kept = _that_fit(clauses, seconds, count * max(room, _CLAUSE_SECONDS))
    total = sum(seconds[: len(kept)])
    bulletins: list[list[str]] = [[] for _ in range(count)]
    before = 0.0
    for clause, length in zip(kept, seconds, strict=False):
        # Where the middle of the clause lies on the whole says which bulletin it belongs to.
        bulletins[min(int((before + length / 2) / total * count), count - 1)].append(clause)
        before += length
    return [" ".join([lead, *sentences]).strip() for sentences in bulletins if sentences]


def _that_fit(clauses: Sequence[str], seconds: Sequence[float], room: float) -> Sequence[str]:
    for at, used in enumerate(accumulate(seconds)):
        if used > room and at > 0:
            return clauses[:at]
    return clauses


def _short(lead: str, clauses: Sequence[str]) -> str:
    """The subject, or as much of it as makes sense in the time, or else the shortest clause."""
    for text in (lead, *_openings(lead), *sorted(clauses, key=estimated_seconds)[:1]):
        if text and estimated_seconds(text) <= SHORT_SECONDS:
            return _sentence(text)
    opening = next((text for clause in clauses for text in _openings(clause)), "")
    # A text of one endless phrase is cut by its length: a draft that shows what it is beats none.
    return opening or _sentence(" ".join((lead or " ".join(clauses[:1])).split()[:_SPOT_WORDS]))


def _openings(text: str) -> list[str]:
    """What the text begins with, up to the end of a phrase, the longest first, in the time of a short message."""
    cuts = [match.start() for match in _PHRASE_END.finditer(text)]
    openings = [text[:cut] for cut in reversed(cuts)]
    return [
        _sentence(opening)
        for opening in openings
        if estimated_seconds(opening) <= SHORT_SECONDS
        and opening.count("“") == opening.count("”")
        and opening.count("(") == opening.count(")")
        and len(opening.split()) >= 4
    ]


def _sentence(text: str | None) -> str:
    """The same words as a sentence: a capital in front, a full stop behind."""
    words = tidy(text or "").removesuffix("./.").rstrip(" ,;:./-–")
    if not words:
        return ""
    return words[0].upper() + words[1:] + ("" if words[-1] in "!?" else ".")


def _title(subject: str, part: str) -> str:
    shown = subject if len(subject) <= _TITLE_SUBJECT_MAX else subject[: _TITLE_SUBJECT_MAX - 1].rstrip() + "…"
    return f"{TITLE_MARK} ({part}): {shown}" if shown else f"{TITLE_MARK} ({part})"
