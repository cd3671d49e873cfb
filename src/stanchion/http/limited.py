"""Limits over HTTP: of writes that a collection limits, and of routes that say `limit("5/min")`.

In: a request, its caller, what he wants to write.   Out: headers that tell what is left, or 429.
Whose it is: the user's, from wherever he comes; the network's of whoever is not signed in. No
header, spelling of a path, method or batch makes somebody else of a caller: what is counted is the
write as it was understood, or the route that was found.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastapi import Depends, Request

from ..declare import parse_limits
from ..declare.rules import caller_origin
from ..errors import DeclarationError, Problem, StanchionError
from ..limits import Counted, LimitHeaders, Whose, of_client, of_user
from ..query import Actor, WriteQuery
from ..runtime import Runtime
from ..schema import Collection, Limit, WriteLimits
from ..settings import Settings
from .asgi import LIMITS, Headers, Scope
from .clients import client_of
from .exchange import Host
from .routes import walk_routes

KINDS = {
    "create": ("create", "write"), "update": ("update", "write"), "delete": ("delete", "write"),
    "put": ("create", "update", "write"),  # nobody knows before whether it makes the record
}  # fmt: skip


def whose_of(scope: Scope, actor: Actor, settings: Settings) -> Whose:
    """Whose account a request goes on."""
    if actor.record is not None:
        return of_user(actor.name)
    return of_client(client_of(scope, settings))


# writes of the data API


class LimitedWrites:
    """Counts the writes of the collections that have a limit."""

    def __init__(self, host: Host, limits: Mapping[str, WriteLimits]) -> None:
        self._host = host
        self._limits = limits

    @classmethod
    def of(cls, host: Host, collections: Iterable[Collection]) -> LimitedWrites | None:
        """None where there is nothing to count, so that nobody pays for it."""
        limits = {c.name: c.limits for c in collections if c.limits}
        return cls(host, limits) if limits and host.limiter is not None else None

    async def count(
        self, scope: Scope, actor: Actor, asks: Iterable[WriteQuery | Problem]
    ) -> Headers:
        """The headers of the answer; raises 429 where the writes together are too many."""
        wanted: Counter[tuple[str, str]] = Counter()
        for ask in asks:
            if isinstance(ask, WriteQuery) and ask.collection in self._limits:
                records = max(1, len(ask.bodies)) if ask.many else 1
                wanted.update({(ask.collection, kind): records for kind in KINDS[ask.operation]})
        whose = whose_of(scope, actor, self._host.settings)
        counted = [
            Counted(f"{name}.{kind}", whose, limits, records)
            for (name, kind), records in wanted.items()
            if (limits := getattr(self._limits[name], kind))
        ]
        if not counted or self._host.limiter is None:
            return []
        told = await self._host.limiter.hit(*counted)
        return [(name.lower().encode(), value.encode()) for name, value in told]


# routes of the app, and others that answer through FastAPI


def note_limits(scope: Scope, told: LimitHeaders) -> None:
    """Tell, with the answer to this request, what `Limiter.hit` says is left."""
    noted = dict(scope.get(LIMITS, ()))
    for name, value in ((name.lower().encode(), value.encode()) for name, value in told):
        noted[name] = b"%s, %s" % (noted[name], value) if name in noted else value
    scope[LIMITS] = list(noted.items())


class LimitElsewhere(StanchionError):
    """A route with a limit that is no route of an `App`: a mistake in the app."""

    def __init__(self) -> None:
        super().__init__("limit() is for the routes of an App and of its modules, not of a mount")


class RouteLimit:
    """The dependency that `limit` makes."""

    def __init__(self, limits: tuple[Limit, ...], name: str) -> None:
        self.limits = limits
        self.name = name

    async def __call__(self, request: Request) -> None:
        """Count the request, before the route and after the dependencies that stand before it."""
        runtime: Runtime | None = getattr(request.app, "runtime", None)
        if runtime is None:
            raise LimitElsewhere
        scope = request.scope
        actor = await runtime.identify(scope, keys=True)  # it counts, and opens nothing
        where = self.name or _name_of(scope["route"])
        whose = (*whose_of(scope, actor, runtime.settings), where)
        shown = re.sub(r"[^ !#-\[\]-~]", "?", where)
        note_limits(scope, await runtime.limiter.hit(Counted(shown, whose, self.limits)))


def limit(text: str, *, name: str = "") -> Any:
    """How often one caller may call a route: who is signed in, else his network. More is 429.

        @app.post("/contact", dependencies=[limit("5/min, 50/day")])

    Each route is counted by itself; those whose limits have one `name` are counted together.
    """
    if not isinstance(name, str) or len(name) > 60:
        origin = caller_origin()
        raise DeclarationError("limit.name", f"{name!r} names no limit", origin=origin)
    return Depends(RouteLimit(parse_limits(text, caller_origin()), name))


def limited_routes(routes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """The path and method of each route that has a limit, as the OpenAPI document writes them."""
    for path, methods, route, around in walk_routes(routes):
        own = getattr(route, "dependant", None)
        calls = [each.dependency for each in around] + ([] if own is None else list(_calls(own)))
        if any(isinstance(call, RouteLimit) for call in calls):
            plain = re.sub(r"\{(\w+):\w+\}", r"{\1}", path)
            yield from ((plain, method) for method in methods or ())


def _calls(dependant: Any) -> Iterator[Any]:
    for each in dependant.dependencies:
        yield each.call
        yield from _calls(each)


def _name_of(route: Any) -> str:
    """A route's own words for itself: however it was spelled in the request, it is this one."""
    return f"{' '.join(sorted(route.methods or ()))} {route.path}"
