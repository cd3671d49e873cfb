"""Second factors: codes of an authenticator app (TOTP, RFC 6238), and recovery codes beside them.

In: who sets one up, a code.   Out: a secret to scan, recovery codes, a session.
Refuses: a code that is wrong, or was taken before (403); a ticket that is no longer good (401).
Each code is good once, whichever processes it is sent to: what uses it up is a step of the
transaction that it is good for. Called by `http/sign_in`.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest

from .. import clock
from ..engines import Ask, AskAll, Engine
from ..errors import Forbidden, NotFound, SettingError, Unavailable
from ..query import Actor
from ..records import Records
from ..store.steps import Steps
from .entrance import SignedIn
from .notices import Notice, Notices, proven_address
from .passwords import Hasher
from .sealing import Sealed, Sealer
from .sessions import UNKNOWN, Program, Sessions
from .tickets import Ticket, find_ticket, new_ticket, take_ticket, ticket_ended

SECONDS = 30
DIGITS = 6
DRIFT = 1
"""Steps of 30 seconds by which the clock of a phone may be wrong, either way."""
SECRET_LETTERS = 32
"""Base 32, so 160 bits: what RFC 4226 asks for."""
RECOVERY_CODES = 10
LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Of recovery codes: Crockford's, in which no two look alike."""
HALF = 5
"""Letters of half a recovery code, which so has 50 bits; they are kept as Argon2id hashes."""

_FIND = "select key,secret,step,created from _factors where user_id=?1"
_SET = (
    "insert into _factors (user_id,key,secret,step,created) values (?1,?2,?3,?4,?5) "
    "on conflict (user_id) do update set key=excluded.key,secret=excluded.secret,"
    "step=excluded.step,created=excluded.created"
)
# of two that come with the same code, one finds the step as it was
_USE = "update _factors set step=?2 where user_id=?1 and created=?3 and step<?2 returning user_id"
_REMOVE = "delete from _factors where user_id=?1 returning user_id"
_KEYS = "select key,count(*) from _factors group by key"
_UNDER = "select user_id,secret from _factors where key=?1 limit 500"
_SEAL = "update _factors set key=?3,secret=?4 where user_id=?1 and secret=?2"
_CODES = "select salt,digest from _recovery where user_id=?1"
_ADD_CODE = "insert into _recovery (user_id,salt,digest) values (?1,?2,?3)"
_DROP_CODES = "delete from _recovery where user_id=?1"
_USE_CODE = "delete from _recovery where user_id=?1 and digest=?2 returning user_id"


@dataclass(frozen=True, slots=True)
class NewAuthenticator:
    """What is put into an authenticator app: the secret, or a link that holds it; and the ticket
    with which it is confirmed."""

    ticket: str
    secret: str
    uri: str


@dataclass(frozen=True, slots=True)
class FactorsShown:
    """What an account has beside its password."""

    since: str | None
    recovery_codes: int


@dataclass(frozen=True, slots=True)
class GoodCode:
    """A code that fits: which kind it is, and the steps that use it up. They raise 403 where
    another was quicker."""

    kind: str
    steps: Callable[[], Steps[None]]


class Factors:
    """The second factors of one app."""

    def __init__(
        self, records: Records, sessions: Sessions, hasher: Hasher, sealer: Sealer | None
    ) -> None:
        if sealer is not None:
            import pyotp  # noqa: F401  # now: somebody waits later

        self._title = records.schema.title
        self._engine: Engine = records.engine
        self._sessions = sessions
        self._hasher = hasher
        self._keys = sealer
        self._notices = Notices(records)

    # coming in

    async def find_halfway(self, ticket: str) -> Ticket | None:
        """The ticket of who has given a first proof, if it is still good."""
        return await find_ticket(self._engine, "code", ticket)

    async def finish(self, ticket: Ticket, typed: str, client: Program) -> SignedIn:
        """The session of who gives the second factor, too. A wrong code leaves the ticket good."""
        actor = await self._sessions.actor(ticket.user)
        if actor is None:
            raise ticket_ended()
        good = await self.judge(ticket.user, typed)
        method = f"{ticket.data.decode()}+{good.kind}"
        token, started = self._sessions.start(ticket.user, method, client, whole=True)

        def steps() -> Steps[None]:
            yield from take_ticket(ticket)
            yield from good.steps()
            yield AskAll(started)

        await self._engine.write(steps)
        return SignedIn(token, actor, method, client)

    async def is_asked(self, user: str) -> bool:
        """Whether this account asks for a second factor."""
        return self._keys is not None and bool(await self._engine.find(_FIND, (user,)))

    async def judge(self, user: str, typed: str) -> GoodCode:
        """What a code of this user is good for. Raises 403 where it is wrong."""
        plain = "".join(typed.split())
        rows = await self._engine.find(_FIND, (user,))
        if not rows:
            raise wrong_code()
        if len(plain) == DIGITS and plain.isascii() and plain.isdigit():
            return self._judge_totp(user, plain, *rows[0])
        return await self._judge_recovery(user, plain)

    def _judge_totp(
        self, user: str, typed: str, key: str, secret: bytes, last: int, created: str
    ) -> GoodCode:
        opened = self._sealer.open(Sealed(key, secret), _whose(user))
        if opened is None:
            raise Unavailable(
                "auth.sealed",
                "The key is not here with which codes of this account are checked.",
                hint="A recovery code works. Whoever runs the app: put the old key into "
                "STANCHION_SECRET_KEY, behind the new one.",
            )
        step = matching_step(opened.decode(), typed)
        if step is None or step <= last:
            raise wrong_code()

        def steps() -> Steps[None]:
            if not (yield Ask(_USE, (user, step, created))):
                raise wrong_code()

        return GoodCode("totp", steps)

    async def _judge_recovery(self, user: str, typed: str) -> GoodCode:
        letters = typed.replace("-", "").lower().translate(str.maketrans("oil", "011"))
        if len(letters) != 2 * HALF or not set(letters) <= set(LETTERS):
            raise wrong_code()
        rows = await self._engine.fetch(_CODES, (user,))
        if not rows:
            raise wrong_code()
        (digest,) = await self._hasher.digests([letters], rows[0][0])
        if not any(compare_digest(digest, each) for _, each in rows):
            raise wrong_code()

        def steps() -> Steps[None]:
            if not (yield Ask(_USE_CODE, (user, digest))):
                raise wrong_code()

        return GoodCode("recovery", steps)

    # setting up; whoever asks has proven a moment ago who they are

    async def begin(self, actor: Actor) -> NewAuthenticator:
        """A new secret. It counts when a code of it is sent; until then, what was set stays."""
        import pyotp

        assert actor.record is not None
        secret = new_secret()
        sealed = self._sealer.seal(secret.encode(), _whose(actor.name))
        data = sealed.key.encode() + b" " + sealed.text
        ticket, made = new_ticket("totp", actor.name, data)

        def steps() -> Steps[None]:
            yield made

        await self._engine.write(steps)
        uri = pyotp.TOTP(secret).provisioning_uri(
            name=str(actor.record["email"]), issuer_name=self._title
        )
        return NewAuthenticator(ticket, secret, uri)

    async def confirm(
        self, actor: Actor, ticket: str, typed: str, client: Program = UNKNOWN
    ) -> list[str]:
        """Ask for codes of this secret from now on; all other sessions end, because nobody was
        asked there. New recovery codes, which nobody sees again."""
        user = actor.name
        found = await find_ticket(self._engine, "totp", ticket)
        if found is None or found.user != user:
            raise ticket_ended()
        key, _, text = found.data.partition(b" ")
        sealed = Sealed(key.decode(), text)
        secret = self._sealer.open(sealed, _whose(user))
        if secret is None:
            raise ticket_ended()
        step = matching_step(secret.decode(), "".join(typed.split()))
        if step is None:
            raise wrong_code()
        codes, kept = await self._new_codes(user)
        notice = self._notice("factor.added", actor, client)

        def steps() -> Steps[None]:
            yield from take_ticket(found)
            yield Ask(_SET, (user, *sealed, step, clock.now_text()))
            yield Ask(_DROP_CODES, (user,))
            yield kept
            yield from notice.steps()
            yield from self._sessions.end_others_steps(user, actor.session, client.source(user))

        await self._engine.write(steps)
        self._sessions.doubt()
        self._notices.tell(notice)
        return codes

    async def remove(self, actor: Actor, client: Program = UNKNOWN) -> None:
        """Ask for a password alone from now on. All other sessions end."""
        user = actor.name
        notice = self._notice("factor.removed", actor, client)

        def steps() -> Steps[None]:
            if not (yield Ask(_REMOVE, (user,))):
                raise _no_factor()
            yield Ask(_DROP_CODES, (user,))
            yield from notice.steps()
            yield from self._sessions.end_others_steps(user, actor.session, client.source(user))

        await self._engine.write(steps)
        self._sessions.doubt()
        self._notices.tell(notice)

    async def renew_codes(self, actor: Actor, client: Program = UNKNOWN) -> list[str]:
        """New recovery codes; those before are good for nothing."""
        user = actor.name
        codes, kept = await self._new_codes(user)
        notice = self._notice("factor.renewed", actor, client)

        def steps() -> Steps[None]:
            if not (yield Ask(_FIND, (user,))):
                raise _no_factor()
            yield Ask(_DROP_CODES, (user,))
            yield kept
            yield from notice.steps()

        await self._engine.write(steps)
        self._notices.tell(notice)
        return codes

    async def shown(self, user: str) -> FactorsShown:
        """What this account has."""
        factor = await self._engine.find(_FIND, (user,))
        codes = await self._engine.fetch(_CODES, (user,))
        return FactorsShown(factor[0][3] if factor else None, len(codes))

    def _notice(self, kind: str, actor: Actor, client: Program) -> Notice:
        address, source = proven_address(actor.record), client.source(actor.name)
        return self._notices.of(kind, actor.name, address, source, factor="totp")

    async def _new_codes(self, user: str) -> tuple[list[str], AskAll]:
        salt = os.urandom(16)
        drawn = [new_recovery_code() for _ in range(RECOVERY_CODES)]
        digests = await self._hasher.digests(drawn, salt)
        kept = AskAll([Ask(_ADD_CODE, (user, salt, digest)) for digest in digests])
        return [f"{each[:HALF]}-{each[HALF:]}" for each in drawn], kept

    # keys

    @property
    def _sealer(self) -> Sealer:
        assert self._keys is not None, "the routes are there only where SignIn says totp"
        return self._keys

    async def seal_anew(self) -> None:
        """Put what older keys have sealed under the first one, so that they can go. Raises
        `SettingError` where a key is missing: the codes of its accounts would be refused."""
        if self._keys is None:
            return
        rows = await self._engine.fetch(_KEYS, ())
        lost = sum(count for key, count in rows if key not in self._keys.known)
        if lost:
            raise SettingError(
                "STANCHION_SECRET_KEY",
                f"{lost} authenticators were sealed with a key that is not here",
                hint="put the key that was there before behind the new one: new,old; the next "
                "start seals everything with the new one, then the old one can go",
            )
        for key, _ in rows:
            while key != self._keys.current and await self._seal_some(key, self._keys):
                pass

    async def _seal_some(self, old: str, sealer: Sealer) -> bool:
        """Whether there was something to do, and it was done."""
        found = await self._engine.fetch(_UNDER, (old,))
        asks = []
        for user, text in found:
            secret = sealer.open(Sealed(old, text), _whose(user))
            if secret is not None:
                asks.append(Ask(_SEAL, (user, text, *sealer.seal(secret, _whose(user)))))

        def steps() -> Steps[None]:
            yield AskAll(asks)

        if asks:
            await self._engine.write(steps)
        return bool(asks)


def new_secret() -> str:
    """A secret for an authenticator, as those are typed in."""
    import pyotp

    return pyotp.random_base32(SECRET_LETTERS)


def new_recovery_code() -> str:
    """A recovery code, without its dash."""
    return "".join(secrets.choice(LETTERS) for _ in range(2 * HALF))


def matching_step(secret: str, typed: str) -> int | None:
    """The step, of those that the clocks allow, whose code this is; the latest one of several."""
    import pyotp

    totp = pyotp.TOTP(secret, digits=DIGITS, interval=SECONDS)
    now = clock.now_ns() // (SECONDS * 1_000_000_000)
    found = None
    for step in range(now - DRIFT, now + DRIFT + 1):
        if compare_digest(totp.generate_otp(step).encode(), typed.encode("utf-8", "surrogatepass")):
            found = step
    return found


def wrong_code() -> Forbidden:
    """What is said of a code, whatever is wrong with it."""
    return Forbidden(
        "auth.wrong_code",
        "This code is wrong, or was used already.",
        hint="Each code is good once: wait for the next one of the app, whose clock must be right, "
        "or take another recovery code.",
    )


def _no_factor() -> NotFound:
    return NotFound("record.not_found", "This account asks for no second factor.")


def _whose(user: str) -> str:
    return f"totp {user}"
