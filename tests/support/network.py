"""A network that fails on command: a TCP proxy in front of a broker."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from typing import Self

BUFFER_BYTES = 65_536


class Network:
    """Passes connections on to a loopback port; can cut them, refuse new ones, or fall silent."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._lock = threading.Lock()
        self._refusing = False
        self._silent = False
        self._waker, self._woken = socket.socketpair()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="test-network", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def cut(self) -> None:
        """Break every connection; new ones are passed on."""
        with self._lock:
            for end in list(self._pairs):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def down(self) -> None:
        """Break every connection and refuse new ones."""
        self._refusing = True
        self.cut()

    def up(self) -> None:
        """Pass everything on again."""
        self._refusing = self._silent = False
        self._wake()

    def silence(self) -> None:
        """Keep the connections and pass nothing on: a box that lost its power, a dead radio link."""
        self._silent = True

    def close(self) -> None:
        self._ending = True
        self._wake()
        self._thread.join()
        for held in (self._listener, self._waker, self._woken, *self._pairs):
            held.close()

    def _wake(self) -> None:
        self._waker.send(b"x")

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._ending:
                for key, _ in selector.select():
                    end = key.fileobj
                    assert isinstance(end, socket.socket)
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
            far = socket.create_connection(("127.0.0.1", self._target_port))
        except OSError:
            near.close()
            return
        with self._lock:
            self._pairs[near], self._pairs[far] = far, near
        for end in (near, far):
            selector.register(end, selectors.EVENT_READ)

    def _pass_on(self, selector: selectors.BaseSelector, end: socket.socket) -> None:
        if end not in self._pairs:
            return
        try:
            data = end.recv(BUFFER_BYTES)
            if data:
                if not self._silent:
                    self._pairs[end].sendall(data)
                return
        except OSError:
            pass
        with self._lock:
            for closing in (end, self._pairs[end]):
                selector.unregister(closing)
                closing.close()
                del self._pairs[closing]
