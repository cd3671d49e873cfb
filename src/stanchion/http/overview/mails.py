"""The mailbox of `dev` at `/_mail`: what the app wrote to people while it sends nothing.

In: a folder of mails.   Out: three routes, for a browser on this machine only: the list, one mail,
and its HTML alone. That is a stranger's page for all we know (an app puts values into it that its
users chose), so it stands in a frame that runs no script, sends no form and is of no origin; its
links open beside it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from email.message import EmailMessage
from html import escape
from urllib.parse import quote

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from ...mail import Folder
from ...mail.carriers import KeptMail
from ..pages import TEXT_POLICY
from ..pages.html import Site, render_page
from .html import HOME
from .near import NearRoute, near_page

MAIL = "/_mail"
_FRAME = "allow-popups allow-popups-to-escape-sandbox"
POLICY = f"{TEXT_POLICY}; frame-src 'self'"
HTML_POLICY = (
    f"sandbox {_FRAME}; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'none'; frame-ancestors 'self'"
)
_LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]]")


def add_mails(app: FastAPI, box: Folder) -> None:
    """Add the pages to an app, before what catches everything."""
    pages = _Mails(app, box)
    for path, answer in (
        (MAIL, pages.all), (MAIL + "/{id}", pages.one), (MAIL + "/{id}/html", pages.html),
    ):  # fmt: skip
        app.router.routes.insert(0, NearRoute(app, path, answer))


class _Mails:
    """What answers the routes."""

    def __init__(self, app: FastAPI, box: Folder) -> None:
        self.app = app
        self.box = box

    def _site(self, request: Request) -> Site:
        return Site.of(self.app, request.scope.get("root_path", "").rstrip("/"), HOME)

    async def all(self, request: Request) -> Response:
        """The list."""
        return near_page(_list_page(self._site(request), await asyncio.to_thread(self.box.read)))

    async def one(self, request: Request) -> Response:
        """One mail."""
        site, kept = self._site(request), await self._find(request)
        if kept is None:
            return near_page(_gone_page(site), 404)
        return near_page(_mail_page(site, kept), policy=POLICY)

    async def html(self, request: Request) -> Response:
        """Its HTML, as a mail program would show it."""
        kept = await self._find(request)
        page = "" if kept is None else part_of(kept.message, "html")
        return near_page(_linking_out(page), 200 if page else 404, HTML_POLICY)

    async def _find(self, request: Request) -> KeptMail | None:
        return await asyncio.to_thread(self.box.find, request.path_params["id"])


def part_of(message: EmailMessage, kind: str) -> str:
    """The text of a mail, or its HTML; empty where it has none."""
    found = message.get_body((kind,))
    return str(found.get_content()) if isinstance(found, EmailMessage) else ""


def _linking_out(page: str) -> str:
    """HTML whose links open beside the frame."""
    base = '<base target="_blank">'
    head = re.search(r"<head[^>]*>", page, re.IGNORECASE)
    at = head.end() if head else 0
    return page[:at] + base + page[at:]


def _list_page(site: Site, mails: Sequence[KeptMail]) -> str:
    lines = "".join(_line(site, kept) for kept in mails)
    shown = f'<ol class="calls">\n{lines}</ol>\n' if mails else (
        '<p class="soft">None yet. The app writes one when somebody asks for it.</p>\n'
    )  # fmt: skip
    body = (
        '<main class="text" id="main">\n<h1>Mails</h1>\n'
        '<p class="soft">What the app would have sent, the newest first. <code>stanchion dev'
        "</code> sends nothing unless <code>STANCHION_MAIL_URL</code> names a server. This page is "
        f"here in dev only, for this machine only.</p>\n{shown}</main>\n"
    )
    return render_page(site, f"Mails of {site.title} in dev", body, here=MAIL)


def _line(site: Site, kept: KeptMail) -> str:
    message = kept.message
    subject = escape(str(message["Subject"] or "(no subject)"))
    return (
        f'<li>\n<p class="links"><a href="{site.link(f"{MAIL}/{quote(kept.id)}")}">{subject}</a>'
        f'</p>\n<p class="soft">to {escape(str(message["To"]))}, '
        f"{escape(str(message['Date']))}</p>\n</li>\n"
    )


def _mail_page(site: Site, kept: KeptMail) -> str:
    message = kept.message
    text, html = part_of(message, "plain"), part_of(message, "html")
    subject = str(message["Subject"] or "(no subject)")
    facts = "".join(
        f"<dt>{name}</dt><dd>{escape(str(message[name]))}</dd>\n" for name in ("From", "To", "Date")
    )
    framed = (
        '<h2 id="html">As HTML</h2>\n'
        f'<iframe class="mail" sandbox="{_FRAME}" title="The mail as HTML" '
        f'src="{site.link(f"{MAIL}/{quote(kept.id)}/html")}"></iframe>\n'
        if html
        else ""
    )
    body = (
        f'<main class="text" id="main">\n<h1>{escape(subject)}</h1>\n<dl>{facts}</dl>\n'
        f'<h2 id="text">As text</h2>\n<pre tabindex="0" role="region" aria-labelledby="text">'
        f"{linked(text)}</pre>\n{framed}"
        f'<p><a href="{site.link(MAIL)}">All mails</a></p>\n</main>\n'
    )
    return render_page(site, f"{subject} - a mail of {site.title}", body, here=f"{MAIL}/")


def _gone_page(site: Site) -> str:
    body = (
        '<main class="text" id="main">\n<h1>No such mail</h1>\n<p>It was one of the oldest, or '
        f'never here.</p>\n<p><a href="{site.link(MAIL)}">All mails</a></p>\n</main>\n'
    )
    return render_page(site, "No such mail", body, here="")


def linked(text: str) -> str:
    """Escaped text whose web addresses are links."""
    parts, end = [], 0
    for found in _LINK.finditer(text):
        address = escape(found[0])
        parts += [escape(text[end : found.start()]), f'<a href="{address}">{address}</a>']
        end = found.end()
    return "".join([*parts, escape(text[end:])])
