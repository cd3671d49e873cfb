"""What the document says of who may call: the two ways to show a session, the scopes that an API
key needs, and where nothing is needed.

In: a document, path items, the routes that take anybody or keys.   Out: the same with `security`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...auth.credentials import COOKIE
from ...plan.scopes import scope_for

SCHEMES: dict[str, dict[str, Any]] = {
    "session": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token of a session.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "The session of a browser.",
    },
}
KEYS: dict[str, dict[str, Any]] = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, `stk_…`, that has the scopes which are listed.",
    },
}
ANYBODY: list[dict[str, list[str]]] = [{}, {"session": []}, {"cookie": []}]
"""Whoever asks gets what the rules let them have."""


def for_anybody(
    item: dict[str, Any], collection: str = "", *, keys: bool = False
) -> dict[str, Any]:
    """A path item whose operations take whoever asks; of keys (if there are any) those that have
    the scope of the collection, or any where there is none."""

    def said(method: str) -> list[dict[str, list[str]]]:
        if not keys:
            return ANYBODY
        needed = [scope_for(collection, "read" if method == "get" else "write")]
        return [*ANYBODY, {"key": needed if collection else []}]

    return {method: {**found, "security": said(method)} for method, found in item.items()}


def add_security(
    document: dict[str, Any],
    known: Iterable[tuple[str, str]],
    scopes: Iterable[tuple[str, str, str]],
    *,
    keys: bool,
) -> None:
    """Add the schemes; to those routes (path, method) that know who calls without asking for it,
    that they take anybody; to those that let keys in, with which scope."""
    schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes |= {**SCHEMES, **(KEYS if keys else {})}
    paths = document["paths"]
    for path, method in known:
        if method in paths.get(path, {}):
            paths[path][method]["security"] = ANYBODY
    wanted: dict[tuple[str, str], list[str]] = {}
    for path, method, scope in scopes if keys else ():
        wanted.setdefault((path, method), []).append(scope)
    for (path, method), names in wanted.items():
        if method in paths.get(path, {}):
            operation = paths[path][method]
            operation["security"] = [*operation.get("security", ()), {"key": names}]


def drop_security(document: dict[str, Any]) -> None:
    """Take the schemes away again, in an app without users: nobody can show a session there."""
    schemes = document.get("components", {}).get("securitySchemes", {})
    for name in SCHEMES:
        schemes.pop(name, None)
    if not schemes:
        document.get("components", {}).pop("securitySchemes", None)
    for item in document["paths"].values():
        for operation in item.values():
            left = [s for s in operation.get("security", ()) if not SCHEMES.keys() & s.keys()]
            if left:
                operation["security"] = left
            else:
                operation.pop("security", None)
