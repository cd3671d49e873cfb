"""Paths of sign-in that an app does not have: what in its code would add them.

In: a path that no route answered, and what the app says of its users.   Out: the 404, or nothing
where the path is none of sign-in. `plain` asks; developers read it, so it names the code.
"""

from __future__ import annotations

from ..declare import SignIn
from ..errors import NotFound

PLACES = ("/api/auth/", "/auth/")
ADDED_BY = {
    "totp": "totp=True", "factors": "totp=True", "recovery-codes": "totp=True",
    "login/code": "totp=True", "passkeys": "passkeys=True", "login/passkey": "passkeys=True",
    "proof/passkey": "passkeys=True", "code": "codes_by_mail=True", "link": "codes_by_mail=True",
    "providers": "providers=(…)", "oauth": "providers=(…)", "identities": "providers=(…)",
    "register": 'register="open"',
}  # fmt: skip
"""The option of `SignIn` that adds a route or a page."""


def not_offered(path: str, policy: SignIn | None) -> NotFound | None:
    """The 404 of a path of sign-in."""
    place = next((place for place in PLACES if path.startswith(place)), None)
    if place is None:
        return None
    if policy is None:
        return NotFound(
            "route.not_found",
            f"Nothing is at {path}: this app has no users.",
            hint='`class User(UserRecord)` under `@app.collection("users")` gives it some, and '
            "routes to sign in.",
        )
    first, _, rest = path.removeprefix(place).partition("/")
    option = ADDED_BY.get(f"{first}/{rest.partition('/')[0]}") or ADDED_BY.get(first)
    hint = f"`SignIn({option})` in the class of the users adds it." if option else None
    return NotFound(
        "route.not_found",
        f"Nothing is at {path}.",
        hint=hint or "See /docs for what there is.",
    )
