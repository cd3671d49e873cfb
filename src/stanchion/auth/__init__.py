"""Sign-in: who somebody is, how that was proven, and how long it stays true.

In: addresses, passwords, tokens.   Out: an `Actor`, a session, a problem that says no more than it
should. Everything secret lies in our own tables (`sql/own.py`), which no expression reaches. Knows
no routes and no pages: `http/sign_in` has those. Why so: docs/decisions/011-sign-in.md, "Users are
records, secrets are not".
"""

from .entrance import Halfway, SignedIn
from .gate import Gate
from .passkeys import OwnPasskey, Passkeys
from .proofs import refuse_unless_proven
from .sessions import Program

__all__ = [
    "Gate",
    "Halfway",
    "OwnPasskey",
    "Passkeys",
    "Program",
    "SignedIn",
    "refuse_unless_proven",
]
