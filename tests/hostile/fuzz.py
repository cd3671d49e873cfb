"""Requests that no honest client sends, made without end: for the short test and for `make fuzz`.

    python -m tests.hostile.fuzz --seconds 600 --seed 1         in memory
    python -m tests.hostile.fuzz --seconds 60 --wire 8000       a server on that port

Query strings are grown from pieces of the real grammar and then broken; bodies from values of
every kind, wrong ones more often than right ones. What is looked for: an answer of 5xx, an answer
that is no problem+json where it should be, and a request that takes longer than a second.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import re
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_from_bytes

from tests.api.conftest import Answer, Api

SLOW_S = 1.0
MOST_WRONG = 20
UUID = re.compile(r"[0-9a-fA-F]{8}-")


def words(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


NAMES = words(
    "name kind count weight price bought checked fragile tags notes secret shelf shelf.label "
    "shelf.items items id created updated version auth auth.id record record.name old now nosuch "
    "_n rowid _changes shelf.shelf.shelf.shelf.shelf.shelf items.items.items"
)
VALUES = words(
    "1 -1 0 9223372036854775807 9223372036854775808 -9223372036854775808 1e308 1e309 -0.0 0.1 "
    "1234567890123456789012345678901234567890 00 .5 5. 0x10 1u true false null "
    '"" "a" "tool" "item" "\\u0000" "\\ud800" "%" "_" "\'" "é" "\U0001f600" r"\\" b"x" '
    '"2026-01-31" "2026-01-31T12:00:00Z" "9999-12-31T23:59:59.999999+14:00" "9.50" '
    '"0190a000-0000-7000-8000-000000000001" [] [1] ["a",null] [[1]] {} $x $'
)
CALLS = (
    "has({})", "size({})", "!{}", "-{}", "{}.contains({})", "{}.startsWith({})", "{}.endsWith({})",
    "{}.lowerAscii()", "timestamp({})", "duration({})", "tags.exists(x, x == {})",
    "shelf.items.all(i, i.count > {})", "tags.exists_one(x, {})", "size(tags) > {}",
    "{}.matches({})",
    "{}[{}]", "{} ? {} : {}", "now - {}", "checked + {}", "{}()", "({}", "{})", "{}.{}",
)  # fmt: skip
OPERATORS = words("== != < <= > >= && || in and or + - * / % = === <> & | not")
RAW = (
    "'",
    '"',
    "\\",
    "`",
    ";",
    "--",
    "/*",
    "\0",
    "\n",
    "\r\n",
    "\t",
    "\x7f",
    "\u202e",
    "\ufeff",
    "%",
    "%%",
    "&&",
    "&",
    "=",
    "#",
    "?",
    "1=1",
    "' or 1=1 --",
    "{{7*7}}",
    "${x}",
    "../",
    "\U000e0001",
)
PARAMETERS = words("filter q sort limit after expand fields total group count sum avg min max")


@dataclass(frozen=True)
class Attack:
    """One request, as bytes."""

    method: str
    target: bytes
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass
class Found:
    """What a run saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    keyed: Counter[int] = field(default_factory=Counter)  # under a key that is one
    replayed: int = 0
    slowest: float = 0.0
    slowest_attack: Attack | None = None


class Fuzzer:
    """Makes attacks from one seed."""

    def __init__(self, seed: int, keys: list[str]) -> None:
        self.random = random.Random(seed)
        self.keys = keys
        self._under_keys: list[Attack] = []  # the last of them, to be sent again as clients do

    def attack(self) -> Attack:
        """The next request."""
        if self._under_keys and self.random.random() < 0.05:
            return self.random.choice(self._under_keys)
        make: Callable[[], Attack] = self.random.choices(
            [self._read, self._write, self._elsewhere], [5, 4, 1]
        )[0]
        made = make()
        if made.body and any(name == "idempotency-key" for name, _ in made.headers):
            self._under_keys = [*self._under_keys[-9:], made]
        return made

    # pieces

    def _pick(self, things: Any) -> Any:
        return self.random.choice(things)

    def expression(self, depth: int = 0) -> str:
        """Something like a filter."""
        roll = self.random.random()
        if depth > 5 or roll < 0.25:
            return str(self._pick(self._pick([NAMES, NAMES, VALUES, RAW])))
        if roll < 0.75:
            left, right = self.expression(depth + 1), self.expression(depth + 1)
            return f"{left} {self._pick(OPERATORS)} {right}"
        form = str(self._pick(CALLS))
        return (
            form.replace("{}", "\x00")
            .replace("\x00", "{}")
            .format(*(self.expression(depth + 1) for _ in range(form.count("{}"))))
        )

    def condition(self) -> str:
        """A filter that is often a good one."""
        name = self._pick(NAMES[:13])
        return f"{name} {self._pick(OPERATORS[:6])} {self._pick(VALUES)}"

    def _names(self) -> str:
        count = self.random.randrange(1, 5)
        return ",".join(self._pick(["", "-", "+", "--"]) + self._pick(NAMES) for _ in range(count))

    def _broken(self, text: str) -> str:
        """The text with something done to it."""
        roll = self.random.random()
        if roll < 0.6 or not text:
            return text
        at = self.random.randrange(len(text))
        if roll < 0.7:
            return text[:at] + str(self._pick(RAW)) + text[at:]
        if roll < 0.8:
            return text[:at] + text[at + 1 :]
        if roll < 0.9:
            return text[:at] + chr(self.random.randrange(0x110000 - 1) | 1) + text[at:]
        return text[at:] + text * self.random.randrange(3)

    def _parameter(self) -> bytes:
        name = self._pick(PARAMETERS)
        match name:
            case "filter":
                value = self._pick([self.expression, self.condition])()
            case "sort" | "expand" | "fields" | "group" | "sum" | "avg" | "min" | "max":
                value = self._names()
            case "limit":
                value = self._pick(["1", "1000", "0", "-1", "1e3", "٣", "1001", "9" * 30, "", " 5"])
            case "total" | "count":
                value = self._pick(["true", "false", "1", "TRUE", ""])
            case "q":
                value = self._pick(
                    ["item", "it", "i", "item 1", '"', "*", "NEAR(", "é́", "a" * 5000]
                )
            case _:
                value = self._pick([self._cursor(), "x", "", "W10", "eyJ9"])
        value = self._broken(str(value))
        if self.random.random() < 0.05:
            return name.encode() + b"=" + bytes(self.random.choices(range(33, 256), k=20))
        encoded = value.encode("utf-8", "surrogatepass")
        safe = self._pick(["", "(),.<>!|'\"", ""])
        return name.encode() + b"=" + quote_from_bytes(encoded, safe).encode()

    def _cursor(self) -> str:
        import base64

        values: list[Any] = self.random.choices([1, "a", None, True, 1.5, [], {}, 2**70], k=2)
        mark = self._pick(["x", "", 5, None, "a" * 11])
        text = json.dumps([self._pick([1, 2, None]), mark, values])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def _path(self) -> str:
        collection = self._pick(["items", "items", "items", "shelves", "nosuch", "_changes", ""])
        key = self._pick([*self.keys, "x", "_aggregate", "_schema", "..", "%00", "%", "a" * 3000])
        if self.random.random() < 0.1:
            key = quote(str(self._pick(RAW)), safe="%")
        return f"/api/{collection}" + self._pick(["", f"/{key}", f"/{key}/", "/"])

    def _read(self) -> Attack:
        path = self._pick(["/api/items", "/api/items", "/api/items/_aggregate", self._path()])
        query = b"&".join(self._parameter() for _ in range(self.random.randrange(5)))
        target = path.encode() + (b"?" + query if query else b"")
        return Attack(self._pick(["GET", "GET", "HEAD", "OPTIONS"]), target, self._headers(), b"")

    def value(self, depth: int = 0) -> Any:
        """A JSON value of any kind."""
        roll = self.random.random()
        if depth < 4 and roll < 0.15:
            return [self.value(depth + 1) for _ in range(self.random.randrange(4))]
        if depth < 4 and roll < 0.3:
            return {self._key(): self.value(depth + 1) for _ in range(self.random.randrange(4))}
        plain: list[Any] = [
            0, 1, -1, 5.5, 1e300, 2**53, 2**63, 2**64, -(2**63), 10**30, True, False, None, "",
            "a", "tool", "2026-01-31", "2026-02-30", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00",
            "9.50", "9.999", "1e5", "1e999999", "NaN", "-0", "00", " 1", "é", "\u202e",
            "\U0001f600",
            "x" * 300,
            "\x00", "\ud800", self._pick(self.keys), "0190A000-0000-7000-8000-000000000001",
        ]  # fmt: skip
        return self._pick(plain)

    def _key(self) -> str:
        return str(self._pick([*NAMES, "", "$ref", "__proto__", "a/b", "~", "\x00", "x" * 200]))

    def _record(self) -> Any:
        if self.random.random() < 0.15:
            return self.value()
        record: dict[str, Any] = {"name": "fuzzed"}
        for _ in range(self.random.randrange(5)):
            record[self._key()] = self.value()
        return record

    def _batch(self) -> Any:
        steps = []
        for _ in range(self.random.randrange(4)):
            step = {
                "method": self._pick(["POST", "PATCH", "PUT", "DELETE", "GET", "post", None]),
                "path": self._path(), "body": self._record(),
                "if_match": self._pick([None, '"1-x"', "*", 5, ""]),
            }  # fmt: skip
            steps.append({k: v for k, v in step.items() if self.random.random() < 0.8})
        return {"steps": self._pick([steps, steps, steps, self.value()])}

    def _text(self, value: Any) -> bytes:
        text = json.dumps(value, ensure_ascii=self.random.random() < 0.5)
        roll = self.random.random()
        if roll < 0.1:
            text = self._broken(self._broken(text))
        elif roll < 0.15:
            text = text.replace("1", self._pick(["NaN", "1e400", "-Infinity", "1" * 500, "01"]))
        encoded = text.encode("utf-8", "surrogatepass")
        if roll > 0.97:
            return bytes(self.random.choices(range(256), k=40))
        return encoded.decode("utf-8", "replace").encode("utf-16") if roll > 0.95 else encoded

    def _write(self) -> Attack:
        method = self._pick(["POST", "POST", "PATCH", "PUT", "DELETE"])
        path = "/api/items" if method == "POST" else f"/api/items/{self._pick(self.keys)}"
        body: Any = self._record()
        roll = self.random.random()
        if method == "POST" and roll < 0.2:
            body = [self._record() for _ in range(self.random.randrange(4))]
        elif roll < 0.3:
            method, path, body = "POST", "/api/_batch", self._batch()
        elif roll < 0.4:
            path = self._path()
        elif roll < 0.45:
            method, path = "POST", "/copy"
        kind = self._pick(["application/json"] * 9 + ["text/plain"])
        headers = (("content-type", kind), *self._headers())
        return Attack(method, path.encode(), headers, self._text(body))

    def _elsewhere(self) -> Attack:
        path = self._pick(["/health", "/ready", "/docs", "/openapi.json", "/docs/errors", "/", "//",
                           "/api", "/api/", "/api/../items", "/copy", "/docs/../x"])  # fmt: skip
        method = self._pick(["GET", "POST", "TRACE", "PROPFIND", "DELETE"])
        return Attack(method, path.encode(), self._headers(), b"")

    def _headers(self) -> tuple[tuple[str, str], ...]:
        headers = []
        if self.random.random() < 0.3:
            name = self._pick(["if-match", "if-none-match", "accept-encoding",
                               "content-encoding", "accept", "range", "cookie",
                               "authorization"])  # fmt: skip
            value = self._pick(['"1-x"', "*", "", "W/", '"', ",,,", "gzip", "gzip;q=0",
                                "a" * 300,
                                "Bearer x", "\xff"])  # fmt: skip
            headers.append((name, value))
        if self.random.random() < 0.3:
            headers.append(("idempotency-key", self.once()))
        if self.random.random() < 0.01:
            headers.append(("idempotency-key", self.once()))
        return tuple(headers)

    def once(self) -> str:
        """An `Idempotency-Key`: a UUID, often one that was sent before, so that answers are
        replayed, refused for another body, and kept; sometimes something else."""
        roll = self.random.random()
        if roll < 0.15:
            return str(self._pick(["", '"', "x", "a" * 256, '"\\x"', "\xff", " ", ",", "0190b000"]))
        number = self.random.randrange(40) if roll < 0.7 else self.random.getrandbits(48)
        key = f"0190e000-0000-4000-8000-{number:012x}"
        return self._pick([key, key, f'"{key}"', key.upper()])


def run(api: Any, fuzzer: Fuzzer, *, seconds: float, most: int) -> Found:
    """Attack `api` for some time."""
    found = Found()
    until = time.monotonic() + seconds
    while (
        time.monotonic() < until and found.statuses.total() < most and len(found.wrong) < MOST_WRONG
    ):
        attack = fuzzer.attack()
        began = time.perf_counter()
        try:
            answer = api.ask(attack.method, attack.target, "anonymous", attack.headers, attack.body)
        except AssertionError as error:
            found.wrong.append(f"{attack}: {error}")
            found.statuses[0] += 1
            continue
        took = time.perf_counter() - began
        found.statuses[answer.status] += 1
        if any(name == "idempotency-key" and UUID.search(value) for name, value in attack.headers):
            found.keyed[answer.status] += 1
            found.replayed += "idempotent-replayed" in answer.headers
        if answer.status >= 400 and attack.method != "HEAD" and answer.body:
            found.codes[answer.code] += 1
        if answer.status >= 500:
            found.wrong.append(f"{answer.status} {attack}: {answer.body[:300]!r}")
        if took > SLOW_S:
            found.wrong.append(f"{took:.1f} s {attack}")
        if took > found.slowest:
            found.slowest, found.slowest_attack = took, attack
        if b"the-planted-secret" in answer.body:
            found.wrong.append(f"told the secret: {attack}")
    return found


def _counts(statuses: Counter[int]) -> str:
    return ", ".join(f"{status}: {count:,}" for status, count in sorted(statuses.items()))


def report(found: Found) -> str:
    """The run in a few lines."""
    failed = sum(n for status, n in found.statuses.items() if status >= 500)
    lines = [
        f"{found.statuses.total():,} requests, {failed} answers of 5xx, {len(found.wrong)} wrong",
        f"by status  {_counts(found.statuses)}",
        f"under an Idempotency-Key  {_counts(found.keyed)}; {found.replayed:,} replayed",
        f"codes      {len(found.codes)} different",
        f"slowest    {found.slowest * 1000:.0f} ms  {found.slowest_attack}"[:300],
    ]
    return "\n".join(lines + found.wrong)


class Wire:
    """A server on a port, asked over one connection as long as it is kept open."""

    BARE = (400, 431)  # what the HTTP server refuses before we see it has no body

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: socket.socket | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def ask(
        self,
        method: str,
        target: bytes,
        caller: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
    ) -> Answer:
        """The answer to a request as it is written; raises AssertionError where it is none."""
        del caller  # nobody has to be signed in
        lines = [f"{method} ".encode() + target + b" HTTP/1.1", b"Host: shop.example"]
        lines += [f"{name}: {value}".encode("latin-1") for name, value in headers]
        if body or method in ("POST", "PUT", "PATCH"):
            lines.append(b"Content-Length: %d" % len(body))
        if self._connection is None:
            self._connection = socket.create_connection(("127.0.0.1", self._port), 10)
        try:
            self._connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
            response = http.client.HTTPResponse(self._connection, method=method)
            response.begin()
            told = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise AssertionError(f"no answer: {error!r}") from error
        given = {name.lower(): value for name, value in response.getheaders()}
        if response.will_close or given.get("connection") == "close":
            self.close()
        answer = Answer(response.status, given, told)
        if answer.status >= 400 and method != "HEAD" and (told or answer.status not in self.BARE):
            assert given.get("content-type") == "application/problem+json", answer
            assert answer.json["status"] == answer.status
        return answer


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--wire", type=int, help="the port of a server of tests/hostile/app.py")
    options = parser.parse_args()
    from tests.hostile.conftest import load_app

    module = load_app("hostile_fuzzed")
    with tempfile.TemporaryDirectory() as folder:
        api = Wire(options.wire) if options.wire else _in_memory(module, Path(folder))
        print(f"seed {options.seed}")
        found = run(api, Fuzzer(options.seed, keys_of(module)), seconds=options.seconds, most=10**9)
        api.close()
    print(report(found))
    sys.exit(bool(found.wrong))


def _in_memory(module: Any, folder: Path) -> Api:
    from stanchion import Settings
    from stanchion.query import ANONYMOUS

    runtime = module.app.runtime
    runtime._settings = replace(Settings(), database_url=f"sqlite:///{folder / 'fuzz.db'}")
    runtime.change_schema = True
    return Api(module.app, {"anonymous": ANONYMOUS})


def keys_of(module: Any) -> list[str]:
    """Keys that are there, and one that is not."""
    return [module.SHELF, *(module.ITEM.format(n) for n in range(8)), module.ITEM.format(999)]


if __name__ == "__main__":
    main()
