from typing import Any

from starlette.middleware.base import BaseHTTPMiddleware

from stanchion import App

app = App("Middleware")


class Plain:
    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


class Timed(BaseHTTPMiddleware):
    async def dispatch(self, request: Any, call_next: Any) -> Any:
        return await call_next(request)


@app.middleware("http")
async def stamped(request: Any, call_next: Any) -> Any:
    return await call_next(request)


def counted(request: Any, call_next: Any) -> Any:
    return call_next(request)


app.add_middleware(Plain)
app.add_middleware(Timed)
app.add_middleware(BaseHTTPMiddleware, dispatch=counted)  # type: ignore[arg-type]  # the trouble
