"""Requests that come faster than they can be answered: `serve` turns some away, a test none."""

from __future__ import annotations

import asyncio
import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from stanchion import App
from stanchion.settings import Settings
from stanchion.testing import client

from .conftest import change
from .processes import Running

BLOCKING = """
@app.get("/blocks")
async def blocks() -> str:
    import time

    time.sleep(0.1)
    return "at last"


@app.get("/broken")
"""


def test_serve_turns_away_what_would_wait_too_long_and_recovers(
    start: Callable[..., Running], folder: Path
) -> None:
    change(folder / "app.py", '\n@app.get("/broken")\n', BLOCKING)
    server = start("serve", STANCHION_OVERLOAD_MS="20").ready()

    def blocks(_: int) -> tuple[int, str]:
        status, answer = server.call("GET", "/blocks")
        return status, answer if status == 200 else answer["code"]

    with ThreadPoolExecutor(24) as many:
        alive = many.submit(lambda: [server.call("GET", "/health")[0] for _ in range(5)])
        told = Counter(many.map(blocks, range(60)))
    assert set(told) == {(200, "at last"), (503, "server.overloaded")}
    assert alive.result() == [200] * 5
    until = time.monotonic() + 5
    while server.call("GET", "/api/notes")[0] == 503 and time.monotonic() < until:
        time.sleep(0.05)
    assert server.call("GET", "/api/notes")[0] == 200


def test_who_is_turned_away_keeps_the_connection_unless_a_body_waits(
    start: Callable[..., Running], folder: Path
) -> None:
    change(folder / "app.py", '\n@app.get("/broken")\n', BLOCKING)
    server = start("serve", STANCHION_OVERLOAD_MS="20").ready()
    enough = threading.Event()

    def told(method: str, body: bytes | None = None) -> http.client.HTTPResponse:
        """The first answer that is a refusal."""
        until = time.monotonic() + 10
        with closing(
            http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=10)
        ) as one:
            while time.monotonic() < until:
                one.request(method, "/api/notes", body)
                answer = one.getresponse()
                answer.read()
                if answer.status == 503:
                    return answer
        raise AssertionError("nobody was turned away")

    def block() -> None:
        while not enough.is_set():
            server.call("GET", "/blocks")

    with ThreadPoolExecutor(24) as many:
        working = [many.submit(block) for _ in range(24)]
        try:
            kept, head, closed = told("GET"), told("HEAD"), told("POST", b"{}")
        finally:
            enough.set()
    assert [one.result() for one in working] == [None] * 24
    assert kept.headers["connection"] is None and closed.headers["connection"] == "close"
    assert head.headers["content-length"] == kept.headers["content-length"] != "0"
    for answer in (kept, head, closed):
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["x-request-id"].startswith("r_")


def test_app_in_memory_turns_nobody_away_however_late_its_loop_is() -> None:
    app = App("Busy", settings=Settings(overload_ms=20))

    @app.get("/blocks")
    async def blocks() -> str:
        await asyncio.sleep(0)
        time.sleep(0.06)
        return "at last"

    with client(app) as caller, ThreadPoolExecutor(4) as many:
        told = Counter(many.map(lambda _: caller.get("/blocks").status, range(40)))
    assert told == {200: 40}
