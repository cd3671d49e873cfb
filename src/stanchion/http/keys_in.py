"""Read an `Idempotency-Key`.

In: an ASGI scope, who asks, what was sent.   Out: `Once`, or None where there is no key.
Refuses (400): a key that is no key, and an anonymous one that others could guess.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any

from ..errors import BadRequest
from ..query import Actor
from ..store.idempotency import Once
from .asgi import Scope

LONGEST = 255
_PLAIN = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_QUOTED = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def once_of(scope: Scope, actor: Actor, sent: Any) -> Once | None:
    """The key of a request for a generated route; `sent` is its decoded body."""
    given = [value for name, value in scope["headers"] if name == b"idempotency-key"]
    if not given:
        return None
    body = json.dumps(sent, sort_keys=True, separators=(",", ":")).encode()
    return once(scope, given, actor, body)


def once(scope: Scope, given: list[bytes], actor: Actor, sent: bytes) -> Once:
    """The key of a request, for its caller and its route: method and path."""
    if len(given) > 1:
        raise _refused("The header `Idempotency-Key` stands twice.")
    key = _key(given[0].decode("latin-1").strip())
    if actor.kind == "anonymous" and _UUID.fullmatch(key) is None:
        raise _refused(
            "Without signing in, an `Idempotency-Key` is a UUID, so that nobody else guesses it.",
            hint="Make one with crypto.randomUUID() or uuid.uuid4().",
        )
    route = f"{scope['method']} {scope['path']}"
    # one key must not be told what the user, or another key, was answered
    caller = f"{actor.name} by {actor.key}" if actor.key else actor.name
    return Once(caller, route, key, sha256(sent).hexdigest())


def _key(text: str) -> str:
    """The key, in the plain form or as a quoted string of structured fields (RFC 8941)."""
    key = text
    if text.startswith('"'):
        quoted = _QUOTED.fullmatch(text)
        if quoted is None:
            raise _refused("The `Idempotency-Key` begins as a quoted string, and is none.")
        key = re.sub(r"\\(.)", r"\1", quoted[1])
    if not key or len(key) > LONGEST or _PLAIN.fullmatch(key) is None:
        raise _refused(f"An `Idempotency-Key` has 1 to {LONGEST} printable ASCII characters.")
    return key


def _refused(detail: str, hint: str | None = None) -> BadRequest:
    return BadRequest("idempotency.key", detail, hint=hint)
