"""`GET /api/_explain`: why a request of the data API is answered as it is, told to admins.

In: a method, a path and who asks.   Out: what `stanchion explain --json` prints.
Refuses: whoever is no admin, API keys, what is no request of the data API, unknown users, and the
system as the one who asks, because it reads what is kept from admins too.
Nothing is changed: a write is tried in a transaction that is taken back.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, FastAPI, Query
from fastapi import Request as HTTPRequest

from ..errors import HOW_TO_SIGN_IN, BadRequest, Forbidden, Unauthorized
from ..explain import Explanation, Request, as_data, explain_request
from ..explain.who import find_who
from ..runtime import Runtime
from .asgi import Scope
from .callers import Bearer, Cookie
from .json_in import read_json
from .rehearse import answer_with, is_generated

PATH = "/api/_explain"
ExplainedMethod = Literal["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"]
LONGEST = 16_384


def add_explain(app: FastAPI, runtime: Runtime) -> None:
    """Add the route to an app that has users, and so may have admins."""
    router = APIRouter(tags=["explain"])

    @router.get(PATH, name="explain_request")
    async def explain(
        http: HTTPRequest,
        bearer: Bearer,
        cookie: Cookie,
        path: Annotated[str, Query(
            max_length=LONGEST,
            description="The path of the request, with its query: `/api/orders?sort=-total`.",
        )],
        method: Annotated[ExplainedMethod, Query(description="The method of the request.")] = "GET",
        who: Annotated[str, Query(
            alias="as", max_length=254,
            description="Who asks: the id or the e-mail address of a user, `anonymous` or `admin`.",
        )] = "anonymous",
        body: Annotated[str | None, Query(
            max_length=LONGEST,
            description="The body of a write, as JSON. It stands in the URL, so leave out what no "
            "log may hold.",
        )] = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Why a request of the data API is answered as it is, for admins: who asks, each rule and
        each part of it with its verdict, what is hidden, the answer, the SQL and how it runs.
        Nothing is changed: a write is tried in a transaction that is taken back."""
        await _refuse_others(http.scope, runtime)
        return await _explain(runtime, _request(method, path, body, runtime), who)

    app.include_router(router)


async def _refuse_others(scope: Scope, runtime: Runtime) -> None:
    await runtime.records()
    actor = await runtime.identify(scope)
    if actor.kind == "anonymous":
        raise Unauthorized(
            "access.sign_in", "Explanations are for admins, and nobody is signed in.",
            hint=HOW_TO_SIGN_IN,
            headers={"WWW-Authenticate": "Bearer"},
        )  # fmt: skip
    if actor.kind not in ("admin", "system"):
        raise Forbidden("access.refused", "Explanations are for admins.")


def _request(method: str, path: str, body: str | None, runtime: Runtime) -> Request:
    parts = urlsplit(path)
    clean = quote(parts.path, safe="/%:@!$&'()*+,;=~-._")
    if not is_generated(clean, runtime):
        raise BadRequest(
            "explain.route", f"{path[:200]} is no path of the data API.",
            hint="/api/{collection} and what is below it.",
        )  # fmt: skip
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    given = {"content-type": "application/json"}
    if body is None:
        return Request(method, clean, query, headers=given)
    decoded = read_json(body.encode("utf-8", "surrogatepass"), runtime.settings.json_depth)
    return Request(method, clean, query, decoded, True, given)


async def _explain(runtime: Runtime, request: Request, who: str) -> dict[str, Any]:
    records = (await runtime.records()).aside()  # explaining notes what is done with the plans
    actor = None if who == "system" else await find_who(records, who)
    if actor is None:
        raise BadRequest(
            "explain.who", f"There is no user with the id or e-mail address {who[:254]!r}.",
            hint="`anonymous` and `admin` need no record.",
        )  # fmt: skip
    answer = answer_with(request, runtime)
    found = await explain_request(request, records, actor, answer)
    data: dict[str, Any] = json.loads(json.dumps(as_data(_without_folders(found))))
    return data


def _without_folders(found: Explanation) -> Explanation:
    """Rules say the file that they stand in; where it lies is the server's business."""
    rules = tuple(
        rule if rule.place is None
        else replace(rule, place=replace(rule.place, file=Path(rule.place.file).name))
        for rule in found.rules
    )  # fmt: skip
    return replace(found, rules=rules)
