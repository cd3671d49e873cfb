"""The mails of sign-in, each written by a job after the answer.

In: what somebody asked for, and an address.   Out: a mail to who has the address, or none.
Whether somebody has it is looked up here and nowhere before: what a request does is the same for
every address. Links and codes are made here too, so that the queue holds none of them; a try that
is repeated makes another.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from ..declare.jobs import QUEUE, RETRIES, Job, JobKind
from ..engines import Ask, AskAll
from ..errors import Forbidden
from ..jobs import NewJob, new_job
from ..mail import Mailer
from ..query import Actor
from ..records import Records
from ..relay import Mailbox
from ..store.steps import Steps
from .accounts import Accounts
from .codes import Mailed, new_code, new_link
from .notices import JOB, said_by
from .sessions import Sessions

TIMEOUT_S = 120.0
PATHS: Mapping[str, str] = {
    "register": "/auth/verify", "verify": "/auth/verify", "reset": "/auth/reset",
    "email": "/auth/email", "link": "/auth/link",
}  # fmt: skip
"""Where the links of mails lead, below the public URL. A page there asks for a click before
anything is done: programs that look at links for their owner fetch them."""
NOBODYS = "00000000-0000-7000-8000-000000000000"
NOBODYS_ADDRESS = "nobody@example.invalid"
"""What no user has."""
Letters = Mailed | Literal["email_changed"]


def letters_kind(writer: Callable[[], Awaitable[LetterWriter]]) -> JobKind:
    """The job that each of these mails is."""

    async def write(
        purpose: str, email: str, job: Job, user: str = "", request: str = "", data: str = ""
    ) -> None:
        await (await writer()).write(purpose, email, user, request, data, str(job.id))

    return JobKind(JOB, write, RETRIES, TIMEOUT_S, QUEUE, None)


class LetterWriter:
    """Writes the mails of one app."""

    def __init__(self, records: Records, sessions: Sessions, accounts: Accounts) -> None:
        assert records.mailer is not None
        self._engine = records.engine
        self._kinds = records.model.jobs.by_name
        self._mailer: Mailer = records.mailer
        self._sessions = sessions
        self._accounts = accounts

    def asked(
        self, purpose: Letters, email: str, user: str = "", request: str = "", data: str = ""
    ) -> NewJob:
        """The job of a mail, for the transaction that causes it. Raises 403 where there is no
        mail."""
        if not self._mailer.is_on:
            raise Forbidden("auth.no_mail", "This app sends no mail.", hint="Ask whoever runs it.")
        return new_job(
            self._kinds[JOB],
            {"purpose": purpose, "email": email, "user": user, "request": request, "data": data},
        )

    async def write(
        self, purpose: str, email: str, user: str, request: str, data: str, id: str
    ) -> None:
        """Write one; what the job does."""
        match purpose:
            case "register":
                await self._register(email, data, id)
            case "verify":
                await self._verify(user, email, id)
            case "reset" | "code":
                await self._to_owner(purpose, email, request, id)
            case "email":
                await self._email(user, email, data, id)
            case "email_changed":
                await self._send("email_changed", email, {"new": data}, id)
            case "changed":
                await self._send("changed", email, said_by(data), id)

    async def _register(self, email: str, data: str, id: str) -> None:
        """To a stranger the link that makes an account; to who has one, that they have it."""
        found = await self._accounts.user_of(email)
        actor = await self._sessions.actor(found or NOBODYS)
        if found is None:
            await self._link("register", "", email, data, id)
        elif actor is not None and not _record(actor)["verified"]:
            await self._link("verify", found, email, "", id)
        else:
            await self._link_of_nobody()
            await self._send("registered", email, {}, id, kept=actor is None)

    async def _verify(self, user: str, email: str, id: str) -> None:
        actor = await self._sessions.actor(user)
        if (
            actor is not None
            and _record(actor)["email"] == email
            and not _record(actor)["verified"]
        ):
            await self._link("verify", user, email, "", id)

    async def _to_owner(self, purpose: str, email: str, request: str, id: str) -> None:
        """What only somebody gets who has an account. Of an address that nobody has the same is
        written, of nobody, and then not sent: whoever asks and then times their own next request
        would else learn from it."""
        found = await self._accounts.user_of(email)
        actor = await self._sessions.actor(found or NOBODYS)
        user = "" if actor is None else actor.name
        if purpose == "reset":
            token, made = new_link("reset", user, email)
            values = {"link": self._to("reset", token)}
        else:
            code, made = new_code(request, user, email)
            token, linked = new_link("link", user, email)
            made += linked
            values = {"code": code, "link": self._to("link", token)}
        await self._engine.write(lambda: _all(made))
        # what nobody has need not be an address
        to = email if actor is not None else NOBODYS_ADDRESS
        await self._send(purpose, to, values, id, kept=actor is None)

    async def _email(self, user: str, email: str, old: str, id: str) -> None:
        """To the new address: the link that confirms it, or that somebody has it already."""
        if await self._accounts.user_of(email) is not None:
            await self._link_of_nobody()
            await self._send("email_taken", email, {}, id)
        else:
            await self._link("email", user, email, old, id)

    async def _link(self, purpose: Mailed, user: str, email: str, data: str, id: str) -> None:
        token, made = new_link(purpose, user, email, data)
        await self._engine.write(lambda: _all(made))
        await self._send(purpose, email, {"link": self._to(purpose, token)}, id)

    async def _link_of_nobody(self) -> None:
        """Write as much as where a link is sent: this one nobody gets, and it opens nothing."""
        _, made = new_link("link", "", NOBODYS_ADDRESS)
        await self._engine.write(lambda: _all(made))

    def _to(self, purpose: str, token: str) -> str:
        return self._mailer.link(f"{PATHS[purpose]}?token={token}")

    async def _send(
        self, template: str, email: str, values: Mapping[str, Any], id: str, *, kept: bool = False
    ) -> None:
        letter = self._mailer.letter(f"sign_in/{template}", Mailbox(email), values)
        await self._mailer.send(letter, id, kept=kept)


def _record(actor: Actor) -> Mapping[str, Any]:
    assert actor.record is not None
    return actor.record


def _all(asks: list[Ask]) -> Steps[None]:
    yield AskAll(asks)
