"""Refuse routes of an app that a generated route would answer first: they would never be called."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet
from typing import Any

from starlette.routing import Route

from ..errors import DeclarationError
from .routes import walk_routes

COLLECTION_METHODS = {"GET", "HEAD", "POST"}
RECORD_METHODS = {"GET", "HEAD", "PUT", "PATCH", "DELETE"}


def refuse_shadowed(routes: Iterable[Any], collections: Collection[str]) -> None:
    """Raise `DeclarationError` for the first route that stands behind a generated one."""
    for path, methods, route in walk_routes(routes):
        if not isinstance(route, Route):
            continue
        if path == "/api/_schema":
            _refuse(path, methods, {"GET", "HEAD"}, "_schema")
        if path == "/api/_batch":
            _refuse(path, methods, {"POST"}, "_batch")
        parts = path.strip("/").split("/")
        if len(parts) not in (2, 3) or parts[0] != "api" or parts[1] not in collections:
            continue
        if len(parts) == 3 and parts[2].startswith("_") and parts[2] != "_aggregate":
            continue
        generated = COLLECTION_METHODS if len(parts) == 2 else RECORD_METHODS
        _refuse(path, methods, generated, parts[1])


def _refuse(
    path: str, methods: frozenset[str] | None, generated: AbstractSet[str], name: str
) -> None:
    shadowed = sorted((methods or generated) & generated)
    if shadowed:
        raise DeclarationError(
            "route.shadowed",
            f"{shadowed[0]} {path} would never be called: the generated route of `{name}` answers "
            "it",
            hint="give it another path, or put the logic into rules or a route of its own",
        )
