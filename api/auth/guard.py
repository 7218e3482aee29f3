"""The door of every route: who asks, may they, and does the request come from our own page.

A route names its right as a parameter: `who: Annotated[Principal, Depends(Needs(Right.READ_UNITS))]`. One that
is open to all says so: `dependencies=[Depends(public)]`. A test walks all routes and accepts nothing else.

1. Who holds the right nowhere is refused (403).
2. Whatever the request names (`api.auth.named`) must be in sight (404), and where the route changes something the right
   must be held there (403). Who holds it everywhere is asked nothing more, and the route itself says what isn't there.
3. `everywhere`: what the route changes belongs to no place, so the right must be held at the root unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from fastapi import Depends, Form, Request, Response
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from api.auth import grants, named, sessions, things, tokens
from api.auth.errors import CrossSite, FormExpired, NotHere, NotLoggedIn
from api.auth.rights import RIGHT_NAMES, ROLES, Right, Role, rights_of
from api.auth.scope import Reach, Scope
from api.auth.secrets import form_token, form_token_fits
from api.auth.users import actor_of
from api.context import Context
from api.tables import ApiToken, LoginSession, User
from core.errors import Forbidden, Invalid
from core.events import Actor
from core.units import date_of

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Identified(Protocol):
    """Anything with an identifier."""

    @property
    def id(self) -> Any: ...


Row = TypeVar("Row", bound=Identified)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: an account, and the session or token it came with."""

    user: User
    login: LoginSession | None
    token: ApiToken | None
    secret: str
    scope: Scope

    @property
    def actor(self) -> Actor:
        return actor_of(self.user)

    @property
    def roles(self) -> list[Role]:
        """The roles held today, anywhere."""
        return [role for role in ROLES if role in self.scope.roles]

    @property
    def rights(self) -> frozenset[Right]:
        """What the person may do anywhere at all; the own account is everybody's."""
        return rights_of(self.scope.roles) | {Right.OWN_ACCOUNT}

    def may(self, right: Right, *unit_ids: str | None) -> bool:
        """Whether the right is held at all of these units (None: the root); without any, whether it is held at all."""
        return right in self.rights and (not unit_ids or self.scope.reach(right).covers(*unit_ids))

    def reach(self, right: Right) -> Reach:
        return self.scope.reach(right)

    def sees(self, session: Session, kind: str, right: Right = Right.READ_TODAY) -> ColumnElement[bool]:
        """That a row of a kind of `things.KINDS` is one that this person may see: for the queries of lists."""
        return things.seen(session, kind, things.Looker(self.user.id, self.scope.reach(right)))

    def only(self, session: Session, kind: str, rows: Iterable[Row]) -> list[Row]:
        """Those of these rows, which have identifiers, that this person may see."""
        held = list(rows)
        reach = self.scope.reach(Right.READ_TODAY)
        if reach.everywhere:
            return held
        shown = things.visible(session, kind, [str(one.id) for one in held], things.Looker(self.user.id, reach))
        return [one for one in held if one.id in shown]

    def require(self, session: Session, right: Right, kind: str, *ids: str) -> None:
        """For what only the handler knows to be named. Raises `NotFound` and `Forbidden` as the guard does."""
        if not self.scope.reach(right).everywhere:
            named.require(session, self, right, named.Mention(kind, ids))

    def acting(self, right: Right, session: Session, kind: str, id_: str) -> Actor:
        """Who uses a right on a thing, as the record shall name them: a substitute with whom they stand in for."""
        absent = self.scope.stands_for(right, *things.KINDS[kind].owners(session, id_))
        return self.actor if absent is None else Actor(self.user.id, f"{self.user.full_name} (thay {absent})")

    def places(self, right: Right) -> tuple[str, ...] | None:
        """The units at and below which a right is held; None: everywhere."""
        reach = self.scope.reach(right)
        return None if reach.everywhere else reach.tops

    def home(self, right: Right) -> str | None:
        """The unit that something made without naming one belongs to: the root (None), or the person's only place.

        Raises `Invalid` where the person has several.
        """
        reach = self.scope.reach(right)
        if reach.everywhere:
            return None
        if len(reach.tops) != 1:
            raise Invalid(what="hãy chọn đơn vị, vì bạn phụ trách nhiều nơi / name the unit: you look after several")
        return reach.tops[0]

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


def _scope(session: Session, context: Context, user: User) -> Scope:
    today = date_of(context.clock.now())
    return Scope(grants.held_by(session, user.id, on=today), today, context.db)


def _by_token(context: Context, secret: str) -> Principal | None:
    with context.db.reading() as session:
        found = tokens.valid(session, secret, context.clock)
        if found is None:
            return None
        user, token = found
        scope = _scope(session, context, user)
    if tokens.is_due_for_touch(token, context.clock):
        with context.db.writing() as session:
            tokens.touch(session, token.id, context.clock)
    return Principal(user, None, token, secret, scope)


def _by_cookie(context: Context, secret: str) -> Principal | None:
    with context.db.reading() as session:
        found = sessions.running(session, secret, context.clock)
        if found is None:
            return None
        user, login = found
        scope = _scope(session, context, user)
    if sessions.is_due_for_touch(login, context.clock):
        with context.db.writing() as session:
            sessions.touch(session, login.id, context.clock)
    return Principal(user, login, None, secret, scope)


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


async def sent(request: Request) -> Mapping[str, Any]:
    """What the body of a change says, by its names: of the API what was read of it as JSON, of a page its form."""
    if request.method in SAFE_METHODS:
        return {}
    if request.url.path.startswith("/api/"):
        body = getattr(request, "_json", None)  # where the framework keeps it; a stream of sound is not read
        return body if isinstance(body, Mapping) else {}
    form = await request.form()
    return {name: form.getlist(name) for name in form}


class Needs:
    """Declares the right that a route asks for, and gives it the principal."""

    def __init__(self, right: Right, *, everywhere: bool = False) -> None:
        self.right = right
        self.everywhere = everywhere

    def __call__(self, request: Request, context: Ctx, body: Annotated[Mapping[str, Any], Depends(sent)]) -> Principal:
        principal = identify(request, context)
        if principal is None:
            raise NotLoggedIn
        if principal.token is None:
            check_origin(request)
        if not principal.may(self.right):
            raise Forbidden(what=RIGHT_NAMES[self.right])
        reach = principal.reach(self.right)
        if reach.everywhere:
            return principal
        if self.everywhere:
            raise NotHere(what=RIGHT_NAMES[self.right])
        mentions = named.mentions(request, body)
        if mentions:
            with context.db.reading() as session:
                for one in mentions:
                    named.require(session, principal, self.right, one)
        return principal


class NeedsForm(Needs):
    """As `Needs`, for a page's form, which must carry the token made for this login."""

    def __call__(
        self,
        request: Request,
        context: Ctx,
        body: Annotated[Mapping[str, Any], Depends(sent)],
        form: Annotated[str, Form(max_length=100)] = "",
    ) -> Principal:
        principal = super().__call__(request, context, body)
        if principal.token is not None or not form_token_fits(principal.secret, form):
            raise FormExpired
        return principal
