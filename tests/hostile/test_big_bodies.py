"""D3: bodies that are larger than they may be, or say that they are something else."""

from __future__ import annotations

import select
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stanchion.http import body_in
from stanchion.http.incoming import Incoming
from tests.api.conftest import Api
from tests.hostile.conftest import Server, serving

LIMIT = 1_048_576
TYPE = b"Content-Type: application/json\r\n"
START = b"POST /api/items HTTP/1.1\r\nHost: a\r\n" + TYPE
MIB = 1024 * 1024
CHUNK = 65_536
IN_FLIGHT = 12 * MIB  # what the buffers of two sockets take before anybody reads
CLOSES_S = 5.0


@dataclass(frozen=True)
class Pushed:
    """What came of a body that does not end."""

    answer: bytes
    before: int  # bytes that the other side took before it answered
    closed: bool


def push(connection: socket.socket, piece: bytes, most: int, patience: float) -> Pushed:
    """Send pieces until the other side answers, then listen until it closes."""
    sent, rest = 0, b""
    connection.setblocking(False)
    try:
        while sent < most and not select.select([connection], [], [], 0)[0]:
            if not select.select([connection], [connection], [], patience)[1]:
                break
            rest = rest or piece
            taken = connection.send(rest)
            sent, rest = sent + taken, rest[taken:]
    except ConnectionError:
        pass  # it was closed; what came before can still be read
    got, closed = listen(connection, patience)
    return Pushed(got, sent, closed)


def listen(connection: socket.socket, patience: float = CLOSES_S) -> tuple[bytes, bool]:
    """What comes, and whether the connection is closed at last."""
    got = b""
    connection.settimeout(patience)
    try:
        while piece := connection.recv(65_536):
            got += piece
    except TimeoutError:
        return got, False
    except ConnectionError:
        pass
    return got, True


def check_endless_body(server: Server, most: int, patience: float = CLOSES_S) -> None:
    """413 once the limit is passed, the connection closed, and no memory held for it."""
    before = server.memory
    with server.connect(5) as connection:
        connection.sendall(START + b"Transfer-Encoding: chunked\r\n\r\n")
        pushed = push(connection, b"10000\r\n" + b" " * 65_536 + b"\r\n", most, patience)
    grown = server.memory - before
    print(f"endless chunks: {pushed.before / MIB:.1f} MiB sent before the answer, "
          f"memory grew by {grown / MIB:.1f} MiB")  # fmt: skip
    assert pushed.answer.startswith(b"HTTP/1.1 413 ")
    assert pushed.closed
    assert pushed.before < LIMIT + IN_FLIGHT
    assert grown < 10 * MIB


def test_endless_chunks_are_refused_and_cost_no_memory(server: Server) -> None:
    check_endless_body(server, 200 * MIB)


def test_planted_trust_in_the_size_is_seen(tmp_path: Path) -> None:
    with serving(tmp_path, "any-size") as planted:
        with pytest.raises(AssertionError):
            check_endless_body(planted, 20 * MIB, patience=0.3)
        with pytest.raises((AssertionError, TimeoutError)):
            check_announced_giant(planted, LIMIT + 1)


def check_announced_giant(server: Server, length: int) -> None:
    """413 by its header alone. The first is not weighed: what a worker imports at its first request
    and its first refusal is no body."""
    for _ in range(2):
        before, began = server.memory, time.monotonic()
        with server.connect(1) as connection:
            connection.sendall(START + b"Content-Length: %d\r\n\r\n{" % length)
            got = connection.recv(65_536)
        assert got.startswith(b"HTTP/1.1 413 ") and b'"code":"body.too_large"' in got
        assert time.monotonic() - began < 1
    assert server.memory - before < MIB


@pytest.mark.parametrize("length", [LIMIT + 1, 10 * 2**30, 2**63])
def test_announced_giant_is_refused_before_it_is_read(server: Server, length: int) -> None:
    check_announced_giant(server, length)


def taken_of(warehouse: Api, most: int) -> tuple[int, int]:
    """The status of an endless body, and the bytes of it that were asked for before the answer."""
    taken, status = 0, 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        if not status:
            taken += CHUNK
        return {"type": "http.request", "body": b" " * CHUNK, "more_body": taken < most}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": "/api/items",
        "raw_path": b"/api/items", "query_string": b"", "headers": [
            (b"host", b"a"), (b"content-type", b"application/json"),
            (b"transfer-encoding", b"chunked"),
        ],
    }  # fmt: skip
    warehouse.runner.run(warehouse.app(scope, receive, send))
    return status, taken


def test_no_more_is_read_than_the_limit_and_one_piece(warehouse: Api) -> None:
    assert taken_of(warehouse, 4 * LIMIT) == (413, LIMIT + CHUNK)


def test_planted_read_of_all_is_seen(warehouse: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def read_all(receive: Any, limit: int) -> bytes:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        return body

    async def uncounted(self: Incoming) -> Any:
        return await self._receive()

    monkeypatch.setattr(Incoming, "receive", uncounted)
    monkeypatch.setattr(body_in, "read_body", read_all)
    with pytest.raises(AssertionError):
        assert taken_of(warehouse, 4 * LIMIT) == (413, LIMIT + CHUNK)


def test_body_that_is_shorter_than_it_says_changes_nothing(server: Server) -> None:
    key = b"0190c000-0000-7000-8000-000000000001"
    body = b'{"id":"' + key + b'","name":"half"}'
    with server.connect(5) as connection:
        connection.sendall(START + b"Content-Length: %d\r\n\r\n" % (len(body) + 1) + body)
        connection.shutdown(socket.SHUT_WR)
        listen(connection)
    with server.connect(5) as connection:
        connection.sendall(b"GET /api/items/" + key + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 404 ")


def test_body_of_just_the_limit_is_read(server: Server) -> None:
    body = b'{"name":"full"}'
    body += b" " * (LIMIT - len(body))
    with server.connect(5) as connection:
        connection.sendall(START + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 201 ")


def test_multipart_with_ten_thousand_parts_is_no_json(server: Server) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'
    body = part * 10_000 + b"--x--\r\n"
    head = START.replace(TYPE, b"Content-Type: multipart/form-data; boundary=x\r\n")
    with server.connect(5) as connection:
        connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 415 ")
