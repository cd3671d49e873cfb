"""FastAPI's side of the house: its errors as problem+json, and the middleware stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pydantic
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response

from ..errors import (
    BadRequest,
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    MethodNotAllowed,
    NotFound,
    Problem,
    TooLarge,
    Unauthorized,
    UnsupportedMediaType,
    pointer_to,
)
from .asgi import ASGIApp
from .blame import invalid_of, wrong_use
from .dispatch import Dispatcher
from .problem import render
from .settled import Settled
from .unoffered import not_offered

STATUS_CLASSES: dict[int, type[Problem]] = {
    c.status: c
    for c in (
        BadRequest, Unauthorized, Forbidden, NotFound, MethodNotAllowed, Conflict, TooLarge,
        UnsupportedMediaType, Invalid,
    )
}  # fmt: skip


class OtherStatus(Problem):
    """A status that an app's route raised and that we have no class for."""

    def __init__(self, status: int, detail: str, headers: dict[str, str]) -> None:
        super().__init__("route.status", detail, headers=headers)
        self.status = status  # type: ignore[misc]  # of this occurrence
        self.title = detail  # type: ignore[misc]  # as above


def build_stack(app: FastAPI, front: Callable[[ASGIApp], Dispatcher]) -> ASGIApp:
    """The app's own middleware, once, around the dispatcher and FastAPI's router."""
    handlers = dict(app.exception_handlers)
    unexpected = handlers.pop(500, None) or handlers.pop(Exception, None)
    router: Any = Settled(AsyncExitStackMiddleware(app.router))
    router = ExceptionMiddleware(router, handlers=handlers, debug=app.debug)
    dispatcher = front(router)
    app.state.stanchion_dispatcher = dispatcher
    stack: Any = dispatcher
    for middleware in reversed(app.user_middleware):
        stack = middleware.cls(stack, *middleware.args, **middleware.kwargs)
    if unexpected is not None:
        from starlette.middleware.errors import ServerErrorMiddleware

        stack = ServerErrorMiddleware(stack, handler=unexpected, debug=False)
    return stack  # type: ignore[no-any-return]  # an ASGI application


def add_problem_handlers(app: FastAPI) -> None:
    """Answer our problems, and FastAPI's own errors, as problem+json; an app may set others."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(pydantic.ValidationError, _refused_value)


def response(problem: Problem) -> Response:
    """A problem as a Starlette response."""
    status, headers, body = render(problem)
    answer = Response(body, status)
    answer.raw_headers = headers
    return answer


async def _problem(request: Request, error: Any) -> Response:
    """A problem as it is; where the app's own code was wrong, what is raised here is a 500."""
    wrong = await wrong_use(request, error)
    if wrong is not None:
        raise wrong from error
    request.app.runtime.refused(request.scope, error)
    return response(error)


async def _refused_value(request: Request, error: Any) -> Response:
    """What pydantic refused inside a route: of a record's values it may be the caller's."""
    if error.title not in request.app.runtime.record_names:
        raise error
    return await _problem(request, invalid_of(error))


async def _http_exception(request: Request, error: Any) -> Response:
    if error.status_code in (404, 405) and error.detail in ("Not Found", "Method Not Allowed"):
        problem = _no_route(request, error)
        if request.method == "OPTIONS" and isinstance(problem, MethodNotAllowed):
            return Response(status_code=204, headers=problem.headers)
        return response(problem)
    if error.status_code < 400:
        return Response(status_code=error.status_code, headers=error.headers)
    headers = dict(error.headers or {})
    kind = STATUS_CLASSES.get(error.status_code)
    if kind is None:
        return response(OtherStatus(error.status_code, str(error.detail), headers))
    if isinstance(error.detail, dict):  # an app's own members go beside ours
        detail = str(error.detail.get("detail", kind.title))
        return response(kind("route.status", detail, headers=headers, extra=error.detail))
    return response(kind("route.status", str(error.detail), headers=headers))


def _no_route(request: Request, error: HTTPException) -> Problem:
    dispatcher: Dispatcher = request.app.state.stanchion_dispatcher
    own = dispatcher.refusal(request.scope)
    path = request.scope["path"][:200]
    if error.status_code == 405:
        generated = own.headers["Allow"] if isinstance(own, MethodNotAllowed) else ""
        every = f"{generated},{(error.headers or {}).get('Allow', '')}".split(",")
        allow = ", ".join(dict.fromkeys(sorted(m.strip() for m in every if m.strip())))
        return MethodNotAllowed(
            "route.method",
            f"{request.method} is no method of {path}.",
            hint=f"Methods here: {allow}.",
            headers={"Allow": allow},
        )
    told = not_offered(path, request.app.runtime.model.sign_in) or own
    if told is not None:
        return told
    hint = "See /docs for what there is."
    return NotFound("route.not_found", f"Nothing is at {path}.", hint=hint)


async def _validation_error(request: Request, error: Any) -> Response:
    errors, places = [], set()
    for entry in error.errors():
        place, *rest = entry["loc"]
        places.add(place)
        if entry["type"] == "json_invalid":
            return response(BadRequest("body.syntax", f"The body is not JSON: {entry['msg']}."))
        pointer = pointer_to(*rest) if place == "body" else None
        detail = entry["msg"]
        if pointer is None:
            detail = f"{place} {'.'.join(map(str, rest))}: {detail}"
        errors.append(FieldError(pointer, entry["type"], detail))
    what = "body" if places == {"body"} else "request"
    return response(Invalid("body.invalid", f"The {what} breaks the model.", errors=errors))
