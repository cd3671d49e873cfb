"""Passkeys (WebAuthn): people sign in with what unlocks their device, without a password.

In: answers of browsers to challenges of ours.   Out: a passkey that is kept, a session.
Refuses: whatever does not fit the challenge, this site, or the key that is kept (401), and taking
away the last way in (409).
For which site a passkey is, the settings alone say, never a request. Called by `http/sign_in`. Why
so: docs/decisions/011-sign-in.md, "Passkeys".
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .. import clock
from ..engines import Ask, ConstraintFailed
from ..errors import Conflict, NotFound
from ..query import Actor
from ..records import Records
from ..store.steps import Steps
from .entrance import Entrance, SignedIn
from .notices import Notice, Notices, proven_address
from .passkey_answers import (
    ALGORITHMS,
    Credential,
    PasskeySite,
    credential_of,
    judge,
    judge_new,
    unusable,
    written,
    wrong_passkey,
)
from .sessions import UNKNOWN, Program, Sessions
from .tickets import Purpose, find_ticket, new_ticket, take_ticket, ticket_ended
from .ways_in import keep_a_way_in

CHALLENGE = 32
"""Bytes, drawn by chance."""
TIMEOUT_MS = 300_000
"""How long a browser lets people look for their device; as long as a ticket is good."""
MOST = 20
"""Passkeys of one account."""

_ADD = (
    "insert into _passkeys "
    "(id,credential,user_id,name,public_key,sign_count,transports,created) "
    "values (?1,?2,?3,?4,?5,?6,?7,?8)"
)
_FIND = "select id,user_id,public_key,sign_count from _passkeys where credential=?1"
# of two answers with one count, one finds it as it was
_USED = "update _passkeys set sign_count=?2,used=?3 where id=?1 and sign_count=?4 returning id"
_OF_USER = (
    "select id,name,created,used,credential,transports from _passkeys where user_id=?1 order by id"
)
_RENAME = "update _passkeys set name=?3 where id=?1 and user_id=?2 returning id"
_REMOVE = "delete from _passkeys where id=?1 and user_id=?2 returning id"


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a browser is asked: options for `navigator.credentials`, and the ticket that its answer
    comes with."""

    ticket: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OwnPasskey:
    """One passkey, as its owner sees it."""

    id: str
    name: str
    created: str
    used: str | None


class Passkeys:
    """The passkeys of one app."""

    def __init__(
        self, records: Records, sessions: Sessions, entrance: Entrance, site: PasskeySite
    ) -> None:
        import webauthn  # noqa: F401  # now, because somebody waits later: it takes 0.2 s

        self._title = records.schema.title
        self._engine = records.engine
        self._sessions = sessions
        self._entrance = entrance
        self._site = site
        self._notices = Notices(records)

    # asking

    async def ask(self) -> Challenge:
        """Ask whoever it is for one of their passkeys. The device knows which it has for this site,
        so nobody says first who they are."""
        challenge = secrets.token_bytes(CHALLENGE)
        options = {
            "challenge": written(challenge),
            "rpId": self._site.id,
            "timeout": TIMEOUT_MS,
            "userVerification": "required",
            "allowCredentials": [],
        }
        return Challenge(await self._remember("passkey", "", challenge), options)

    async def ask_for_new(self, actor: Actor) -> Challenge:
        """Ask a browser to make a passkey for who is signed in."""
        assert actor.record is not None
        challenge, email = secrets.token_bytes(CHALLENGE), str(actor.record["email"])
        rows = await self._engine.fetch(_OF_USER, (actor.name,))
        if len(rows) >= MOST:
            raise _too_many()
        options = {
            "challenge": written(challenge),
            "rp": {"id": self._site.id, "name": self._title},
            "user": {"id": written(actor.name.encode()), "name": email, "displayName": email},
            "pubKeyCredParams": [{"type": "public-key", "alg": alg} for alg in ALGORITHMS],
            "timeout": TIMEOUT_MS,
            "attestation": "none",
            "authenticatorSelection": {
                "residentKey": "required", "requireResidentKey": True,
                "userVerification": "required",
            },
            "excludeCredentials": [
                {"type": "public-key", "id": written(row[4]), "transports": row[5].split()}
                for row in rows
            ],
        }  # fmt: skip
        return Challenge(await self._remember("new passkey", actor.name, challenge), options)

    # answers

    async def enter(self, ticket: str, answer: Credential, client: Program) -> SignedIn:
        """A session for who answers with one of their passkeys. It stands for two factors: the
        device, and what unlocked it."""
        user, used = await self._judge(ticket, answer)
        actor = await self._sessions.actor(user)
        if actor is None:
            raise wrong_passkey()

        def steps() -> Steps[SignedIn]:
            yield from used()
            return (yield from self._entrance.whole_steps(actor, "passkey", client))

        return await self._engine.write(steps)

    async def prove(self, actor: Actor, ticket: str, answer: Credential) -> None:
        """Note that the session of this actor is proven."""
        user, used = await self._judge(ticket, answer)
        if user != actor.name:
            raise wrong_passkey()

        def steps() -> Steps[None]:
            yield from used()
            yield from self._sessions.prove_steps(user, actor.session)

        await self._engine.write(steps)
        self._sessions.doubt()

    async def keep(
        self, actor: Actor, ticket: str, name: str, answer: Credential, client: Program = UNKNOWN
    ) -> OwnPasskey:
        """Keep the passkey that a browser has made."""
        found = await find_ticket(self._engine, "new passkey", ticket)
        if found is None or found.user != actor.name:
            raise ticket_ended()
        made = judge_new(answer, found.data, self._site)
        key, now = clock.uuid7(), clock.now_text()
        values = (
            key, made.credential, actor.name, name, made.key, made.count, made.transports, now
        )  # fmt: skip
        notice = self._notice("passkey.added", actor, client, key)

        def steps() -> Steps[None]:
            yield from take_ticket(found)
            if len((yield Ask(_OF_USER, (actor.name,)))) >= MOST:
                raise _too_many()
            try:
                yield Ask(_ADD, values)
            except ConstraintFailed:
                raise unusable("This passkey is kept already.") from None
            yield from notice.steps()

        await self._engine.write(steps)
        self._notices.tell(notice)
        return OwnPasskey(key, name, now, None)

    # what their owner does with them

    async def listed(self, user: str) -> list[OwnPasskey]:
        """The passkeys of a user, the oldest first."""
        rows = await self._engine.fetch(_OF_USER, (user,))
        return [OwnPasskey(*row[:4]) for row in rows]

    async def rename(self, user: str, passkey: str, name: str) -> None:
        """Give one of them another name."""

        def steps() -> Steps[None]:
            if not (yield Ask(_RENAME, (passkey, user, name))):
                raise _no_passkey()

        await self._engine.write(steps)

    async def remove(self, actor: Actor, passkey: str, client: Program = UNKNOWN) -> None:
        """Take one away, unless it is the last way in. All other sessions end."""
        user = actor.name
        notice = self._notice("passkey.removed", actor, client, passkey)

        def steps() -> Steps[None]:
            if not (yield Ask(_REMOVE, (passkey, user))):
                raise _no_passkey()
            yield from keep_a_way_in(user)
            yield from notice.steps()
            yield from self._sessions.end_others_steps(user, actor.session, client.source(user))

        await self._engine.write(steps)
        self._sessions.doubt()
        self._notices.tell(notice)

    def _notice(self, kind: str, actor: Actor, client: Program, passkey: str) -> Notice:
        address, source = proven_address(actor.record), client.source(actor.name)
        return self._notices.of(kind, actor.name, address, source, passkey=passkey)

    # judging

    async def _remember(self, purpose: Purpose, user: str, challenge: bytes) -> str:
        ticket, made = new_ticket(purpose, user, challenge)

        def steps() -> Steps[None]:
            yield made

        await self._engine.write(steps)
        return ticket

    async def _judge(
        self, ticket: str, answer: Credential
    ) -> tuple[str, Callable[[], Steps[None]]]:
        """Whose passkey has answered, and the steps that use the challenge up."""
        found = await find_ticket(self._engine, "passkey", ticket)
        if found is None:
            raise ticket_ended()
        rows = await self._engine.find(_FIND, (credential_of(answer),))
        if not rows:
            raise wrong_passkey()
        key, user, public_key, count = rows[0]
        now_count = judge(answer, found.data, self._site, user, public_key, count)

        def steps() -> Steps[None]:
            yield from take_ticket(found)
            if not (yield Ask(_USED, (key, now_count, clock.now_text(), count))):
                raise wrong_passkey()

        return user, steps


def _no_passkey() -> NotFound:
    return NotFound("record.not_found", "You have no passkey of this id.")


def _too_many() -> Conflict:
    return Conflict(
        "auth.too_many_passkeys",
        f"This account has {MOST} passkeys already.",
        hint="Take one away that is used no more.",
    )
