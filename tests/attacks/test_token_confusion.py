"""S10: what is signed or secret for one thing opens no other. Sessions are opaque, so there is no
JWT of ours to forge; those of providers are tried in `tests/providers/test_signed.py`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator

import pytest

from stanchion.auth import codes
from stanchion.testing import Client, Response

from .app import ANN, BETTER, GOOD, bearer, code_in, email_of, mailed, post, register, token_in

Tokens = dict[str, str]


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def forged(alg: str, key: bytes) -> str:
    said = f"{part({'alg': alg, 'kid': '../../dev/null'})}.{part({'sub': ANN, 'admin': True})}"
    mark = hmac.new(key, said.encode(), hashlib.sha256).digest() if key else b""
    return f"{said}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"


@pytest.fixture(scope="module")
def tokens(http: Client) -> Iterator[Tokens]:
    """One of each kind, each good for its own purpose."""
    ann = register(http)
    post(http, "/verification", ann)
    post(http, "/verify", ann, token=token_in(mailed(http)))
    found = {"session": ann["authorization"].removeprefix("Bearer ")}
    made = post(http, "/keys", ann, name="k", scopes=["*:read"])
    found["key"] = made.json()["token"]
    post(http, "/reset", email=ANN)
    found["reset"] = token_in(mailed(http))
    found["request"] = post(http, "/code", email=ANN).json()["request"]
    text = mailed(http)
    found["link"], found["code"] = token_in(text), code_in(text)
    post(http, "/email", ann, email="new@example.com", password=GOOD)
    found["email"] = token_in(mailed(http))
    found["ticket"] = post(http, "/totp", ann).json()["ticket"]
    found["none"] = forged("none", b"")
    found["HS256"] = forged("HS256", b"secret")
    found["half"] = found["session"][:-1]
    found["twice"] = found["session"] * 2
    found["digest"] = hashlib.sha256(found["session"].encode()).hexdigest()
    found["prefixed"] = "st_" + found["key"]
    yield found


OPENS: dict[str, tuple[Callable[[Client, str], Response], tuple[str, ...]]] = {
    "as a session": (
        lambda http, t: http.get("/api/auth/sessions", headers={"authorization": f"Bearer {t}"}),
        ("session",),
    ),
    "as a cookie": (
        lambda http, t: http.get("/api/auth/me", headers={"cookie": f"__Host-session={t}"}),
        ("session",),
    ),
    "as a ticket": (
        lambda http, t: post(http, "/login/code", ticket=t, code="000000"), (),
    ),
    "as a link to reset": (
        lambda http, t: post(http, "/reset/confirm", token=t, password=BETTER), ("reset",),
    ),
    "as a link to verify": (
        lambda http, t: post(http, "/verify", token=t, password=BETTER), (),
    ),
    "as a link that signs in": (lambda http, t: post(http, "/link", token=t), ("link",)),
    "as a link to another address": (
        lambda http, t: post(http, "/email/confirm", token=t), ("email",),
    ),
    "as the text of a code": (
        lambda http, t: post(http, "/code/confirm", request=t, code="000000"), (),
    ),
    "as a code": (
        lambda http, t: post(http, "/code/confirm", request="cr_" + "A" * 43, code=t[:64]), (),
    ),
}  # fmt: skip


def opened_by_others(http: Client, tokens: Tokens) -> list[str]:
    """The places that a token opened which was made for something else."""
    found = []
    for way, (use, good) in OPENS.items():
        for kind, token in tokens.items():
            if kind not in good and use(http, token).status < 400:
                found.append(f"{kind} {way}")
    return found


def test_each_token_opens_what_it_was_made_for_and_nothing_else(
    http: Client, tokens: Tokens
) -> None:
    assert opened_by_others(http, tokens) == []
    assert email_of(http, {"authorization": f"Bearer {tokens['session']}"}) == ANN
    signed_in = post(http, "/link", token=tokens["link"], **{"as": "token"})
    assert email_of(http, bearer(signed_in)) == ANN, "it was good all the time"


def test_a_link_that_is_good_for_everything_would_be_seen(
    http: Client, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = codes.find_link

    async def find_any(engine: object, token: str, *purposes: object) -> object:
        return await find(engine, token, *codes.LASTS)  # type: ignore[arg-type]  # all of them

    monkeypatch.setattr("stanchion.auth.mailed.find_link", find_any)
    assert opened_by_others(http, tokens)
