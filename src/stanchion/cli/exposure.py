"""What an app leaves open: judged from its checked rules, for the caller who is not signed in.

In: an `App` whose `check()` passed.   Out: `Exposure`, plain values for `dev`, `serve`, `check`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .console import count

if TYPE_CHECKING:
    from ..app import App
    from ..schema import Collection, Rule

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
class NeverTrue:
    """A rule that was written, of a collection or of one of its fields, and lets nobody in."""

    collection: str
    operations: tuple[str, ...]
    text: str
    file: str | None
    line: int | None
    field: str | None = None  # the field, where it is a field's rule


@dataclass(frozen=True, slots=True)
class Exposure:
    """All of it."""

    collections: tuple[Opened, ...]
    never_true: tuple[NeverTrue, ...]
    routes: tuple[str, ...]  # "POST /checkout"
    slow_middleware: tuple[str, ...]  # the names of the functions


def find_exposure(app: App) -> Exposure:
    """Look through the rules, routes and middleware of an app."""
    schema = app.runtime.model.schema
    return Exposure(
        tuple(_opened(app, collection) for collection in schema.collections),
        tuple(found for collection in schema.collections for found in _never_true(app, collection)),
        tuple(_routes(app.routes)),
        tuple(_slow_middleware(app)),
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


def _never_true(app: App, collection: Collection) -> Iterable[NeverTrue]:
    from ..expr.fold import certainly_false, fold
    from ..plan.policy import ROW_OPERATIONS, decide_old_is_null
    from ..schema import NEVER, rule_text

    found: dict[Rule, list[str]] = {}  # `write=` makes three equal rules: one mistake
    for operation in ROW_OPERATIONS:
        written = getattr(collection.rules, operation)
        checked = app.runtime.policy.rows[collection.name, operation]
        if operation == "create":
            checked = fold(checked, decide_old_is_null)
        if written != NEVER and certainly_false(checked):
            found.setdefault(written, []).append(operation)
    for written, operations in found.items():
        where = _place(written, collection)
        yield NeverTrue(collection.name, tuple(operations), rule_text(written), *where)
    yield from _never_true_of_fields(app, collection)


def _never_true_of_fields(app: App, collection: Collection) -> Iterable[NeverTrue]:
    from ..expr.fold import certainly_false
    from ..schema import NEVER, rule_text

    policy = app.runtime.policy
    for stored in collection.fields:
        named = (
            ("read", stored.read, policy.field_read),
            ("write", stored.write, policy.field_write),
        )
        found: dict[Rule, list[str]] = {}
        for operation, written, checked in named:
            rule = checked.get((collection.name, stored.name))
            if written != NEVER and rule is not None and certainly_false(rule):
                found.setdefault(written, []).append(operation)
        for written, operations in found.items():
            where = _place(written, collection)
            yield NeverTrue(
                collection.name, tuple(operations), rule_text(written), *where, stored.name
            )


def _place(written: Rule, collection: Collection) -> tuple[str | None, int | None]:
    origin = getattr(written, "origin", None) or collection.origin
    return (origin.file, origin.line) if origin else (None, None)


def _routes(routes: Iterable[Any]) -> Iterable[str]:
    """The app's own routes, wherever they are declared; a mount stands before its routes."""
    from starlette.routing import Mount, WebSocketRoute

    from ..http.routes import walk_routes

    for path, methods, route in walk_routes(routes):
        module = getattr(getattr(route, "endpoint", None), "__module__", "")
        if module.partition(".")[0] in OUR_PACKAGES:
            continue
        if isinstance(route, Mount):
            yield f"mount {path or '/'}"
        elif isinstance(route, WebSocketRoute):
            yield f"WebSocket {path}"
        else:
            said = (methods or frozenset(("any",))) - {"HEAD"} or {"HEAD"}
            yield f"{','.join(sorted(said))} {path}"


def _slow_middleware(app: App) -> Iterable[str]:
    from starlette.middleware.base import BaseHTTPMiddleware

    for middleware in app.user_middleware:
        kind = middleware.cls
        if isinstance(kind, type) and issubclass(kind, BaseHTTPMiddleware):
            function = middleware.kwargs.get("dispatch")
            yield getattr(function, "__name__", None) or kind.__name__


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
