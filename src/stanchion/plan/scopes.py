"""Scopes: what an API key is for. They only take away from what its user may do.

    orders:read    read the records of a collection, by whichever way
    orders:write   create, change and delete them, and read them: a write answers with the record
    *:read         every collection, also those that the app gets later; `*:write` likewise
    close-day      call the routes of the app that say `requires(…, scope="close-day")`

In: texts, and what they may name.   Out: a set of scopes, and what they come to.
Refuses: scopes of what is not there (422).
Asked by `policy` for every rule, and by the routes of the app.
"""

from __future__ import annotations

import re
from collections.abc import Collection as Names
from collections.abc import Sequence
from itertools import product

from ..errors import FieldError, Forbidden, did_you_mean
from ..schema import Schema

EVERY = "*"
REACHES = ("read", "write")
MOST = 100
_OF_ROUTES = re.compile(r"[a-z][a-z0-9_.-]{0,59}")


def allows(scopes: frozenset[str], collection: str, operation: str) -> bool:
    """Whether a key with these scopes may ask for an operation at all."""
    if f"{collection}:write" in scopes or "*:write" in scopes:
        return True
    return operation == "read" and (f"{collection}:read" in scopes or "*:read" in scopes)


def scope_for(collection: str, operation: str) -> str:
    """The least scope that an operation takes."""
    return f"{collection}:{'read' if operation == 'read' else 'write'}"


def is_route_scope(text: str) -> bool:
    """Whether a route may ask for a scope of this name: those of collections have a colon."""
    return _OF_ROUTES.fullmatch(text) is not None


def read_scopes(
    given: Sequence[str], schema: Schema, routes: Names[str]
) -> tuple[frozenset[str], list[FieldError]]:
    """The scopes of a new key, and what is wrong with them; `routes` are those that routes ask
    for."""
    known = [*(c.name for c in schema.collections), EVERY]
    named = {*map(":".join, product(known, REACHES)), *routes}
    errors = []
    if not given:
        errors.append(FieldError("/scopes", "too_short", "A key is for something: name a scope."))
    if len(given) > MOST:
        errors.append(FieldError("/scopes", "too_long", f"A key has {MOST} scopes at most."))
    for place, text in enumerate(given[:MOST]):
        if text not in named:
            near = did_you_mean(text[:60], sorted(named)) or "orders:read, orders:write, *:read."
            detail = f"There is no scope `{text[:60]}`. {near}"
            errors.append(FieldError(f"/scopes/{place}", "auth.scope", detail))
    return frozenset(given), errors


def not_in_scope(scope: str) -> Forbidden:
    """The 403 of a key that has not this scope, in the words of RFC 6750."""
    return Forbidden(
        "auth.key_scope",
        f"This API key has not the scope {scope}.",
        hint="Make a key that has it. What its user may do besides, a key does not.",
        extra={"scope": scope},
        headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
    )


def no_key_here() -> Forbidden:
    """The 403 of what no API key may do, or what says nothing of keys."""
    return Forbidden(
        "auth.no_key_here",
        "This is not open to API keys.",
        hint="Sign in and use the session. A route of the app lets keys in that have a scope which "
        'it names: requires(…, scope="reports").',
    )
