"""What changes how an account is entered: told to the audit log, and by mail to who owns it.

In: what changed, whose it is.   Out: a `Notice`, the steps of the transaction that changes it.
Called by whatever changes passwords, factors, passkeys, linked accounts and keys. Mail goes where
there is mail, and only to an address that somebody has proven: else whoever registers a stranger's
address could have them written to. It goes to the address that the account has at that moment, so
that who changes the address next silences nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import clock, events
from ..events import Audited, Fact
from ..jobs import NewJob, enqueue, new_job, ring
from ..records import Records
from ..store.audit import AuditSource, keep, note
from ..store.steps import Steps

JOB = "stanchion.sign_in"
"""The job that each mail of sign-in is."""
TOLD: Mapping[str, str] = {
    "password.changed": "Your password is another one now.",
    "factor.added": "A code of an authenticator app is asked for from now on when you sign in.",
    "factor.removed": "No code is asked for any more when you sign in.",
    "factor.renewed": "You have new recovery codes; those before are good for nothing.",
    "passkey.added": "Another passkey opens your account.",
    "passkey.removed": "A passkey opens your account no longer.",
    "identity.linked": "An account elsewhere opens your account from now on.",
    "identity.unlinked": "An account elsewhere opens your account no longer.",
    "key.made": "There is another API key that acts as you.",
}
"""What a mail says, by the kind of the audit log."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One change, as it is told; `audited` is None where it tells the audit log by itself."""

    audited: Audited | None
    mail: NewJob | None

    def steps(self) -> Steps[None]:
        """What writes it down, in the transaction of the change."""
        if self.audited is not None:
            yield keep(self.audited)
        if self.mail is not None:
            yield from enqueue(self.mail)


class Notices:
    """Tells of the changes of one app."""

    def __init__(self, records: Records) -> None:
        self._engine = records.engine
        self._model = records.model
        self._mailer = records.mailer

    def of(self, kind: str, user: str, email: str, source: AuditSource, **facts: Fact) -> Notice:
        """What happened to an account; nobody is mailed where `email` is empty."""
        audited = note(kind, user, source, refused=False, **facts)
        if not email or self._mailer is None or not self._mailer.is_on:
            return Notice(audited, None)
        said = {
            "what": kind,
            "when": f"{clock.now():%Y-%m-%d %H:%M} UTC",
            "network": source.network,
        }
        given = {"purpose": "changed", "email": email, "user": user, "request": "",
                 "data": json.dumps(said)}  # fmt: skip
        return Notice(audited, new_job(self._model.jobs.by_name[JOB], given))

    def tell(self, *notices: Notice) -> None:
        """What was committed, to the log and to who sends mails."""
        for notice in notices:
            if notice.audited is not None:
                events.emit(notice.audited)
        if any(notice.mail is not None for notice in notices):
            ring(self._engine)


def proven_address(record: Mapping[str, Any] | None) -> str:
    """The address to which somebody is written; empty where nobody has proven it."""
    return str(record["email"]) if record is not None and record["verified"] else ""


def said_by(data: str) -> dict[str, Any]:
    """The values of the mail of a notice."""
    said: dict[str, Any] = json.loads(data)
    return {**said, "told": TOLD.get(said["what"], "Something of how you sign in has changed.")}
