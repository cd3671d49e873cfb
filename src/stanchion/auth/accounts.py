"""Accounts: make one, sign in with its password, change that.

In: what somebody typed.   Out: a session's token, and whose it is.
Refuses: what does not fit an account, in words that do not say which part of it (401); what breaks
the model (422); what this app does not offer (403).
Called by `http/sign_in` and the command line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .. import clock
from ..declare import SignIn
from ..engines import Ask, AskAll, Steps
from ..errors import FieldError, Forbidden, Invalid, NotFound, Unauthorized
from ..plan.body import read_create
from ..query import ANONYMOUS, SYSTEM, Actor, ReadQuery, WriteQuery
from ..records import Records
from ..store.audit import AuditSource
from ..transaction import open_transaction
from .entrance import Entrance, Halfway, SignedIn
from .keys import Keys
from .notices import Notices, proven_address
from .passwords import LONGEST, Hasher, judge_password
from .sessions import Program, Sessions

_HASH = "select hash from _passwords where user_id=?1"
_SET = (
    "insert into _passwords (user_id,hash,changed) values (?1,?2,?3) "
    "on conflict (user_id) do update set hash=excluded.hash,changed=excluded.changed"
)


ON_THE_SPOT = AuditSource("system")
"""Whoever has the machine, and the command line on it."""


class Accounts:
    """The accounts of one app."""

    def __init__(
        self, records: Records, sessions: Sessions, entrance: Entrance, keys: Keys, policy: SignIn
    ) -> None:
        assert records.schema.users is not None
        self._records = records
        self._users = records.schema.users
        self._sessions = sessions
        self._keys = keys
        self._policy = policy
        self._entrance = entrance
        self._notices = Notices(records)
        self.hasher = Hasher()

    def close(self) -> None:
        """Take no more passwords."""
        self.hasher.close()

    # coming in

    async def login(self, email: str, password: str, client: Program) -> SignedIn | Halfway:
        """A session for who knows the password of this address, or a ticket to the second factor.
        An unknown address, a wrong password, an account that is disabled: one answer, and as much
        work."""
        if len(password) > LONGEST:
            raise _wrong_login()
        user = await self.user_of(email)
        kept = await self._hash_of(user or "")  # as much is asked for an address that nobody has
        fits = await self.hasher.fits(kept, password)
        if not fits or user is None or kept is None:
            raise _wrong_login(user)
        actor = await self._sessions.actor(user)
        if actor is None:
            raise _wrong_login(user)
        better = await self.hasher.hash(password) if self.hasher.is_outdated(kept) else None

        def steps() -> Steps[SignedIn | Halfway]:
            yield from still_steps(user, kept)
            if better is not None:
                yield Ask(_SET, (user, better, clock.now_text()))
            return (yield from self._entrance.steps(actor, "password", client))

        try:
            return await self._records.engine.write(steps)
        except Forbidden:
            raise _wrong_login(user) from None

    async def register(self, body: Mapping[str, Any], client: Program, request: str) -> SignedIn:
        """A new account and its first session. `body` holds the address, the password, and other
        fields that anybody may set."""
        if self._policy.register == "closed":
            raise Forbidden(
                "auth.register_closed",
                "This app makes no accounts for strangers.",
                hint="Whoever runs it makes one for you.",
            )
        wire = dict(body)
        password = wire.pop("password", None)
        mistakes = self.mistakes(wire)
        refused = self.judge(password, wire.get("email"), "/password")
        if mistakes or refused is not None:
            raise Invalid(
                "body.invalid", "The body breaks the model.",
                errors=[*mistakes, *([refused] if refused is not None else [])],
            )  # fmt: skip
        hashed = await self.hasher.hash(str(password))
        async with open_transaction(self._records, SYSTEM, request) as tx:
            ask = WriteQuery("create", self._users.name, bodies=({**wire, "verified": False},))
            user = (await self._records.write(ask, SYSTEM, request))[0].key
            token, started = self._sessions.start(user, "register", client)
            kept = Ask(_SET, (user, hashed, clock.now_text()))
            await tx.session.run(lambda: _all([kept, *started]))
        actor = await self._sessions.actor(user)
        assert actor is not None
        return SignedIn(token, actor, "register", client)

    def mistakes(self, wire: Mapping[str, Any]) -> list[FieldError]:
        """What is wrong with the fields of a new user. Who registers may set what everybody may:
        no system field, no key, and nothing whose rule asks who writes it."""
        everybody = self._records.policy.profile(ANONYMOUS)
        plan = self._records.plans.statements(self._users.name, "create", SYSTEM).plan
        open_fields = frozenset(
            field.name
            for field in self._users.fields
            if not field.system
            and field.name not in self._users.key
            and (field.name == "email" or everybody.may_always_write(self._users.name, field.name))
        )
        binding = self._records.model.bindings[self._users.name]
        plan = replace(plan, settable=open_fields)
        values, mistakes = read_create(plan, binding.factories, wire)
        if not mistakes and binding.validated:
            mistakes = binding.validate(values)[1]
        return mistakes

    # passwords

    def judge(self, password: Any, email: Any, pointer: str) -> FieldError | None:
        """Why a new password is refused, or None."""
        title, own = self._records.schema.title, [email] if isinstance(email, str) else []
        context = [title, *self._policy.words, *own]
        return judge_password(password, context, pointer)

    async def change_password(
        self, actor: Actor, current: str, new: str, client: Program, *, end_keys: bool = False
    ) -> None:
        """Set another password; the other sessions of the user end, and the API keys if that is
        asked for. Raises 403 where the current one is not that."""
        assert actor.record is not None
        user = str(actor.record["id"])
        kept = await self._hash_of(user)
        if len(current) > LONGEST or not await self.hasher.fits(kept, current):
            raise Forbidden("auth.wrong_password", "The current password is another one.")
        refused = self.judge(new, actor.record["email"], "/new")
        if refused is not None:
            raise Invalid("body.invalid", "The body breaks the model.", errors=[refused])
        hashed = await self.hasher.hash(new)
        source = client.source(user)
        address = proven_address(actor.record)
        notice = self._notices.of("password.changed", user, address, source)

        def steps() -> Steps[bool]:
            now = yield Ask(_HASH, (user,))
            if not now or now[0][0] != kept:
                return False
            yield set_password(user, hashed)
            yield from notice.steps()
            yield from self._sessions.end_others_steps(user, actor.session, source)
            if end_keys:
                yield from self._keys.end_all_steps(user, source)
            return True

        changed = await self._records.engine.write(steps)
        self._sessions.doubt()
        if not changed:
            raise Forbidden("auth.wrong_password", "The current password is another one.")
        self._notices.tell(notice)

    async def own_password(self, actor: Actor, password: str) -> str:
        """The hash of the password of who is signed in. Raises 403 where it is another one."""
        kept = await self._hash_of(actor.name)
        if len(password) > LONGEST or not await self.hasher.fits(kept, password) or kept is None:
            raise _wrong_password()
        return kept

    async def make_admin(self, email: str, password: str, fields: Mapping[str, Any]) -> bool:
        """Make the user of this address an admin with this password, sign them out everywhere and
        end their keys, which would be an admin's from then on; make one with these fields where
        there is none, and say so. For who runs the app."""
        refused = self.judge(password, email, "/password")
        if refused is not None:
            raise Invalid("body.invalid", "This password is refused.", errors=[refused])
        hashed = await self.hasher.hash(password)
        user = await self.user_of(email)
        rights = {**fields, "admin": True, "verified": True}
        name = self._users.name
        async with open_transaction(self._records, SYSTEM) as tx:
            if user is None:
                ask = WriteQuery("create", name, bodies=({**rights, "email": email},))
            else:
                ask = WriteQuery("update", name, user, bodies=(rights,))
            key = (await self._records.write(ask, SYSTEM))[0].key
            address = "" if user is None else canonical(email)
            notice = self._notices.of("password.changed", key, address, ON_THE_SPOT)

            def steps() -> Steps[None]:
                yield set_password(key, hashed)
                yield from notice.steps()
                yield from self._sessions.end_others_steps(key, source=ON_THE_SPOT)
                yield from self._keys.end_all_steps(key, ON_THE_SPOT)

            await tx.session.run(steps)
        self._notices.tell(notice)
        return user is None

    # finding

    async def has_admin(self) -> bool:
        """Whether anybody is an admin."""
        ask = ReadQuery(self._users.name, filters=("admin",), fields="id", limit=1)
        return bool((await self._records.read_list(ask, SYSTEM, self._records.engine.fetch)).items)

    def name_of(self, email: str) -> str:
        """An address as attempts are counted for it, whether or not somebody has it."""
        return canonical(email)

    async def came_from(self, email: str, network: str) -> bool:
        """Whether the owner of this address came in from this network before. As much is asked for
        one that nobody has."""
        user = await self.user_of(email)
        return await self._sessions.came_from(user or "", network)

    async def shown(self, actor: Actor) -> dict[str, Any]:
        """A user's own record, as they may read it; the id alone where no rule lets them."""
        try:
            one = await self._records.read_one(ReadQuery(self._users.name, actor.name), actor)
        except (NotFound, Forbidden):
            return {self._users.key[0]: actor.name}
        found: dict[str, Any] = json.loads(one.body)
        return found

    async def user_of(self, email: str) -> str | None:
        """The id of the user with this address."""
        ask = ReadQuery(
            self._users.name, filters=("email == $email",), fields="id", limit=1,
            params={"email": canonical(email)},
        )  # fmt: skip
        page = await self._records.read_list(ask, SYSTEM, self._records.engine.fetch)
        if not page.items:
            return None
        record = self._records.model.bindings[self._users.name].load(json.loads(page.items[0]))
        return str(record.id)

    async def _hash_of(self, user: str) -> str | None:
        rows = await self._records.engine.find(_HASH, (user,))
        return rows[0][0] if rows else None


def set_password(user: str, hashed: str) -> Ask:
    """Keep this hash as that of the user's password."""
    return Ask(_SET, (user, hashed, clock.now_text()))


def canonical(email: str) -> str:
    """An address as it is stored: people write theirs in capitals and small letters alike."""
    return email.strip().lower()


def still_steps(user: str, kept: str) -> Steps[None]:
    """Raise 403 where the password was changed since its hash was read: while one was compared,
    it may have become another."""
    now = yield Ask(_HASH, (user,))
    if not now or now[0][0] != kept:
        raise _wrong_password()


def _all(asks: list[Ask]) -> Steps[None]:
    yield AskAll(asks)


def _wrong_password() -> Forbidden:
    return Forbidden("auth.wrong_password", "The current password is another one.")


def _wrong_login(user: str | None = None) -> Unauthorized:
    refused = Unauthorized(
        "auth.wrong_login",
        "No account has this address and this password.",
        hint="Look at both again, or ask for a new password.",
    )
    refused.about = user or ""
    return refused
