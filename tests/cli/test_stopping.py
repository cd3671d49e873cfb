"""A stop that cuts nothing: requests, streams, connections made in the last moment, slow bodies."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from .processes import Running

Start = Callable[..., Running]

STREAM = """

from fastapi import WebSocket
from fastapi.responses import StreamingResponse

ended = []


@app.get("/events")
async def events() -> StreamingResponse:
    async def tell():
        yield "data: first\\n\\n"
        await asyncio.sleep(3600)
        yield "data: never\\n\\n"

    return StreamingResponse(tell(), media_type="text/event-stream")


@app.get("/report")
async def report() -> StreamingResponse:
    async def rows():
        for n in range(10):
            yield f"{n}\\n"
            await asyncio.sleep(0.1)

    return StreamingResponse(rows(), media_type="text/csv")


@app.websocket("/echo")
async def echo(socket: WebSocket) -> None:
    await socket.accept()
    while True:
        await socket.send_text(await socket.receive_text())


@app.websocket("/ticks")
async def ticks(socket: WebSocket) -> None:
    await socket.accept()
    while True:
        await socket.send_text("tick")
        await asyncio.sleep(0.02)
"""


@pytest.fixture
def streaming(folder: Path) -> Path:
    """The app with two routes that stream."""
    with (folder / "app.py").open("a") as file:
        file.write(STREAM)
    return folder


class Hammer(threading.Thread):
    """Writes without a pause, connecting anew whenever it is told to, until nobody lets it in.

    `cut`: what went wrong after a request was sent.
    """

    def __init__(self, url: str, keep: bool) -> None:
        super().__init__()
        self.where = urlsplit(url).netloc
        self.keep = keep
        self.answered = 0
        self.cut: list[str] = []

    def run(self) -> None:
        while True:
            connection = HTTPConnection(self.where, timeout=1)
            try:
                connection.connect()
            except OSError:
                return  # refused, or not let in: nothing was sent
            connection.sock.settimeout(10)
            try:
                self.write_on(connection)
            except (OSError, HTTPException) as error:
                self.cut.append(repr(error))
                return
            finally:
                connection.close()

    def write_on(self, connection: HTTPConnection) -> None:
        headers = {"Content-Type": "application/json"}
        if not self.keep:
            headers["Connection"] = "close"
        while True:
            connection.request("POST", "/api/notes", json.dumps({"text": "x"}), headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 201
            self.answered += 1
            if not self.keep or answer.headers.get("connection") == "close":
                return


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_stop_under_full_load_cuts_no_request_not_even_on_new_connections(
    start: Start, workers: str
) -> None:
    server = start("serve", "--workers", workers, STANCHION_ACCESS_LOG="0").ready()
    hammers = [Hammer(server.url, keep=n % 2 == 0) for n in range(16)]
    for hammer in hammers:
        hammer.start()
    time.sleep(0.4)
    begun = time.monotonic()
    assert server.stop() == 0
    took = time.monotonic() - begun
    for hammer in hammers:
        hammer.join(15)
    assert [error for hammer in hammers for error in hammer.cut] == []
    answered = sum(hammer.answered for hammer in hammers)
    print(f"{answered} answered, stopped in {took:.2f} s")
    again = start("serve").ready()
    assert again.call("GET", "/api/notes?total=true&limit=1")[1]["total"] == answered


def test_an_event_stream_is_ended_in_good_order_and_at_once(start: Start, streaming: Path) -> None:
    server = start("serve").ready()
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    connection.request("GET", "/events")
    answer = connection.getresponse()
    assert answer.read(13) == b"data: first\n\n"
    begun = time.monotonic()
    assert server.stop() == 0
    assert answer.read() == b""  # the last chunk came: no IncompleteRead
    connection.close()
    assert time.monotonic() - begun < 3
    assert "stop.cut" not in server.err


def test_a_stream_that_ends_by_itself_is_let_finish(start: Start, streaming: Path) -> None:
    server = start("serve").ready()
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    connection.request("GET", "/report")
    answer = connection.getresponse()
    begun = answer.read(2)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    assert begun + answer.read() == b"".join(b"%d\n" % n for n in range(10))
    stopping.join()
    connection.close()
    assert server.process.returncode == 0


def frames(connection: socket.socket) -> Iterator[tuple[int, bytes]]:
    """The WebSocket frames that come, opcode and payload; none is longer than 125 bytes."""
    file = connection.makefile("rb")
    while len(head := file.read(2)) == 2:
        yield head[0] & 0x0F, file.read(head[1] & 0x7F)


@pytest.mark.parametrize("path", ["/echo", "/ticks"])
def test_an_open_websocket_is_closed_as_going_away(
    start: Start, streaming: Path, path: str
) -> None:
    server = start("serve").ready()
    host, port = urlsplit(server.url).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        assert b" 101 " in head
        if path == "/echo":
            connection.sendall(b"\x81\x82\0\0\0\0hi")
            assert next(frames(connection)) == (1, b"hi")
        time.sleep(0.1)
        begun = time.monotonic()
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        *_, last = frames(connection)
        assert last[0] == 8 and int.from_bytes(last[1][:2]) == 1001
    stopping.join()
    assert server.process.returncode == 0 and time.monotonic() - begun < 5
    assert "stop.cut" not in server.err and '"cut_requests":0' in server.err.replace(" ", "")


def test_an_event_stream_does_not_hold_up_a_reload(start: Start, streaming: Path) -> None:
    server = start("dev").ready()
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    connection.request("GET", "/events")
    answer = connection.getresponse()
    assert answer.read(13) == b"data: first\n\n"
    begun = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert answer.read() == b""
    connection.close()
    assert server.process.wait(10) == 0
    assert time.monotonic() - begun < 2.5


def answer_to(server: Running, head: str, drip: bytes, every: float) -> tuple[bytes, float]:
    """What comes back for these headers and a body that drips; and after how long."""
    host, port = urlsplit(server.url).netloc.split(":")
    begun = time.monotonic()
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.encode())
        connection.settimeout(every)
        got = b""
        while time.monotonic() - begun < 8:
            try:
                part = connection.recv(65536)
                if not part:
                    return got, time.monotonic() - begun
                got += part
            except TimeoutError:
                if not got:
                    connection.sendall(drip)
            except ConnectionResetError:
                return got, time.monotonic() - begun
    return got, 99.0


@pytest.mark.parametrize("drip", [b"", b" "], ids=["silent", "dripping"])
@pytest.mark.parametrize("path", ["/api/notes", "/echo"])
def test_a_body_that_does_not_arrive_is_408_and_closed(
    start: Start, folder: Path, path: str, drip: bytes
) -> None:
    with (folder / "app.py").open("a") as file:
        file.write("\n\n@app.post('/echo')\nasync def echo(body: dict) -> dict:\n    return body\n")
    server = start("serve", STANCHION_BODY_TIMEOUT_S="1").ready()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Content-Length: 1000\r\n\r\n{"
    )
    got, took = answer_to(server, head, drip, 0.1)
    top, _, body = got.partition(b"\r\n\r\n")
    assert top.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in top
    told = json.loads(body)
    assert (told["status"], told["code"]) == (408, "body.timeout")
    assert 0.9 < took < 4
    assert server.call("GET", "/api/notes") == (200, {"items": [], "next": None})
