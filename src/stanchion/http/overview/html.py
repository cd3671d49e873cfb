"""The HTML of the overview: what runs, as one page. Every value is escaped.

In: `Overview`, and the calls that were kept.   Out: HTML.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from html import escape
from urllib.parse import quote, unquote

from ...problems import CATALOGUE, PAGES
from ..pages.html import Site, prose, render_page
from .facts import CollectionLine, Overview, Remark, RuleLine
from .recorder import SLOW_MS, Call

HOME = "/"
WHY = "/docs/why/"
LOOKS = {"mistake": "verdict no", "warning": "mark", "note": "soft"}
OPEN = {"all": "open to everyone", "some": "open to everyone for some records"}
Kept = tuple[Call, bool]
"""A call, and whether its page explains it."""


def overview_page(site: Site, overview: Overview, kept: Sequence[Kept]) -> str:
    """What runs."""
    sections = [
        ("collections", "Collections", _collections(site, overview.collections)),
        ("calls", "Refused or slow lately", _calls(site, kept)),
        ("routes", "Routes of the app", _routes(site, overview.routes)),
        ("database", "Database and settings", _settings(overview)),
    ]
    if overview.findings:
        sections.insert(2, ("findings", "Found by check", _findings(overview)))
    jumps = "".join(f'<li><a href="#{name}">{title}</a></li>' for name, title, _ in sections)
    shown = "".join(
        f'<section aria-labelledby="{name}">\n<h2 id="{name}">{title}</h2>\n{body}</section>\n'
        for name, title, body in sections
    )
    body = (
        '<main class="text" id="main">\n'
        f"<h1>{escape(site.title)}</h1>\n"
        f'<p class="soft">Stanchion {escape(overview.version)}, served by <code>stanchion dev'
        "</code>. This page is here in dev only, for this machine only; a route of the app at "
        "<code>/</code> takes its place.</p>\n"
        f'<ul class="jump">{jumps}</ul>\n{shown}</main>\n'
    )
    return render_page(site, f"{site.title} in dev", body, here=HOME)


# collections


def _collections(site: Site, collections: Sequence[CollectionLine]) -> str:
    if not collections:
        return '<p class="soft">The app declares none.</p>\n'
    return f'<div class="cards">\n{"".join(_card(site, one) for one in collections)}</div>\n'


def _card(site: Site, collection: CollectionLine) -> str:
    name = escape(collection.name)
    links = f'<a href="{site.link(f"/api/{quote(collection.name)}")}">List of {name}</a>'
    if site.viewer is not None:
        docs = site.link(f"{site.viewer}#/{quote(collection.name)}")
        links += f' <a href="{docs}">Docs of {name}</a>'
    doc = f'<p class="soft">{prose(collection.doc.partition(chr(10))[0])}</p>\n'
    rules = "".join(_rule(rule) for rule in collection.rules)
    return (
        f'<article class="card" aria-labelledby="c-{name}">\n<h3 id="c-{name}">{name}</h3>\n'
        f'{doc if collection.doc else ""}<dl class="rules">{rules}</dl>\n'
        f'<p class="links">{links}</p>\n</article>\n'
    )


def _rule(rule: RuleLine) -> str:
    mark = f' <span class="mark">{OPEN[rule.everyone]}</span>' if rule.everyone in OPEN else ""
    return (
        f"<div><dt>{escape(', '.join(rule.operations))}</dt>"
        f"<dd><code>{escape(rule.text)}</code>{mark}</dd></div>\n"
    )


# calls


def _calls(site: Site, kept: Sequence[Kept]) -> str:
    if not kept:
        return (
            '<p class="soft">No call of the data API was refused or took more than '
            f"{SLOW_MS} ms since the code last changed.</p>\n"
        )
    return f'<ol class="calls">\n{"".join(_call(site, *one) for one in kept)}</ol>\n'


def _call(site: Site, call: Call, explained: bool) -> str:
    said = escape(f"{call.method} {shown_url(call)}")
    why = site.link(WHY + quote(call.request))
    link = f'<a href="{why}">Why <span class="aside">{said} {_was(call)}</span></a>'
    return (
        f'<li>\n<p class="call"><code>{said}</code></p>\n'
        f"<p>{said_answer(site, call)}</p>\n"
        f"{_cache(call) if explained else ''}"
        f'<p class="links"><span class="soft">{clock_time(call.time_ns)}</span> '
        f"{link if explained else ''}</p>\n</li>\n"
    )


def _cache(call: Call) -> str:
    return f'<p class="soft">Plan cache: {escape(call.cache)}</p>\n'


def _was(call: Call) -> str:
    return "was refused" if call.refused else f"took {call.took_ms} ms"


def said_answer(site: Site, call: Call) -> str:
    """What was answered, and how long that took where it is why the call is here."""
    slow = f' <span class="mark">slow: {call.took_ms} ms</span>' if not call.refused else ""
    detail = f": {escape(call.detail)}" if call.detail else ""
    return f"{said_status(site, call)}{detail}{slow}"


def said_status(site: Site, call: Call) -> str:
    """`403 access.refused`, with a link to what the code means."""
    code = f"<code>{escape(call.code)}</code>"
    if call.code in CATALOGUE:
        code = f'<a href="{site.link(PAGES + call.code)}">{code}</a>'
    return f"{call.status} {code}" if call.code else str(call.status)


def shown_url(call: Call) -> str:
    """A URL for people: what was encoded is shown as it is meant."""
    text = unquote(call.url.replace("+", " "), errors="replace")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def clock_time(time_ns: int) -> str:
    """`12:04:40`, on the clock of this machine."""
    return time.strftime("%H:%M:%S", time.localtime(time_ns // 1_000_000_000))


# the rest


def _routes(site: Site, routes: Sequence[str]) -> str:
    if not routes:
        return '<p class="soft">The app has none of its own.</p>\n'
    lines = "".join(f"<li>{_route(site, route)}</li>\n" for route in routes)
    return (
        '<p class="soft">Open to everyone, as in FastAPI, unless a route itself asks who calls. '
        "Data stays closed: a transaction carries the rules of its caller.</p>\n"
        f'<ul class="plain">\n{lines}</ul>\n'
    )


def _route(site: Site, route: str) -> str:
    methods, _, path = route.partition(" ")
    code = f"<code>{escape(route)}</code>"
    if "GET" in methods.split(",") and "{" not in path:
        return f'<a href="{site.link(quote(path))}">{code}</a>'
    return code


def _settings(overview: Overview) -> str:
    settings = "".join(
        f"<dt><code>{escape(one.name)}</code></dt><dd><code>{escape(one.value)}</code> "
        f'<span class="soft">instead of {escape(one.default)}</span></dd>\n'
        for one in overview.settings
    )
    return (
        f"<dl><dt>Database</dt><dd><code>{escape(overview.database)}</code></dd>\n"
        f"<dt>Settings</dt><dd>{_amount(overview)}</dd>\n{settings}</dl>\n"
    )


def _amount(overview: Overview) -> str:
    number = len(overview.settings)
    if not number:
        return "all as they are by themselves"
    return f"{number} {'is' if number == 1 else 'are'} set"


def _findings(overview: Overview) -> str:
    return f'<ul class="calls">\n{"".join(map(_found, overview.findings))}</ul>\n'


def _found(one: Remark) -> str:
    return (
        f'<li><p><span class="{LOOKS[one.level]}">{one.level}</span> '
        f"<code>{escape(one.code)}</code>: {prose(one.detail)}</p>\n"
        f"<p>{prose(one.way_out)}</p>\n"
        f'<p class="soft">{escape(one.place)}</p></li>\n'
    )
