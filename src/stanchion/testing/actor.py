"""Acting as somebody in a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..actors import actor_of
from ..app import App
from ..declare import Record
from ..query import Actor


@contextmanager
def as_actor(app: App, actor: Actor | Record | None) -> Iterator[None]:
    """Every request of the block comes from `actor`: a user's record, `app.system()`, or None
    for somebody who is not signed in."""
    before = app.runtime.test_actor
    app.runtime.test_actor = actor_of(actor, app.runtime.model)
    try:
        yield
    finally:
        app.runtime.test_actor = before
