"""The way through: prepare, rules, what is left to words and marks, the base for unknown words, one spoken form.

1. Each rule in turn claims the stretches of the prepared text that it can read; what is claimed stays claimed.
2. What is left is cut into words and marks. Words that are Vietnamese are said as they stand, in lower case.
3. Unknown words go to the base, clause by clause, and each is a doubt with its place.
4. Words and marks are put together: only letters, the marks , . ? ! and line breaks.

Reading a spoken form changes nothing: it holds lower-case words with a vowel and marks followed by a space or a line
break, and no rule matches those.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from audio.reading import abbreviations, base, letters, misprints
from audio.reading.model import CERTAINTY, Doubt, DoubtKind, Kind, Lexicon, Reading, Rule, Said, Span
from audio.reading.prepare import Prepared, prepare
from audio.reading.rules import ALL

_TOKEN: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|\n+|\s+|.", re.DOTALL)
_MARKS: Final = {
    ",": ",", ";": ",", ":": ",", "(": ",", ")": ",", "[": ",", "]": ",", "{": ",", "}": ",", "…": ",", "|": ",",
    "→": ",",
    ".": ".", "?": "?", "!": "!", "/": ",", "\\": ",", "•": ",", "·": ",",
}  # fmt: skip
_STRENGTH: Final = {",": 1, ".": 2, "!": 3, "?": 4}
_SAID_SIGNS: Final = {"&": "và", "@": "a còng", "°": "độ", "º": "độ", "$": "đô la", "€": "ơ rô", "§": "mục"}
_SILENT: Final = frozenset("\"'_*#^`~<>=+-|\u00ad")


@dataclass(slots=True)
class _Piece:
    """A claimed stretch, a word or a mark, between two places of the prepared text."""

    start: int
    end: int
    kind: Kind | None  # None: as it stands
    spoken: str
    doubt: DoubtKind | None = None
    unknown: bool = False  # for the base
    suggestions: tuple[str, ...] = ()
    certainty: float | None = None  # None: what the doubt says


def read(written: str, lexicon: Lexicon | None = None) -> Reading:
    """A written text in spoken form. Never raises; what can't be read is left out and named.

    What `lexicon` claims comes before every rule, and is certain.
    """
    prepared = prepare(written)
    pieces: list[_Piece] = []
    at = 0
    for claim in _claims(prepared.text, lexicon):
        pieces += _tokens(prepared.text, at, claim.start)
        pieces.append(claim)
        at = claim.end
    pieces += _tokens(prepared.text, at, len(prepared.text))
    _ask_base(prepared.text, pieces)
    for piece in pieces:
        piece.spoken = _WORD.sub(_settled, piece.spoken)
    spans, doubts = _facts(written, prepared, pieces)
    doubts += _doubled(written, prepared, pieces)
    return Reading(_put_together(pieces), tuple(spans), tuple(sorted(doubts, key=lambda doubt: doubt.offset)))


def _claims(text: str, lexicon: Lexicon | None) -> list[_Piece]:
    taken = bytearray(len(text))
    claims = [] if lexicon is None else _claims_of_lexicon(lexicon, text, taken)
    for rule in ALL:
        claims += _claims_of(rule, text, taken)
    return sorted(claims, key=lambda claim: claim.start)


def _claims_of_lexicon(lexicon: Lexicon, text: str, taken: bytearray) -> list[_Piece]:
    """What a lexicon reads; a stretch outside the text, taken already or without a word to say is passed over."""
    claims: list[_Piece] = []
    for start, end, spoken in lexicon.claims(text):
        if not 0 <= start < end <= len(text) or 1 in taken[start:end] or not _WORD.search(spoken):
            continue
        taken[start:end] = b"\x01" * (end - start)
        claims.append(_Piece(start, end, "lexicon", spoken))
    return claims


def _claims_of(rule: Rule, text: str, taken: bytearray) -> list[_Piece]:
    claims: list[_Piece] = []
    at = 0
    while match := rule.pattern.search(text, at):
        start, end = match.span()
        at = max(end, start + 1)
        if start == end:
            continue
        clash = taken.rfind(1, start, end)
        if clash >= 0:
            at = clash + 1
            continue
        answer = rule.speak(match)
        if answer is None:
            at = start + 1
            continue
        said = answer if isinstance(answer, Said) else Said(answer)
        end = said.end if said.end is not None else end
        taken[start:end] = b"\x01" * (end - start)
        at = end
        certainty = rule.certainty if said.certainty is None and said.doubt is None else said.certainty
        claims.append(_Piece(start, end, rule.kind, said.spoken, said.doubt, False, said.suggestions, certainty))
    return claims


def _tokens(text: str, start: int, end: int) -> list[_Piece]:
    pieces: list[_Piece] = []
    for match in _TOKEN.finditer(text, start, end):
        token = match.group()
        if token.isspace():
            if "\n" in token:
                pieces.append(_Piece(*match.span(), None, "\n"))
            continue
        pieces.append(_word(match) if token[0].isalpha() else _sign(match, text))
    return pieces


def _word(match: re.Match[str]) -> _Piece:
    word = match.group()
    folded = letters.fold(word)
    span = match.span()
    if not folded:
        return _Piece(*span, "symbol", "", "dropped")
    if folded in abbreviations.FOREIGN and abbreviations.FOREIGN[folded] != folded:
        return _Piece(*span, "foreign", abbreviations.FOREIGN[folded])
    if len(folded) == 1:
        said = letters.NAMES.get(folded, folded)
        return _Piece(*span, "letter" if said != folded else None, said)
    if letters.is_syllable(folded):
        return _Piece(*span, None, folded)
    if folded == word and letters.is_plain(folded):
        return _Piece(*span, "foreign", folded, "foreign", suggestions=(folded, letters.spell(folded)))
    return _Piece(*span, "base", folded, unknown=True)


def _sign(match: re.Match[str], text: str) -> _Piece:
    sign = match.group()
    span = match.span()
    if sign in _MARKS:
        return _Piece(*span, None, _MARKS[sign])
    if sign == "-":
        spaced = text[: span[0]][-1:].isspace() and text[span[1] :][:1].isspace()
        return _Piece(*span, None, "," if spaced else " ")
    if sign in _SAID_SIGNS:
        return _Piece(*span, "symbol", _SAID_SIGNS[sign])
    if sign in _SILENT or not sign.isalnum():
        return _Piece(*span, "symbol", "")
    return _Piece(*span, "symbol", "", "dropped")


def _ask_base(text: str, pieces: list[_Piece]) -> None:
    """Have the unknown words read, clause by clause."""
    clause: list[_Piece] = []
    for piece in [*pieces, None]:
        if piece is not None and not (piece.kind is None and piece.spoken in {*_STRENGTH, "\n"}):
            if piece.spoken.strip():
                clause.append(piece)
            continue
        if any(one.unknown for one in clause):
            _ask(text, clause)
        clause = []


def _ask(text: str, clause: list[_Piece]) -> None:
    words: list[tuple[str, bool]] = []
    for piece in clause:
        if piece.unknown:
            words.append((text[piece.start : piece.end], True))
        else:
            words += [(word, False) for word in re.findall(r"[^\W\d_]+", piece.spoken)]
    unknown = [piece for piece in clause if piece.unknown]
    for piece, reading in zip(unknown, base.in_clause(words), strict=True):
        written = text[piece.start : piece.end]
        said = [word if letters.is_plain(word) else letters.spell(word) for word in reading]
        piece.spoken = " ".join(said) or _by_ourselves(written)
        if written.isupper() and len(written) <= _SHORT and piece.spoken == letters.fold(written):
            piece.spoken = letters.spell(written)  # the base takes ABC for a word
        capitals = sum(letter.isupper() for letter in written) > 1
        spelled = all(word in _LETTER_WORDS for word in piece.spoken.split())
        if capitals and (spelled or abbreviations.expansions(written)):
            _guess(piece, written)
        else:
            known = all(letters.is_syllable(word) for word in piece.spoken.split())
            piece.doubt = "abbreviation" if capitals and known else "foreign"
            piece.certainty = _BY_THE_BASE if known else None
            piece.suggestions = tuple(dict.fromkeys((piece.spoken, letters.spell(written))))


# What the base's own dictionary makes words of and ours doesn't know.
_BY_THE_BASE: Final = 0.5


def _guess(piece: _Piece, written: str) -> None:
    """Capitals that nobody knows: as their parts where those are known, else by their letters."""
    spelled = letters.spell(written)
    parts = abbreviations.expansions(written)
    piece.doubt = "abbreviation"
    piece.suggestions = (*parts, spelled)
    piece.spoken = piece.suggestions[0]


_SHORT: Final = 5
# The words of which the names of letters are made, ours and the base's.
_LETTER_WORDS: Final = frozenset(" ".join(letters.NAMES.values()).split()) | {
    "sờ", "lờ", "mờ", "nờ", "rờ", "gờ", "cờ", "bờ", "tờ", "pờ", "phê", "quờ", "đúp", "qui", "el", "en", "em",
}  # fmt: skip


def _by_ourselves(written: str) -> str:
    folded = letters.fold(written)
    return folded if letters.is_plain(folded) and not written.isupper() else letters.spell(written)


_WORD: Final = re.compile(r"[^\W\d_]+")


def _settled(match: re.Match[str]) -> str:
    """A spoken word in the form that would be read as itself, whichever rule it came from."""
    word = letters.fold(match.group())
    if len(word) == 1:
        return letters.NAMES.get(word, word)
    return abbreviations.FOREIGN.get(word, word) if letters.is_plain(word) else letters.spell(word)


_SPOKEN_PART: Final = re.compile(r"[^\W\d_]+|[,.?!]|\n")


def _put_together(pieces: list[_Piece]) -> str:
    """Words one space apart; of several marks in a row the strongest; a sentence ends where a line ends."""
    out: list[str] = []
    mark = ""
    broken = False
    for said in (part for piece in pieces for part in _SPOKEN_PART.findall(piece.spoken)):
        if said == "\n":
            broken = True
        elif said in _STRENGTH:
            mark = said if _STRENGTH[said] > _STRENGTH.get(mark, 0) else mark
        else:
            if out:
                mark = "." if broken and mark in {"", ","} else mark
                out.append(f"{mark}\n" if broken else f"{mark} ")
            out.append(said)
            mark, broken = "", False
    if out and mark and mark != ",":
        out.append(mark)
    return "".join(out)


def _facts(written: str, prepared: Prepared, pieces: list[_Piece]) -> tuple[list[Span], list[Doubt]]:
    spans: list[Span] = []
    doubts: list[Doubt] = []
    for piece in pieces:
        if piece.kind is None:
            continue
        offset, end = prepared.origin[piece.start], prepared.origin[piece.end]
        said = " ".join(piece.spoken.split())
        original = written[offset:end]
        certainty = CERTAINTY[piece.doubt] if piece.certainty is None else piece.certainty
        spans.append(Span(original, said, piece.kind, offset, certainty))
        if piece.doubt:
            line = written.count("\n", 0, offset) + 1
            offers = [_WORD.sub(_settled, one) for one in piece.suggestions]
            suggestions = tuple(dict.fromkeys([said, *offers])) if offers else ()
            doubts.append(Doubt(piece.doubt, original.strip(), said, offset, line, suggestions))
    return spans, doubts


def _doubled(written: str, prepared: Prepared, pieces: list[_Piece]) -> list[Doubt]:
    """Words that stand twice in a row, of those that are said as they were written."""
    doubts: list[Doubt] = []
    row: list[_Piece] = []
    for piece in [*pieces, None]:
        if piece is not None and piece.kind is None and piece.spoken.isalpha():
            row.append(piece)
            continue
        for first, count in misprints.doubled([one.spoken for one in row]):
            offset, end = prepared.origin[row[first].start], prepared.origin[row[first + 2 * count - 1].end]
            said = " ".join(one.spoken for one in row[first : first + 2 * count])
            once = " ".join(one.spoken for one in row[first : first + count])
            line = written.count("\n", 0, offset) + 1
            doubts.append(Doubt("doubled", written[offset:end], said, offset, line, (once, said)))
        row = []
    return doubts
