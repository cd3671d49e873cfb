"""Who calls a route of the app: what its functions ask for as FastAPI dependencies.

In: a request or the handshake of a WebSocket.   Out: the record of the user who sends it.
Refuses: nobody signed in (401), somebody for whom the rule of the route does not hold (403), an API
key that has not the scope that the route asks for (403), or any key where it asks for none.
Imported by apps as `stanchion.CurrentUser` and its sisters; `app` checks the rules at the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends
from fastapi.dependencies.utils import get_dependant
from fastapi.openapi.models import APIKey, HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from ..declare import KeyHold, UserRecord
from ..declare.rules import RuleLike, as_rule, caller_origin
from ..errors import HOW_TO_SIGN_IN, DeclarationError, Forbidden, Unauthorized
from ..plan.policy import Policy
from ..plan.scopes import is_route_scope, no_key_here, not_in_scope
from ..query import Actor
from ..runtime import Runtime
from ..schema import ALWAYS, RuleAll, RuleSignedIn, rule_text
from .openapi.security import SCHEMES
from .routes import Found, walk_routes

if TYPE_CHECKING:
    from typing_extensions import TypeVar as DefaultTypeVar

    User = DefaultTypeVar("User", bound=UserRecord, default=UserRecord)
else:
    User = TypeVar("User", bound=UserRecord)


class _Scheme(SecurityBase):
    """How a caller says who he is, for the OpenAPI document; `_user_of` looks at both."""

    def __init__(self, name: str, model: HTTPBearer | APIKey) -> None:
        self.scheme_name = name
        self.model = model

    async def __call__(self) -> None:
        return None


# an API key goes where a session's token goes; `add_security` says which routes take one
_BEARER = _Scheme("session", HTTPBearer.model_validate(SCHEMES["session"]))
_COOKIE = _Scheme("cookie", APIKey.model_validate(SCHEMES["cookie"]))
Bearer = Annotated[None, Depends(_BEARER)]
Cookie = Annotated[None, Depends(_COOKIE)]


SCOPES = "stanchion.scopes"
"""In the scope of a request: the scopes that a key must have for its route, as far as is known."""


async def _actor_of(connection: HTTPConnection, scope: str = "") -> Actor:
    """Who calls. `scope` is what the dependency that asks lets keys in for; others of the route
    may have said theirs before, or will."""
    runtime: Runtime = connection.scope["app"].runtime
    await runtime.records()
    actor = await runtime.identify(connection.scope, keys=True)
    if actor.scopes is None:
        return actor
    wanted: set[str] = connection.scope.setdefault(SCOPES, set())
    wanted |= {scope} - {""}
    route = connection.scope.get("route")
    wanted.update(_scopes_in(calls_of(getattr(route, "dependant", None))))
    if not wanted:
        raise no_key_here()
    for missing in sorted(wanted - actor.scopes):
        raise not_in_scope(missing)
    return actor


def _record_of(connection: HTTPConnection, actor: Actor) -> Any:
    runtime: Runtime = connection.scope["app"].runtime
    users = runtime.model.schema.users
    if actor.record is None or users is None:
        return None
    record: Any = runtime.model.bindings[users.name].build(actor.record)
    if actor.scopes is not None:
        record._held_to = KeyHold(actor.scopes)  # so is `app.transaction(actor=user)`
    return record


async def optional_user(connection: HTTPConnection, bearer: Bearer, cookie: Cookie) -> Any:
    """The user who calls; None where nobody is signed in."""
    return _record_of(connection, await _actor_of(connection))


async def current_user(connection: HTTPConnection, bearer: Bearer, cookie: Cookie) -> Any:
    """The user who calls; raises `Unauthorized` where nobody is signed in."""
    user = await optional_user(connection, bearer, cookie)
    if user is None:
        raise _nobody("This route lets nobody in who is not signed in.")
    return user


CurrentUser = Annotated[User, Depends(current_user)]
"""The user who calls a route: `user: CurrentUser`, or `user: CurrentUser[Customer]` to name the
class of the app. Nobody else gets in (401)."""

OptionalUser = Annotated[User | None, Depends(optional_user)]
"""The user who calls a route, or None where nobody is signed in."""


class Requirement:
    """A rule of a route: a dependency that lets in whom the rule admits, and gives their record."""

    def __init__(self, rule: RuleLike, scope: str) -> None:
        self.rule = as_rule(rule, caller_origin())
        self.scope = scope

    async def __call__(self, connection: HTTPConnection, bearer: Bearer, cookie: Cookie) -> Any:
        """The user who calls, None where the rule admits somebody who is not signed in."""
        runtime: Runtime = connection.scope["app"].runtime
        actor = await _actor_of(connection, self.scope)
        if not runtime.policy.admits(self.rule, actor):
            text = rule_text(self.rule)
            if actor.kind == "anonymous":
                raise _nobody(f"This route asks for {text}, and nobody is signed in.", text)
            raise Forbidden("access.refused", f"This route asks for {text}.", extra={"rule": text})
        return _record_of(connection, actor)


def requires(rule: RuleLike, *, scope: str = "") -> Any:
    """Let a route be called by those alone whom `rule` admits: `role("owner")`, `signed_in`, or a
    text about `auth`.

        @app.post("/close", dependencies=[requires(role("owner"))])

    `user: Annotated[User, requires(...)]` gives the record of who calls. Admins are past rules.
    API keys call no route but those that name a `scope`, and only with a key that has it:
    `requires(signed_in, scope="reports")`.
    """
    if scope and not is_route_scope(scope):
        raise DeclarationError(
            "scope.name",
            f"{scope!r} names no scope: a small letter, then small letters, digits, - _ and .",
            origin=caller_origin(),
            hint="scopes of collections (orders:read) need no route, they hold wherever records "
            "are read and written",
        )
    return Depends(Requirement(rule, scope))


class ProofRequirement:
    """A dependency that lets in whoever is signed in and has proven a moment ago who they are, and
    gives their record."""

    def __init__(self, minutes: float) -> None:
        self.minutes = minutes

    async def __call__(self, connection: HTTPConnection, bearer: Bearer, cookie: Cookie) -> Any:
        """The user who calls."""
        runtime: Runtime = connection.scope["app"].runtime
        actor = await _actor_of(connection)
        if actor.record is None:
            raise _nobody("This route lets nobody in who is not signed in.")
        runtime.refuse_unless_proven(actor, self.minutes)
        return _record_of(connection, actor)


def requires_proof(minutes: float = 10) -> Any:
    """Let a route be called by those alone who have signed in, or proven again who they are
    (`POST /api/auth/proof`), within these minutes: for what a session that was left open must not
    do.

        @app.post("/payout", dependencies=[requires_proof()])

    `user: Annotated[User, requires_proof()]` gives the record of who calls.
    """
    if not 0 < minutes <= 1440:
        raise DeclarationError("route.proof", "requires_proof takes minutes, up to a day")
    return Depends(ProofRequirement(minutes))


def check_requirements(routes: Iterable[Any], policy: Policy) -> None:
    """Raise `DeclarationError` for a rule of a route that is none."""
    for _, _, route, _ in walk_routes(routes):
        for call in calls_of(getattr(route, "dependant", None)):
            if isinstance(call, Requirement):
                policy.meaning(call.rule)


def taking_anybody(routes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """The routes, path and method, that know who calls and ask nobody to be signed in."""
    for found in walk_routes(routes):
        if said_of(found) == "public":
            yield from ((found.path, method.lower()) for method in found.methods or ())


def route_scopes(routes: Iterable[Any]) -> Iterator[tuple[str, str, str]]:
    """Path, method and scope of the routes that let API keys in."""
    for path, methods, route, around in walk_routes(routes):
        calls = [
            *(each.dependency for each in around),
            *calls_of(getattr(route, "dependant", None)),
        ]
        for scope in dict.fromkeys(_scopes_in(calls)):
            yield from ((path, method.lower(), scope) for method in methods or ("",))


def _scopes_in(calls: Iterable[Any]) -> Iterator[str]:
    return (call.scope for call in calls if isinstance(call, Requirement) and call.scope)


def calls_of(dependant: Any) -> Iterator[Any]:
    """What FastAPI calls for a route, the dependencies of its dependencies included."""
    if dependant is not None:
        yield dependant.call
        for below in dependant.dependencies:
            yield from calls_of(below)


def said_of(found: Found) -> str | None:
    """Who may call a route, in its own words: `public`, `signed_in`, a rule; None where it says
    nothing. What the routers around it ask counts."""
    calls = list(calls_of(getattr(found.route, "dependant", None)))
    for around in found.around:
        calls += calls_of(get_dependant(path=found.path, call=around.dependency))
    rules = [call.rule for call in calls if isinstance(call, Requirement)]
    if current_user in calls or any(isinstance(call, ProofRequirement) for call in calls):
        rules.insert(0, RuleSignedIn())
    elif optional_user in calls and not rules:
        rules.append(ALWAYS)
    asked = tuple(dict.fromkeys(rules))
    if not asked:
        return None
    return rule_text(asked[0] if len(asked) == 1 else RuleAll(asked))


def _nobody(detail: str, rule: str = "signed_in") -> Unauthorized:
    return Unauthorized(
        "access.sign_in", detail, hint=HOW_TO_SIGN_IN,
        extra={"rule": rule}, headers={"WWW-Authenticate": "Bearer"},
    )  # fmt: skip
