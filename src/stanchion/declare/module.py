"""`Module`: a part of an app in a file of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter

from .jobs import JobDecorators, JobList
from .model import Declarations
from .once import MarkedRoute, MarkedRoutes
from .record import Record

R = TypeVar("R", bound=Record)


class Module(JobDecorators, MarkedRoutes, APIRouter):
    """Collections, jobs and routes that `app.include(module)` adds to an app.

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

    def _jobs(self) -> JobList:
        return self.declarations.jobs
