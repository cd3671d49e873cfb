"""The way to a provider and back.

In: a browser that wants to go there, and what it brings back.   Out: a session, or a linked
account. Each way is used once, within ten minutes, by the browser that began it: a cookie and a row
know it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ... import events
from ...declare import Provider
from ...errors import BadRequest, Forbidden, NotFound
from ..entrance import Halfway, SignedIn
from ..goals import is_goal
from ..sessions import Program
from ..tokens import new_token
from .clients import ClientAtProvider
from .exchange import Exchange, Identity
from .linking import Linking
from .signed import Untrusted
from .ways import WayOut, Ways, new_way

_REASON = re.compile("[a-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes, and what it must bring back."""

    address: str
    state: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Where it goes now, and what lets it in; None where an account was linked."""

    goal: str
    came: SignedIn | Halfway | None


class ProviderSignIn:
    """The providers of one app; `root` is the public address of its routes of sign-in."""

    def __init__(
        self, linking: Linking, ways: Ways, providers: Iterable[Provider],
        clients: Mapping[str, ClientAtProvider], root: str,
    ) -> None:  # fmt: skip
        self.linking = linking
        self._ways = ways
        self._exchanges = {
            provider.name: Exchange(
                provider, clients[provider.name], f"{root}/oauth/{provider.name}/callback"
            )
            for provider in providers
        }

    @property
    def providers(self) -> list[Provider]:
        """Those that people can come in with."""
        return [exchange.provider for exchange in self._exchanges.values()]

    async def begin(self, name: str, goal: str, user: str = "") -> Begun:
        """Begin the way to a provider; `user` links what is found there to themselves. Raises
        `NotFound`, and `BadRequest` for a goal outside of this app."""
        exchange = self._exchange(name)
        if not is_goal(goal):
            raise BadRequest(
                "auth.goal", "`next` is a path of this app, with a slash at its beginning.",
                hint="/orders?open=1",
            )  # fmt: skip
        state, way = new_token("oa"), new_way(goal, user)
        try:
            address = await exchange.address(state, way.nonce, way.verifier)
        except Untrusted as error:
            raise self._refused(name, str(error)) from None
        await self._ways.keep(name, state, way)
        return Begun(address, state)

    async def finish(
        self, name: str, brought: Mapping[str, str], cookie: str, client: Program, request: str
    ) -> Finished:
        """What became of a way. Raises `BadRequest` for one that this browser did not begin."""
        exchange = self._exchange(name)
        way = await self._ways.take(name, brought.get("state", ""), cookie)
        if way is None:
            raise BadRequest(
                "auth.way_unknown",
                "This browser did not begin this sign-in, or it took longer than ten minutes.",
                hint="Begin again.",
            )
        if "code" not in brought:
            reason = brought.get("error", "")
            raise self._refused(name, reason if _REASON.fullmatch(reason) else "no code")
        try:
            identity = await exchange.identity(
                brought["code"], way.verifier, way.nonce, brought.get("iss")
            )
        except Untrusted as error:
            raise self._refused(name, str(error)) from None
        return await self._settle(exchange.provider, identity, way, client, request)

    async def _settle(
        self, provider: Provider, identity: Identity, way: WayOut, client: Program, request: str
    ) -> Finished:
        if way.user:
            await self.linking.link(provider, identity, way.user, request, client)
            return Finished(way.goal, None)
        came = await self.linking.come_in(provider, identity, client, request)
        return Finished(way.goal, came)

    def _exchange(self, name: str) -> Exchange:
        if name not in self._exchanges:
            known = ", ".join(self._exchanges) or "none"
            raise NotFound(
                "auth.no_provider", "This app knows no such provider.", hint=f"It knows {known}."
            )
        return self._exchanges[name]

    def _refused(self, name: str, why: str) -> Forbidden:
        """403; what exactly was wrong stands in the log, it helps nobody else."""
        events.emit(events.ProviderFailed(name, why))
        title = self._exchanges[name].provider.title
        return Forbidden(
            "auth.provider_refused", f"{title} did not let you in.",
            hint="Try again, or sign in another way.",
        )  # fmt: skip
