"""What a reading is made of, and what a rule is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

Kind = Literal[
    "document", "date", "time", "phone", "money", "number", "unit", "roman", "abbreviation", "web", "markup",
    "foreign", "letter", "symbol", "lexicon",
]  # fmt: skip

DoubtKind = Literal["abbreviation", "foreign", "number", "date", "impossible", "doubled", "dropped", "blank"]

_DOUBTS_VI: Final[dict[DoubtKind, str]] = {
    "abbreviation": "chữ viết tắt chưa biết, tạm đọc là “{spoken}”",
    "foreign": "từ không phải tiếng Việt, tạm đọc là “{spoken}”",
    "number": "có thể là số điện thoại để gọi hoặc là số lượng, tạm đọc là “{spoken}”",
    "date": "có thể là một ngày hoặc là số khác, tạm đọc là “{spoken}”",
    "impossible": "không có ngày hay giờ như vậy, có thể do gõ nhầm; tạm đọc là “{spoken}”",
    "doubled": "hai từ giống nhau đứng liền nhau, có thể do gõ nhầm; đọc đúng như đã viết",
    "dropped": "không đọc được, đã bỏ qua",
    "blank": "còn để trống chỗ cần điền",
}
_DOUBTS_EN: Final[dict[DoubtKind, str]] = {
    "abbreviation": "an unknown abbreviation, read “{spoken}” for now",
    "foreign": "not a Vietnamese word, read “{spoken}” for now",
    "number": "either a number to call or a count, read “{spoken}” for now",
    "date": "either a date or another number, read “{spoken}” for now",
    "impossible": "there is no such day or hour, perhaps a misprint; read “{spoken}” for now",
    "doubled": "the same word twice in a row, perhaps a misprint; read as it is written",
    "dropped": "can't be read and was left out",
    "blank": "has a blank that is to be filled in",
}


# Where the matches of a rule begin: a run of digits, or `số` before it; a word of letters and digits; a word of
# capitals (of one, where no small letter follows); one or two words before a run of digits or a Roman number; a stroke,
# or the sign before it.
Begins = Literal["digit", "numbered", "joined", "capital", "before digit", "before roman", "stroke"]

# How sure a reading is where nothing but its doubt says so.
CERTAINTY: Final[dict[DoubtKind | None, float]] = {
    None: 1.0, "number": 0.5, "date": 0.5, "impossible": 0.5, "doubled": 0.5,
    "abbreviation": 0.3, "foreign": 0.3, "dropped": 0.0, "blank": 0.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the written text that is read otherwise than it stands. `offset` counts characters of the text.

    `certainty` says how sure the reading is: 1, there is no other (a lexicon, a table, a form that means one thing);
    0.9, what stands around decided between several; 0.5, one of two readings; 0.3,
    a guess; 0, nothing was said for it. At 0.5 and below there is a `Doubt` with the same place.
    """

    written: str
    spoken: str
    kind: Kind
    offset: int
    certainty: float = 1.0


@dataclass(frozen=True, slots=True)
class Doubt:
    """A place where the reading is a guess. Lines count from 1. `suggestions` are readings to choose from."""

    kind: DoubtKind
    written: str
    spoken: str
    offset: int
    line: int
    suggestions: tuple[str, ...] = ()

    def text(self, language: str = "vi") -> str:
        """The doubt in `vi` or `en`, with its line; without a full stop: “dòng 2: “XYZW” – chữ viết tắt …”."""
        why = (_DOUBTS_VI if language == "vi" else _DOUBTS_EN)[self.kind].format(spoken=self.spoken)
        return f"{'dòng' if language == 'vi' else 'line'} {self.line}: “{self.written}” – {why}"


class Lexicon(Protocol):
    """Readings of a place's own: names of villages, people, firms. They come before every rule.

    `claims` is given the prepared text (composed letters, one kind of dash, quote and space) and names stretches of it
    with their reading, in spoken form. Of stretches that overlap the first that is named holds.
    """

    def claims(self, text: str) -> Iterable[tuple[int, int, str]]:
        """Start, end (both in characters of `text`) and spoken form of each stretch that the lexicon reads."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """A text in spoken form: Vietnamese words, the marks , . ? ! and line breaks between paragraphs."""

    spoken: str
    spans: tuple[Span, ...]
    warnings: tuple[Doubt, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What a rule makes of a match: words and marks, perhaps with a doubt, perhaps of less than it matched."""

    spoken: str
    doubt: DoubtKind | None = None
    end: int | None = None  # where the part that was read ends; None: the whole match
    suggestions: tuple[str, ...] = ()  # other readings, for a doubt
    certainty: float | None = None  # None: what the doubt's kind says, 1 without one


Speak = Callable[[re.Match[str]], "str | Said | None"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern over the prepared text and its reading; None from `speak` leaves the match to later rules.

    A rule must not match what is already spoken form: lower-case words and marks with a space behind them. `begins`
    says where its matches begin, where that is known: the rule is tried at such places only, which is far faster.
    """

    kind: Kind
    pattern: re.Pattern[str]
    speak: Speak
    certainty: float = 1.0
    begins: Begins | None = None


BY_CONTEXT: Final = 0.9  # the certainty of a rule that decides by what stands around


def rule(
    kind: Kind,
    pattern: str,
    speak: Speak | str,
    flags: re.RegexFlag = re.NOFLAG,
    *,
    certainty: float = 1.0,
    begins: Begins | None = None,
) -> Rule:
    """A rule; a plain string for `speak` is what is always said. `MULTILINE` is on."""
    said = _always(speak) if isinstance(speak, str) else speak
    return Rule(kind, re.compile(pattern, flags | re.MULTILINE), said, certainty, begins)


def _always(text: str) -> Speak:
    return lambda _match: text


_CLAUSE_END: Final = re.compile(r"[.;?!]\s|\n")


def before(match: re.Match[str], reach: int = 40, group: int | str = 0) -> str:
    """What stands before a match in its sentence, in lower case, at most `reach` characters."""
    start = match.start(group)
    text = match.string[max(start - reach, 0) : start].lower()
    return _CLAUSE_END.split(text)[-1]


def after(match: re.Match[str], reach: int = 40) -> str:
    """What stands behind a match, in lower case, at most `reach` characters."""
    return match.string[match.end() : match.end() + reach].lower()
