"""Requests that come faster than they can be answered: `serve` turns some away, a test none."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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

    with ThreadPoolExecutor(6) as many:
        alive = many.submit(lambda: [server.call("GET", "/health")[0] for _ in range(5)])
        told = Counter(many.map(blocks, range(40)))
    assert set(told) == {(200, "at last"), (503, "server.overloaded")}
    assert alive.result() == [200] * 5
    until = time.monotonic() + 5
    while server.call("GET", "/api/notes")[0] == 503 and time.monotonic() < until:
        time.sleep(0.05)
    assert server.call("GET", "/api/notes")[0] == 200


def test_app_in_memory_turns_nobody_away_however_late_its_loop_is() -> None:
    app = App("Busy", settings=Settings(overload_ms=20))

    @app.get("/blocks")
    async def blocks() -> str:
        await asyncio.sleep(0)
        time.sleep(0.06)
        return "at last"

    with client(app) as http, ThreadPoolExecutor(4) as many:
        told = Counter(many.map(lambda _: http.get("/blocks").status, range(40)))
    assert told == {200: 40}
