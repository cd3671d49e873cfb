"""The providers that have a name here, held against what they say of themselves.

`documents.json` has what their `/.well-known/openid-configuration` says, as far as it matters.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import ECKey

from stanchion import Provider
from stanchion.auth.providers import ClientAtProvider
from stanchion.auth.providers.exchange import Exchange, check_about
from stanchion.auth.providers.signed import Untrusted
from stanchion.errors import DeclarationError

DOCUMENTS: dict[str, Any] = json.loads((Path(__file__).parent / "documents.json").read_text())
TENANT = "9122040d-6c67-4c5b-b112-36a304b66dad"
PRESETS = {
    "google": Provider.google(),
    "microsoft": Provider.microsoft(TENANT),
    "apple": Provider.apple(team="TEAM", key="KEY1"),
}
PEM = ECKey.generate_key("P-256").as_pem(private=True).decode()
BACK = "https://shop.example/api/auth/oauth/x/callback"


def exchange_of(name: str, monkeypatch: pytest.MonkeyPatch) -> Exchange:
    provider = PRESETS[name] if name in PRESETS else Provider.github()
    made = Exchange(provider, ClientAtProvider("shop", PEM), BACK)

    async def document(address: str, _: Any = None) -> Any:
        assert address == f"{provider.issuer}/.well-known/openid-configuration"
        return DOCUMENTS[name]

    monkeypatch.setattr(made, "_get", document)
    return made


@pytest.mark.parametrize("name", PRESETS)
def test_their_documents_are_taken(name: str) -> None:
    assert check_about(DOCUMENTS[name], PRESETS[name])["issuer"] == PRESETS[name].issuer


@pytest.mark.parametrize("name", [*PRESETS, "github"])
def test_browsers_are_sent_where_they_say(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = exchange_of(name, monkeypatch)
    address = asyncio.run(exchange.address("state", "nonce", "v" * 43))
    parts = urlsplit(address)
    wanted = DOCUMENTS[name]["authorization_endpoint"]
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == wanted
    asked = {key: value[0] for key, value in parse_qs(parts.query).items()}
    assert asked["response_type"] == "code"
    assert asked["redirect_uri"] == BACK
    assert (asked["state"], asked["code_challenge_method"]) == ("state", "S256")
    assert len(asked["code_challenge"]) == 43
    assert ("nonce" in asked) == (name != "github")
    assert asked.get("response_mode") == ("form_post" if name == "apple" else None)
    assert asked["scope"].split() == list(exchange.provider.scopes)


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"token_endpoint": "http://accounts.google.com/token"},
        {"jwks_uri": 1},
        {"authorization_endpoint": None},
        {"code_challenge_methods_supported": ["plain"]},
    ],
)
def test_a_document_that_is_not_theirs_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(Untrusted):
        check_about({**DOCUMENTS["google"], **changed}, PRESETS["google"])
    for nothing in (None, [], "x"):
        with pytest.raises(Untrusted):
            check_about(nothing, PRESETS["google"])


VOUCHED = [
    ("google", {"email": "a@x", "email_verified": True}, "a@x"),
    ("google", {"email": "a@x", "email_verified": False}, None),
    ("google", {"email": "a@x"}, None),
    ("google", {"email_verified": True}, None),
    ("google", {"email": ["a@x"], "email_verified": True}, None),
    ("google", {"email": "a@x", "email_verified": "yes"}, None),
    ("apple", {"email": "a@x", "email_verified": "true"}, "a@x"),
    ("apple", {"email": "a@x", "email_verified": "false"}, None),
    ("microsoft", {"email": "a@x"}, None),
    ("microsoft", {"email": "a@x", "email_verified": True}, None),
]


@pytest.mark.parametrize(("name", "claims", "email"), VOUCHED)
def test_an_address_counts_where_they_vouch_for_it(
    name: str, claims: dict[str, Any], email: str | None
) -> None:
    made = Exchange(PRESETS[name], ClientAtProvider("shop", PEM), BACK)
    assert made._vouched(claims) == email


def test_an_app_may_believe_its_own_tenant() -> None:
    """Entra says nothing of whether an address was checked; whoever runs the tenant may know."""
    own = Provider.microsoft(TENANT, vouches=True)
    made = Exchange(own, ClientAtProvider("shop", "secret"), BACK)
    assert made._vouched({"email": "a@x"}) == "a@x"
    assert made._vouched({"email": "a@x", "email_verified": False}) is None


@pytest.mark.parametrize(
    "declare",
    [
        lambda: Provider.microsoft("common"),
        lambda: Provider.oidc("work", issuer="http://login.example.com"),
        lambda: Provider.oidc("work", issuer="login.example.com"),
        lambda: Provider.oidc("work", issuer="https://login.example.com?x=1"),
        lambda: Provider.oidc("Work!", issuer="https://login.example.com"),
        lambda: Provider.oidc("work", issuer="https://login.example.com", links=True),
    ],
)
def test_a_provider_that_cannot_be_safe_is_refused(declare: Any) -> None:
    with pytest.raises(DeclarationError) as told:
        declare()
    assert told.value.code == "sign_in.provider"


PERSON = {"id": 7, "login": "ann", "name": None}


@pytest.mark.parametrize(
    ("emails", "email"),
    [
        ([{"email": "a@x", "primary": True, "verified": True}], "a@x"),
        ([{"email": "a@x", "primary": True, "verified": False}], None),
        (
            [
                {"email": "a@x", "primary": False, "verified": True},
                {"email": "b@x", "primary": True, "verified": True},
            ],
            "b@x",
        ),
        ([], None),
        (["a@x"], None),
    ],
)
def test_github_tells_a_user_and_its_primary_address(
    emails: Any, email: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Exchange(Provider.github(), ClientAtProvider("shop", "secret"), BACK)
    answers = {"https://api.github.com/user": PERSON, "https://api.github.com/user/emails": emails}

    async def tell(address: str, headers: Any) -> Any:
        assert headers["Authorization"] == "Bearer access"
        return answers[address]

    monkeypatch.setattr(made, "_get", tell)
    found = asyncio.run(made._github("access"))
    assert (found.issuer, found.subject, found.email) == ("https://github.com", "7", email)


@pytest.mark.parametrize("person", [{}, {"id": "7"}, [], {"id": None}])
def test_github_without_a_user_is_not_believed(
    person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Exchange(Provider.github(), ClientAtProvider("shop", "secret"), BACK)

    async def tell(address: str, _: Any) -> Any:
        return [] if address.endswith("emails") else person

    monkeypatch.setattr(made, "_get", tell)
    with pytest.raises(Untrusted):
        asyncio.run(made._github("access"))
