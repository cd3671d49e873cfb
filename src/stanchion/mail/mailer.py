"""The mail of one app: letters become jobs, and jobs become messages that are sent.

In: a template and whom it is for.   Out: a `NewJob`, for the transaction that causes the mail.
Refuses, where the app's code asks: what is no address (`WrongUse` `mail.address`), a template that
is missing or wrong (`mail.template`), mail where there is none (`mail.off`).
Made by `runtime`; called by `transaction` and `auth`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..declare.jobs import QUEUE, RETRIES, Job, JobKind
from ..declare.rules import caller_origin
from ..errors import Origin, WrongUse
from ..jobs import NewJob, new_job
from ..origins import read_public_url
from ..relay import Mailbox, is_address, is_name, read_relay, read_sender
from ..settings import Settings
from .carriers import Carrier, Smtp
from .letter import Letter, message_of
from .templates import Templates

JOB = "stanchion.mail"
TIMEOUT_S = 120.0


@dataclass(slots=True)
class MailPlace:
    """Where mails go and links lead while a command says so: `dev` and tests."""

    carrier: Carrier | None = None
    public_url: str = ""


class Mailer:
    """See the module. `place` is what a command says; settings win over it."""

    def __init__(
        self, title: str, base: Path, settings: Callable[[], Settings], place: MailPlace
    ) -> None:
        self._title = title
        self._settings = settings
        self._place = place
        self.templates = Templates(base)

    @property
    def is_on(self) -> bool:
        """Whether mails go anywhere."""
        return self._carrier is not None

    @property
    def is_sent(self) -> bool:
        """Whether they go to a mail server."""
        return bool(self._settings().mail_url)

    @property
    def _carrier(self) -> Carrier | None:
        relay = read_relay(self._settings().mail_url)
        return self._place.carrier if relay is None else Smtp(relay)

    @property
    def _sender(self) -> Mailbox:
        found = read_sender(self._settings().mail_from)
        return found or Mailbox("app@localhost", self._title if is_name(self._title) else "")

    @cached_property
    def kind(self) -> JobKind:
        """The job that each mail is."""
        return JobKind(JOB, self._send, RETRIES, TIMEOUT_S, QUEUE, None)

    async def _send(self, to: str, name: str, subject: str, text: str, html: str, job: Job) -> None:
        """Hand a letter over; what the job does."""
        await self.send(Letter(Mailbox(to, name), subject, text, html), str(job.id))

    async def send(self, letter: Letter, id: str, *, kept: bool = False) -> None:
        """Hand a letter over now; raises what the mail server says. `id` is the same each time. One
        that is `kept` takes as long and goes to nobody."""
        carrier = self._carrier
        if carrier is None:
            raise _off(None)
        message = message_of(letter, self._sender, id)
        await (carrier.go_empty(message) if kept else carrier.carry(message))

    # making

    def job(self, template: str, to: str, name: str, values: Mapping[str, Any]) -> NewJob:
        """The job of a mail, to be made in the transaction that causes it. The mail is written
        here, so what is wrong with it is told to who asks for it."""
        origin = caller_origin()
        if not self.is_on:
            raise _off(origin)
        letter = self.letter(template, Mailbox(to, name), values, origin)
        return new_job(
            self.kind,
            {"to": to, "name": name, "subject": letter.subject, "text": letter.text,
             "html": letter.html},
        )  # fmt: skip

    def letter(
        self, template: str, to: Mailbox, values: Mapping[str, Any], origin: Origin | None = None
    ) -> Letter:
        """A template, filled. Beside its values it has `app`, the title, `to` and `name`, `url`,
        where the app is reached, and `link("/orders")`, which is below that."""
        if not is_address(to.address):
            raise WrongUse(
                "mail.address", f"{to.address[:100]!r} is no address", "to=user.email", origin
            )
        if not is_name(to.name):
            raise WrongUse(
                "mail.address", f"{to.name[:100]!r} is no name that can stand in a header",
                "name=user.name, one line of at most 100 characters", origin,
            )  # fmt: skip
        given = {
            "app": self._title, "url": self.link(""), "link": self.link, "to": to.address,
            "name": to.name, **values,
        }  # fmt: skip
        said = self.templates.render(template, given, origin)
        return Letter(to, said.subject, said.text, said.html)

    def link(self, path: str) -> str:
        """Where people find a path of the app. WHY-NOT the Host of the request that causes a mail:
        whoever sends that request chooses it, and would get the token that the link carries."""
        base = read_public_url(self._settings().public_url or self._place.public_url)
        if base is None:
            raise WrongUse(
                "mail.public_url", "nobody said where people reach the app, and mails have links",
                "STANCHION_PUBLIC_URL=https://shop.example", None,
            )  # fmt: skip
        return f"{base}{path}"


def _off(origin: Origin | None) -> WrongUse:
    return WrongUse(
        "mail.off", "this app sends no mail",
        "STANCHION_MAIL_URL=smtp+starttls://user:password@smtp.example.com and "
        "STANCHION_MAIL_FROM; `stanchion dev` needs neither",
        origin,
    )  # fmt: skip
