"""Every route of an app, those of included routers and of what is mounted too.

In: the routes of an app or a router.   Out: `Found`, in their order; a mount before its routes.
Used by shadows, bodies and the command line, so that none of them misses a route.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple


class Found(NamedTuple):
    """One route: its whole path, its methods (None where it names none), the route, and the
    dependencies of the routers around it."""

    path: str
    methods: frozenset[str] | None
    route: Any
    around: tuple[Any, ...] = ()


def walk_routes(
    routes: Iterable[Any], prefix: str = "", around: tuple[Any, ...] = ()
) -> Iterator[Found]:
    """Every route of `routes`, at any depth."""
    for route in routes:
        router = getattr(route, "original_router", None)  # what include_router leaves
        if router is not None:
            context = getattr(route, "include_context", None)
            inside = prefix + (getattr(context, "prefix", "") or "")
            given = tuple(getattr(context, "dependencies", None) or ())
            yield from walk_routes(router.routes, inside, around + given)
            continue
        path = getattr(route, "path", None)  # a starlette Host has none
        if path is not None:
            methods = getattr(route, "methods", None)
            yield Found(prefix + path, frozenset(methods) if methods else None, route, around)
        yield from walk_routes(getattr(route, "routes", None) or (), prefix + (path or ""))
