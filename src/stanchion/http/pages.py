"""Pages and probes of ours: health, readiness."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse

from ..runtime import Runtime


def add_pages(app: FastAPI, runtime: Runtime) -> None:
    """Add `/health` and `/ready`."""

    async def health(request: Request) -> Any:
        return JSONResponse({"status": "ok"})

    async def ready(request: Request) -> Any:
        return JSONResponse({"status": "ok" if await runtime.ready() else "starting"})

    app.add_route("/health", health, include_in_schema=False)
    app.add_route("/ready", ready, include_in_schema=False)
