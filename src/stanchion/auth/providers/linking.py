"""Whose account an identity is: the table of the guide to sign-in, as code.

In: an `Identity`, and who links it to themselves, if anybody does.   Out: what lets them in.
One transaction makes the account, or takes it over, or links it; the session begins after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ... import clock
from ...declare import Provider, SignIn
from ...engines import Ask, AskAll, Steps
from ...errors import Conflict, Forbidden, NotFound
from ...query import SYSTEM, Actor, WriteQuery
from ...records import Records
from ...store.users import end_sessions, forget_user
from ...transaction import Transaction, open_transaction
from ..accounts import canonical
from ..entrance import Entrance, Halfway, SignedIn
from ..notices import Notice, Notices, proven_address
from ..sessions import UNKNOWN, Program, Sessions
from ..ways_in import keep_a_way_in
from .exchange import Identity

_KNOWN = "select user_id from _identities where issuer=?1 and subject=?2"
_ADD = (
    "insert into _identities (id,issuer,subject,user_id,provider,email,created,used) "
    "values (?1,?2,?3,?4,?5,?6,?7,?7) on conflict (issuer,subject) do nothing returning id"
)
_USED = "update _identities set used=?3 where issuer=?1 and subject=?2"
_OF_USER = (
    "select id,provider,email,created,used from _identities where user_id=?1 order by id desc"
)
_REMOVE = "delete from _identities where id=?1 and user_id=?2 returning provider"


@dataclass(frozen=True, slots=True)
class OwnIdentity:
    """An account elsewhere, as whose it is sees it."""

    id: str
    provider: str
    email: str | None
    created: str
    used: str


class Linking:
    """The identities of the users of one app."""

    def __init__(
        self, records: Records, sessions: Sessions, entrance: Entrance, policy: SignIn
    ) -> None:
        assert records.schema.users is not None
        self._records = records
        self._sessions = sessions
        self._entrance = entrance
        self._users = records.schema.users
        self._record: Any = records.model.bindings[self._users.name].record
        self._policy = policy
        self._notices = Notices(records)

    async def come_in(
        self, provider: Provider, identity: Identity, client: Program, request: str
    ) -> SignedIn | Halfway:
        """A session for the user whom an identity lets in, or the ticket to their second factor."""
        user = await self._user_of(provider, identity, client, request)
        self._sessions.doubt()
        actor = await self._sessions.actor(user)
        if actor is None:
            raise _disabled()
        steps = partial(self._entrance.steps, actor, provider.name, client)
        return await self._records.engine.write(steps)

    async def _user_of(
        self, provider: Provider, identity: Identity, client: Program, request: str
    ) -> str:
        """The user of an identity: the one who is known, or whom it makes, or takes over."""
        notice = None
        async with open_transaction(self._records, SYSTEM, request) as tx:
            user = await self._known(tx, identity)
            if user is None:
                user, told = await self._new(tx, provider, identity)
                notice = self._notice("identity.linked", user, told, client, provider.name)
                await self._add(tx, provider, identity, user, notice)
            else:
                used = Ask(_USED, (identity.issuer, identity.subject, clock.now_text()))
                await tx.session.run(lambda: _all([used]))
                await self._enabled(tx, user)
        if notice is not None:
            self._notices.tell(notice)
        return user

    async def link(
        self, provider: Provider, identity: Identity, user: str, request: str,
        client: Program = UNKNOWN,
    ) -> None:  # fmt: skip
        """Let an identity in to the account of who is signed in."""
        notice = None
        async with open_transaction(self._records, SYSTEM, request) as tx:
            known = await self._known(tx, identity)
            if known is None:
                told = _proven(await self._enabled(tx, user))
                notice = self._notice("identity.linked", user, told, client, provider.name)
                await self._add(tx, provider, identity, user, notice)
            elif known != user:
                raise Conflict(
                    "auth.identity_taken",
                    f"This account at {provider.title} belongs to another account here.",
                    hint="Sign in with it, or link another one.",
                )
        if notice is not None:
            self._notices.tell(notice)

    async def listed(self, user: str) -> list[OwnIdentity]:
        """The identities of a user."""
        rows = await self._records.engine.find(_OF_USER, (user,))
        return [OwnIdentity(*row) for row in rows]

    async def remove(self, actor: Actor, identity: str, client: Program = UNKNOWN) -> None:
        """Unlink an identity of who asks; not the last way in."""
        user, told = actor.name, proven_address(actor.record)

        def steps() -> Steps[Notice]:
            rows = yield Ask(_REMOVE, (identity, user))
            if not rows:
                raise NotFound("record.not_found", "You have no linked account of this id.")
            yield from keep_a_way_in(user)
            notice = self._notice("identity.unlinked", user, told, client, rows[0][0])
            yield from notice.steps()
            return notice

        self._notices.tell(await self._records.engine.write(steps))

    # what they share

    async def _known(self, tx: Transaction, identity: Identity) -> str | None:
        def steps() -> Steps[str | None]:
            rows = yield Ask(_KNOWN, (identity.issuer, identity.subject))
            return rows[0][0] if rows else None

        return await tx.session.run(steps)

    async def _new(
        self, tx: Transaction, provider: Provider, identity: Identity
    ) -> tuple[str, str]:
        """The user of an identity that nobody has yet: the one with its address, or a new one; and
        the address at which an owner is told of it who was there before."""
        if identity.email is None:
            raise Forbidden(
                "auth.address_unproven",
                f"{provider.title} does not vouch for an e-mail address of this account.",
                hint="Sign in another way, and link it to your account then.",
            )
        email = canonical(identity.email)
        found = await tx.list(self._record, "email == $email", limit=1, email=email)
        if not found:
            return await self._make(provider, identity, email), ""
        user = found[0]
        key = str(user.id)
        if user.disabled:
            raise _disabled()
        if not user.verified:
            # whoever made it never showed that the address is theirs: nothing of theirs stays
            gone = [*forget_user(key), end_sessions(key)]
            await tx.session.run(lambda: _all(gone))
            await self._write("update", key, {"verified": True})
            return key, ""
        if not provider.links:
            raise Conflict(
                "auth.link_first",
                "An account with this address is here already.",
                hint=f"Sign in to it as before, and link {provider.title} to it then.",
            )
        return key, _proven(user)

    async def _make(self, provider: Provider, identity: Identity, email: str) -> str:
        if self._policy.register == "closed":
            raise Forbidden(
                "auth.register_closed",
                "This app makes no accounts for strangers.",
                hint="Whoever runs it makes one for you.",
            )
        values = {"email": email, "verified": True, **self._fields(provider, identity.claims)}
        return await self._write("create", None, values)

    def _fields(self, provider: Provider, claims: Mapping[str, Any]) -> dict[str, Any]:
        """Fields of a new user: those that the provider is told to fill, and a `name`."""
        wanted = dict(provider.fields)
        if "name" not in wanted and any(field.name == "name" for field in self._users.fields):
            wanted["name"] = "name"
        found = {}
        for field, claim in wanted.items():
            value = claims.get(claim)
            if field == "name" and not value:
                value = claims.get("login") or str(claims.get("email", "")).partition("@")[0]
            if value is not None:
                found[field] = value
        return found

    async def _write(self, operation: Any, key: str | None, values: Mapping[str, Any]) -> str:
        name = self._users.name
        ask = (
            WriteQuery(operation, name, bodies=(values,))
            if key is None
            else WriteQuery(operation, name, key, bodies=(values,))
        )
        return str((await self._records.write(ask, SYSTEM))[0].key)

    async def _add(
        self, tx: Transaction, provider: Provider, identity: Identity, user: str, notice: Notice
    ) -> None:
        values = (
            clock.uuid7(), identity.issuer, identity.subject, user, provider.name, identity.email,
            clock.now_text(),
        )  # fmt: skip
        added = Ask(_ADD, values)

        def steps() -> Steps[bool]:
            made = bool((yield added))
            yield from notice.steps()
            return made

        if not await tx.session.run(steps):
            raise Conflict("auth.identity_taken", "Somebody linked this account a moment ago.")

    async def _enabled(self, tx: Transaction, user: str) -> Any:
        """The record of a user. Raises 403 where it is gone or disabled."""
        found = await tx.get(self._record, user)
        if found is None or found.disabled:
            raise _disabled()
        return found

    def _notice(self, kind: str, user: str, email: str, client: Program, provider: str) -> Notice:
        return self._notices.of(kind, user, email, client.source(user), provider=provider)


def _proven(user: Any) -> str:
    """The address of a user's record, if somebody has proven it."""
    return user.email if user.verified else ""


def _all(asks: list[Ask]) -> Steps[None]:
    yield AskAll(asks)


def _disabled() -> Forbidden:
    return Forbidden("auth.disabled", "This account is disabled.", hint="Ask whoever runs the app.")
