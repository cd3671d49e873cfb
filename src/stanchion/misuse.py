"""Note on a problem what the app's own call got wrong, so that the edge can tell whose it is.

In: a problem of a method of `tx`, and what the method was given.   Out: the same problem, marked.
Whether what was refused came with the request or was written by the app is seen at the edge
(`http/blame`), which alone knows the request.
Called by transaction.
"""

from __future__ import annotations

from collections.abc import Mapping

from .errors import BadRequest, Invalid, Misuse

NOT_TO_BE_SET = frozenset({"unknown_field", "not_writable", "system_field", "frozen"})
"""Codes of mistakes that are about naming a field at all."""


def of_texts(
    call: str,
    refused: BadRequest,
    texts: Mapping[str, object],
    params: Mapping[str, object] | None = None,
) -> BadRequest:
    """The problem of a query: by its code it is about one of the texts, or about the params."""
    area, _, part = refused.code.partition(".")
    if part == "param":
        wrong = tuple((params or {}).values())
    elif area == "filter":
        wrong = (texts.get("filter"),)
    elif part in texts:
        wrong = (texts[part],)
    else:
        wrong = tuple(texts[name] for name in ("sort", "expand", "fields") if name in texts)
    refused.misuse = Misuse(call, tuple(value for value in wrong if value not in (None, "")))
    return refused


def of_values(call: str, refused: Invalid, given: Mapping[str, object]) -> Invalid:
    """The problem of a write: its pointers say which of the given fields were refused; one without
    a pointer is about all of them together."""
    values: list[object] = []
    names: list[str] = []
    for error in refused.errors:
        name = (error.pointer or "").split("/")[1:2]
        if error.code in NOT_TO_BE_SET:
            names += name
        elif name and name[0] in given:
            values.append(given[name[0]])
        elif not name:
            values.append(Together(tuple(given.values())))
        else:
            values.append(ABSENT)
    refused.misuse = Misuse(call, tuple(values), tuple(names))
    return refused


class Together(tuple[object, ...]):
    """Values that were refused together: each by itself may be right."""


ABSENT = object()
"""In the place of a value that nobody gave."""
