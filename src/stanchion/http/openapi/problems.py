"""Problems in the document: their schema, and one shared response for each status."""

from __future__ import annotations

from typing import Any

from ...errors import (
    BadRequest,
    Conflict,
    Forbidden,
    InternalError,
    Invalid,
    MethodNotAllowed,
    NotFound,
    PreconditionFailed,
    Problem,
    RequestTimeout,
    StorageFull,
    TooLarge,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
)
from ...problems import CATALOGUE, PAGES, example_of
from .records import ref
from .values import JSONSchema

# the class, and the code whose example shows it
_RESPONSES: tuple[tuple[type[Problem], str], ...] = (
    (BadRequest, "query.unknown_parameter"),
    (Unauthorized, "access.sign_in"),
    (Forbidden, "access.refused"),
    (NotFound, "record.not_found"),
    (MethodNotAllowed, "route.method"),
    (RequestTimeout, "body.timeout"),
    (Conflict, "record.conflict"),
    (PreconditionFailed, "record.stale"),
    (TooLarge, "body.too_large"),
    (UnsupportedMediaType, "body.type"),
    (Invalid, "body.invalid"),
    (TooManyRequests, "limit.exceeded"),
    (InternalError, "server.error"),
    (Unavailable, "server.deadline"),
    (StorageFull, "storage.full"),
    (Problem, "record.conflict"),
)


UNCHANGED = {"304": {"description": "It is what `If-None-Match` names."}}


def problem_schemas(problem: str, error: str) -> dict[str, JSONSchema]:
    """The schemas of a problem and of one of its `errors`, under these names."""
    return {problem: _problem(error), error: _PROBLEM_ERROR}


def _problem(error: str) -> JSONSchema:
    return {
        "type": "object",
        "description": "Problem details (RFC 9457). Some codes add members of their own.",
        "properties": {
            "type": {
                "type": "string",
                "format": "uri-reference",
                "description": "A page that explains the code.",
            },
            "title": {"type": "string", "description": "The status in words."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "code": {
                "type": "string",
                "description": f"Stable; {PAGES}{{code}} says what it means and what to do.",
            },
            "detail": {"type": "string", "description": "What is wrong here."},
            "hint": {"type": "string", "description": "The way out, where one is known."},
            "errors": {"type": "array", "items": ref(error)},
        },
        "required": ["type", "title", "status", "code", "detail"],
    }


_PROBLEM_ERROR: JSONSchema = {
    "type": "object",
    "description": "One mistake at one place.",
    "properties": {
        "pointer": {
            "type": "string",
            "format": "json-pointer",
            "description": "The place in the body; missing where there is none to name.",
        },
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
    "required": ["code", "detail"],
}


def problem_responses(problem: str) -> dict[str, Any]:
    """The shared responses, by the name of their class; `problem` names the schema."""
    return {kind.__name__: _response(kind, code, problem) for kind, code in _RESPONSES}


def _response(kind: type[Problem], code: str, problem: str) -> dict[str, Any]:
    content = {"schema": ref(problem), "example": example_of(CATALOGUE[code])}
    said = "Any other problem." if kind is Problem else (kind.__doc__ or kind.title).strip()
    found: dict[str, Any] = {"description": said}
    headers = _HEADERS.get(kind)
    if headers:
        found["headers"] = headers
    return {**found, "content": {"application/problem+json": content}}


_RETRY_AFTER = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}
_HEADERS: dict[type[Problem], Any] = {
    Unauthorized: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    Unavailable: {"Retry-After": _RETRY_AFTER},
    TooManyRequests: {
        "Retry-After": _RETRY_AFTER,
        "RateLimit-Policy": {
            "description": "Each limit: how much there is (`q`) for how many seconds (`w`).",
            "schema": {"type": "string"},
        },
        "RateLimit": {
            "description": "What is left of each (`r`), and in how many seconds all is back (`t`).",
            "schema": {"type": "string"},
        },
    },
}


def problem_ref(kind: type[Problem]) -> dict[str, str]:
    """A reference to the shared response of a class."""
    return {"$ref": f"#/components/responses/{kind.__name__}"}
