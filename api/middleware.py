"""What every answer carries, and what catches what nobody else caught. Plain ASGI, so that streams stay streams."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics
from core.errors import Invalid

# Nothing inline, nothing from outside, in nobody's frame.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

SECURITY_HEADERS: dict[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def _head_only(send: Send) -> Send:
    async def without_body(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return without_body


def _refuse_nul(scope: Scope) -> None:
    """NUL can't be stored and is in no name: 404 in a path, 422 in a query. Bodies are checked by their schemas."""
    if "\0" in scope["path"]:
        raise HTTPException(404)
    query: bytes = scope["query_string"]
    if b"%00" in query or b"\0" in query:
        raise Invalid(what="tham số có ký tự NUL, hãy bỏ nó đi / a parameter holds NUL")


# Programs say GET where they mean it, and among these is a stream that would never come to its end.
PROGRAMS_ONLY = ("/api/", "/internal/")


class Outermost:
    """Security headers on every answer, a limit on every body, a measurement, and a 500 for the unforeseen.

    Answers are not to be stored unless a route says otherwise: they show what only this account may see.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        secure: bool,
        body_bytes_max: int,
        uploads: re.Pattern[str],
        upload_bytes_max: int,
        on_error: Callable[[Request, Exception], Response],
    ) -> None:
        self.app = app
        self.metrics = metrics
        self.body_bytes_max = body_bytes_max
        self.uploads = uploads  # paths whose routes write to the disk what comes, and count it themselves too
        self.upload_bytes_max = upload_bytes_max
        self.on_error = on_error
        self.headers = dict(SECURITY_HEADERS)
        if secure:
            self.headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["method"] == "HEAD" and not scope["path"].startswith(PROGRAMS_ONLY):
            # As GET, of which the server sends the head alone; routes need not know.
            scope = {**scope, "method": "GET"}
            send = _head_only(send)
        started = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._run(scope, self._limited(scope, receive), send_with_headers, lambda: status)
        finally:
            self.metrics.request_done(scope, status, time.perf_counter() - started)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        """The body, up to the limit: by what its length is said to be, and by what really comes."""
        most = self.upload_bytes_max if self.uploads.fullmatch(scope["path"]) else self.body_bytes_max
        said = Headers(scope=scope).get("content-length", "0")
        come = int(said) if said.isdecimal() and int(said) > most else 0

        async def limited() -> Message:
            nonlocal come
            if come > most:
                raise HTTPException(413)
            message = await receive()
            come += len(message.get("body", b""))
            if come > most:
                raise HTTPException(413)
            return message

        return limited

    async def _run(
        self,
        scope: Scope,
        receive: Receive,
        send: Callable[[Message], Awaitable[None]],
        status: Callable[[], int],
    ) -> None:
        try:
            _refuse_nul(scope)
            await self.app(scope, receive, send)
        except Exception as error:
            if status():  # the answer is half out: all that is left is to break the connection
                raise
            response = self.on_error(Request(scope, receive), error)
            await response(scope, receive, send)
