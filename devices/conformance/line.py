"""The line between the receiver and the broker: a TCP proxy that can be cut, which stands for its network.

The receiver is told this address as the broker's, so that the kit can take its network away without touching the
broker, the box or anybody's router.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from typing import Self, cast

from core.errors import PortInUse

BUFFER_BYTES = 65_536


class Line:
    """Passes connections on to a broker; can be cut."""

    def __init__(self, near: tuple[str, int], far: tuple[str, int]) -> None:
        self._far = far
        try:
            self._listener = socket.create_server(near)
        except OSError as error:
            raise PortInUse(port=near[1]) from error
        self.port: int = self._listener.getsockname()[1]
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._lock = threading.Lock()
        self._refusing = False
        self._waker, self._woken = socket.socketpair()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="line", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def down(self) -> None:
        """Break every connection and refuse new ones."""
        self._refusing = True
        with self._lock:
            for end in list(self._pairs):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def up(self) -> None:
        self._refusing = False

    def close(self) -> None:
        self._ending = True
        self._waker.send(b"x")
        self._thread.join()
        for held in (self._listener, self._waker, self._woken, *self._pairs):
            held.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._ending:
                for key, _ in selector.select():
                    end = cast("socket.socket", key.fileobj)
                    if end is self._listener:
                        self._accept(selector)
                    elif end is self._woken:
                        end.recv(BUFFER_BYTES)
                    else:
                        self._pass_on(selector, end)

    def _accept(self, selector: selectors.BaseSelector) -> None:
        near, _ = self._listener.accept()
        if self._refusing:
            near.close()
            return
        try:
            far = socket.create_connection(self._far)
        except OSError:
            near.close()
            return
        with self._lock:
            self._pairs[near], self._pairs[far] = far, near
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(end, selectors.EVENT_READ)

    def _pass_on(self, selector: selectors.BaseSelector, end: socket.socket) -> None:
        if end not in self._pairs:
            return
        try:
            data = end.recv(BUFFER_BYTES)
            if data:
                self._pairs[end].sendall(data)
                return
        except OSError:
            pass
        with self._lock:
            for closing in (end, self._pairs[end]):
                selector.unregister(closing)
                closing.close()
                del self._pairs[closing]
