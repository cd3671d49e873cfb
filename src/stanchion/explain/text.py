"""An explanation as lines for people, and as JSON-ready data. Pure; the answer stands first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from urllib.parse import unquote

from ..errors import Origin
from .said import Explanation, FieldSaid, RuleSaid, StatementSaid
from .verdicts import Part

MARKS = {
    "holds": "true ",
    "does not hold": "false",
    "error": "error",
    "depends on the record": "?    ",
    "too much to look at": "…    ",
}
JOINED = {"all": "all of", "any": "any of", "not": "not"}
MOST_PARAMS = 12
LONGEST_PARAM = 60


def render(found: Explanation) -> str:
    """The explanation as text."""
    query = f"?{unquote(found.request.query)}" if found.request.query else ""
    lines = [f"{found.request.method} {found.request.path}{query}", ""]
    lines += _answer(found)
    lines += ["", f"Actor   {found.actor}"]
    for rule in found.rules:
        lines += ["", *_rule(rule)]
    if found.fields:
        lines += ["", "Fields", *_fields(found.fields)]
    for statement in found.statements:
        lines += ["", *_statement(statement)]
    lines += ["", f"Plan cache   {found.cache}"]
    width = max((len(label) for label, _ in found.shape), default=0)
    lines += [f"  {label:{width}}  {value}" for label, value in found.shape]
    return "\n".join(line.rstrip() for line in lines)


def _answer(found: Explanation) -> Iterator[str]:
    answer, document = found.answer, found.answer.document
    if answer.status >= 400 and isinstance(document, dict):
        yield f"Answer  {answer.status}  {document.get('code', '')}".rstrip()
        if document.get("detail"):
            yield f"  {document['detail']}"
        for error in document.get("errors", ()):
            yield f"  {error.get('pointer', '-')}  {error['code']}: {error['detail']}"
        if document.get("hint"):
            yield f"  hint: {document['hint']}"
        return
    yield f"Answer  {answer.status}  {_amount(document)}".rstrip()
    if "allow" in answer.headers:
        yield f"  Allow: {answer.headers['allow']}"
    if found.request.method not in ("GET", "HEAD", "OPTIONS"):
        yield "  nothing was changed: it was tried in a transaction and taken back"


def _amount(document: Any) -> str:
    if not isinstance(document, dict):
        return ""
    if "items" not in document:
        return "one record"
    number = len(document["items"])
    more = ", and more behind `next`" if document.get("next") else ""
    return f"{number} {'item' if number == 1 else 'items'}{more}"


# rules


def say_place(place: Origin | None) -> str:
    """`app.py:31`, or nothing."""
    return f"   {place.file}:{place.line}" if place else ""


def say_verdict(rule: RuleSaid) -> str:
    """`orders.read can never be true for this caller`."""
    on = f" on {rule.on}" if rule.on else ""
    if rule.outcome is None:
        verdict = "is stepped past by this caller"
    else:
        verdict = {
            "holds": "holds",
            "does not hold": "does not hold",
            "error": "is an error, which denies",
            "depends on the record": "depends on the record: only records that meet it are there",
            "too much to look at": "reaches more records than are looked at here",
        }[rule.outcome]
        if not rule.on and rule.outcome == "holds":
            verdict = "holds for every record"
        if not rule.on and rule.outcome in ("does not hold", "error"):
            verdict = "can never be true for this caller"
    return f"{rule.name} {verdict}{on}"


def has_parts(rule: RuleSaid) -> bool:
    """Whether its parts tell more than the rule itself."""
    return bool(rule.part.parts) or rule.part.text not in ("true", "false")


def _rule(rule: RuleSaid) -> Iterator[str]:
    yield f"Rule    {say_verdict(rule)}"
    yield f"  {rule.text}{say_place(rule.place)}"
    if has_parts(rule):
        yield from _part(rule.part, "  ")


def _part(part: Part, indent: str) -> Iterator[str]:
    values = f"   ({'; '.join(part.values)})" if part.values else ""
    said = JOINED[part.joined] if part.joined else part.text
    yield f"{indent}{MARKS[part.outcome]}  {said}{values}"
    for inner in part.parts:
        yield from _part(inner, indent + "  ")


def _fields(fields: tuple[FieldSaid, ...]) -> Iterator[str]:
    names = [f"{f.collection}.{f.field}" for f in fields]
    width = max(map(len, names))
    for name, one in zip(names, fields, strict=True):
        yield f"  {name:{width}}  {one.side:5}  {one.effect}: {one.rule}"


# statements


def _statement(statement: StatementSaid) -> Iterator[str]:
    yield f"SQL     {statement.title}"
    yield from (f"  {line}" for line in statement.sql.splitlines())
    yield from (f"    {line}" for line in say_params(statement))
    if statement.steps:
        yield f"  runs as{statement.planned and ', ' + statement.planned}"
    for step in statement.steps:
        yield f"    {'  ' * step.depth}{step.text}"
    if statement.advice is not None:
        advice = statement.advice
        yield f"  an index would help; in {advice.collection}: {advice.declaration}"
        yield "  with it, it runs as"
        for step in advice.steps:
            yield f"    {'  ' * step.depth}{step.text}"


def say_params(statement: StatementSaid) -> Iterator[str]:
    """`?1 = 'open'`, the first of them."""
    for at, value in enumerate(statement.params[:MOST_PARAMS], start=1):
        said = repr(value)
        short = said if len(said) <= LONGEST_PARAM else said[: LONGEST_PARAM - 1] + "…"
        yield f"{'$' if '$1' in statement.sql else '?'}{at} = {short}"


# for programs


def as_data(found: Explanation) -> dict[str, Any]:
    """The same as JSON-ready data."""
    return {
        "request": {
            "method": found.request.method,
            "path": found.request.path,
            "query": found.request.query,
        },
        "actor": found.actor,
        "answer": {"status": found.answer.status, "document": found.answer.document},
        "rules": [asdict(rule) for rule in found.rules],
        "fields": [asdict(one) for one in found.fields],
        "statements": [
            {**asdict(one), "params": [_plain(value) for value in one.params]}
            for one in found.statements
        ],
        "cache": {"said": found.cache, "shape": [list(part) for part in found.shape]},
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, float)) or value is None else repr(value)
