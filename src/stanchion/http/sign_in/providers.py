"""The routes of signing in with an account elsewhere.

In: an app whose users declare providers.   Out: routes of FastAPI's.
A browser leaves and comes back by plain links, so these answer with redirects; what went wrong, and
what else is asked for, is a page for whoever would rather read one than JSON, as browsers do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from ...auth import Halfway
from ...errors import Problem, TooLarge
from ...runtime import Runtime
from ..preference import weight
from . import bodies
from .pages.entering import EnteringPages
from .shared import (
    NO_STORE,
    STATE_COOKIE,
    STATE_LASTS_S,
    AuthRoutes,
    add_routes,
    request_id,
    state_cookie,
    tell_started,
)

if TYPE_CHECKING:
    from ...auth.providers import ProviderSignIn

FORM_BYTES = 64 * 1024
BROUGHT = ("state", "code", "error", "iss")


def add_providers(app: FastAPI, router: APIRouter, runtime: Runtime) -> None:
    """Add the routes to those of sign-in."""
    routes = _ProviderRoutes(runtime, EnteringPages(app, runtime))
    add_routes(
        router,
        (
            ("GET", "/providers", routes.providers, 200, bodies.ProviderList),
            ("GET", "/oauth/{provider}", routes.begin, 303, None),
            ("GET", "/oauth/{provider}/callback", routes.finish, 303, None),
            ("POST", "/oauth/{provider}/callback", routes.form, 303, None),
            ("POST", "/oauth/{provider}/link", routes.link, 200, bodies.Leads),
            ("GET", "/identities", routes.identities, 200, bodies.IdentityList),
            ("DELETE", "/identities/{identity}", routes.unlink, 204, None),
        ),
    )


class _ProviderRoutes(AuthRoutes):
    """There and back, and the accounts elsewhere."""

    def __init__(self, runtime: Runtime, pages: EnteringPages) -> None:
        super().__init__(runtime)
        self._pages = pages

    async def providers(self) -> Any:
        """The providers that people can come in with."""
        found = (await self._providers()).providers
        return bodies.ProviderList(
            items=[bodies.ProviderShown(name=each.name, title=each.title) for each in found]
        )

    async def begin(self, provider: str, request: Request, next: str = "/") -> Response:
        """Go to a provider to sign in there. The browser comes back to `next`, a path of this app,
        with a session."""
        gate = await self._gate()
        try:
            await gate.attempts.way_out(self._program(request).address)
            begun = await (await self._providers()).begin(provider, next)
        except Problem as refused:
            return self._told(request, refused)
        return _sent(begun.address, state_cookie(begun.state, STATE_LASTS_S))

    async def finish(self, provider: str, request: Request) -> Response:
        """Where a provider sends browsers back to. Where the account asks for a second factor, the
        answer is the ticket to it, as that of a login."""
        brought = {n: v for n, v in request.query_params.multi_items() if n in BROUGHT}
        try:
            done = await (await self._providers()).finish(
                provider, brought, request.cookies.get(STATE_COOKIE, ""),
                self._program(request), request_id(request),
            )  # fmt: skip
        except Problem as refused:
            return self._told(request, refused)
        gone = state_cookie("", 0)
        if isinstance(done.came, Halfway) and _reads_pages(request):
            page = await self._pages.enter(request, done.came, done.goal)
            page.headers.append("Set-Cookie", gone)
            return page
        if isinstance(done.came, Halfway):
            asked = {"second_factor": list(done.came.ways), "ticket": done.came.ticket}
            return JSONResponse(asked, headers={**NO_STORE, "Set-Cookie": gone})
        answer = _sent(done.goal, gone)
        if done.came is not None:
            tell_started(done.came)
            answer.headers.append("Set-Cookie", await self._cookie_of(done.came))
        return answer

    async def form(self, provider: str, request: Request) -> Response:
        """Where a provider sends browsers back to that posts a form. A browser adds no cookie of
        ours to that, so it is asked to come once more."""
        read = bytearray()
        async for part in request.stream():
            read += part
            if len(read) > FORM_BYTES:
                raise TooLarge("body.too_large", "This form is larger than any provider's.")
        pairs = parse_qsl(bytes(read).decode("utf-8", "replace"), max_num_fields=50)
        brought = urlencode([(name, value) for name, value in pairs if name in BROUGHT])
        return _sent(f"{request.url.path}?{brought}", None)

    async def link(
        self, provider: str, body: bodies.LinkProvider, request: Request, response: Response
    ) -> Any:
        """Link an account at a provider to one's own: the answer says where the browser goes."""
        actor = await self._proven(request)
        response.headers.update(NO_STORE)
        begun = await (await self._providers()).begin(provider, body.next, actor.name)
        response.headers["Set-Cookie"] = state_cookie(begun.state, STATE_LASTS_S)
        return bodies.Leads(address=begun.address)

    async def identities(self, request: Request, response: Response) -> Any:
        """The accounts elsewhere that let who asks in."""
        actor = await self._signed_in(request)
        response.headers.update(NO_STORE)
        found = await (await self._providers()).linking.listed(actor.name)
        return bodies.IdentityList(
            items=[
                bodies.IdentityShown(
                    id=one.id, provider=one.provider, email=one.email, created=one.created,
                    used=one.used,
                )
                for one in found
            ]
        )  # fmt: skip

    async def unlink(self, identity: str, request: Request, response: Response) -> None:
        """Let an account elsewhere in no more. The last way in stays."""
        actor = await self._proven(request)
        response.headers.update(NO_STORE)
        program = self._program(request)
        await (await self._providers()).linking.remove(actor, identity, program)

    def _told(self, request: Request, refused: Problem) -> Response:
        """What was refused as a page; raised again for whoever reads none."""
        if not _reads_pages(request):
            raise refused
        return self._pages.page(request, "not_this_way.html", "That did not work", refused=refused)

    async def _providers(self) -> ProviderSignIn:
        found = (await self._gate()).providers
        assert found is not None
        return found


def _reads_pages(request: Request) -> bool:
    """Whether whoever asks would rather read a page than JSON."""
    accept = request.headers.get("accept", "")
    return weight(accept, "text/html") > weight(accept, "application/json")


def _sent(address: str, kept: str | None) -> Response:
    answer = RedirectResponse(address, 303, headers=NO_STORE)
    if kept is not None:
        answer.headers["Set-Cookie"] = kept
    return answer
