"""The door of every route: who asks, may they, and does the request come from our own page.

A route names its right as a parameter: `who: Annotated[Principal, Depends(Needs(Right.READ_UNITS))]`. One that
is open to all says so: `dependencies=[Depends(public)]`. A test walks all routes and accepts nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Form, Request, Response

from api.auth import sessions, tokens
from api.auth.errors import CrossSite, FormExpired, NotLoggedIn
from api.auth.rights import RIGHT_NAMES, Right, rights_of
from api.auth.secrets import form_token, form_token_fits
from api.auth.users import actor_of
from api.context import Context
from api.tables import ApiToken, LoginSession, User
from core.errors import Forbidden
from core.events import Actor

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: an account, and the session or token it came with."""

    user: User
    login: LoginSession | None
    token: ApiToken | None
    secret: str

    @property
    def actor(self) -> Actor:
        return actor_of(self.user)

    @property
    def rights(self) -> frozenset[Right]:
        return rights_of(self.user.roles)

    def may(self, right: Right) -> bool:
        return right in self.rights

    @property
    def form_token(self) -> str:
        return form_token(self.secret)


def context_of(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Ctx = Annotated[Context, Depends(context_of)]


def cookie_name(context: Context) -> str:
    """The `__Host-` prefix, which binds a cookie to this very host, exists only with Secure."""
    return "__Host-truyenthanh" if context.settings.secure_cookies else "truyenthanh"


def set_login_cookie(response: Response, context: Context, login: LoginSession, secret: str) -> None:
    """Hand the browser its secret, for as long as the session can last."""
    response.set_cookie(
        cookie_name(context),
        secret,
        max_age=int((login.expires_at - login.created_at).total_seconds()),
        path="/",
        httponly=True,
        secure=context.settings.secure_cookies,
        # Not strict: a link to the console in a message should open it, not ask to log in again. No other
        # site's page can change anything all the same: see `check_origin` and the form's token.
        samesite="lax",
    )


def address_of(request: Request) -> str:
    """Where the request came from, as the server sees it; a proxy is believed with `trusted_proxy` only."""
    return request.client.host if request.client else "unknown"


def identify(request: Request, context: Context) -> Principal | None:
    """Who asks, by the Authorization header or else by the cookie."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if bearer and scheme.lower() == "bearer":
        return _by_token(context, bearer.strip())
    secret = request.cookies.get(cookie_name(context))
    return _by_cookie(context, secret) if secret else None


def _by_token(context: Context, secret: str) -> Principal | None:
    with context.db.reading() as session:
        found = tokens.valid(session, secret, context.clock)
    if found is None:
        return None
    user, token = found
    if tokens.is_due_for_touch(token, context.clock):
        with context.db.writing() as session:
            tokens.touch(session, token.id, context.clock)
    return Principal(user, None, token, secret)


def _by_cookie(context: Context, secret: str) -> Principal | None:
    with context.db.reading() as session:
        found = sessions.running(session, secret, context.clock)
    if found is None:
        return None
    user, login = found
    if sessions.is_due_for_touch(login, context.clock):
        with context.db.writing() as session:
            sessions.touch(session, login.id, context.clock)
    return Principal(user, login, None, secret)


def check_origin(request: Request) -> None:
    """Refuse a change that a browser sends for another site's page. Raises `CrossSite`.

    A browser says where a request comes from (Sec-Fetch-Site, Origin); a program says neither and carries no
    cookies that it was not given.
    """
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        raise CrossSite
    origin = request.headers.get("origin")
    if origin is not None and _host_of(origin) != request.headers.get("host", ""):
        raise CrossSite


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # no browser writes such a thing of itself
        return None


def public(request: Request) -> None:
    """Declares a route open to all. Even so, no other site's page may make a visitor's browser change something."""
    check_origin(request)


class Needs:
    """Declares the right that a route asks for, and gives it the principal."""

    def __init__(self, right: Right) -> None:
        self.right = right

    def __call__(self, request: Request, context: Ctx) -> Principal:
        principal = identify(request, context)
        if principal is None:
            raise NotLoggedIn
        if principal.token is None:
            check_origin(request)
        if not principal.may(self.right):
            raise Forbidden(what=RIGHT_NAMES[self.right])
        return principal


class NeedsForm(Needs):
    """As `Needs`, for a page's form, which must carry the token made for this login."""

    def __call__(self, request: Request, context: Ctx, form: Annotated[str, Form(max_length=100)] = "") -> Principal:
        principal = super().__call__(request, context)
        if principal.token is not None or not form_token_fits(principal.secret, form):
            raise FormExpired
        return principal
