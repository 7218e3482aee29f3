"""The way through: prepare, rules, what is left to words and marks, one spoken form.

1. Each rule in turn claims the stretches of the prepared text that it can read; what is claimed stays claimed.
2. What is left is cut into words and marks (`words`). Words that are Vietnamese are said as they stand, in lower
   case; what nobody knows is a guess and a doubt with its place.
3. Words and marks are put together: only letters, the marks , . ? ! and line breaks.

Reading a spoken form changes nothing: it holds lower-case words with a vowel and marks followed by a space or a line
break, and no rule matches those.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from audio.reading import misprints
from audio.reading.model import CERTAINTY, Doubt, Lexicon, Reading, Rule, Said, Span
from audio.reading.prepare import Prepared, prepare
from audio.reading.rules import ALL
from audio.reading.starts import starts_in
from audio.reading.words import Piece, pieces_of, settled

_STRENGTH: Final = {",": 1, ".": 2, "!": 3, "?": 4}
_LETTER: Final = re.compile(r"[^\W\d_]")


def read(written: str, lexicon: Lexicon | None = None) -> Reading:
    """A written text in spoken form. Never raises; what can't be read is left out and named.

    What `lexicon` claims comes before every rule, and is certain.
    """
    prepared = prepare(written)
    pieces: list[Piece] = []
    at = 0
    for claim in _claims(prepared.text, lexicon):
        pieces += pieces_of(prepared.text, at, claim.start)
        pieces.append(claim)
        at = claim.end
    pieces += pieces_of(prepared.text, at, len(prepared.text))
    for piece in pieces:
        if piece.kind is not None:
            piece.spoken = settled(piece.spoken)
    spans, doubts = _facts(written, prepared, pieces)
    doubts += _doubled(written, prepared, pieces)
    return Reading(_put_together(pieces), tuple(spans), tuple(sorted(doubts, key=lambda doubt: doubt.offset)))


def _claims(text: str, lexicon: Lexicon | None) -> list[Piece]:
    taken = bytearray(len(text))
    claims = [] if lexicon is None else _claims_of_lexicon(lexicon, text, taken)
    starts = starts_in(text)
    for rule in ALL:
        claims += _claims_of(rule, text, taken, starts[rule.begins] if rule.begins else None)
    return sorted(claims, key=lambda claim: claim.start)


def _claims_of_lexicon(lexicon: Lexicon, text: str, taken: bytearray) -> list[Piece]:
    """What a lexicon reads; a stretch outside the text, taken already or without a word to say is passed over."""
    claims: list[Piece] = []
    for start, end, spoken in lexicon.claims(text):
        if not 0 <= start < end <= len(text) or 1 in taken[start:end] or not _LETTER.search(spoken):
            continue
        taken[start:end] = b"\x01" * (end - start)
        claims.append(Piece(start, end, "lexicon", spoken))
    return claims


def _claims_of(rule: Rule, text: str, taken: bytearray, starts: Sequence[int] | None) -> list[Piece]:
    claims: list[Piece] = []
    at = 0
    while match := rule.pattern.search(text, at) if starts is None else _match_from(rule, text, starts, at):
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
        claims.append(Piece(start, end, rule.kind, said.spoken, said.doubt, said.suggestions, certainty))
    return claims


def _match_from(rule: Rule, text: str, starts: Sequence[int], at: int) -> re.Match[str] | None:
    match = rule.pattern.match
    for index in range(bisect_left(starts, at), len(starts)):
        if found := match(text, starts[index]):
            return found
    return None


_SPOKEN_PART: Final = re.compile(r"[^\W\d_]+|[,.?!]|\n")


def _put_together(pieces: list[Piece]) -> str:
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


def _facts(written: str, prepared: Prepared, pieces: list[Piece]) -> tuple[list[Span], list[Doubt]]:
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
            offers = [settled(one) for one in piece.suggestions]
            suggestions = tuple(dict.fromkeys([said, *offers])) if offers else ()
            doubts.append(Doubt(piece.doubt, original.strip(), said, offset, line, suggestions))
    return spans, doubts


def _doubled(written: str, prepared: Prepared, pieces: list[Piece]) -> list[Doubt]:
    """Words that stand twice in a row, of those that are said as they were written."""
    doubts: list[Doubt] = []
    row: list[Piece] = []
    for piece in [*pieces, None]:
        if piece is not None and piece.kind is None and piece.spoken.isalpha():
            row.append(piece)
            continue
        if piece is not None and piece.kind in _COUNTS and [one.spoken for one in row[-2:]] == ["ngày", "ngày"]:
            doubts.append(_twice(written, prepared, row[-2:], 1))  # "ngày ngày" is a word, before a date it is none
        for first, count in misprints.doubled([one.spoken for one in row]):
            doubts.append(_twice(written, prepared, row[first : first + 2 * count], count))
        row = []
    return doubts


_COUNTS: Final = {"date", "number"}


def _twice(written: str, prepared: Prepared, pieces: list[Piece], count: int) -> Doubt:
    offset, end = prepared.origin[pieces[0].start], prepared.origin[pieces[-1].end]
    said, once = (" ".join(one.spoken for one in part) for part in (pieces, pieces[:count]))
    return Doubt("doubled", written[offset:end], said, offset, written.count("\n", 0, offset) + 1, (once, said))
