"""What an app leaves open: judged from its checked rules, for the caller who is not signed in.

In: an `App` whose `check()` passed.   Out: `Exposure`, plain values for `dev`, `serve`, `check`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .console import count

if TYPE_CHECKING:
    from ..app import App
    from ..schema import Collection

Reach = Literal["all", "some", "none"]
OUR_PACKAGES = ("stanchion", "fastapi")
"""Whose routes are not the app's: the pages and probes that every app has."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What everyone may do with one collection. `by_operation` tells all, some or no records."""

    name: str
    by_operation: dict[str, Reach]
    closed: bool  # no rule lets any caller in

    @property
    def read(self) -> Reach:
        """Which records everyone may read."""
        return self.by_operation["read"]

    @property
    def writes(self) -> tuple[str, ...]:
        """create, update, delete: those that everyone may do, with some records at least."""
        return tuple(o for o in ("create", "update", "delete") if self.by_operation[o] != "none")


@dataclass(frozen=True, slots=True)
class AppRoute:
    """A route of the app, such as `POST /checkout`, and who may call it in its own words: a rule,
    `signed_in` or `public`. None: it says nothing. Of a mount, which has no way to, it is empty."""

    name: str
    who: str | None
    endpoint: Any


@dataclass(frozen=True, slots=True)
class Exposure:
    """All of it."""

    collections: tuple[Opened, ...]
    routes: tuple[AppRoute, ...]

    @property
    def open_routes(self) -> tuple[str, ...]:
        """Those that let everybody in, because they say so or because they say nothing."""
        return tuple(route.name for route in self.routes if route.who in (None, "", "public"))


def find_exposure(app: App) -> Exposure:
    """Look through the rules and routes of an app."""
    schema = app.runtime.model.schema
    return Exposure(
        tuple(_opened(app, collection) for collection in schema.collections),
        tuple(find_routes(app)),
    )


def _opened(app: App, collection: Collection) -> Opened:
    from ..expr.fold import certainly_false
    from ..expr.tree import TRUE
    from ..plan.policy import ROW_OPERATIONS, decide_old_is_null
    from ..query import Actor

    policy = app.runtime.policy
    everyone = policy.profile(Actor("anonymous"))
    reach: dict[str, Reach] = {}
    for operation in ROW_OPERATIONS:
        rule = everyone.rule(collection.name, operation)
        if operation == "create":
            rule = everyone.folded(rule, decide_old_is_null)
        reach[operation] = "all" if rule == TRUE else "none" if certainly_false(rule) else "some"
    closed = all(certainly_false(policy.rows[collection.name, o]) for o in ROW_OPERATIONS)
    return Opened(collection.name, reach, closed)


def find_routes(app: App) -> Iterator[AppRoute]:
    """The app's own routes, wherever they are declared; a mount stands before its routes."""
    from starlette.routing import Mount, WebSocketRoute

    from ..http.callers import said_of
    from ..http.routes import walk_routes

    for found in walk_routes(app.routes):
        route, path = found.route, found.path
        endpoint = getattr(route, "endpoint", None)
        if getattr(endpoint, "__module__", "").partition(".")[0] in OUR_PACKAGES:
            continue
        if isinstance(route, Mount):
            yield AppRoute(f"mount {path or '/'}", "", route.app)
        elif isinstance(route, WebSocketRoute):
            yield AppRoute(f"WebSocket {path}", said_of(found), endpoint)
        else:
            said = (found.methods or frozenset(("any",))) - {"HEAD"} or {"HEAD"}
            yield AppRoute(f"{','.join(sorted(said))} {path}", said_of(found), endpoint)


def say_readable(exposure: Exposure) -> str:
    """`1 of 4 collections is readable by everyone: pizzas`, and what else stands open."""
    total = count(len(exposure.collections), "collection")
    readable = [c for c in exposure.collections if c.read != "none"]
    names = ", ".join(c.name + (" (some records)" if c.read == "some" else "") for c in readable)
    said = (
        f"{len(readable) or 'none'} of {total} {'is' if len(readable) < 2 else 'are'} "
        "readable by everyone" + (f": {names}" if names else "")
    )
    writable = [f"{c.name} ({', '.join(c.writes)})" for c in exposure.collections if c.writes]
    return said + (f"; writable by everyone: {', '.join(writable)}" if writable else "")
