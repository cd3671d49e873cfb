"""Whose account an account elsewhere opens: every line of the table in docs/sign-in.md."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import product
from typing import Any

import pyotp
import pytest

from stanchion import App, Field, Provider, Rules, SignIn, UserRecord, clock
from stanchion.auth import Program, SignedIn
from stanchion.auth.providers import Linking
from stanchion.auth.providers.exchange import Identity
from stanchion.errors import Problem
from stanchion.testing import Client, client

ANN = "ann@example.com"
PASSWORD = "zebra fox lamp"
ISSUER = "https://login.example.com"
STRICT = Provider.oidc("work", issuer=ISSUER, vouches=True)
LINKS = Provider.oidc("work", issuer=ISSUER, vouches=True, links=True)


def make_app(register: Any = "open", **more: Any) -> App:
    app = App("Shop")

    @app.collection("users")
    class User(UserRecord):
        name: str = Field(max_length=50, default="")
        sign_in = SignIn(register=register, **more)
        rules = Rules(read="record.id == auth.id", update="record.id == auth.id")

    app.state.user = User
    return app


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app()) as running:
        yield running


def identity(subject: str = "s1", email: str | None = ANN) -> Identity:
    return Identity(ISSUER, subject, email, {"name": "Ann there", "email": email})


def come_in(http: Client, who: Identity, provider: Provider = STRICT) -> tuple[str, str]:
    """The id of the user whom an identity lets in and the token of the session, or a code."""

    async def act() -> tuple[str, str]:
        linking = await parts(http)
        try:
            came = await linking.come_in(provider, who, Program(), "r")
        except Problem as refused:
            return refused.code, ""
        if isinstance(came, SignedIn):
            return came.actor.name, came.token
        return "halfway", came.ticket

    return http.run(act())


async def parts(http: Client) -> Linking:
    records, gate = await http.app.runtime.records(), http.app.runtime.gate
    assert gate is not None
    return Linking(records, gate.sessions, gate.entrance, gate.policy)


def link(http: Client, who: Identity, user: str) -> str:
    async def act() -> str:
        linking = await parts(http)
        try:
            await linking.link(STRICT, who, user, "r")
        except Problem as refused:
            return refused.code
        return ""

    return http.run(act())


def make_user(http: Client, *, verified: bool, disabled: bool = False) -> tuple[str, str]:
    """An account with a password and a session: its id and token."""
    body = {"email": ANN, "password": PASSWORD, "as": "token"}
    made = http.post("/api/auth/register", body).json()
    user = made["user"]["id"]

    async def change() -> None:
        async with http.app.transaction(actor=http.app.system()) as tx:
            given = {"verified": verified, "disabled": disabled}
            await tx.update(http.app.state.user, user, given)

    http.run(change())
    return user, made["token"]


def opens(http: Client, token: str) -> bool:
    headers = {"authorization": f"Bearer {token}"}
    return http.get("/api/auth/me", headers=headers).status == 200


def knows_password(http: Client) -> bool:
    answer = http.post("/api/auth/login", {"email": ANN, "password": PASSWORD})
    return answer.status == 200


def row(http: Client, user: str) -> Any:
    async def act() -> Any:
        async with http.app.transaction(actor=http.app.system()) as tx:
            return await tx.get(http.app.state.user, user)

    return http.run(act())


def test_nobody_has_the_address(http: Client) -> None:
    user, token = come_in(http, identity())
    made = row(http, user)
    assert (made.email, made.verified, made.name) == (ANN, True, "Ann there")
    assert opens(http, token)


def test_who_is_known_comes_in_whatever_the_address_is_now(http: Client) -> None:
    user, _ = come_in(http, identity())
    for email in (ANN, "new@example.com", None):
        assert come_in(http, identity(email=email))[0] == user
    assert row(http, user).email == ANN


def test_a_verified_account_is_not_opened_by_its_address_alone(http: Client) -> None:
    user, token = make_user(http, verified=True)
    assert come_in(http, identity()) == ("auth.link_first", "")
    assert opens(http, token) and knows_password(http)
    assert link(http, identity(), user) == ""
    assert come_in(http, identity())[0] == user


def test_a_verified_account_is_opened_where_the_app_says_so(http: Client) -> None:
    user, token = make_user(http, verified=True)
    assert come_in(http, identity(), LINKS)[0] == user
    assert opens(http, token) and knows_password(http), "nothing of theirs goes"


@pytest.mark.parametrize("provider", [STRICT, LINKS], ids=["strict", "links"])
def test_an_unverified_account_is_taken_over_with_nothing_of_who_made_it(
    http: Client, provider: Provider
) -> None:
    """Else somebody registers a stranger's address, waits, and shares the account."""
    user, token = make_user(http, verified=False)
    assert link(http, identity("attacker", "evil@example.com"), user) == ""
    assert opens(http, token)
    taken, fresh = come_in(http, identity(), provider)
    assert taken == user and row(http, user).verified
    assert not opens(http, token), "the session"
    assert not knows_password(http), "the password"
    other, _ = come_in(http, identity("attacker", "evil@example.com"), provider)
    assert other != user, "the identity"
    assert opens(http, fresh)


@pytest.mark.parametrize(("verified", "provider"), list(product([True, False], [STRICT, LINKS])))
def test_a_disabled_account_opens_to_nobody(
    http: Client, verified: bool, provider: Provider
) -> None:
    user, _ = make_user(http, verified=verified, disabled=True)
    assert come_in(http, identity(), provider) == ("auth.disabled", "")
    assert not row(http, user).verified or verified


@pytest.mark.parametrize("email", [ANN.upper(), f" {ANN}"])
def test_another_spelling_is_the_same_address(http: Client, email: str) -> None:
    make_user(http, verified=True)
    assert come_in(http, identity(email=email)) == ("auth.link_first", "")


def test_nobody_vouches_for_the_address(http: Client) -> None:
    assert come_in(http, identity(email=None)) == ("auth.address_unproven", "")
    user, _ = make_user(http, verified=True)
    assert come_in(http, identity(email=None)) == ("auth.address_unproven", "")
    assert link(http, identity(email=None), user) == ""
    assert come_in(http, identity(email=None))[0] == user


def test_one_account_elsewhere_opens_one_here(http: Client) -> None:
    first, _ = come_in(http, identity())
    second, _ = come_in(http, identity("s2", "bob@example.com"))
    assert link(http, identity(), second) == "auth.identity_taken"
    assert link(http, identity(), first) == ""
    assert link(http, identity("s3", None), first) == "", "and one here may have several"


def test_one_name_at_two_issuers_is_two_people(http: Client) -> None:
    ann, _ = come_in(http, identity())
    elsewhere = Provider.oidc("other", issuer="https://evil.example", vouches=True)
    same = Identity(elsewhere.issuer, "s1", "eve@example.com", {"name": "Ann there"})
    eve, _ = come_in(http, same, elsewhere)
    assert eve != ann
    assert [come_in(http, identity())[0], come_in(http, same, elsewhere)[0]] == [ann, eve]
    nameless = Identity("https://third.example", "s1", None, {})
    assert come_in(http, nameless) == ("auth.address_unproven", "")


def test_strangers_make_no_account_where_that_is_closed() -> None:
    with client(make_app("closed")) as http:
        assert come_in(http, identity()) == ("auth.register_closed", "")


def test_twenty_at_once_are_one_account(http: Client) -> None:
    async def act() -> list[str]:
        linking = await parts(http)

        async def one() -> str:
            try:
                came = await linking.come_in(STRICT, identity(), Program(), "r")
            except Problem as refused:
                return refused.code
            assert isinstance(came, SignedIn)
            return came.actor.name

        return await asyncio.gather(*(one() for _ in range(20)))

    found = set(http.run(act()))
    assert len([each for each in found if "-" in each]) == 1, found
    others = {each for each in found if "-" not in each}
    assert others <= {"record.conflict", "transaction.conflict"}


def test_an_account_that_asks_for_a_second_factor_asks_for_it_here_too() -> None:
    with client(make_app(totp=True)) as http:
        user, token = come_in(http, identity())
        headers = {"authorization": f"Bearer {token}"}
        begun = http.post("/api/auth/totp", {}, headers=headers)
        assert begun.status == 200, begun.text
        code = pyotp.TOTP(begun.json()["secret"]).at(clock.now())
        body = {"ticket": begun.json()["ticket"], "code": code}
        done = http.post("/api/auth/totp/confirm", body, headers=headers)
        assert done.status < 300, done.text
        again, ticket = come_in(http, identity())
        assert again == "halfway" and ticket.startswith("tk_")
        assert not opens(http, ticket)
        spare = done.json()["recovery_codes"][0]
        second = http.post("/api/auth/login/code", {"ticket": ticket, "code": spare, "as": "token"})
        assert second.status == 200, second.text
        assert opens(http, second.json()["token"])
        assert second.json()["user"]["id"] == user


def test_identities_go_with_their_user(http: Client) -> None:
    user, _ = come_in(http, identity())

    async def delete() -> None:
        async with http.app.transaction(actor=http.app.system()) as tx:
            await tx.delete(http.app.state.user, user)

    http.run(delete())
    assert come_in(http, identity())[0] not in ("", user)
