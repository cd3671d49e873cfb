"""`SignIn`: how people come in, as an app declares it on its users."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from ..errors import DeclarationError
from ..schema import Limit
from .limits import parse_limits
from .providers import Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """How people come in, and for how long; `sign_in = SignIn(...)` in the class of the users.

    register: who makes accounts. `"closed"`: you alone, by the API or the command line.
        `"verified"`: anybody who has the address, by a link in a mail; nobody learns whether an
        address is taken. `"open"`: anybody, and is signed in at once; who tries an address learns
        whether it is taken.
    codes_by_mail: whether people may sign in by a code or a link that they are mailed.
    idle_days: a session that nobody uses ends after so many days.
    session_days: every session ends after so many days.
    keys: whether users make API keys for their programs. Off, none is made and none opens anything.
    key_days: how long a key lasts that is made without saying so.
    most_key_days: how long a key lasts at most.
    totp: whether people may ask themselves for a code of an authenticator app at each sign-in.
    passkeys: whether people may sign in with what unlocks their device, without a password.
    attempts: how often a password may be tried for one account from one network, as in `Limits`.
    attempts_from_anywhere: how often for one account in all; networks from which its owner signed
        in before are not counted, so nobody locks an owner out.
    attempts_of_client: how often one network may try passwords, of whichever accounts.
    codes: how often a code may be tried for one account from one network.
    codes_from_anywhere: how often in all, as with `attempts_from_anywhere`.
    registrations: how many accounts one network may make.
    css: the address of a style sheet of yours, for the pages at `/auth/...`.
    words: what everybody would try in a password here beside the app's name and their own address:
        names of your company, products, places.
    providers: other places whose accounts people come in with, see `Provider`.
    mails: how many mails of sign-in an address gets at most, whoever asks for them.
    mails_of_client: how many one network may ask for, to whichever addresses.
    """

    register: Literal["closed", "verified", "open"] = "closed"
    codes_by_mail: bool = False
    idle_days: float = 7
    session_days: float = 30
    keys: bool = False
    key_days: float = 90
    most_key_days: float = 366
    totp: bool = False
    passkeys: bool = False
    attempts: str = "10/15min"
    attempts_from_anywhere: str = "100/day"
    attempts_of_client: str = "60/min, 600/h"
    codes: str = "10/15min"
    codes_from_anywhere: str = "30/day"
    registrations: str = "20/h"
    css: str = ""
    words: tuple[str, ...] = ()
    providers: tuple[Provider, ...] = ()
    mails: str = "5/h, 20/day"
    mails_of_client: str = "30/h"

    def __post_init__(self) -> None:
        if self.register not in ("closed", "verified", "open"):
            said = f"not {self.register!r}"
            raise _wrong(f"register is 'closed', 'verified' or 'open', {said}")
        if not 0 < self.idle_days <= self.session_days <= 400:
            raise _wrong("idle_days and session_days are above 0, idle_days is not the greater one")
        if not 0 < self.key_days <= self.most_key_days <= 3_660:
            raise _wrong("key_days and most_key_days are above 0, key_days is not the greater one")
        needed = (*_NEEDED["totp"] * self.totp, *_NEEDED["passkeys"] * self.passkeys)
        if any(find_spec(name) is None for name in needed):
            raise DeclarationError(
                "sign_in.not_installed", "SignIn: what totp and passkeys need is not installed",
                hint="pip install 'stanchion[factors]'",
            )  # fmt: skip
        if isinstance(self.words, str) or not all(isinstance(w, str) and w for w in self.words):
            raise _wrong('words are texts: words=("Napoli", "Margherita")')
        names = [provider.name for provider in self.providers]
        if len(set(names)) < len(names):
            raise _wrong("two providers have one name")
        for name in LIMITED:
            parse_limits(getattr(self, name))

    def limits(self, name: str) -> tuple[Limit, ...]:
        """One of the limits, read."""
        return parse_limits(getattr(self, name))


_NEEDED = {"totp": ("pyotp", "cryptography"), "passkeys": ("webauthn", "cryptography")}
LIMITED = (
    "attempts", "attempts_from_anywhere", "attempts_of_client", "codes", "codes_from_anywhere",
    "registrations", "mails", "mails_of_client",
)  # fmt: skip


def _wrong(detail: str) -> DeclarationError:
    return DeclarationError("sign_in.value", f"SignIn: {detail}")
