"""The ways into an account: as long as somebody has it, there is one.

In: a user, in the transaction that has taken a way in away.   Out: nothing; 409 where it was the
last one, which takes that back.
"""

from __future__ import annotations

from ..engines import Ask
from ..errors import Conflict
from ..store.steps import Steps

_LEFT = (
    "select user_id from _passwords where user_id=?1 "
    "union all select user_id from _identities where user_id=?1 "
    "union all select user_id from _passkeys where user_id=?1"
)


def keep_a_way_in(user: str) -> Steps[None]:
    """Raise 409 where nobody could sign in to the account any more."""
    if not (yield Ask(_LEFT, (user,))):
        raise Conflict(
            "auth.last_way_in",
            "This is the only way in to this account.",
            hint="Set a password, make a passkey or link another account first.",
        )
