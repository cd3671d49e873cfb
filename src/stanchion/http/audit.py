"""Auditing over HTTP: refusals on their way out, and `GET /api/_audit` for admins.

In: a problem and the request that it answers; requests of admins.   Out: notes, pages.
`auth/trail.py` keeps what is told here.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ..errors import HOW_TO_SIGN_IN, Forbidden, Problem, Unauthorized
from ..query import ANONYMOUS, Actor
from ..runtime import CALLER, Runtime
from ..store.audit import AuditSource, note
from .asgi import Scope
from .callers import Bearer, Cookie
from .clients import client_of

KINDS = {
    "auth.wrong_login": "session.refused",
    "auth.wrong_password": "password.refused",
    "auth.session_ended": "token.refused",
    "auth.key_ended": "token.refused",
}
"""What a refusal is called by its code; every other 401 and 403 is `access.refused`."""


def note_refusal(runtime: Runtime, scope: Scope, problem: Problem) -> None:
    """Take note of a 401 or 403, and of attempts that were too many. What is told of the request is
    what the code knows: the rule or the route, never the path as it was sent."""
    gate = runtime.gate
    kind = KINDS.get(problem.code, "access.refused")
    if problem.status == 429 and problem.code == "limit.exceeded":
        named = str(problem.extra.get("violated-policies"))
        kind = "attempts.refused" if "'sign-in." in named else ""
    elif problem.status not in (401, 403):
        kind = ""
    if gate is None or not kind:
        return
    route = scope.get("route")
    what = getattr(route, "path", "") or problem.extra.get("rule", "")
    facts = {"code": problem.code, "method": scope.get("method", ""), "what": str(what)[:200]}
    caller: Actor = scope.get(CALLER, ANONYMOUS)
    actor = caller.name
    source = AuditSource(
        actor, client_of(scope, runtime.settings), scope.get("stanchion.request", "")
    )
    user = problem.about or ("" if caller is ANONYMOUS else actor)
    gate.trail.refuse(note(kind, user, source, refused=True, **facts))


class AuditQuery(BaseModel):
    """Which part of the audit log."""

    model_config = ConfigDict(extra="forbid")

    kind: str = Field(
        "",
        pattern=r"^([a-z]+\.([a-z]+|\*))?$",
        description="`key.made`, or `key.*` for all of keys.",
    )
    user: str = Field("", max_length=60, description="The id of the user whom it is about.")
    since: AwareDatetime | None = Field(None, description="From this moment on.")
    until: AwareDatetime | None = Field(None, description="Before this moment.")
    after: str | None = Field(None, description="The `next` of the page before.")
    limit: int = Field(50, ge=1, le=1000)


class AuditItem(BaseModel):
    """Something that happened to an account, or was refused."""

    id: str
    time: str
    kind: str = Field(examples=["session.started", "key.made", "user.changed", "access.refused"])
    refused: bool
    user: str | None = Field(description="The id of the user whom it is about, if it is known.")
    actor: str = Field(description="Who did it: a user's id, `anonymous` or `system`.")
    network: str = Field(description="Where it came from; an IPv6 address without its end.")
    request: str = Field(description="The id of the request.")
    facts: dict[str, Any]


class AuditItems(BaseModel):
    """A page of the audit log, the newest first."""

    items: list[AuditItem]
    next: str | None


def add_audit(app: FastAPI, runtime: Runtime) -> None:
    """Add the route to an app that has users."""
    router = APIRouter(tags=["audit"])

    async def audit(
        asked: Annotated[AuditQuery, Query()], request: Request, response: Response,
        bearer: Bearer, cookie: Cookie,
    ) -> Any:  # fmt: skip
        """Who came in, who was turned away, whose rights changed. For admins."""
        actor = await runtime.identify(request.scope)
        response.headers["Cache-Control"] = "no-store"
        if actor.kind == "anonymous":
            raise Unauthorized(
                "access.sign_in", "The audit log is for admins, and nobody is signed in.",
                hint=HOW_TO_SIGN_IN,
                headers={"WWW-Authenticate": "Bearer"},
            )  # fmt: skip
        if actor.kind not in ("admin", "system"):
            raise Forbidden("access.refused", "The audit log is for admins.")
        assert runtime.gate is not None, "an app without users has no such route"
        page = await runtime.gate.trail.page(
            asked.kind, asked.user, asked.since, asked.until, asked.after, asked.limit
        )
        return {"items": page.items, "next": page.next}

    router.add_api_route(
        "/api/_audit", audit, methods=["GET"], response_model=AuditItems, name="audit.list"
    )
    app.include_router(router)
