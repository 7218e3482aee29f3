"""Bulletins drafted from a dispatch, for subjects that no shipped bulletin is about.

They are made of the dispatch's own words only: its subject, then what it asks for, clause by clause, nothing added but
full stops and capitals. So they say no more than it says, and no better: each is marked as drafted, in its title too,
and waits for somebody to write it anew before it is approved. What isn't Vietnamese (with its marks: without them
nothing can be read out) is left out; where nothing is left, or too little, `draft` says so.

How it goes: sections that concern offices only (reports, funds) come last; the points of the others are taken in order,
whole clauses at a time, into at most four bulletins of some 40 seconds, each beginning with the subject; a fifth is a
message of at most 15 seconds. Clauses that cite documents are left out where others are left, clauses with a blank to
fill in always, and one is cut into its phrases only where there is no shorter one.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from audio.reading import letters
from broadcast.bulletin_rules import blanks
from broadcast.dispatch_facts import Demand, ParsedDispatch, tidy
from broadcast.samples import samples_fit
from core.errors import TruyenThanhError

__all__ = ["DraftBulletin", "NothingToDraft", "draft", "estimated_seconds", "samples_fit"]

LONG_MAX = 4
SYLLABLES_A_SECOND = 2.5  # the offline voice at its own rate with its pauses: measured 2.5 to 2.8
LONG_SECONDS = 40.0
SHORT_SECONDS = 12.0  # the promise is 15: room for a slower voice
_CLAUSE_SECONDS = LONG_SECONDS / 2
_SPOT_WORDS = 15
SYLLABLES_MIN = 6  # less says nothing to a listener
_VIETNAMESE_SHARE = 0.5  # of words that are well-formed syllables; of English ones a quarter is
_MARKED_SHARE = 0.2  # of words with a mark of Vietnamese; of Vietnamese text it is some four fifths
TITLE_MARK = "Soạn từ văn bản"
_TITLE_SUBJECT_MAX = 120
_ABBREVIATION_MAX = 8

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


class NothingToDraft(TruyenThanhError):
    slug = "nothing-to-draft"
    status = 422
    vi = "Văn bản {lack} để soạn bản tin. Hãy dùng văn bản tiếng Việt có dấu, nêu rõ điều cần tuyên truyền."
    en = "The dispatch {lack} to draft a bulletin from. Use one in Vietnamese, with its marks, that says what to tell."


def draft(parsed: ParsedDispatch) -> list[DraftBulletin]:
    """Up to four bulletins and a short one, in the dispatch's own words, no two the same.

    Where all there is fits the short one, that is the only one. Raises NothingToDraft for a text that is not Vietnamese
    or says too little.
    """
    if not _vietnamese(" ".join([parsed.subject or "", *parsed.paragraphs]), marked_always=True):
        raise NothingToDraft(lack="không có nội dung tiếng Việt / has nothing in Vietnamese")
    lead = _sentence(parsed.subject) if parsed.subject and not blanks(parsed.subject) else ""
    lead = lead if _vietnamese(lead) else ""
    clauses = [clause for clause in dict.fromkeys(_clauses(parsed)) if clause != lead]
    if not lead and len(clauses) == len(parsed.paragraphs) == 1:
        lead = clauses.pop()  # a text of one line is its own subject
    texts = _long_enough(lead, _filled(clauses, lead))
    short = _short(lead, clauses, texts)
    if not short:
        raise NothingToDraft(lack="có quá ít nội dung tiếng Việt / says too little in Vietnamese")
    texts = [text for text in texts if text != short]
    subject = lead.rstrip(".") or (clauses[0].rstrip(".") if clauses else "")
    drafts = [
        DraftBulletin(_title(subject, f"bài {at} trên {len(texts)}"), text, spot=False)
        for at, text in enumerate(texts, start=1)
    ]
    return [*drafts, DraftBulletin(_title(subject, "lời nhắn ngắn"), short, spot=True)]


def _vietnamese(text: str, *, marked_always: bool = False) -> bool:
    """Whether at least half of the words are syllables of Vietnamese, and some bear its marks (of six words at least).

    Abbreviations and whatever holds digits count neither way.
    """
    folded = [(word, letters.fold(word)) for word in re.findall(r"[^\W\d_]+", unicodedata.normalize("NFC", text))]
    syllables = [one for word, one in folded if one == word.lower() and letters.is_syllable(one)]
    others = [word for word, one in folded if not (one == word.lower() and letters.is_syllable(one))]
    words = len(syllables) + sum(not (word.isupper() and len(word) <= _ABBREVIATION_MAX) for word in others)
    marked = sum(not one.isascii() for one in syllables)
    if not syllables or len(syllables) < words * _VIETNAMESE_SHARE:
        return False
    return (words < SYLLABLES_MIN and not marked_always) or marked >= words * _MARKED_SHARE


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
    cut = [clause for text in texts for clause in _CLAUSE_END.split(tidy(text))]
    clauses = [clause for clause in cut if clause and not blanks(clause) and _vietnamese(clause)]
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


def _filled(clauses: Sequence[str], lead: str) -> list[list[str]]:
    """The clauses of each long bulletin, in order, spread evenly; two at least where there are two clauses."""
    if not clauses:
        return [[]]
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
    return [sentences for sentences in bulletins if sentences]


def _long_enough(lead: str, bulletins: Sequence[Sequence[str]]) -> list[str]:
    """The texts, each beginning with the subject; what is too short for one goes on with the next or the one before."""
    whole: list[list[str]] = []
    pending: list[str] = []
    for sentences in bulletins:
        pending = [*pending, *sentences]
        if _syllables(" ".join([lead, *pending])) >= SYLLABLES_MIN:
            whole.append(pending)
            pending = []
    if pending and whole:
        whole[-1] = [*whole[-1], *pending]
    return list(dict.fromkeys(" ".join([lead, *sentences]).strip() for sentences in whole))


def _syllables(text: str) -> int:
    return len(re.findall(r"[^\W\d_]+", text))


def _that_fit(clauses: Sequence[str], seconds: Sequence[float], room: float) -> Sequence[str]:
    for at, used in enumerate(accumulate(seconds)):
        if used > room and at > 0:
            return clauses[:at]
    return clauses


def _short(lead: str, clauses: Sequence[str], texts: Sequence[str]) -> str:
    """The subject, or as much of it as makes sense in the time, or else the shortest clause; "" if there is nothing.

    Rather one that isn't a long bulletin already.
    """
    by_length = sorted(clauses, key=estimated_seconds)
    candidates = [lead, *_openings(lead), *by_length[:1]]
    candidates += [opening for clause in clauses for opening in _openings(clause)]
    candidates += [*by_length, *(f"{lead} {clause}" for clause in by_length if lead), *texts]
    fitting = [
        _sentence(text)
        for text in candidates
        if _syllables(text) >= SYLLABLES_MIN and estimated_seconds(text) <= SHORT_SECONDS
    ]
    if fitting:
        return next((text for text in fitting if text not in texts), fitting[0])
    # A text of one endless phrase is cut by its length: a draft that shows what it is beats none.
    return _sentence(" ".join(texts[0].split()[:_SPOT_WORDS])) if texts else ""


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
