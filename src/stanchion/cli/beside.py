"""What `dev` puts beside an app: the page at `/`, the mailbox, and the page of the first admin.

In: an app that is about to be served.   Out: what is served in its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .first_admin import admin_line, offer_first_admin
from .mail import keep_mails
from .overview import with_overview
from .sign_in import sign_in_lines
from .target import Target

if TYPE_CHECKING:
    from ..app import App
    from ..http.overview.recorder import Recorder

__all__ = ["admin_line", "sign_in_lines", "with_what_dev_adds"]


def with_what_dev_adds(app: App, target: Target, url: str, token: str) -> Recorder:
    """The app as `dev` serves it at `url`. `token` opens the page of the first admin."""
    recorder = with_overview(app, target)
    keep_mails(app, url)
    offer_first_admin(app, token)
    return recorder
