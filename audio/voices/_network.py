"""What went wrong on the way to a server, in words that say what to look at; the exception itself goes to the log.

Libraries wrap the system's errors in ever new ones of their own, so the innermost that is known decides. The standard
library alone is imported: a script of this folder loads this file too.
"""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from collections.abc import Iterator

# Clauses about “the server”, Vietnamese and English.
WORDS: dict[str, tuple[str, str]] = {
    "slow": (
        "trả lời quá chậm hoặc không trả lời",
        "answers too slowly or not at all",
    ),
    "refused": (
        "không nhận kết nối; hãy xem nó có đang chạy và đúng cổng không",
        "refuses the connection; check that it is running, and the port",
    ),
    "name": (
        "không có trên mạng; hãy kiểm tra địa chỉ và đường truyền",
        "is not found; check the address and the network",
    ),
    "no-way": (
        "không tới được; hãy kiểm tra đường truyền",
        "can't be reached; check the network",
    ),
    "certificate": (
        "có chứng chỉ không tin được; hãy kiểm tra địa chỉ, ngày giờ của máy và chứng chỉ",
        "has a certificate that can't be trusted; check the address, this machine's clock and the certificate",
    ),
    "broke-off": (
        "ngắt kết nối giữa chừng",
        "broke the connection off",
    ),
    "unreadable": (
        "trả lời thứ không hiểu được; hãy kiểm tra địa chỉ",
        "answered what can't be understood; check the address",
    ),
    "unknown": (
        "không tới được; nhật ký của máy này ghi rõ vì sao",
        "can't be reached; this machine's log says why",
    ),
}
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL})


def kind_of(error: BaseException) -> str:
    """A key of `WORDS`."""
    return next((kind for one in _inside_out(error) if (kind := _kind(one))), "unknown")


def _kind(error: BaseException) -> str | None:
    kinds: list[tuple[type[BaseException] | tuple[type[BaseException], ...], str]] = [
        (TimeoutError, "slow"),
        (ConnectionRefusedError, "refused"),
        (socket.gaierror, "name"),
        (ssl.SSLCertVerificationError, "certificate"),
        ((ConnectionError, http.client.IncompleteRead, ssl.SSLError), "broke-off"),
        ((http.client.HTTPException, ValueError), "unreadable"),
    ]
    if isinstance(error, OSError) and error.errno in _NO_WAY:
        return "no-way"
    return next((name for kind, name in kinds if isinstance(error, kind)), None)


def _inside_out(error: BaseException) -> Iterator[BaseException]:
    """What is wrapped in it, however it is, before itself."""
    seen: list[BaseException] = []
    todo = [error]
    while todo:
        one = todo.pop()
        if one not in seen:
            seen.append(one)
            wrapped = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
            todo += [inner for inner in wrapped if isinstance(inner, BaseException)]
    yield from reversed(seen)
