"""The link with which the first admin of an app is made while it is written.

In: an app that `dev` serves.   Out: a page behind a token, and the line that names it; neither
where there are no users, or where there is an admin already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..app import App


def offer_first_admin(app: App, token: str) -> None:
    """Add the page."""
    if app.runtime.model.sign_in is not None:
        from ..http.sign_in.pages.first_admin import add_first_admin

        add_first_admin(app, app.runtime, token)


async def admin_line(app: App, url: str, token: str) -> str:
    """Where it is, if there is no admin yet."""
    gate = app.runtime.gate
    if gate is None or await gate.accounts.has_admin():
        return ""
    return f"\n  Admin     {url}auth/first-admin?token={token}  (makes the first one, once)"
