"""What the document says of who may call: the two ways to show a session, and where none is needed.

In: a document, path items, the routes that take anybody.   Out: the same with `security`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...auth.credentials import COOKIE

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
ANYBODY: list[dict[str, list[str]]] = [{}, {"session": []}, {"cookie": []}]
"""Whoever asks gets what the rules let them have."""


def for_anybody(item: dict[str, Any]) -> dict[str, Any]:
    """A path item whose operations take whoever asks."""
    return {method: {**said, "security": ANYBODY} for method, said in item.items()}


def add_security(document: dict[str, Any], known: Iterable[tuple[str, str]]) -> None:
    """Add the schemes; and to those routes (path, method) that know who calls without asking for
    it, that they take anybody."""
    schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes |= SCHEMES
    for path, method in known:
        if method in document["paths"].get(path, {}):
            document["paths"][path][method]["security"] = ANYBODY
