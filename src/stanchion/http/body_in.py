"""Read the body of a request: its length, its type, then its JSON.

In: an ASGI scope and `receive`.   Out: the decoded JSON.
Refuses: a body that is too large (413), or of another type (415).
"""

from __future__ import annotations

from typing import Any

from ..errors import BadRequest, TooLarge, UnsupportedMediaType
from ..settings import Settings
from .asgi import Receive, Scope, header
from .json_in import read_json


async def json_body(
    settings: Settings, scope: Scope, receive: Receive, types: tuple[bytes, ...]
) -> Any:
    """The JSON of a body of one of these types."""
    length = header(scope, b"content-length")
    if length is not None and is_longer(length, settings.body_limit):
        raise body_too_large(settings.body_limit)
    encoding = header(scope, b"content-encoding") or "identity"
    if encoding.strip().lower() != "identity":
        raise UnsupportedMediaType(
            "body.type",
            f"The body is packed with {encoding[:40]}; this call takes it as it is.",
            hint="Leave `Content-Encoding` out and send plain JSON.",
        )
    given = (header(scope, b"content-type") or "").partition(";")[0].strip().lower()
    if given.encode("latin-1", "replace") not in types:
        said = " or ".join(t.decode() for t in types)
        raise UnsupportedMediaType(
            "body.type",
            f"The body is {given or 'of no named type'}; this call takes {said}.",
            hint="With curl: curl --json '{…}' URL",
        )
    return read_json(await read_body(receive, settings.body_limit), settings.json_depth)


def is_longer(content_length: str, limit: int) -> bool:
    """Whether a `Content-Length` announces more than `limit` bytes."""
    digits = content_length.strip()
    return digits.isdecimal() and (len(digits) > 18 or int(digits) > limit)


async def read_body(receive: Receive, limit: int) -> bytes:
    """The whole body; raises `TooLarge` as soon as it is longer than `limit`."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise BadRequest("body.incomplete", "The body ended too early.")
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False) and len(body) <= limit:
        return body
    chunks, size = [body], len(body)
    while message.get("more_body", False):
        if size > limit:
            raise body_too_large(limit)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("body.incomplete", "The body ended too early.")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
    if size > limit:
        raise body_too_large(limit)
    return b"".join(chunks)


def body_too_large(limit: int) -> TooLarge:
    """The error for a body of more than `limit` bytes."""
    return TooLarge(
        "body.too_large",
        f"The body is larger than {limit} bytes.",
        hint="Send less at once; the limit is STANCHION_BODY_LIMIT.",
    )
