"""`GET /api/_schema` as an operation of the document."""

from __future__ import annotations

from typing import Any

from ...errors import BadRequest, InternalError, TooLarge, Unauthorized, Unavailable
from ...plan.policy import ROW_OPERATIONS
from .problems import UNCHANGED, problem_ref
from .values import JSONSchema

VERDICT: JSONSchema = {"type": "string", "enum": ["never", "maybe"]}


def schema_operation() -> dict[str, Any]:
    """What the caller may see of the model."""
    kinds = (BadRequest, Unauthorized, TooLarge, InternalError, Unavailable)
    return {
        "summary": "What you may see of the model",
        "description": "The collections that are not closed to the caller, the fields that it may "
        "read, what it may do, and the limits of requests. It differs from caller to caller.",
        "operationId": "read_schema",
        "parameters": [{"$ref": "#/components/parameters/if_changed"}],
        "responses": {
            "200": {
                "description": "The model.",
                "content": {"application/json": {"schema": _model()}},
            },
            **UNCHANGED,
            **{str(kind.status): problem_ref(kind) for kind in kinds},
        },
    }


def _model() -> JSONSchema:
    return _object(
        {
            "title": {"type": "string"},
            "collections": {"type": "object", "additionalProperties": _collection()},
            "limits": {"type": "object", "additionalProperties": {"type": "integer"}},
        }
    )


def _collection() -> JSONSchema:
    return _object(
        {
            "doc": {"type": "string"},
            "key": {"type": "array", "items": {"type": "string"}},
            "operations": _object(dict.fromkeys(ROW_OPERATIONS, VERDICT)),
            "fields": {"type": "object", "additionalProperties": _field()},
            "relations": {"type": "object", "additionalProperties": _relation()},
        }
    )


def _field() -> JSONSchema:
    """A field; the parameters of its type (`max_length`, `values`, `big`, …) stand beside these."""
    return _object(
        {
            "type": {"type": "string"},
            "nullable": {"type": "boolean"},
            "required": {"type": "boolean"},
            "read": {"type": "string", "enum": ["always", "sometimes"]},
            "create": VERDICT,
            "update": VERDICT,
        }
    )


def _relation() -> JSONSchema:
    found = _object({"type": {"const": "many"}, "collection": {"type": "string"}})
    more = ("field", "through", "by", "to", "doc")
    return {**found, "properties": {**found["properties"], **{m: {"type": "string"} for m in more}}}


def _object(properties: dict[str, Any]) -> JSONSchema:
    return {"type": "object", "properties": properties, "required": list(properties)}
