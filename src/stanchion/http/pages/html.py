"""The HTML of the pages: plain texts with every value escaped.

In: catalogue entries, the app's title, the root path that the app is mounted at.   Out: HTML.
The pages hold no script of their own; the one for the viewer is a file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape

from fastapi import FastAPI

from ...problems import FAMILIES, PAGES, Entry, Family, example_of
from .assets import path_of


@dataclass(frozen=True, slots=True)
class Site:
    """What every page of one app shares: its title, and where its links lead."""

    title: str
    root: str
    document: str | None  # the path of the OpenAPI document, where the app serves one
    viewer: str | None  # the path of the page that shows it
    home: str | None = None  # the path of the overview, on pages that lead to it

    @classmethod
    def of(cls, app: FastAPI, root: str, home: str | None = None) -> Site:
        """What an app says of itself."""
        document = app.openapi_url or None
        viewer = app.docs_url or app.redoc_url if document else None
        return cls(app.title, root, document, viewer, home)

    def link(self, path: str) -> str:
        """A path of ours as an attribute."""
        return escape(self.root + path)


def viewer_page(site: Site) -> str:
    """The page that shows the OpenAPI document and lets one try a call."""
    assert site.document is not None
    document = site.link(site.document)
    body = (
        f'<div id="viewer" data-document="{document}"></div>\n'
        f'<noscript><p class="text">This page needs JavaScript. What it shows is the OpenAPI '
        f'document: <a href="{document}">{document}</a>.</p></noscript>\n'
        f'<script src="{site.link(path_of("swagger-ui-bundle.js"))}"></script>\n'
        f'<script src="{site.link(path_of("docs.js"))}"></script>\n'
    )
    styles = ("swagger-ui.css",)
    return render_page(site, f"{site.title} API", body, here=site.viewer or "", styles=styles)


def index_page(site: Site) -> str:
    """Every code, by family."""
    jumps = "".join(f'<li><a href="#{f.name}">{escape(f.title)}</a></li>' for f in FAMILIES)
    body = (
        '<main class="text" id="main">\n<h1>Errors</h1>\n'
        "<p>Every answer that is not a success is a problem document (RFC 9457, "
        "<code>application/problem+json</code>). Its <code>code</code> is stable; here is what "
        "each means and what to do.</p>\n"
        f'<ul class="jump">{jumps}</ul>\n{"".join(_family(site, f) for f in FAMILIES)}</main>\n'
    )
    return render_page(site, f"Errors of the {site.title} API", body, here=PAGES)


def _family(site: Site, family: Family) -> str:
    rows = "".join(
        f'<tr><td><a href="{site.link(PAGES + e.code)}"><code>{escape(e.code)}</code></a></td>'
        f"<td>{e.status}</td><td>{escape(e.title)}</td></tr>\n"
        for e in family.entries
    )
    return (
        f'<section aria-labelledby="{family.name}">\n'
        f'<h2 id="{family.name}">{escape(family.title)}</h2>\n'
        f'<p class="soft">{prose(family.about)}</p>\n'
        '<table><thead><tr><th scope="col">Code</th><th scope="col">Status</th>'
        f'<th scope="col">Meaning</th></tr></thead>\n<tbody>\n{rows}</tbody></table>\n</section>\n'
    )


def entry_page(site: Site, entry: Entry) -> str:
    """One code: its meaning, the way out, and an example."""
    place = "of the whole answer" if entry.stands_alone else "of one place, in <code>errors</code>"
    example = escape(json.dumps(example_of(entry), indent=2, ensure_ascii=False), quote=False)
    body = (
        '<main class="text" id="main">\n'
        f"<h1>{prose(entry.title)}</h1>\n"
        f"<dl><dt>Code</dt><dd><code>{escape(entry.code)}</code>, {place}</dd>\n"
        f"<dt>Status</dt><dd>{entry.status} {escape(entry.status_title)}</dd></dl>\n"
        f"<h2>What it means</h2>\n<p>{prose(entry.meaning)}</p>\n"
        f"<h2>What to do</h2>\n<p>{prose(entry.way_out)}</p>\n"
        f'<h2 id="example">An example</h2>\n'
        f'<pre tabindex="0" role="region" aria-labelledby="example"><code>{example}</code></pre>\n'
        f'<p><a href="{site.link(PAGES.rstrip("/"))}">All errors</a></p>\n</main>\n'
    )
    return render_page(site, f"{entry.code}: {entry.title}", body, here=PAGES + entry.code)


def unknown_page(site: Site, code: str) -> str:
    """There is no such code in the catalogue."""
    body = (
        '<main class="text" id="main">\n<h1>No such code here</h1>\n'
        f"<p><code>{escape(code)}</code> is none of Stanchion's codes. It may be one of "
        f"{escape(site.title)}'s own: then the <code>detail</code> and <code>hint</code> of the "
        "answer say what its makers want to be known.</p>\n"
        f'<p><a href="{site.link(PAGES.rstrip("/"))}">All errors</a></p>\n</main>\n'
    )
    return render_page(site, f"No such code: {code}", body, here="")


def render_page(
    site: Site, title: str, body: str, *, here: str, styles: tuple[str, ...] = ()
) -> str:
    """A whole page around a body."""
    sheets = "".join(
        f'<link rel="stylesheet" href="{site.link(path_of(name))}">\n'
        for name in (*styles, "pages.css")
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<link rel="icon" href="data:,">\n{sheets}'
        "</head>\n<body>\n"
        f"{_bar(site, here)}{body}</body>\n</html>\n"
    )


def _bar(site: Site, here: str) -> str:
    links = [("Errors", PAGES.rstrip("/"))]
    if site.document is not None:
        links = [*links, ("OpenAPI", site.document)]
    if site.viewer is not None:
        links = [("API", site.viewer), *links]
    if site.home is not None:
        links = [("Overview", site.home), *links]
    shown = "\n".join(
        f'<a href="{site.link(path)}"{_current(path, here)}>{name}</a>' for name, path in links
    )
    skip = '<a class="skip" href="#main">Skip to the text</a>\n' if here != site.viewer else ""
    return (
        f'{skip}<header class="bar"><strong>{escape(site.title)}</strong>\n'
        f'<nav aria-label="Documentation">{shown}</nav></header>\n'
    )


def _current(path: str, here: str) -> str:
    return ' aria-current="page"' if (here.rstrip("/") or here) == path else ""


def prose(text: str) -> str:
    """Escaped text in which what stands between backticks is code."""
    parts = escape(text, quote=False).split("`")
    if len(parts) % 2 == 0:
        return "`".join(parts)
    return "".join(f"<code>{p}</code>" if n % 2 else p for n, p in enumerate(parts))
