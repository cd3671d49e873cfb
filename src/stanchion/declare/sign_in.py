"""`SignIn`: how people come in, as an app declares it on its users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import DeclarationError


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """How people come in, and for how long; `sign_in = SignIn(...)` in the class of the users.

    register: who makes accounts. `"closed"`: you alone, by the API or the command line. `"open"`:
        anybody, and is signed in at once; who tries an address learns whether it is taken.
    idle_days: a session that nobody uses ends after so many days.
    session_days: every session ends after so many days.
    """

    register: Literal["closed", "open"] = "closed"
    idle_days: float = 7
    session_days: float = 30

    def __post_init__(self) -> None:
        if self.register not in ("closed", "open"):
            raise _wrong(f"register is 'closed' or 'open', not {self.register!r}")
        if not 0 < self.idle_days <= self.session_days <= 400:
            raise _wrong("idle_days and session_days are above 0, idle_days is not the greater one")


def _wrong(detail: str) -> DeclarationError:
    return DeclarationError("sign_in.value", f"SignIn: {detail}")
