"""Mail, as the commands say where it goes.

In: a loaded `App`.   Out: `dev` keeps mails in a folder and shows them at `/_mail`; `serve` and
`work` send them, or do not start (exit code 2) where something is not said that mails need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .console import failure

if TYPE_CHECKING:
    from ..app import App

PAGE = "_mail"


def refuse_unusable_mail(app: App) -> None:
    """Raise `CommandFailed` where mails would be sent with links that lead nowhere."""
    settings = app.runtime.settings
    if settings.mail_url and not settings.public_url:
        raise failure(
            "mail.public_url",
            "STANCHION_MAIL_URL is set, and the links in mails need the address of the app",
            hint="STANCHION_PUBLIC_URL=https://shop.example, where people reach it",
        )
    policy = app.runtime.model.sign_in
    if policy is not None and policy.register == "verified" and not settings.mail_url:
        raise failure(
            "mail.needed",
            'people register by mail (register="verified"), and no mail server is named',
            hint="STANCHION_MAIL_URL, STANCHION_MAIL_FROM and STANCHION_PUBLIC_URL, see "
            'docs/mail.md; register="open" needs no mail',
        )


def keep_mails(app: App, url: str) -> None:
    """Keep mails on this machine and show them, where no server is named that takes them. Links
    lead to where `dev` listens, unless the settings say where."""
    from ..http.overview.mails import add_mails
    from ..mail import Folder

    runtime = app.runtime
    place = runtime.mail_place
    place.public_url = url.rstrip("/")
    if not url or runtime.mailer.is_sent or not runtime.has_mails:
        return
    path = runtime.database.path
    place.carrier = box = Folder((path.parent if path else runtime.base / "data") / "mail")
    add_mails(app, box)


def mail_lines(app: App, url: str) -> list[str]:
    """What a server says of mails at its start, where they go nowhere."""
    if app.runtime.mail_place.carrier is None:
        return []
    return [f"  Mail      {url}{PAGE}  (kept here, nothing is sent)"]
