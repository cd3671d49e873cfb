"""The collections that a request is about.

In: a `Request`.   Out: `Asked`, in order: a batch is about several, and `expand` adds some.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from ..schema import Collection, Schema
from ..types import WireError
from .said import Request


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that a request does with one collection."""

    collection: Collection
    operation: str  # read, create, update, replace, delete
    key: str | None
    body: Any


def asked_of(request: Request, schema: Schema) -> Iterator[Asked]:
    """The collections that a request is about, in order."""
    if request.method == "OPTIONS":
        return  # it asks what could be asked, of everybody alike
    if request.path.rstrip("/") == "/api/_batch":
        asked = request.body.get("steps") if isinstance(request.body, dict) else None
        for step in asked if isinstance(asked, list) else ():
            if isinstance(step, dict):
                method, path = str(step.get("method", "")), str(step.get("path", ""))
                yield from asked_of(Request(method, path, body=step.get("body")), schema)
        return
    collection_name, _, rest = request.path.removeprefix("/api/").partition("/")
    collection = schema.collection.get(collection_name)
    if collection is None:
        return
    key = unquote(rest) if rest and not rest.startswith("_") else None
    operation = {"POST": "create", "PATCH": "update", "PUT": "replace", "DELETE": "delete"}.get(
        request.method, "read"
    )
    yield Asked(collection, operation, _parsed(collection, key), request.body)
    for word in parse_qs(request.query).get("expand", [""])[0].split(","):
        yield from _expanded(collection, word.strip(), schema)


def _parsed(collection: Collection, key: str | None) -> str | None:
    """A key in its canonical form, or None where it cannot be one."""
    try:
        return None if key is None else str(collection.key_field.type.parse(key))
    except WireError:
        return None


def _expanded(collection: Collection, word: str, schema: Schema) -> Iterator[Asked]:
    """The collections that one path of `expand` leads to."""
    for step in word.split("."):
        if step in collection.back_reference:
            collection = schema.collection[collection.back_reference[step].collection]
        elif step in collection.field and collection.field[step].reference is not None:
            collection = schema.target(collection.field[step])
        else:
            return
        yield Asked(collection, "read", None, None)
