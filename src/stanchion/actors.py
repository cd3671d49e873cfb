"""Who acts, from what Python code hands over."""

from __future__ import annotations

from .declare import Model, Record, UserRecord
from .errors import DeclarationError
from .query import ANONYMOUS, Actor


def actor_of(given: Actor | Record | None, model: Model) -> Actor:
    """The actor of a user's record; None is anonymous. Raises `DeclarationError` for others."""
    if given is None:
        return ANONYMOUS
    if isinstance(given, Actor):
        return given
    if not isinstance(given, UserRecord):
        raise DeclarationError(
            "actor.type",
            f"an actor is a user's record or app.system(), not a {type(given).__name__}",
        )
    values, _ = model.of(type(given)).values_of(given)
    held = given._held_to
    scopes = None if held is None else held.scopes
    return Actor("admin" if given.admin else "user", values, scopes=scopes)
