"""S19: where a browser goes after a sign-in is a path of this app, whatever the link says."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode, urljoin, urlsplit

import pytest

from stanchion.auth.goals import is_goal
from stanchion.testing import Client

from .app import ANN, GOOD, register

EVIL = "evil.example"
GOALS = [
    f"//{EVIL}", f"///{EVIL}", f"////{EVIL}", f"/\\{EVIL}", f"\\/{EVIL}", f"\\\\{EVIL}",
    f"/\\/{EVIL}", f"https://{EVIL}", f"https:/{EVIL}", f"https:{EVIL}", f"HTTPS://{EVIL}",
    f"//shop@{EVIL}", f"https://testserver@{EVIL}", f"https://testserver.{EVIL}",
    f"https://{EVIL}#@testserver", f"https://{EVIL}?testserver", f"//{EVIL}:80/", f"//{EVIL}%2f..",
    f"/\t/{EVIL}", f"/\n/{EVIL}", f"/\r/{EVIL}", f"\t//{EVIL}", f" //{EVIL}", f"\x00//{EVIL}",
    f"/\x0b/{EVIL}", f"/ /{EVIL}", f"/\u2028/{EVIL}", f"\u3000//{EVIL}", f"/\uff0f{EVIL}",
    f"\uff0f\uff0f{EVIL}", "javascript:alert(1)", "java\tscript:alert(1)",
    "data:text/html,<script>", "vbscript:x", "", ".", "..", EVIL, f"?next=//{EVIL}"[1:],
    f"/a\r\nLocation: https://{EVIL}", "/a\r\nSet-Cookie: x=1", "/é", "/" + "x" * 2000,
]  # fmt: skip
"""Slashes of every kind, users, ports, fragments, schemes, white space that browsers drop."""
PATHS = ["/", "/orders", "/orders?open=1&next=//evil.example", "/a#b", "/a//b", "/@evil.example"]
HERE = {"sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded"}


def as_a_browser_reads(location: str) -> str:
    """The host that a browser goes to: it drops tabs and line ends, and takes \\ for /."""
    kept = location.strip(" \t\r\n\x00\x0b\u3000")
    kept = "".join(c for c in kept if c not in "\t\r\n").replace("\\", "/")
    return urlsplit(urljoin("http://testserver/auth/sign-in", kept)).netloc


def sent_to(http: Client, goal: str) -> str:
    """Where somebody is sent who signed in by a link with this goal."""
    form = {"email": ANN, "password": GOOD, "next": goal}
    answer = http.request("POST", "/auth/sign-in", headers=HERE, content=urlencode(form).encode())
    assert answer.status == 303, answer.text
    return answer.headers["location"]


@pytest.fixture(scope="module")
def joined(http: Client) -> Iterator[Client]:
    register(http)
    yield http


def escapes(http: Client) -> list[str]:
    """The goals that lead elsewhere. A header is never split by one."""
    found = []
    for goal in GOALS:
        location = sent_to(http, goal)
        assert "\r" not in location and "\n" not in location
        if as_a_browser_reads(location) != "testserver":
            found.append(goal)
    return found


def test_no_goal_leads_elsewhere(joined: Client) -> None:
    assert escapes(joined) == []
    reached = {path: sent_to(joined, path) for path in PATHS}
    assert reached.pop("/") == "/auth/account", "the app has no page at `/`"
    assert [path for path, there in reached.items() if there != path] == []


def test_what_a_goal_may_be_is_asked_in_one_place() -> None:
    assert [goal for goal in GOALS if is_goal(goal)] == []
    assert all(is_goal(path) for path in PATHS)


def test_a_goal_that_is_believed_would_be_seen(
    joined: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("page",):
        monkeypatch.setattr(f"stanchion.http.sign_in.pages.{module}.goal_of", lambda goal: goal)
    monkeypatch.setattr(
        "stanchion.http.sign_in.pages.entering.goal_of", lambda goal: goal.splitlines()[0] if goal
        else "/"
    )  # fmt: skip
    monkeypatch.setattr("tests.attacks.test_open_redirect.GOALS", GOALS[:12])
    assert len(escapes(joined)) >= 6
