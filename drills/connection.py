"""A client that knows how its request ended: answered, cut, or not answered at all.

`http.client` raises much the same for all three; a drill of a stopping server lives by the
difference.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any


class Refused(Exception):
    """No connection was made."""


class Closed(Exception):
    """The request was sent, as far as one can know, and no byte of an answer came. `fresh` if it
    was the first on its connection."""

    def __init__(self, fresh: bool, why: str) -> None:
        super().__init__(why)
        self.fresh = fresh


class Cut(Exception):
    """A part of an answer came, and then no more."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """One keep-alive connection, made anew after the server closed it."""

    def __init__(self, port: int, timeout: float, source: str = "") -> None:
        self._port = port
        self._timeout = timeout
        self._source = (source, 0) if source else None
        self._socket: socket.socket | None = None
        self._used = False

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request and read its whole answer."""
        data = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "host: drill"]
        if body is not None:
            lines += ["content-type: application/json", f"content-length: {len(data)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        connected = self._connected()
        fresh, self._used = not self._used, True
        try:
            connected.sendall("\r\n".join([*lines, "", ""]).encode() + data)
        except OSError as error:
            self.close()
            raise Closed(fresh, str(error)) from error
        answer = self._read(connected, method, fresh)
        if answer.headers.get("connection", "").lower() == "close":
            self.close()
        return answer

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if self._socket is None:
            try:
                self._socket = socket.create_connection(
                    ("127.0.0.1", self._port), self._timeout, self._source
                )
            except OSError as error:
                raise Refused(str(error)) from error
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._used = False
        return self._socket

    def _read(self, connected: socket.socket, method: str, fresh: bool) -> Answer:
        got = b""
        needed: int | None = None
        try:
            while needed is None or len(got) < needed:
                more = connected.recv(262_144)
                if not more:
                    raise ConnectionResetError("closed by the server")
                got += more
                if needed is None and b"\r\n\r\n" in got:
                    needed = _length(got, method)
        except OSError as error:
            self.close()
            if not got:
                raise Closed(fresh, str(error)) from error
            raise Cut(f"{error} after {len(got)} bytes: {got[:80]!r}") from error
        head, _, rest = got.partition(b"\r\n\r\n")
        first, *rows = head.decode("latin-1").split("\r\n")
        pairs = (row.partition(":") for row in rows)
        fields = {name.lower(): value.strip() for name, _, value in pairs}
        return Answer(int(first.split()[1]), fields, rest)


def _length(got: bytes, method: str) -> int:
    """How many bytes the whole answer has."""
    head, _, _ = got.partition(b"\r\n\r\n")
    size = len(head) + 4
    status = int(head[9:12])
    if method == "HEAD" or status in (204, 304):
        return size
    for row in head.split(b"\r\n")[1:]:
        name, _, value = row.partition(b":")
        if name.lower() == b"content-length":
            return size + int(value)
    raise AssertionError(f"an answer without a length: {head!r}")
