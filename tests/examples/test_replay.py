"""The replay: real sales through the API, exact totals, no order lost when the server is killed."""

from __future__ import annotations

import importlib.util
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.postgres import Postgres

from .conftest import ROOT, Server

REPLAY = ROOT / "examples" / "pizzeria" / "replay.py"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("great_tables") is None, reason="great-tables is not installed"
)


def test_shortened_replay_has_exact_totals() -> None:
    """It starts its own server and compares the API's totals with the data set's."""
    done = subprocess.run(
        [sys.executable, str(REPLAY), "--orders", "1500"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1,500" in done.stdout


def test_kill_9_during_the_replay_loses_no_acknowledged_order(
    pizzeria: Server, tmp_path: Path
) -> None:
    """The server is killed three times while it goes on; each acknowledged order is there once."""
    ledger = tmp_path / "ledger.txt"
    replay = subprocess.Popen(
        [
            sys.executable, str(REPLAY), "--url", pizzeria.url, "--orders", "3000",
            "--ledger", str(ledger),
        ],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        rng = random.Random(7)
        for _ in range(3):
            time.sleep(rng.uniform(0.6, 1.4))
            if replay.poll() is None:
                pizzeria.kill()
                pizzeria.start()
        output, _ = replay.communicate(timeout=120)
    finally:
        if replay.poll() is None:
            replay.kill()
            replay.wait()
    assert replay.returncode == 0, output
    acknowledged = ledger.read_text().split()
    assert len(acknowledged) == len(set(acknowledged)) == 3000
    pizzeria.customer = replay_customer(pizzeria)
    stored: list[str] = []
    after = ""
    while True:
        _, page = pizzeria.get(f"/api/orders?fields=id&limit=1000{after}")
        stored += [order["id"] for order in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert sorted(stored) == sorted(set(acknowledged))
    _, lines = pizzeria.get("/api/order_lines/_aggregate?group=order&count=true")
    assert all(item["count"] >= 1 for item in lines["items"])


def replay_customer(server: Server) -> str:
    """A session of the customer who placed the replay's orders: nobody else sees them."""
    spec = importlib.util.spec_from_file_location("replay", REPLAY)
    assert spec is not None and spec.loader is not None
    replay = importlib.util.module_from_spec(spec)
    sys.modules["replay"] = replay
    spec.loader.exec_module(replay)
    status, told = server.ask("POST", "/api/auth/login", replay.CUSTOMER)
    assert status == 200, told
    return str(told["token"])


def test_replay_on_postgresql_has_the_same_totals(postgres: Postgres, database: str) -> None:
    """One setting is all that differs; the totals are compared with the data set's, as above."""
    done = subprocess.run(
        [sys.executable, str(REPLAY), "--orders", "300", "--database", database],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert postgres.sql("select count(*) from orders", database.rpartition("/")[2]) == "300"
