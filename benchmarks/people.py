"""People who sign in at the server that is measured, over its API.

In: a running server of ours.   Out: who they are, and what their programs send with each request.
Every other one is a browser: a cookie, and what browsers tell beside it.
"""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import BadAnswer, Server

PASSWORD = "only for measuring, and long"


@dataclass(frozen=True)
class Person:
    """A user with a session."""

    user: str
    headers: dict[str, str]


def sign_in(server: Server, many: int) -> list[Person]:
    """So many people who register, each with the session that they are answered with."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        return [_register(connection, number) for number in range(many)]
    finally:
        connection.close()


def _register(connection: http.client.HTTPConnection, number: int) -> Person:
    browser = number % 2 == 1
    body = {
        "email": f"person{number}@example.com", "password": PASSWORD, "name": f"Person {number}",
        "as": "cookie" if browser else "token",
    }  # fmt: skip
    headers = {"Content-Type": "application/json"}
    connection.request("POST", "/api/auth/register", json.dumps(body), headers)
    answer = connection.getresponse()
    raw = answer.read()
    if answer.status != 201:
        raise BadAnswer(f"POST /api/auth/register: {answer.status} {raw[:300]!r}")
    given = json.loads(raw)
    if not browser:
        return Person(given["user"]["id"], {"Authorization": f"Bearer {given['token']}"})
    cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    return Person(given["user"]["id"], {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"})


def write_callers(people: list[Person], path: Path) -> Path:
    """Their headers, as requests.lua reads them."""
    lines = ("\t".join(f"{name}: {value}" for name, value in p.headers.items()) for p in people)
    path.write_text("\n".join(lines) + "\n")
    return path
