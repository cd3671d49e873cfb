"""`idempotent=True` on a route of an app: how it is written down until the route is called.

In: the arguments of a route.   Out: the same with a mark that the OpenAPI document shows too.
What the mark does is `http/idempotent`, which the app puts where `MarkedRoute` finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.routing import APIRoute

F = TypeVar("F", bound=Callable[..., Any])
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
MARK = "x-idempotent"
KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A key of the client's making (a UUID unless it is signed in): the same request "
    "sent again has no second effect, and the first answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def marked(idempotent: bool, fastapi: dict[str, Any]) -> dict[str, Any]:
    """FastAPI's arguments of a route, with the mark if it is idempotent."""
    if not idempotent:
        return fastapi
    extra = dict(fastapi.get("openapi_extra") or {})
    parameters = [*extra.get("parameters", ()), KEY_PARAMETER]
    return {**fastapi, "openapi_extra": {**extra, MARK: True, "parameters": parameters}}


class MarkedRoute(APIRoute):
    """A route that may carry the mark."""

    def get_route_handler(self) -> Handler:
        """FastAPI's handler; under an `Idempotency-Key` it is called once."""
        answer = super().get_route_handler()
        if not (self.openapi_extra or {}).get(MARK):
            return answer

        async def handler(request: Request) -> Response:
            if "idempotency-key" not in request.headers:
                return await answer(request)
            response: Response = await request.app.state.stanchion_once(request, answer)
            return response

        return handler


class MarkedRoutes:
    """The methods of FastAPI's apps and routers whose routes may carry the mark; either of these
    stands behind it among the bases of a class."""

    def post(self, path: str, *, idempotent: bool = False, **fastapi: Any) -> Callable[[F], F]:
        """FastAPI's `post`. `idempotent`: with an `Idempotency-Key`, a request that is sent again
        has no second effect; the effect is one `transaction()`."""
        return super().post(path, **marked(idempotent, fastapi))  # type: ignore[misc,no-any-return]  # FastAPI's

    def put(self, path: str, *, idempotent: bool = False, **fastapi: Any) -> Callable[[F], F]:
        """FastAPI's `put`. `idempotent`: with an `Idempotency-Key`, a request that is sent again
        has no second effect; the effect is one `transaction()`."""
        return super().put(path, **marked(idempotent, fastapi))  # type: ignore[misc,no-any-return]  # FastAPI's

    def patch(self, path: str, *, idempotent: bool = False, **fastapi: Any) -> Callable[[F], F]:
        """FastAPI's `patch`. `idempotent`: with an `Idempotency-Key`, a request that is sent again
        has no second effect; the effect is one `transaction()`."""
        return super().patch(path, **marked(idempotent, fastapi))  # type: ignore[misc,no-any-return]  # FastAPI's

    def delete(self, path: str, *, idempotent: bool = False, **fastapi: Any) -> Callable[[F], F]:
        """FastAPI's `delete`. `idempotent`: with an `Idempotency-Key`, a request that is sent again
        has no second effect; the effect is one `transaction()`."""
        return super().delete(path, **marked(idempotent, fastapi))  # type: ignore[misc,no-any-return]  # FastAPI's
