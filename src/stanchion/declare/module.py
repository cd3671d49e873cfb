"""`Module`: a part of an app in a file of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter

from .model import Declarations
from .once import MarkedRoute, marked
from .record import Record

R = TypeVar("R", bound=Record)
F = TypeVar("F", bound=Callable[..., Any])


class Module(APIRouter):
    """Collections and routes that `app.include(module)` adds to an app.

    It is a FastAPI router, so `@module.get(...)` and its sisters work as FastAPI's docs say.
    """

    def __init__(self, name: str, **router: Any) -> None:
        router.setdefault("route_class", MarkedRoute)
        super().__init__(**router)
        self.name = name
        self.declarations = Declarations()

    def collection(self, name: str) -> Callable[[type[R]], type[R]]:
        """Make the decorated record class the collection `name`."""
        return self.declarations.collection(name)

    def post(self, path: str, *, idempotent: bool = False, **fastapi: Any) -> Callable[[F], F]:
        """FastAPI's `post`. `idempotent`: with an `Idempotency-Key`, a request that is sent again
        has no second effect; the effect is one `transaction()`."""
        return super().post(path, **marked(idempotent, fastapi))

    def put(self, path: str, *, idempotent: bool = False, **fastapi: Any) -> Callable[[F], F]:
        """FastAPI's `put`. `idempotent`: with an `Idempotency-Key`, a request that is sent again
        has no second effect; the effect is one `transaction()`."""
        return super().put(path, **marked(idempotent, fastapi))

    def patch(self, path: str, *, idempotent: bool = False, **fastapi: Any) -> Callable[[F], F]:
        """FastAPI's `patch`. `idempotent`: with an `Idempotency-Key`, a request that is sent again
        has no second effect; the effect is one `transaction()`."""
        return super().patch(path, **marked(idempotent, fastapi))

    def delete(self, path: str, *, idempotent: bool = False, **fastapi: Any) -> Callable[[F], F]:
        """FastAPI's `delete`. `idempotent`: with an `Idempotency-Key`, a request that is sent again
        has no second effect; the effect is one `transaction()`."""
        return super().delete(path, **marked(idempotent, fastapi))
