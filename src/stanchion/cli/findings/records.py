"""Record classes that nobody made a collection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .finding import Finding, place_of_code

if TYPE_CHECKING:
    from ...app import App
    from ...declare import Record


def find_undeclared(app: App) -> Iterator[Finding]:
    """Record classes in the app's folder that are no collection, and no base of another class."""
    from ...declare import Record

    for record in _last_of(Record):
        file, line = place_of_code(record)
        if file is None or app.runtime.base not in Path(file).parents:
            continue
        yield Finding(
            "warning",
            "record.undeclared",
            f"`{record.__name__}` is a record class of no collection, so nothing of it is served",
            file,
            line,
            'put @app.collection("…") above it, or import and include the Module that does',
        )


def _last_of(record: type[Record]) -> Iterator[type[Record]]:
    """The record classes below this one that have none below themselves."""
    for below in record.__subclasses__():
        if below.__subclasses__():
            yield from _last_of(below)
        elif not below._declared and not below.__module__.startswith("stanchion."):
            yield below
