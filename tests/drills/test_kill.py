"""`kill -9` of a serving process during writes: every answered write is there, exactly once.

The short form: a few rounds on one file. What the server acknowledged is kept in a ledger outside
of it; after each kill a new server goes on with the same file.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

ROUNDS = 3
WRITERS = 6
SECONDS = 1.0
START_SECONDS = 30

APP = """
    from stanchion import App, Field, Record, Ref, Rules, Settings, calc, public

    app = App("Ledger")

    @app.collection("accounts")
    class Account(Record):
        total: int = 0
        rules = Rules(read=public, write=public)

    @app.collection("entries")
    class Entry(Record):
        account: Ref[Account]
        number: int = Field(unique=True)
        text: str = Field(search=True)
        rules = Rules(read=public, write=public)

    @app.seed
    async def load(tx):
        await tx.create(Account(id="018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"))

    @app.post("/book/{key}/{number}")
    async def book(key: str, number: int) -> dict[str, int]:
        async with app.transaction() as tx:
            account = (await tx.list(Account))[0]
            await tx.create(Entry(id=key, account=account.id, number=number, text="booked"))
            await tx.update_where(Account, "", {"total": calc("total + 1")})
        return {"number": number}
"""


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


@contextmanager
def serving(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server on this port, in a process group of its own; whatever is left of it is killed."""
    command = [sys.executable, "-m", "stanchion", "serve", "app.py", "--port", str(port)]
    settings = {"STANCHION_ACCESS_LOG": "0", "STANCHION_DATABASE_URL": "sqlite:///ledger.db"}
    server = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        wait_until_ready(server, port)
        yield server
    finally:
        kill(server)


def wait_until_ready(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if server.poll() is not None:
            assert server.stderr is not None
            raise AssertionError(server.stderr.read().decode())
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise AssertionError("the server did not come up")


def kill(server: subprocess.Popen[bytes]) -> None:
    """End the process group at once, workers included."""
    try:
        os.killpg(server.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    server.wait()
    if server.stderr is not None:
        server.stderr.close()


class Ledger:
    """What was sent, and what was acknowledged, as (id, number)."""

    def __init__(self) -> None:
        self.sent: set[tuple[str, int]] = set()
        self.acknowledged: set[tuple[str, int]] = set()
        self._lock = threading.Lock()

    def take(self) -> tuple[str, int]:
        """A new entry."""
        with self._lock:
            entry = (str(uuid4()), len(self.sent))
            self.sent.add(entry)
            return entry

    def write_until_it_breaks(self, port: int, booking: bool) -> None:
        """Write entries, by the data API or by a route, until the server is gone."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        account = "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"
        headers = {"Content-Type": "application/json"}
        try:
            while True:
                key, number = self.take()
                if booking:
                    connection.request("POST", f"/book/{key}/{number}")
                else:
                    values = {"id": key, "account": account, "number": number, "text": "sent"}
                    connection.request("POST", "/api/entries", json.dumps(values), headers)
                answer = connection.getresponse()
                body = answer.read()
                assert answer.status in (200, 201), body
                with self._lock:
                    self.acknowledged.add((key, number))
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()


def test_every_answered_write_survives_kill_9_exactly_once(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(textwrap.dedent(APP))
    ledger = Ledger()
    for _ in range(ROUNDS):
        port = free_port()
        with serving(tmp_path, port) as server:
            before = len(ledger.acknowledged)
            threads = [
                threading.Thread(target=ledger.write_until_it_breaks, args=(port, n % 2 == 1))
                for n in range(WRITERS)
            ]
            for thread in threads:
                thread.start()
            time.sleep(SECONDS)
            kill(server)
            for thread in threads:
                thread.join()
            assert len(ledger.acknowledged) > before
    check_file(tmp_path / "ledger.db", ledger)


def check_file(path: Path, ledger: Ledger) -> None:
    """Rows, log, search index and total agree with each other and with the ledger."""
    database = sqlite3.connect(path)
    try:
        rows = database.execute("select id,number,text from entries").fetchall()
        entries = {(key, number) for key, number, _ in rows}
        assert len(rows) == len(entries)
        assert ledger.acknowledged <= entries <= ledger.sent
        logged = database.execute(
            "select key from _changes where collection='entries' and operation='create'"
        ).fetchall()
        assert sorted(key for (key,) in logged) == sorted(key for key, _ in entries)
        booked = sum(text == "booked" for _, _, text in rows)
        ((total, version),) = database.execute("select total,version from accounts").fetchall()
        assert (total, version) == (booked, booked + 1)
        assert database.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert database.execute("pragma foreign_key_check").fetchall() == []
    finally:
        database.close()
