"""An `App` is an ASGI application: another server than ours runs it as well."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .processes import PATIENCE_S, environment

SHOP = """
from stanchion import App, Record, Rules, public

app = App("Shop")


@app.collection("pizzas")
class Pizza(Record):
    name: str
    rules = Rules(read=public, create=public)


@app.get("/count")
async def count() -> int:
    async with app.transaction() as tx:
        return len(await tx.list(Pizza))
"""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of `shop.app` under uvicorn, which is asked to stop in the end."""
    said = folder / "said"
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "shop:app", "--port", "0"],
            cwd=folder, env=environment(), stdout=out, stderr=out,
        )  # fmt: skip
    try:
        end = time.monotonic() + PATIENCE_S
        while not (found := re.search(r"running on (http://\S+)", said.read_text())):
            assert process.poll() is None and time.monotonic() < end, said.read_text()
            time.sleep(0.02)
        yield found[1]
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)
        assert "Application shutdown complete" in said.read_text()
        assert "Traceback" not in said.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def call(url: str, body: object = None) -> object:
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.loads(answer.read())


def test_uvicorn_serves_the_data_api_and_routes_and_stops_in_good_order(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    with served(tmp_path) as url:
        made = call(f"{url}/api/pizzas", {"name": "Margherita"})
        assert isinstance(made, dict)
        assert call(f"{url}/count") == 1
        assert call(f"{url}/api/pizzas/{made['id']}") == made
    with served(tmp_path) as url:
        assert call(f"{url}/api/pizzas/{made['id']}") == made
