"""What the catalogue says about one code, and the problem document that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import PAGES, Conflict, Invalid, Problem


@dataclass(frozen=True, slots=True)
class Entry:
    """One code: what it means, what to do about it, and an example.

    `stands_alone` tells the codes of whole answers from those that point into a body, in `errors`.
    """

    code: str
    title: str
    status: int
    status_title: str
    meaning: str
    way_out: str
    stands_alone: bool
    detail: str
    hint: str | None = None
    pointer: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Family:
    """Codes that belong together on the page; `name` is its anchor."""

    name: str
    title: str
    about: str
    entries: tuple[Entry, ...]


def answer(
    kind: type[Problem],
    code: str,
    title: str,
    *,
    meaning: str,
    way_out: str,
    detail: str,
    hint: str | None = None,
    pointer: str | None = None,
    **extra: Any,
) -> Entry:
    """The entry of a code that is the code of a whole answer."""
    return Entry(
        code, title, kind.status, kind.title, meaning, way_out, True, detail, hint, pointer, extra
    )


def place(
    code: str,
    title: str,
    *,
    meaning: str,
    way_out: str,
    detail: str,
    pointer: str | None = "/price",
    kind: type[Problem] = Invalid,
) -> Entry:
    """The entry of a code that stands beside a pointer, in the `errors` of an answer."""
    return Entry(
        code, title, kind.status, kind.title, meaning, way_out, False, detail, None, pointer
    )


def example_of(entry: Entry) -> dict[str, Any]:
    """A problem document in which the code stands, its members in their usual order."""
    if entry.stands_alone:
        code, detail = entry.code, entry.detail
    elif entry.status == Conflict.status:
        code, detail = "record.conflict", "What is stored forbids this."
    else:
        code, detail = "body.invalid", "The body breaks the model."
    members: dict[str, Any] = {
        "type": PAGES + code,
        "title": entry.status_title,
        "status": entry.status,
        "code": code,
        "detail": detail,
    }
    if entry.hint:
        members["hint"] = entry.hint
    if entry.pointer is not None or not entry.stands_alone:
        said: dict[str, Any] = {} if entry.pointer is None else {"pointer": entry.pointer}
        members["errors"] = [{**said, "code": _inner(entry), "detail": entry.detail}]
    return {**members, **entry.extra}


def _inner(entry: Entry) -> str:
    """`body.invalid` and `record.conflict` always point at something; the rest names itself."""
    return {"body.invalid": "missing", "record.conflict": "unique"}.get(entry.code, entry.code)
