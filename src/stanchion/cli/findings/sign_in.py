"""What sign-in tells strangers, where an app chose that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .finding import Finding, place_of

if TYPE_CHECKING:
    from ...app import App


def find_told_addresses(app: App) -> Iterator[Finding]:
    """Accounts that are made at once: who tries an address learns whether it has one."""
    policy, users = app.runtime.model.sign_in, app.runtime.model.schema.users
    if policy is None or users is None or policy.register != "open":
        return
    yield Finding(
        "note",
        "register.open",
        "whoever registers learns whether an address has an account: one that has is refused (409)",
        *place_of(None, users),
        'SignIn(register="verified") tells it to the owner alone, by mail; as it is if people must '
        "be let in at once",
    )
