"""What a mail brings: an account, a proof of the address, a new password, a session, another
address.

In: the token of a link, or a code.   Out: a session, or a change.
Refuses: links and codes that are good no longer (403, 401), passwords that others would try (422).
Called by `http/sign_in`. Why so: docs/decisions/011-sign-in.md, "Mails".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..engines import Ask, AskAll, Steps
from ..errors import FieldError, Invalid
from ..query import SYSTEM, Actor, WriteQuery
from ..records import Records
from ..store.users import end_sessions, forget_user
from ..transaction import open_transaction
from .accounts import Accounts, set_password
from .codes import (
    MailedCode,
    drop_codes,
    drop_entries,
    find_link,
    link_ended,
    take,
    try_code,
    wrong_code,
)
from .entrance import Entrance, Halfway, SignedIn
from .keys import Keys
from .letters import LetterWriter
from .notices import Notice, Notices, proven_address
from .sessions import UNKNOWN, Program, Sessions


class ByMail:
    """What one app does by mail."""

    def __init__(
        self, records: Records, sessions: Sessions, accounts: Accounts, entrance: Entrance,
        keys: Keys, letters: LetterWriter,
    ) -> None:  # fmt: skip
        assert records.schema.users is not None
        self._records = records
        self._users = records.schema.users.name
        self._sessions = sessions
        self._accounts = accounts
        self._entrance = entrance
        self._keys = keys
        self._letters = letters
        self._notices = Notices(records)

    # what a mail brings

    async def verify(
        self, token: str, password: Any, actor: Actor | None, client: Program, request: str
    ) -> SignedIn | None:
        """Prove an address. Who is signed in as its user is done. Anybody else has the mailbox and
        not the account: it is theirs from now on, with the password that they choose and without
        whatever was set before."""
        code = await find_link(self._records.engine, token, "register", "verify")
        if code.user and actor is not None and actor.name == code.user:
            if _record(actor)["email"] != code.email:
                raise link_ended()
            await self._prove(code, request)
            return None
        hashed = await self._hash(password, code.email)
        user = code.user or await self._accounts.user_of(code.email)
        if user is None:
            return await self._make(code, hashed, client, request)
        if not await self._is_unproven(user, code.email):
            raise link_ended()
        return await self._take_over(code, user, hashed, "verify", client, request)

    async def reset(
        self, token: str, password: Any, request: str, client: Program = UNKNOWN
    ) -> None:
        """Set a new password; every session ends, and nobody is signed in by it: what else the
        account asks for is asked at the sign-in."""
        code = await find_link(self._records.engine, token, "reset")
        hashed = await self._hash(password, code.email)
        actor = await self._sessions.actor(code.user)
        if actor is None or _record(actor)["email"] != code.email:
            raise link_ended()
        if not _record(actor)["verified"]:
            await self._take_over(code, code.user, hashed, "", client, request)
            return
        source = client.source(code.user)
        address = proven_address(actor.record)
        notice = self._notices.of("password.changed", code.user, address, source)

        def steps() -> Steps[None]:
            yield from take(code)
            yield AskAll([set_password(code.user, hashed), *drop_codes(code.user, code.email)])
            yield from notice.steps()
            yield from self._sessions.end_others_steps(code.user, source=source)
            yield from self._keys.end_all_steps(code.user, source)

        await self._records.engine.write(steps)
        self._sessions.doubt()
        self._notices.tell(notice)

    async def login_code(
        self, text: str, digits: str, client: Program, request: str
    ) -> SignedIn | Halfway:
        """Sign in by the code of a mail."""
        code = await self._records.engine.write(lambda: try_code(text, digits))
        if code is None:
            raise wrong_code()
        return await self._enter(code, client, request)

    async def login_link(self, token: str, client: Program, request: str) -> SignedIn | Halfway:
        """Sign in by the link of a mail."""
        code = await find_link(self._records.engine, token, "link")
        return await self._enter(code, client, request)

    async def change_address(self, token: str, request: str) -> None:
        """Give a user the address to which the link went. The old one is told."""
        code = await find_link(self._records.engine, token, "email")
        actor = await self._sessions.actor(code.user)
        if actor is None or _record(actor)["email"] != code.data:
            raise link_ended()
        told = Notice(None, self._letters.asked("email_changed", code.data, data=code.email))

        def steps() -> Steps[None]:
            yield from take(code)
            yield AskAll(drop_codes(code.user, code.email))
            yield from told.steps()

        async with open_transaction(self._records, SYSTEM, request) as tx:
            await tx.session.run(steps)
            await self._update(code.user, {"email": code.email, "verified": True}, request)
        self._notices.tell(told)

    # what they share

    async def _hash(self, password: Any, email: str) -> str:
        """A new password as it is kept; raises 422 before the link is used up."""
        if password is None:
            raise _invalid([FieldError("/password", "missing", "Choose a password.")])
        refused = self._accounts.judge(password, email, "/password")
        if refused is not None:
            raise _invalid([refused])
        return await self._accounts.hasher.hash(password)

    async def _is_unproven(self, user: str, email: str) -> bool:
        actor = await self._sessions.actor(user)
        return (
            actor is not None
            and _record(actor)["email"] == email
            and not _record(actor)["verified"]
        )

    async def _prove(self, code: MailedCode, request: str) -> None:
        async with open_transaction(self._records, SYSTEM, request) as tx:
            await tx.session.run(lambda: take(code))
            await self._update(code.user, {"verified": True}, request)

    async def _make(self, code: MailedCode, hashed: str, client: Program, request: str) -> SignedIn:
        """The account that somebody asked for."""
        fields = {**json.loads(code.data or "{}"), "email": code.email, "verified": True}
        ask = WriteQuery("create", self._users, bodies=(fields,))
        async with open_transaction(self._records, SYSTEM, request) as tx:
            await tx.session.run(lambda: take(code))
            user = (await self._records.write(ask, SYSTEM, request))[0].key
            token, started = self._sessions.start(user, "register", client)
            asks = [set_password(user, hashed), *drop_codes(user, code.email), *started]
            await tx.session.run(lambda: _all(asks))
        return await self._signed_in(user, token, "register", client)

    async def _take_over(
        self, code: MailedCode, user: str, hashed: str, method: str, client: Program, request: str
    ) -> SignedIn | None:
        """Give an account that nobody had proven to who has its address, empty of what proved
        somebody else; a session where there is a method, a password where there is a hash."""
        token, started = self._sessions.start(user, method, client) if method else ("", [])
        asks = [
            *forget_user(user), end_sessions(user), *drop_codes(user, code.email),
            *([set_password(user, hashed)] if hashed else []), *started,
        ]  # fmt: skip
        notice = self._notices.of("password.changed", user, "", client.source(user))

        def steps() -> Steps[None]:
            yield from take(code)
            yield AskAll(asks)
            if hashed:
                yield from notice.steps()

        async with open_transaction(self._records, SYSTEM, request) as tx:
            await tx.session.run(steps)
            await self._update(user, {"verified": True}, request)
        self._sessions.doubt()
        if hashed:
            self._notices.tell(notice)
        return await self._signed_in(user, token, method, client) if method else None

    async def _enter(self, code: MailedCode, client: Program, request: str) -> SignedIn | Halfway:
        """A session, or a ticket to the second factor, for who has the mailbox of a user."""
        ended = wrong_code() if code.purpose == "code" else link_ended()
        actor = await self._sessions.actor(code.user)
        if actor is None or _record(actor)["email"] != code.email:
            raise ended
        if not _record(actor)["verified"]:
            done = await self._take_over(code, code.user, "", code.purpose, client, request)
            assert done is not None
            return done

        def steps() -> Steps[SignedIn | Halfway]:
            yield from take(code)
            yield drop_entries(code.user)
            return (yield from self._entrance.steps(actor, code.purpose, client))

        return await self._records.engine.write(steps)

    async def _update(self, user: str, fields: Mapping[str, Any], request: str) -> None:
        ask = WriteQuery("update", self._users, user, bodies=(fields,))
        await self._records.write(ask, SYSTEM, request)

    async def _signed_in(self, user: str, token: str, method: str, client: Program) -> SignedIn:
        actor = await self._sessions.actor(user)
        assert actor is not None
        return SignedIn(token, actor, method, client)


def _record(actor: Actor) -> Mapping[str, Any]:
    assert actor.record is not None
    return actor.record


def _all(asks: list[Ask]) -> Steps[None]:
    yield AskAll(asks)


def _invalid(mistakes: list[FieldError]) -> Invalid:
    return Invalid("body.invalid", "The body breaks the model.", errors=mistakes)
