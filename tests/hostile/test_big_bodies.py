"""Bodies that are larger than they may be, or say that they are something else."""

from __future__ import annotations

import socket
import time

import pytest

from tests.hostile.conftest import Server

LIMIT = 1_048_576
TYPE = b"Content-Type: application/json\r\n"
START = b"POST /api/items HTTP/1.1\r\nHost: a\r\n" + TYPE
MIB = 1024 * 1024


def push(connection: socket.socket, piece: bytes, most: int) -> int:
    """Send pieces until the other side has had enough; how many bytes it took."""
    sent = 0
    try:
        while sent < most:
            connection.sendall(piece)
            sent += len(piece)
    except (ConnectionError, TimeoutError):
        pass
    return sent


def answer(connection: socket.socket) -> bytes:
    got = b""
    try:
        while piece := connection.recv(65_536):
            got += piece
    except (TimeoutError, ConnectionError):
        pass
    return got


def test_endless_chunks_are_refused_and_cost_no_memory(server: Server) -> None:
    before = server.memory
    with server.connect(5) as connection:
        connection.sendall(START + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
        connection.settimeout(3)
        push(connection, chunk, 200 * MIB)
        got = answer(connection)
    grown = server.memory - before
    print(f"endless chunks: memory grew by {grown / MIB:.1f} MiB")
    assert not got or got.startswith(b"HTTP/1.1 413 ")
    assert grown < 10 * MIB


@pytest.mark.parametrize("length", [LIMIT + 1, 10 * 2**30, 2**63])
def test_announced_giant_is_refused_before_it_is_read(server: Server, length: int) -> None:
    before, began = server.memory, time.monotonic()
    with server.connect(5) as connection:
        connection.sendall(START + b"Content-Length: %d\r\n\r\n{" % length)
        got = connection.recv(65_536)
    assert got.startswith(b"HTTP/1.1 413 ") and b'"code":"body.too_large"' in got
    assert time.monotonic() - began < 1
    assert server.memory - before < MIB


def test_body_that_is_shorter_than_it_says_changes_nothing(server: Server) -> None:
    key = b"0190c000-0000-7000-8000-000000000001"
    body = b'{"id":"' + key + b'","name":"half"}'
    with server.connect(5) as connection:
        connection.sendall(START + b"Content-Length: %d\r\n\r\n" % (len(body) + 1) + body)
        connection.shutdown(socket.SHUT_WR)
        answer(connection)
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
