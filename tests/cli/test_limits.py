"""Limits under `stanchion serve`: exact over HTTP, however many workers answer (TRUST D11)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .conftest import change
from .processes import Running


@pytest.mark.parametrize(("workers", "rows"), [("3", 1), ("1", 0)])
def test_twenty_clients_pass_as_often_as_they_may(
    start: Callable[..., Running], folder: Path, workers: str, rows: int
) -> None:
    rules = "    rules = Rules(read=public, create=public)\n"
    change(folder / "app.py", rules, f'{rules}    limits = Limits(create="23/h")\n')
    change(folder / "app.py", "import App, Field,", "import App, Field, Limits,")
    server = start("serve", "--workers", workers).ready()

    def client(number: int) -> list[int]:
        return [server.call("POST", "/api/notes", {"text": f"{number}"})[0] for _ in range(3)]

    with ThreadPoolExecutor(20) as clients:
        told = [status for each in clients.map(client, range(20)) for status in each]
    assert sorted(told) == [201] * 23 + [429] * 37
    assert server.call("GET", "/api/notes?total=true")[1]["total"] == 23
    assert server.stop() == 0
    with sqlite3.connect(folder / "data" / "stanchion.db") as database:
        assert database.execute("select count(*), sum(used) from _limits").fetchone() == (
            (1, 23) if rows else (0, None)
        )
    database.close()
