"""Where the receiver under test is enrolled: the kit answers the two HTTP paths of section 2 itself.

There is one place, for which a code is printed; whoever proves it is the receiver under test from then on, and stays so
for later runs from the same folder. No TLS: the kit belongs on a workbench.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct

from core.clock import Clock, to_ms
from core.errors import PortInUse
from devices import passwords
from devices.keyring import Keyring, write_secret
from devices.protocol.enrolment import (
    Answer,
    Broker,
    Code,
    EnrolCall,
    Enrolment,
    RenewCall,
    RenewRequest,
    box,
    open_enrol,
    proves,
    sign_enrolment,
)
from devices.protocol.resolve import resolve
from devices.protocol.signing import BadMessage, VerifyKey, decode_body
from devices.protocol.upward import open_up

BODY_MAX = 65_536
LIFE_S = 3_600
REFUSED = {"detail": "Mã ghi danh không đúng. Hãy xem lại.", "en": "The enrolment code isn't right."}


class Place(Struct, kw_only=True):
    """What the kit keeps of a receiver: its key (empty: not enrolled yet) and its password at the broker."""

    receiver: str
    key: str = ""
    password: str = ""

    @classmethod
    def load(cls, folder: Path, receiver: str, password: str = "") -> Place:
        path = folder / f"{receiver}.json"
        held = msgspec.json.decode(path.read_bytes(), type=cls) if path.exists() else cls(receiver=receiver)
        held.password = password or held.password or passwords.generate()
        return held

    def save(self, folder: Path) -> None:
        write_secret(folder / f"{self.receiver}.json", msgspec.json.encode(self).decode())


resolve(Place)


class Door:
    """`broker` is the address at which the receiver finds the broker."""

    def __init__(
        self, address: tuple[str, int], place: Place, keys: Keyring, *, broker: tuple[str, int], clock: Clock
    ) -> None:
        self.code = Code.new(keys.issuer)
        self.enrolled = threading.Event()
        self._place, self._keys, self._broker, self._clock = place, keys, broker, clock
        try:
            self._server = ThreadingHTTPServer(address, _handler({"enrolment": self._enrol, "renewal": self._renew}))
        except OSError as error:
            raise PortInUse(port=address[1], what="ghi danh / enrolment", setting="--listen") from error
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="door", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _enrol(self, body: bytes) -> Answer:
        call = msgspec.json.decode(body, type=EnrolCall)
        key = VerifyKey.from_hex(call.key)
        asked = open_enrol(call.request.encode(), key, root=self._keys.issuer)
        if asked.code != self.code.tag or not proves(self.code.stored, key.hex, asked.nonce, asked.proof):
            raise BadMessage(reason="forged")
        if self.enrolled.is_set() and self._place.key != key.hex:
            raise BadMessage(reason="replayed")
        self._place.key = key.hex
        answer = self._answer(key, asked.nonce, self._place.password)
        self.enrolled.set()
        return answer

    def _renew(self, body: bytes) -> Answer:
        call = msgspec.json.decode(body, type=RenewCall)
        key = VerifyKey.from_hex(self._place.key)
        root = self._keys.issuer
        claims = open_up(call.request.encode(), typ="renew", receiver=self._place.receiver, key=key, root_kid=root)
        return self._answer(key, decode_body(claims, RenewRequest).nonce, "")

    def _answer(self, key: VerifyKey, nonce: str, password: str) -> Answer:
        now = self._clock.now()
        host, port = self._broker
        body = Enrolment(
            nonce=nonce,
            receiver=self._place.receiver,
            name="Bộ thử hợp chuẩn / conformance kit",
            at=to_ms(now),
            broker=Broker(host=host, port=port, password=password),
            certificates=self._keys.taught,
        )
        signed = sign_enrolment(
            self._keys.key("enrol"),
            body,
            root=self._keys.issuer,
            audience=box(key),
            cert=self._keys.certificates["enrol"],
            iat=int(now.timestamp()),
            exp=int(now.timestamp()) + LIFE_S,
        )
        return Answer(root=self._keys.root.hex, enrolment=signed.decode())


def _handler(paths: dict[str, Callable[[bytes], Answer]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_POST(self) -> None:
            answer = paths.get(self.path.removeprefix("/api/v1/"))
            try:
                length = int(self.headers.get("Content-Length", ""))
            except ValueError:
                length = -1
            if answer is None or not 0 <= length <= BODY_MAX:
                self._send(404 if answer is None else 413, REFUSED)
                return
            try:
                self._send(200, msgspec.to_builtins(answer(self.rfile.read(length))))
            except (BadMessage, msgspec.DecodeError, ValueError):
                self._send(403, REFUSED)

        def _send(self, status: int, body: dict[str, str]) -> None:
            data = msgspec.json.encode(body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
            """The terminal is for the table."""

    return Handler
