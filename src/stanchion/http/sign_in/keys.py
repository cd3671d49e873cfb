"""The routes of API keys: make one, see them, end one. No key comes here itself.

In: requests of who is signed in.   Out: a token, once; what keys there are.
`auth/keys.py` does the work.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from ...auth.keys import OwnKey
from ...errors import NotFound
from . import bodies
from .shared import NO_STORE, AuthRoutes, add_routes


class KeyRoutes(AuthRoutes):
    """API keys."""

    def add_to(self, router: APIRouter) -> None:
        """Add the routes."""
        add_routes(
            router,
            (
                ("POST", "/keys", self.make_key, 201, bodies.KeyStarted),
                ("GET", "/keys", self.keys, 200, bodies.KeyList),
                ("DELETE", "/keys/{key}", self.end_key, 204, None),
            ),
        )

    async def make_key(self, body: bodies.KeyMade, request: Request, response: Response) -> Any:
        """Make an API key. It asks for a recent proof."""
        actor = await self._proven(request)
        response.headers.update(NO_STORE)
        keys = (await self._gate()).keys
        token, key = await keys.make(
            actor,
            body.name,
            body.scopes,
            body.days,
            self._runtime.route_scopes,
            self._program(request),
        )
        return bodies.KeyStarted(token=token, key=_key(key))

    async def keys(self, request: Request, response: Response) -> Any:
        """The API keys of who asks."""
        actor = await self._signed_in(request)
        response.headers.update(NO_STORE)
        found = await (await self._gate()).keys.listed(actor.name)
        return bodies.KeyList(items=[_key(one) for one in found])

    async def end_key(self, key: str, request: Request, response: Response) -> None:
        """End one API key of who asks."""
        actor = await self._signed_in(request)
        response.headers.update(NO_STORE)
        keys = (await self._gate()).keys
        if not await keys.end(actor.name, key, self._program(request)):
            raise NotFound("record.not_found", "You have no API key of this id.")


def _key(key: OwnKey) -> bodies.KeyShown:
    return bodies.KeyShown(
        id=key.id, name=key.name, scopes=list(key.scopes), created=key.created, used=key.used,
        ends=key.ends,
    )  # fmt: skip
