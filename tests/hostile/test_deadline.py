"""D7 on the wire: a read that would take minutes ends at its deadline; nobody waits for it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from pathlib import Path
from urllib.parse import quote

import apsw
import pytest

from tests.hostile.app import ITEM, SHELF
from tests.hostile.conftest import Server, serving

DEADLINE_S = 0.3
SLACK_S = 0.5
MORE = 2_000
COSTLY = (
    "/api/items?filter=shelf.items.all(a,a.shelf.items.exists(b,b.shelf.items.exists(c,"
    + quote("c.count > 900000")
    + ")))"
)


def fill(folder: Path) -> None:
    """More items on the shelf, so that a macro inside a macro inside a macro has much to do."""
    file = apsw.Connection(str(folder / "warehouse.db"))
    columns = [row[1] for row in file.execute("pragma table_info(items)") if row[1] != "_n"]
    taken = ", ".join("i.id || 'x' || n" if name == "id" else f'i."{name}"' for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    file.execute(
        f"with recursive c(n) as (select 1 union all select n + 1 from c where n < {MORE}) "
        f"insert into items ({names}) select {taken} from items i, c where i.shelf = '{SHELF}' "
        f"and i.id = '{ITEM.format(1)}'"
    )
    file.close()


def ask(server: Server, path: str, patience: float) -> tuple[int, str, float]:
    """The status, the code and the seconds of a GET."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=patience)
    began = time.monotonic()
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        told = json.loads(answer.read())
        return answer.status, told.get("code", ""), time.monotonic() - began
    finally:
        connection.close()


def check_deadline(server: Server, patience: float = 10) -> None:
    """The costly one is told 503 at its deadline; those beside it are answered meanwhile."""
    others: list[tuple[int, str, float]] = []
    over = threading.Event()

    def beside() -> None:
        while not over.is_set():
            others.append(ask(server, f"/api/items/{ITEM.format(3)}", patience))

    thread = threading.Thread(target=beside)
    thread.start()
    try:
        status, code, took = ask(server, COSTLY, patience)
    finally:
        over.set()
        thread.join()
    slowest = max(seconds for _, _, seconds in others)
    print(f"costly: {status} after {took:.2f} s; {len(others)} beside it, slowest {slowest:.3f} s")
    assert (status, code) == (503, "server.deadline")
    assert DEADLINE_S <= took < DEADLINE_S + SLACK_S
    assert len(others) >= 5 and {status for status, _, _ in others} == {200}
    assert slowest < DEADLINE_S, "it waited for the costly one"


SETTINGS = {"STANCHION_READ_DEADLINE_MS": f"{DEADLINE_S * 1000:.0f}", "STANCHION_GRACE_S": "1"}


def test_costly_request_ends_at_its_deadline_while_others_are_answered(tmp_path: Path) -> None:
    with serving(tmp_path, **SETTINGS) as server:
        fill(tmp_path)
        for _ in range(3):  # the first is found costly on the event loop, the next is known
            check_deadline(server)


def test_planted_read_without_deadline_is_seen(tmp_path: Path) -> None:
    with serving(tmp_path, "no-deadline", **SETTINGS) as server:
        fill(tmp_path)
        with pytest.raises(TimeoutError):
            check_deadline(server, patience=DEADLINE_S + SLACK_S)


def test_default_of_the_deadline_is_the_promised_one(tmp_path: Path) -> None:
    """2 s; a hundred times that would leave every other test as it is."""
    with serving(tmp_path, STANCHION_GRACE_S="1") as server:
        fill(tmp_path)
        status, _, took = ask(server, COSTLY, 2 + SLACK_S)
    assert status == 503 and took >= 2
