"""Who owns an account is told of what changes how it is entered: by mail, and in the audit log."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stanchion.auth import keys, notices
from stanchion.auth.notices import TOLD
from stanchion.auth.providers import Linking
from stanchion.auth.providers.exchange import Identity
from stanchion.auth.sessions import Program
from stanchion.declare import Provider
from stanchion.engines import Ask
from stanchion.testing import Client, as_actor, client
from tests.authenticator import Authenticator

from .test_by_mail import (
    ANN,
    BETTER,
    BOB,
    GOOD,
    bearer,
    join,
    login,
    mail,
    make_app,
    me,
    post,
    text_of,
    token_in,
    with_factor,
)

WORK = Provider.oidc("work", issuer="https://login.example.com", vouches=True, links=True)
Headers = dict[str, str]
pytestmark = pytest.mark.unordered  # recovery codes are drawn by chance


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app(totp=True, keys=True, passkeys=True)) as running:
        yield running


async def linking(http: Client) -> Linking:
    records, gate = await http.app.runtime.records(), http.app.runtime.gate
    assert gate is not None
    return Linking(records, gate.sessions, gate.entrance, gate.policy)


def new_password(http: Client, ann: Headers) -> None:
    assert post(http, "/password", ann, current=GOOD, new=BETTER).status == 204


def forgotten_password(http: Client, ann: Headers) -> None:
    post(http, "/reset", email=ANN)
    token = token_in(mail(http))
    http.mails.clear()
    assert post(http, "/reset/confirm", token=token, password=BETTER).status == 204


def no_authenticator(http: Client, ann: Headers) -> None:
    with_factor(http, ann)
    forget(http)
    assert http.delete("/api/auth/totp", headers=ann).status == 204


def new_codes(http: Client, ann: Headers) -> None:
    with_factor(http, ann)
    forget(http)
    assert post(http, "/recovery-codes", ann).status == 200


def key(http: Client, ann: Headers) -> None:
    assert post(http, "/keys", ann, name="reports", scopes=["*:read"]).status == 201


def linked(http: Client, ann: Headers, email: str | None = None) -> None:
    user = me(http, ann)["id"]

    async def act() -> None:
        who = Identity(WORK.issuer, "s1", email, {})
        await (await linking(http)).link(WORK, who, user, "r", Program("x", "10.1.1.1"))

    http.run(act())


def linked_by_address(http: Client, ann: Headers) -> None:
    """Of a provider that the app trusts for it, without anybody being signed in."""

    async def act() -> None:
        who = Identity(WORK.issuer, "s1", ANN, {})
        await (await linking(http)).come_in(WORK, who, Program(), "r")

    http.run(act())


def unlinked(http: Client, ann: Headers) -> None:
    linked(http, ann)
    forget(http)
    user = me(http, ann)

    async def act() -> None:
        made = await linking(http)
        (one,) = await made.listed(user["id"])
        gate = http.app.runtime.gate
        assert gate is not None
        actor = await gate.sessions.actor(user["id"])
        assert actor is not None
        await made.remove(actor, one.id)

    http.run(act())


def passkey(http: Client, ann: Headers) -> str:
    given = post(http, "/passkeys/options", ann).json()
    made = Authenticator("http://localhost:8000").make(given["options"])
    kept = post(http, "/passkeys", ann, ticket=given["ticket"], name="Phone", credential=made)
    assert kept.status == 201, kept.text
    return str(kept.json()["id"])


def no_passkey(http: Client, ann: Headers) -> None:
    id = passkey(http, ann)
    forget(http)
    assert http.delete(f"/api/auth/passkeys/{id}", headers=ann).status == 204


def forget(http: Client) -> None:
    """Send what is due, and forget it."""
    http.run_jobs()
    http.mails.clear()


CHANGES: list[tuple[Callable[[Client, Headers], Any], str]] = [
    (new_password, "password.changed"), (forgotten_password, "password.changed"),
    (with_factor, "factor.added"), (no_authenticator, "factor.removed"),
    (new_codes, "factor.renewed"), (key, "key.made"), (linked, "identity.linked"),
    (passkey, "passkey.added"), (no_passkey, "passkey.removed"),
    (linked_by_address, "identity.linked"), (unlinked, "identity.unlinked"),
]  # fmt: skip


def audited(http: Client, kind: str) -> list[Any]:
    with as_actor(http.app, http.app.system()):
        return list(http.get(f"/api/_audit?kind={kind}").json()["items"])


@pytest.mark.parametrize(("change", "kind"), CHANGES)
def test_their_owner_is_told_of_each_change(
    http: Client, change: Callable[[Client, Headers], Any], kind: str
) -> None:
    ann = join(http)
    user = me(http, ann)["id"]
    http.mails.clear()
    change(http, ann)
    rows = audited(http, kind)
    assert [(row["user"], row["actor"]) for row in rows] == [(user, user)]
    http.run_jobs()
    (told,) = http.mails
    assert told["To"] == ANN and told["Subject"] == "Your account at Notebook was changed"
    text = text_of(told)
    assert TOLD[kind] in text and "http://localhost/auth/account" in text
    assert re.search(r"on \d{4}-\d\d-\d\d \d\d:\d\d UTC", text)
    whole = told.as_string() + json.dumps(rows)
    for secret in (GOOD, BETTER, "stk_", "token="):
        assert secret not in whole


def test_every_change_that_is_told_was_tried() -> None:
    assert {kind for _, kind in CHANGES} == set(TOLD)


def test_an_address_that_nobody_has_proven_is_not_written_to() -> None:
    """Else whoever registers a stranger's address has them written to."""
    with client(make_app("open", totp=True, keys=True)) as http:
        body = {"email": BOB, "password": GOOD, "as": "token"}
        eve = bearer(http.post("/api/auth/register", body))
        new_password(http, eve)
        key(http, eve)
        with_factor(http, eve)
        assert http.run_jobs() == 0 and http.mails == []
        assert len(audited(http, "factor.added")) == 1


def test_who_takes_an_account_over_is_told_of_nothing_and_the_log_of_it() -> None:
    """They have just done it themselves; what was set before is gone."""
    with client(make_app("open")) as http:
        body = {"email": ANN, "password": BETTER, "as": "token"}
        eve = bearer(http.post("/api/auth/register", body))
        post(http, "/verification", eve)
        token = token_in(mail(http))
        http.mails.clear()
        assert post(http, "/verify", token=token, password=GOOD).status == 200
        assert len(audited(http, "password.changed")) == 1
        assert http.run_jobs() == 0 and http.mails == []


def test_the_address_at_that_moment_is_told(http: Client) -> None:
    """Who changes the password and then the address silences nothing."""
    ann = join(http)
    http.mails.clear()
    new_password(http, ann)
    user = f"/api/users/{me(http, ann)['id']}"
    with as_actor(http.app, http.app.system()):
        assert http.patch(user, {"email": BOB}).status == 200
    http.run_jobs()
    assert [each["To"] for each in http.mails] == [ANN]


def test_what_is_refused_is_told_to_nobody(http: Client) -> None:
    ann = join(http)
    http.mails.clear()
    assert post(http, "/password", ann, current=BETTER, new=BETTER).status == 403
    assert post(http, "/keys", ann, name="", scopes=["*:read"]).status == 422
    assert http.delete("/api/auth/totp", headers=ann).status == 404
    assert http.run_jobs() == 0 and http.mails == []
    for kind in TOLD:
        assert audited(http, kind) == []


def test_a_change_that_is_taken_back_is_told_to_nobody(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mail is a job of the transaction: what fails after it takes it along."""
    ann = join(http)
    http.mails.clear()
    monkeypatch.setattr(keys, "_MAKE", "insert into _api_keys (id) values (?1,?2,?3,?4,?5,?6,?7)")
    assert post(http, "/keys", ann, name="reports", scopes=["*:read"]).status == 500
    assert http.run_jobs() == 0 and audited(http, "key.made") == []


def test_a_mail_outside_of_the_transaction_would_be_seen(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault, planted: nothing of a notice is written with the change."""

    def nothing(self: notices.Notice) -> Any:
        yield Ask("select 1")

    ann = join(http)
    http.mails.clear()
    monkeypatch.setattr(notices.Notice, "steps", nothing)
    new_password(http, ann)
    assert http.run_jobs() == 0 and audited(http, "password.changed") == []


def test_an_app_without_mail_changes_it_all_the_same(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = join(http)
    monkeypatch.setattr(http.app.runtime.mailer._place, "carrier", None)
    new_password(http, ann)
    assert len(audited(http, "password.changed")) == 1
    assert http.run_jobs() == 0
    assert login(http, BETTER).status == 200


def test_another_address_asks_for_the_second_factor_of_the_account(http: Client) -> None:
    ann = join(http)
    with_factor(http, ann)
    assert post(http, "/email", ann, email=BOB, password=GOOD).status == 202
    rows = http.app.runtime.engine

    async def long_ago() -> None:
        old = ("2001-01-01T00:00:00.000000Z",)

        def steps() -> Any:
            yield Ask("update _sessions set proven=?1", old)
            yield Ask("insert into _ended (session_id,user_id,time) select id,user_id,?1 from "
                      "_sessions", old)  # fmt: skip

        await rows.write(steps)
        gate = http.app.runtime.gate
        assert gate is not None
        gate.sessions.doubt()

    http.run(long_ago())
    refused = post(http, "/email", ann, email=BOB, password=GOOD)
    assert (refused.status, refused.json()["code"]) == (403, "auth.proof_needed")
