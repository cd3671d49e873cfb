"""Who asks what: plain values between the edge and `plan/`. No judgement here.

Made by `http/` and by `app.transaction`; read by `plan/` and `records`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .errors import BadRequest

ActorKind = Literal["anonymous", "user", "admin", "system"]


@dataclass(eq=False, slots=True)
class Actor:
    """Who is asking. `record` holds the values of the caller's user record by field name.

    `profile` is where `plan/` keeps what it found out about this actor; nobody else reads it.
    """

    kind: ActorKind
    record: Mapping[str, Any] | None = None
    profile: Any = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """How the change log names this actor: a user's id, or the kind."""
        return str(self.record["id"]) if self.record is not None else self.kind


ANONYMOUS = Actor("anonymous")
SYSTEM = Actor("system")


@dataclass(frozen=True, slots=True)
class ReadQuery:
    """A list, or one record when `key` is given. Texts are as the caller wrote them.

    `filters` are joined with and; `params` are the values of `$names` (Python callers only).
    `after` is a cursor; `limit` counts records.
    """

    collection: str
    key: str | None = None
    filters: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    q: str | None = None
    sort: str = ""
    after: str | None = None
    limit: int = 50
    expand: str = ""
    fields: str = ""
    total: bool = False


@dataclass(frozen=True, slots=True)
class AggregateQuery:
    """Groups of records and what they come to."""

    collection: str
    filters: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    q: str | None = None
    group: str = ""
    count: bool = False
    sum: str = ""
    limit: int = 1000


Operation = Literal["create", "update", "delete"]


@dataclass(frozen=True, slots=True)
class WriteQuery:
    """One step of the write door.

    create: `bodies` holds one wire object for each record; `many` says that they came as an array.
    update and delete: `key` names the record, `if_match` the version it must have.
    """

    operation: Operation
    collection: str
    key: str | None = None
    bodies: tuple[Mapping[str, Any], ...] = ()
    many: bool = False
    if_match: str | None = None


# cursors

FORMAT = 1


def digest(*parts: str) -> str:
    """Eleven characters that stand for these texts."""
    joined = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    raw = hashlib.blake2b(joined, digest_size=8).digest()
    return base64.urlsafe_b64encode(raw).decode()[:11]


def encode_cursor(mark: str, values: Sequence[Any]) -> str:
    """An opaque cursor: the format, what it belongs to, and the sort values of the last record."""
    text = json.dumps([FORMAT, mark, list(values)], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode_cursor(cursor: str, mark: str, count: int) -> tuple[Any, ...]:
    """The sort values of a cursor that was made for `mark`; raises `BadRequest`."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        found = json.loads(raw)
    except (ValueError, binascii.Error, RecursionError):
        found = None
    if not isinstance(found, list) or len(found) != 3 or found[0] != FORMAT:
        raise BadRequest(
            "query.cursor",
            "`after` is not a cursor of this API.",
            hint="Use the `next` of the page before, unchanged.",
        )
    if found[1] != mark or not isinstance(found[2], list) or len(found[2]) != count:
        raise BadRequest(
            "query.cursor",
            "`after` belongs to another list: filter, q and sort must stay the same.",
            hint="Start again without `after`.",
        )
    return tuple(found[2])
