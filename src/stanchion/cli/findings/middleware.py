"""What stands around every request, and should not."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .finding import Finding, place_of_code

if TYPE_CHECKING:
    from ...app import App


def find_slow_middleware(app: App) -> Iterator[Finding]:
    """Middleware that Starlette runs in a task of its own, and such that cannot run at all."""
    from starlette.middleware.base import BaseHTTPMiddleware

    for middleware in app.user_middleware:
        kind: Any = middleware.cls
        if not (isinstance(kind, type) and issubclass(kind, BaseHTTPMiddleware)):
            continue
        function = middleware.kwargs.get("dispatch")
        name = getattr(function, "__name__", None) or kind.__name__
        place = place_of_code(function or kind)
        if not inspect.iscoroutinefunction(function or kind.dispatch):
            yield Finding(
                "mistake",
                "middleware.sync",
                f"`{name}` is not async: every request would be answered 500",
                *place,
                "write `async def`, and `await` what calls the app",
            )
            continue
        yield Finding(
            "warning",
            "middleware.slow",
            f"`{name}` makes every request about 0.3 ms slower, those of the data API too",
            *place,
            '@app.middleware("http") and BaseHTTPMiddleware start a task for each request; write '
            "it as a plain ASGI class: app.add_middleware(MyMiddleware)",
        )
