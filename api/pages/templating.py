"""Templates and the files beside them, held in memory with a fingerprint, so that browsers may keep them for good."""

from __future__ import annotations

import hashlib
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from api.auth.guard import Principal, context_of
from api.auth.rights import ROLE_NAMES
from api.pages import words
from broadcast.bulletin_rules import STATUS_VI
from core.clock import to_ms

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class StaticFile:
    content: bytes
    media_type: str
    fingerprint: str


def _read(path: Path) -> StaticFile:
    content = path.read_bytes()
    media_type = "text/javascript" if path.suffix == ".js" else mimetypes.guess_type(path.name)[0]
    return StaticFile(content, media_type or "application/octet-stream", hashlib.sha256(content).hexdigest()[:16])


STATIC: dict[str, StaticFile] = {path.name: _read(path) for path in sorted((FOLDER / "static").iterdir())}


def static_url(name: str) -> str:
    return f"/static/{name}?v={STATIC[name].fingerprint}"


# A third of a page of many communes would be the templates' indentation.
_INDENTATION = re.compile(r"\n\s+")


def lines(text: str) -> Markup:
    """Text whose own lines and spaces are to stay, in the midst of what is indented for us alone."""
    return escape(text).replace("\n", Markup("&#10;"))


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals.update(static=static_url, role_names=ROLE_NAMES)
    environment.filters.update(
        number=words.number,
        duration=words.duration,
        state=words.state,
        reason=words.reason,
        ms=to_ms,
        lines=lines,
        news_state=STATUS_VI.__getitem__,
    )
    return environment


_templates = _environment()


def page(
    request: Request, name: str, *, who: Principal | None = None, status: int = 200, **values: Any
) -> HTMLResponse:
    """A page as a response. Every template has the site's name, its zone, the time now and who is logged in."""
    context = context_of(request)
    zone, now = context.settings.zone, context.clock.now()
    given = {
        "site": context.settings.site_name,
        "zone": zone,
        "now": now,
        "who": who,
        "path": request.url.path,
        "clock_time": lambda at, **options: words.clock_time(at, zone, **options),
        "full_time": lambda at: words.full_time(at, zone),
        "short_date": lambda at: words.short_date(at, zone),
        "long_date": lambda at: words.long_date(at, zone),
        "ago": lambda at: words.ago(at, now, zone),
        "when": lambda at: words.when(at, now, zone),
        "span": words.span,
    }
    html = _templates.get_template(name).render(given | values)
    return HTMLResponse(_INDENTATION.sub("\n", html), status)
