"""S3, SQL injection: no text of a caller becomes SQL, a name, or anything but a value.

First the naughty strings, through every place that takes a text; then sqlmap, an independent
attacker, against the real server.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import apsw
import pytest

from stanchion.engines.base import Ask
from stanchion.engines.sqlite.reader import Reader
from tests.api.conftest import Api
from tests.hostile.conftest import Server

ITEMS = "/api/items"
NAUGHTY = [
    "", "undefined", "null", "NULL", "(null)", "true", "\\", "\\\\", "0", "1/0", "-1", "1e309",
    "NaN", "Infinity", "0x0", "1,000", "٣", "' or '1'='1", "'; drop table items; --",
    "\" or \"\"=\"",
    "1; attach database '/tmp/x' as x", "%27", "%s%n%x", "${jndi:ldap://x}", "{{7*7}}", "<script>",
    "Ω≈ç√", "田中さん", "ﷺ", "🏳0🌈", "‪‫", "\u200b", "\ufeff", "\u2028", "a\u0301" * 40,
    "\u202etxet", "../../etc/passwd", "\n", "\r\nSet-Cookie: a=b", "\t", "\x7f", "\x01\x02", "*",
    "?",
    "NEAR(a b)", "name:a", "^a", "a OR b", "a AND NOT b", "{name}: a", "\"a", "a\"", "--", "/*",
    "`",
    "[0]", "$1", ":name", "@x", "?1", "\x02" "0\x03", "_n", "rowid", "_schema", "_changes",
]  # fmt: skip


def literal(text: str) -> str:
    """A text of the expression language; its `\\u` makes code points, not halves of them."""
    return json.dumps(text, ensure_ascii=False)


def check_read(warehouse: Api, text: str) -> None:
    """Wherever a text may stand in a query, it is a value or is refused."""
    tables = warehouse.rows()
    for parameters in (
        {"filter": f"name == {literal(text)}"}, {"filter": text}, {"sort": text}, {"q": text},
        {"expand": text}, {"fields": text}, {"after": text}, {"limit": text}, {"total": text},
        {"filter": f"name.contains({literal(text)}) || name.startsWith({literal(text)})"},
    ):  # fmt: skip
        answer = warehouse.get(ITEMS, **parameters)
        assert answer.status in (200, 400), parameters
        assert "the-planted-secret" not in answer.body.decode()
    assert not [name for name in warehouse.get(ITEMS, filter=f"name == {literal(text)}")
                .column("name") if name != text], "found what was not asked for"  # fmt: skip
    for parameters in ({"group": text}, {"sum": text}, {"group": "kind", "filter": text}):
        assert warehouse.get(f"{ITEMS}/_aggregate", **parameters).status in (200, 400)
    assert warehouse.rows() == tables, "reading wrote"


@pytest.mark.parametrize("text", NAUGHTY)
def test_naughty_text_is_a_value_and_nothing_else(warehouse: Api, text: str) -> None:
    check_read(warehouse, text)


def check_stored(warehouse: Api, text: str) -> None:
    """What is written is read back, and found by what it is."""
    made = warehouse.send("POST", ITEMS, {"name": text, "notes": {text: text}}, "anonymous")
    assert made.status == 201 and made.json["name"] == text and made.json["notes"] == {text: text}
    if re.fullmatch(r"[^\x00-\x1f\x7f]+", text):
        found = warehouse.get(ITEMS, filter=f"name == {literal(text)}", limit=1000)
        assert made.json["id"] in found.column("id")
    assert warehouse.ask("DELETE", f"{ITEMS}/{made.json['id']}").status == 204


@pytest.mark.parametrize("text", [t for t in NAUGHTY if t])
def test_naughty_text_is_stored_and_found_as_it_was_sent(warehouse: Api, text: str) -> None:
    check_stored(warehouse, text)


def joined(text: str, values: Sequence[Any]) -> str:
    """The statement as somebody writes it who has never heard of parameters."""

    def put(mark: re.Match[str]) -> str:
        value = values[int(mark[1]) - 1]
        return f"'{value}'" if isinstance(value, str) else "null" if value is None else str(value)

    return re.sub(r"\?(\d+)", put, text)


@pytest.mark.parametrize("text", ["' or '1'='1", "'; drop table items; --", "x' or name like '%"])
def test_planted_join_of_texts_is_seen(
    warehouse: Api, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = Reader.fetch_together

    def concatenate(self: Reader, asks: Sequence[Ask]) -> Any:
        return fetch(self, [Ask(joined(ask.text, ask.params), ()) for ask in asks])

    one = Reader.fetch
    monkeypatch.setattr(Reader, "fetch_together", concatenate)
    monkeypatch.setattr(Reader, "fetch", lambda self, sql, given: one(self, joined(sql, given), ()))
    with pytest.raises(AssertionError):
        check_read(warehouse, text)


def said_by_sqlmap(url: str, parameters: str, folder: Path, *more: str) -> str:
    """What an independent attacker says of the parameters."""
    sqlmap = Path(sys.executable).with_name("sqlmap")
    if not sqlmap.exists():
        pytest.skip("sqlmap is not installed")
    run = subprocess.run(
        [str(sqlmap), "-u", url, "-p", parameters, "--batch", "--flush-session",
         "--disable-coloring", "--ignore-code=400", "--output-dir", str(folder), "--dbms=sqlite",
         "--threads=1", "--timeout=10", *more],
        capture_output=True, text=True, timeout=1200, check=False,
    )  # fmt: skip
    return run.stdout + run.stderr


def check_sqlmap(said: str) -> None:
    assert "do not appear to be injectable" in said, said[-3000:]
    assert "is vulnerable" not in said


def test_sqlmap_finds_nothing(server: Server, tmp_path: Path) -> None:
    """The short form: two parameters at level 1. `make fuzz` goes to level 3, risk 2."""
    deep = os.environ.get("STANCHION_FUZZ") == "deep"
    parameters = "filter,sort,q,expand" if deep else "filter,sort"
    depth = ("--level=3", "--risk=2") if deep else ("--level=1", "--risk=1")
    url = f"http://127.0.0.1:{server.port}{ITEMS}?filter=count%3D%3D1&sort=name&q=item&expand=shelf"
    check_sqlmap(said_by_sqlmap(url, parameters, tmp_path, *depth, "--technique=BEUSQ"))


class Joining(BaseHTTPRequestHandler):
    """Puts what it is asked for into its statement, as nobody should."""

    def do_GET(self) -> None:
        given = parse_qs(urlsplit(self.path).query).get("count", ["0"])[0]
        file = apsw.Connection(":memory:")
        file.execute("create table items(count, name); insert into items values (1, 'hammer')")
        try:
            rows = file.execute(f"select name from items where count={given}").fetchall()
        except apsw.Error:
            rows = []
        body = json.dumps({"items": rows}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def test_sqlmap_sees_a_planted_injection(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Joining) as planted:
        thread = threading.Thread(target=planted.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{planted.server_port}/?count=1"
        said = said_by_sqlmap(url, "count", tmp_path, "--technique=B")
        planted.shutdown()
        thread.join()
    with pytest.raises(AssertionError):
        check_sqlmap(said)
    assert "is vulnerable" in said or "identified the following injection point" in said
