"""The HTML of an explanation: why a call was refused, or slow. Every value is escaped.

In: a `Call`, its `Explanation`, the command that prints the same in a shell.   Out: HTML.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from ...explain import Explanation
from ...explain.said import FieldSaid, RuleSaid, StatementSaid
from ...explain.text import JOINED, has_parts, say_params, say_place, say_verdict
from ...explain.verdicts import Part
from ..pages.html import Site, prose, render_page
from .html import HOME, clock_time, said_answer, shown_url
from .recorder import LONGEST, Call

VERDICTS = {
    "holds": ("true", "yes"),
    "does not hold": ("false", "no"),
    "error": ("error", "no"),
    "depends on the record": ("depends", "soft"),
    "too much to look at": ("too much to look at", "soft"),
}
"""What a verdict is called, and how it looks."""


def why_page(site: Site, call: Call, found: Explanation, command: str) -> str:
    """One call, explained."""
    sections = [
        ("answer", "Answer", _answer(site, call, found)),
        ("rules", "Rules", "".join(map(_rule, found.rules))),
        ("fields", "Fields", _fields(found.fields) if found.fields else ""),
        ("sql", "SQL", "".join(_statement(n, one) for n, one in enumerate(found.statements))),
        ("cache", "Plan cache", _cache(call, found)),
        ("shell", "In a shell", _shell(command)),
    ]
    shown = "".join(
        f'<section aria-labelledby="{name}">\n<h2 id="{name}">{title}</h2>\n{body}</section>\n'
        for name, title, body in sections
        if body
    )
    return _page(site, call, shown)


def told_page(site: Site, call: Call, command: str) -> str:
    """One call that cannot be asked again: what was answered is all there is."""
    cut = (
        f"<p>Its body was longer than the {LONGEST // 1024} KiB that are kept, so it cannot be "
        "asked again here. Put it into a file, and name that with <code>--body @file.json</code>."
        "</p>\n"
    )
    body = (
        f"<h2>Answer</h2>\n<p>{said_answer(site, call)}</p>\n"
        f"{_hint(call.hint)}{cut if call.cut else ''}{_shell(command)}"
    )
    return _page(site, call, body)


def gone_page(site: Site, request: str) -> str:
    """Nothing is known of the request."""
    body = (
        '<main class="text" id="main">\n<h1>No such call here</h1>\n'
        f"<p>Of the request <code>{escape(request)}</code> nothing is kept. The last refused and "
        "slow calls are, until the code changes.</p>\n"
        f'<p><a href="{site.link(HOME)}">Overview</a></p>\n</main>\n'
    )
    return render_page(site, "No such call", body, here="")


def _page(site: Site, call: Call, shown: str) -> str:
    said = f"{call.method} {shown_url(call)}"
    took = f"{call.took_ms} ms" if call.took_ms else "less than 1 ms"
    why = "was refused" if call.refused else "was slow"
    body = (
        '<main class="text" id="main">\n'
        f'<h1 class="call"><code>{escape(said)}</code></h1>\n'
        f'<p class="soft">Answered at {clock_time(call.time_ns)} in {took}, request '
        f"<code>{escape(call.request)}</code></p>\n{shown}</main>\n"
    )
    return render_page(site, f"Why {said} {why}", body, here="")


# the answer


def _answer(site: Site, call: Call, found: Explanation) -> str:
    document = found.answer.document if isinstance(found.answer.document, dict) else {}
    now = ""
    if found.answer.status != call.status:
        now = (
            f"<p>So it was then. Asked again now, it is answered {found.answer.status}: what "
            "is stored has changed.</p>\n"
        )
        document = {}
    return (
        f"<p>{said_answer(site, call)}</p>\n{_hint(call.hint)}"
        f"{_errors(document.get('errors', ()))}{now}"
        f"<dl><dt>Asked by</dt><dd>{prose(found.actor)}</dd></dl>\n"
    )


def _hint(hint: str) -> str:
    return f"<p>{escape(hint)}</p>\n" if hint else ""


def _errors(errors: Any) -> str:
    if not errors:
        return ""
    lines = "".join(
        f"<li><code>{escape(one.get('pointer', '-'))}</code> "
        f"<code>{escape(one['code'])}</code>: {escape(one['detail'])}</li>\n"
        for one in errors
    )
    return f'<ul class="plain">\n{lines}</ul>\n'


# rules


def _rule(rule: RuleSaid) -> str:
    place = f'<br><span class="soft">{escape(say_place(rule.place).strip())}</span>'
    parts = f'<ul class="parts">\n{_part(rule.part)}</ul>\n' if has_parts(rule) else ""
    return (
        f"<h3>{escape(say_verdict(rule))}</h3>\n"
        f"<p><code>{escape(rule.text)}</code>{place if rule.place else ''}</p>\n{parts}"
    )


def _part(part: Part) -> str:
    word, look = VERDICTS[part.outcome]
    said = JOINED[part.joined] if part.joined else f"<code>{escape(part.text)}</code>"
    values = "".join(f"<li>{escape(value)}</li>" for value in part.values)
    inner = "".join(map(_part, part.parts))
    return (
        f'<li><span class="verdict {look}">{word}</span> {said}'
        + (f'\n<ul class="soft">{values}</ul>' if values else "")
        + (f"\n<ul>\n{inner}</ul>" if inner else "")
        + "</li>\n"
    )


def _fields(fields: tuple[FieldSaid, ...]) -> str:
    lines = "".join(
        f"<li><code>{escape(f'{one.collection}.{one.field}')}</code> ({one.side}) "
        f"{escape(one.effect)}: <code>{escape(one.rule)}</code></li>\n"
        for one in fields
    )
    return f'<ul class="plain">\n{lines}</ul>\n'


# statements


def _statement(number: int, statement: StatementSaid) -> str:
    name = f"sql-{number}"
    params = "\n".join(say_params(statement))
    return (
        f'<h3 id="{name}">{escape(statement.title)}</h3>\n'
        + _pre(statement.sql, name)
        + (f"<p>with</p>\n{_pre(params, name)}" if params else "")
        + "".join(_plan(statement, name))
    )


def _plan(statement: StatementSaid, name: str) -> Iterator[str]:
    if statement.steps:
        steps = "\n".join("  " * step.depth + step.text for step in statement.steps)
        yield f"<p>runs as</p>\n{_pre(steps, name)}"
    if statement.advice is not None:
        advice = statement.advice
        steps = "\n".join("  " * step.depth + step.text for step in advice.steps)
        yield (
            f"<p><strong>An index would help.</strong> In {escape(advice.collection)}: "
            f"<code>{escape(advice.declaration)}</code>. With it, it runs as</p>\n"
            f"{_pre(steps, name)}"
        )


def _pre(text: str, name: str) -> str:
    """What may be wider than the page scrolls by itself, and the keyboard reaches it."""
    code = escape(text, quote=False)
    return f'<pre tabindex="0" role="region" aria-labelledby="{name}"><code>{code}</code></pre>\n'


def _cache(call: Call, found: Explanation) -> str:
    now = ""
    if found.cache != call.cache:
        now = f"<p>Asked again now: {escape(found.cache)}</p>\n"
    shape = "".join(
        f"<dt>{escape(label)}</dt><dd><code>{escape(value)}</code></dd>\n"
        for label, value in found.shape
    )
    return f"<p>{escape(call.cache)}</p>\n{now}" + (f"<dl>{shape}</dl>\n" if shape else "")


def _shell(command: str) -> str:
    return f'<pre tabindex="0"><code>{escape(command)}</code></pre>\n' if command else ""
