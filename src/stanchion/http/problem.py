"""Problems as answers: RFC 9457 `application/problem+json`, and nothing else anywhere."""

from __future__ import annotations

import json
from typing import Any

from ..errors import PAGES, Problem
from .asgi import NO_STORE, NOSNIFF, Headers

CONTENT_TYPE = (b"content-type", b"application/problem+json")


def document(problem: Problem) -> dict[str, Any]:
    """The members of a problem document, in the order people read them."""
    members: dict[str, Any] = {
        "type": PAGES + problem.code,
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
    }
    if problem.hint:
        members["hint"] = problem.hint
    if problem.errors:
        members["errors"] = [
            {"pointer": e.pointer, "code": e.code, "detail": e.detail}
            if e.pointer is not None
            else {"code": e.code, "detail": e.detail}
            for e in problem.errors
        ]
    return {**members, **{k: v for k, v in problem.extra.items() if k not in members}}


def render(problem: Problem) -> tuple[int, Headers, bytes]:
    """Status, headers and body of a problem."""
    body = json.dumps(document(problem), ensure_ascii=False, separators=(",", ":"))
    encoded = body.encode("utf-8", "replace")
    headers: Headers = [
        CONTENT_TYPE,
        (b"content-length", str(len(encoded)).encode()),
        NO_STORE,
    ]
    headers += [
        (name.lower().encode(), value.encode("latin-1", "replace"))
        for name, value in problem.headers.items()
    ]
    return problem.status, [*headers, NOSNIFF], encoded
