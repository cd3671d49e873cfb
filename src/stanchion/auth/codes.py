"""Codes and links that go out by mail: good once, for a time, and kept as digests.

In: what one is for, whose it is.   Out: the text that the mail holds; the row of what comes
back.
Refuses: what has ended, was used, or never was (403, for a code 401), in one answer for all three.
Called by `mailed`, which says what they are good for, and by `letters`, which makes them while a
mail is written, so that no text of them lies in the queue.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Literal, NamedTuple

from .. import clock
from ..engines import Ask, Engine
from ..errors import Forbidden, Unauthorized
from ..store.steps import Steps
from ..types.datetime import moment_text
from .tokens import LONGEST, digest_of, new_token

Mailed = Literal["register", "verify", "reset", "email", "link", "code"]
"""What a mail brings: an account, an address that is proven, a new password, another address, a
sign-in by link or by code."""
LASTS = {
    "register": timedelta(hours=24), "verify": timedelta(hours=24), "email": timedelta(hours=24),
    "reset": timedelta(hours=1), "link": timedelta(minutes=10), "code": timedelta(minutes=10),
}  # fmt: skip
DIGITS = 6
TRIES = 5
"""Wrong codes after which a right one is none: five in a million."""

_ADD = (
    "insert into _codes (id,purpose,user_id,email,data,secret,tries,ends) "
    "values (?1,?2,?3,?4,?5,?6,0,?7) on conflict (id) do update set secret=excluded.secret"
)
_FIND = "select id,purpose,user_id,email,data from _codes where id=?1 and ends>?2"
_TAKE = "delete from _codes where id=?1 and ends>?2 returning id"
_TRY = (
    "update _codes set tries=tries+1 where id=?1 and purpose='code' and ends>?2 and tries<?3 "
    "returning id,purpose,user_id,email,data,secret"
)
_DROP = "delete from _codes where user_id=?1"
_DROP_ENTRIES = "delete from _codes where user_id=?1 and purpose in ('link','code')"
_DROP_OF = "delete from _codes where email=?1 and purpose='register'"
_PRUNE = "delete from _codes where ends<?1"


class MailedCode(NamedTuple):
    """One that is good still."""

    id: str
    purpose: Mailed
    user: str
    email: str
    data: str


def new_link(purpose: Mailed, user: str, email: str, data: str = "") -> tuple[str, list[Ask]]:
    """The token of a link, and the statements that make it good. `user` is empty where there is
    none yet."""
    token = new_token("ml")
    return token, _made(purpose, digest_of(token).hex(), user, email, data, b"")


def new_code(request: str, user: str, email: str) -> tuple[str, list[Ask]]:
    """A code, good for whoever has the text of which `request` is the digest. A second one for the
    same request takes the place of the first; tries that were made stay made."""
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    return code, _made("code", request, user, email, "", _secret(request, code))


def _made(purpose: Mailed, id: str, user: str, email: str, data: str, secret: bytes) -> list[Ask]:
    now = clock.now()
    values = (id, purpose, user, email, data, secret, moment_text(now + LASTS[purpose]))
    return [Ask(_ADD, values), Ask(_PRUNE, (moment_text(now),))]


async def find_link(engine: Engine, token: str, *purposes: Mailed) -> MailedCode:
    """What a link is for; it stays good. Raises 403."""
    if len(token) <= LONGEST:
        rows = await engine.find(_FIND, (digest_of(token).hex(), clock.now_text()))
        if rows and rows[0][1] in purposes:
            return MailedCode(*rows[0])
    raise link_ended()


def take(mailed: MailedCode) -> Steps[None]:
    """Use it up, as the first step of what it is good for. Raises where another was quicker."""
    rows = yield Ask(_TAKE, (mailed.id, clock.now_text()))
    if not rows:
        raise wrong_code() if mailed.purpose == "code" else link_ended()


def try_code(request: str, digits: str) -> Steps[MailedCode | None]:
    """The code of a request, if it is this one. The try counts before it is judged."""
    if len(request) > LONGEST:
        return None
    id = request_of(request)
    rows = yield Ask(_TRY, (id, clock.now_text(), TRIES))
    if not rows or not compare_digest(rows[0][5], _secret(id, digits)):
        return None
    return MailedCode(*rows[0][:5])


def request_of(text: str) -> str:
    """What is kept of the text that goes with a code."""
    return digest_of(text).hex()


def _secret(request: str, digits: str) -> bytes:
    """What is kept of a code. Who reads it guesses the code in no time, and lacks the text of the
    request, which has 256 bits and without which no code is good."""
    return sha256(f"{request}:{digits}".encode("utf-8", "surrogatepass")).digest()


def drop_codes(user: str, email: str) -> list[Ask]:
    """Let nothing be good any more that went out for this user, or to register this address."""
    return [Ask(_DROP, (user,)), Ask(_DROP_OF, (email,))]


def drop_entries(user: str) -> Ask:
    """Let no link and no code sign this user in any more."""
    return Ask(_DROP_ENTRIES, (user,))


def link_ended() -> Forbidden:
    """What is said of a link that is no longer good, or never was."""
    return Forbidden(
        "auth.link_ended",
        "This link is good no longer, or never was.",
        hint="Ask for another mail: a link is good once, and for a time.",
    )


def wrong_code() -> Unauthorized:
    """What is said of a code that is wrong, has ended, or was tried too often."""
    return Unauthorized(
        "auth.wrong_mail_code",
        "This code is another one, or good no longer.",
        hint="Type the code of the newest mail, within ten minutes; or ask for another one.",
    )
