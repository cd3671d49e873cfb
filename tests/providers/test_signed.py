"""What a provider signed, and what looks like it: nothing but the real thing is believed."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from stanchion import clock
from stanchion.auth.providers.signed import UnknownKey, Untrusted, read_id_token, sign_secret

ISSUER, CLIENT, NONCE, ACCESS = "https://login.example", "shop", "n_1234", "access"
KEY = RSAKey.generate_key(2048, {"kid": "one"})
CURVE = ECKey.generate_key("P-256", {"kid": "two"})
OTHER = RSAKey.generate_key(2048, {"kid": "one"})
KEYS = KeySet([KEY, CURVE]).as_dict(private=False)


def claims(**changed: Any) -> dict[str, Any]:
    now = int(clock.now().timestamp())
    whole = {
        "iss": ISSUER, "aud": CLIENT, "sub": "ann", "nonce": NONCE, "iat": now, "exp": now + 300,
        **changed,
    }  # fmt: skip
    return {name: value for name, value in whole.items() if value is not ...}


def signed(key: Any = KEY, header: Any = None, **changed: Any) -> str:
    kind = {"alg": "ES256" if key is CURVE else "RS256", "kid": key.kid}
    return jwt.encode({**kind, **(header or {})}, claims(**changed), key)


def read(token: object, nonce: str = NONCE) -> dict[str, Any]:
    return read_id_token(token, KEYS, ISSUER, CLIENT, nonce, ACCESS)


@pytest.mark.parametrize("key", [KEY, CURVE], ids=["RS256", "ES256"])
def test_what_it_signed_is_read(key: Any) -> None:
    assert read(signed(key))["sub"] == "ann"
    assert read(signed(key, aud=[CLIENT]))["sub"] == "ann"


def encoded(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsigned(alg: str) -> str:
    return f"{encoded({'alg': alg, 'kid': 'one'})}.{encoded(claims())}."


def by_public_key() -> str:
    """HS256 with the public key as its secret."""
    said = f"{encoded({'alg': 'HS256', 'kid': 'one'})}.{encoded(claims())}"
    made = hmac.new(KEY.as_pem(private=False), said.encode(), "sha256").digest()
    return f"{said}.{encoded(made)}"


def critical() -> str:
    """Signed well, with a header that must be understood and is not."""
    header = {"alg": "RS256", "kid": "one", "crit": ["cap"], "cap": 1}
    said = f"{encoded(header)}.{encoded(claims())}"
    made = KEY.private_key.sign(said.encode(), PKCS1v15(), SHA256())
    return f"{said}.{encoded(made)}"


def brings_its_key(**header: Any) -> str:
    whole = {"alg": "RS256", "jwk": OTHER.as_dict(private=False), **header}
    head = encoded(whole)
    body = encoded(claims())
    made = jwt.encode({"alg": "RS256"}, claims(), OTHER).rpartition(".")[2]
    return f"{head}.{body}.{made}"


def swapped() -> str:
    """The claims of one token under the signature of another."""
    head, _, mark = signed().split(".")
    return f"{head}.{encoded(claims(sub='bob'))}.{mark}"


LATER = 10**6
FORGED: dict[str, Callable[[], object]] = {
    "nothing": lambda: None,
    "an empty text": lambda: "",
    "no token": lambda: "a.b.c",
    "no signature": lambda: signed().rpartition(".")[0] + ".",
    "alg none": lambda: unsigned("none"),
    "alg nOnE": lambda: unsigned("nOnE"),
    "alg empty": lambda: unsigned(""),
    "HS256 with the public key": by_public_key,
    "another key of that name": lambda: signed(OTHER),
    "a key of its own": brings_its_key,
    "a key at its address": lambda: brings_its_key(jku="https://evil.example/keys"),
    "a key by its certificate": lambda: brings_its_key(x5u="https://evil.example/cert"),
    "a key by a path": lambda: brings_its_key(kid="../../dev/null"),
    "claims swapped": swapped,
    "an unknown critical header": critical,
    "another issuer": lambda: signed(iss="https://evil.example"),
    "an issuer that begins alike": lambda: signed(iss=ISSUER + ".evil.example"),
    "an issuer with a slash": lambda: signed(iss=ISSUER + "/"),
    "no issuer": lambda: signed(iss=...),
    "another app": lambda: signed(aud="another"),
    "another app too": lambda: signed(aud=[CLIENT, "another"]),
    "another app, authorized for ours": lambda: signed(aud="another", azp=CLIENT),
    "another app too, authorized for ours": lambda: signed(aud=[CLIENT, "another"], azp=CLIENT),
    "no app": lambda: signed(aud=...),
    "authorized for another": lambda: signed(azp="another"),
    "another sign-in": lambda: signed(nonce="n_other"),
    "no nonce": lambda: signed(nonce=...),
    "a nonce that is null": lambda: signed(nonce=None),
    "expired": lambda: signed(exp=claims()["iat"] - 120),
    "expiry as a text": lambda: signed(exp=str(claims()["exp"])),
    "no expiry": lambda: signed(exp=...),
    "from the future": lambda: signed(iat=claims()["iat"] + LATER),
    "not yet": lambda: signed(nbf=claims()["iat"] + LATER),
    "no subject": lambda: signed(sub=...),
    "an empty subject": lambda: signed(sub=""),
    "a subject that is a number": lambda: signed(sub=1),
    "a long subject": lambda: signed(sub="x" * 256),
    "another access token": lambda: signed(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "a huge token": lambda: signed(more="x" * 70_000),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_looks_like_it_is_not_believed(name: str) -> None:
    with pytest.raises(Untrusted):
        read(FORGED[name]())


def test_a_key_that_is_new_is_told_apart() -> None:
    """Its issuer is asked for its keys again then."""
    new = RSAKey.generate_key(2048, {"kid": "three"})
    with pytest.raises(UnknownKey):
        read(signed(new))


@pytest.mark.parametrize("name", ["another issuer", "another app", "another sign-in", "expired"])
def test_it_would_be_seen_if_one_check_were_missing(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: claims that are read, but not judged."""
    from authlib.oidc.core import CodeIDToken

    monkeypatch.setattr(CodeIDToken, "validate", lambda *_, **__: None)
    assert read(FORGED[name]())["sub"] == "ann"


def test_the_secret_for_apple_is_signed_for_five_minutes() -> None:
    pem = CURVE.as_pem(private=True).decode()
    secret = sign_secret("https://appleid.apple.com", "shop", "TEAM", "KEY1", pem)
    found = jwt.decode(secret, CURVE)
    assert found.header == {"alg": "ES256", "kid": "KEY1", "typ": "JWT"}
    assert (found.claims["iss"], found.claims["sub"]) == ("TEAM", "shop")
    assert found.claims["aud"] == "https://appleid.apple.com"
    assert found.claims["exp"] - found.claims["iat"] == 300
