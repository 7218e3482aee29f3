"""Dispatches (văn bản chỉ đạo): from a file to facts, and from facts to a row.

`decode` turns bytes into text or names what is wrong; `parse` reads the facts; `import_dispatch` stores them.
"""

from __future__ import annotations

import hashlib
import logging

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broadcast.dispatch_body import addressees, demands, observance, paragraphs, references
from broadcast.dispatch_facts import FACTS, Demand, ParsedDispatch, Reference, flatten, lines_of, tidy
from broadcast.dispatch_head import asking_issuer, head_of, issue_date, issuer_of, kind_and_subject, own_number
from broadcast.dispatch_window import window
from broadcast.encodings import check, decode
from broadcast.styled import plain_letters
from broadcast.tables import Dispatch
from core.clock import Clock
from core.errors import NotFound, TruyenThanhError
from core.events import Actor, record

__all__ = [
    "FACTS",
    "Demand",
    "Dispatch",
    "DispatchTooLong",
    "ParsedDispatch",
    "Reference",
    "decode",
    "get",
    "import_dispatch",
    "parse",
]

CHARACTERS_MAX = 400_000
_NUMBER_MAX = 100  # the width of its column

log = logging.getLogger(__name__)


class DispatchTooLong(TruyenThanhError):
    slug = "dispatch-too-long"
    status = 413
    vi = "Văn bản dài {length} ký tự, giới hạn là {limit}. Hãy bỏ phụ lục, chỉ giữ phần chỉ đạo."
    en = "The dispatch has {length} characters, the limit is {limit}. Drop its annexes."


def parse(text: str) -> ParsedDispatch:
    """The facts of a dispatch. Never raises; what it does not find it leaves empty and names in `missing`."""
    lines = lines_of(flatten(text))
    head = head_of(lines)
    kind, subject = kind_and_subject(head.cells)
    number, code = own_number(head.cells)
    issued_on, issued_text = issue_date(head.cells)
    issuer = issuer_of(head.cells)
    headless = not (subject or code or issued_text or issuer)  # plain prose: all of it is body
    body = [tidy(line) for line in lines[0 if headless else head.body_from :]]
    body_paragraphs = paragraphs(body)
    day, month = observance(subject, body_paragraphs) or (None, None)
    return ParsedDispatch(
        kind=kind,
        number=number if number is None or len(number) <= _NUMBER_MAX else None,
        code=code,
        issued_on=issued_on,
        issued_text=issued_text,
        issuer=issuer or asking_issuer(body_paragraphs),
        subject=subject,
        addressees=addressees(body, head.cells),
        observance_day=day,
        observance_month=month,
        window=window(subject, body_paragraphs, issued_on, issued_text),
        demands=demands(body),
        references=references(body_paragraphs),
        paragraphs=tuple(body_paragraphs),
    )


def import_dispatch(session: Session, text: str, *, unit_id: str | None = None, actor: Actor, clock: Clock) -> Dispatch:
    """Store a dispatch with the facts read out of it. No unit: it is the province's.

    The same text again (but for line ends, outer white space and normal form) is the same dispatch: the row that
    stands is given back and nothing is recorded. Raises FileIsEmpty, FileNotText, TextDamaged, LegacyEncoding or
    DispatchTooLong before anything is stored.
    """
    text = plain_letters(text)
    check(text)
    if len(text) > CHARACTERS_MAX:
        raise DispatchTooLong(length=len(text), limit=CHARACTERS_MAX)
    digest = fingerprint(text)
    if session.get_bind().dialect.name == "postgresql":
        # Two people who import the same file at once: the second waits and finds it. SQLite has one writer anyway.
        session.execute(select(func.pg_advisory_xact_lock(int(digest[:15], 16))))
    known = session.scalars(select(Dispatch).where(Dispatch.sha256 == digest).order_by(Dispatch.id).limit(1)).first()
    if known is not None:
        return known
    facts = parse(text)
    dispatch = Dispatch(
        number=facts.number,
        issued_on=facts.issued_on,
        issued_text=facts.issued_text,
        issuer=facts.issuer,
        subject=facts.subject,
        addressees=list(facts.addressees),
        observance_day=facts.observance_day,
        observance_month=facts.observance_month,
        missing=list(facts.missing),
        text=text,
        sha256=digest,
        unit_id=unit_id,
        imported_by=actor.id,
        imported_at=clock.now(),
    )
    session.add(dispatch)
    session.flush()
    record(
        session,
        "user:dispatch:imported",
        actor=actor,
        at=dispatch.imported_at,
        subject=("dispatch", dispatch.id),
        sha256=digest,
        number=facts.number,
        missing=list(facts.missing),
    )
    log.info("dispatch imported", extra={"dispatch": dispatch.id, "missing": dispatch.missing})
    return dispatch


def get(session: Session, dispatch_id: str) -> Dispatch:
    dispatch = session.get(Dispatch, dispatch_id)
    if dispatch is None:
        raise NotFound(what="văn bản chỉ đạo / dispatch", id=dispatch_id)
    return dispatch


def fingerprint(text: str) -> str:
    """SHA-256 of what the text says: in normal form, with plain line ends, without blanks at the ends of lines."""
    lines = (line.rstrip() for line in flatten(text).strip().split("\n"))
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()
