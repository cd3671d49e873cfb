"""What an answer tells its caller, and whether that is more than the caller may know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from .asking import Answer
from .oracle import Oracle
from .scoped import Scoped
from .world import FIELDS, LATER_ROWS, ROWS, auth_of

NOT_COMPARED = ("created", "updated", "version", "verified", "disabled")
WORD = re.compile(r"[\w@-]+")


def oracle_of(caller: str) -> Oracle:
    """What a caller may do. `ann by key tasks:read` is Ann with an API key of this scope, `ann
    later` she in the world in which people have other rights."""
    person, _, scopes = caller.partition(" by key ")
    name = person.removesuffix(" later")
    rows = ROWS if name == person else LATER_ROWS
    me = auth_of(name, rows)
    kind = name if me is None else "admin" if me["admin"] else "user"
    return Scoped(rows, kind, me, scopes.split()) if scopes else Oracle(rows, kind, me)


def plain(value: Any) -> Any:
    """A body without what no rule is about."""
    if isinstance(value, dict):
        return {name: plain(v) for name, v in value.items() if name not in NOT_COMPARED}
    return [plain(v) for v in value] if isinstance(value, list) else value


def refusal(caller: str, sent: object, answer: Answer, step: str = "") -> Any:
    """The code of a refusal, and where its errors point; `step` is where a batch puts them."""
    problem = answer.json
    spoken = told_too_much(caller, repr(sent), problem)
    if spoken:
        return f"tells of {spoken}: {problem}"
    errors = set()
    for error in problem.get("errors", ()):
        pointer = error.get("pointer", "")
        if step:
            assert pointer.startswith(step), pointer
            inside = pointer.removeprefix(step).removeprefix("/body")
            if not inside and error["code"] == problem["code"]:
                continue  # the step as a whole
            pointer = inside
        errors.add((pointer, "" if answer.status == 422 else error["code"]))
    return problem["code"], frozenset(errors)


def told_too_much(caller: str, sent: str, told: Any) -> set[str]:
    """Names and values in a problem that the caller may not know and did not say itself."""
    words = {word for text in texts(told) for word in WORD.findall(text)}
    return (words & secrets(caller)) - set(WORD.findall(sent))


def texts(told: Any) -> Iterator[str]:
    """Every text in a problem but the names of its members."""
    if isinstance(told, str):
        yield told
    for one in told.values() if isinstance(told, dict) else told if isinstance(told, list) else ():
        yield from texts(one)


@cache
def secrets(caller: str) -> frozenset[str]:
    """The names of fields that do not exist for a caller, and the values that it may not read;
    short numbers and what it may also read somewhere else are nobody's secret."""
    oracle = oracle_of(caller)
    hidden: set[str] = set()
    known: set[str] = {"id", "member"}
    for name, fields in FIELDS.items():
        for found in fields:
            (known if oracle.has(name, found.name) else hidden).add(found.name)
            for row in oracle.rows[name].values():
                seen = oracle.sees(name, row) and oracle.sees_field(name, row, found.name)
                value = row[found.name]
                if isinstance(value, str):
                    (known if seen else hidden).add(value)
    return frozenset(hidden - known)
