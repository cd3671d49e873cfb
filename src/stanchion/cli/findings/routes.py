"""Routes of the app that do not say who may call them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .finding import Finding, place_of_code

if TYPE_CHECKING:
    from ...app import App

WAY_OUT = "user: CurrentUser, or dependencies=[requires(…)]; requires(public) if everybody may"


def find_silent_routes(app: App) -> Iterator[Finding]:
    """Routes that ask for nobody and do not say that anybody may come. A mount has no way to."""
    from ..exposure import find_routes

    silent = [route for route in find_routes(app) if route.who is None]
    if silent:
        names = ", ".join(f"`{route.name}`" for route in silent)
        yield Finding(
            "warning",
            "route.silent",
            f"{names} {'says' if len(silent) == 1 else 'say'} nothing about who may call "
            f"{'it' if len(silent) == 1 else 'them'}",
            *place_of_code(silent[0].endpoint),
            WAY_OUT,
        )
