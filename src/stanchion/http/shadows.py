"""Refuse routes of an app that a generated route would answer first: they would never be called."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from starlette.routing import Route

from ..errors import DeclarationError
from .routes import walk_routes


def refuse_shadowed(routes: Iterable[Any], methods_at: Callable[[bytes], Collection[str]]) -> None:
    """Raise `DeclarationError` for the first route that stands behind a generated one, which
    answers `methods_at` a path."""
    for path, methods, route, _ in walk_routes(routes):
        generated = methods_at(path.encode()) if isinstance(route, Route) else ()
        shadowed = sorted(generated if methods is None else methods.intersection(generated))
        if shadowed:
            name = path.split("/")[2]
            raise DeclarationError(
                "route.shadowed",
                f"{shadowed[0]} {path} would never be called: the generated route of `{name}` "
                "answers it",
                hint="give it another path, or put the logic into rules or a route of its own",
            )
