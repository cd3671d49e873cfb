"""Who asks what: plain values between the edge and `plan/`. No judgement here.

Made by `http/` and by `app.transaction`; read by `plan/` and `records`.
"""

from __future__ import annotations

import json
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from hashlib import blake2b
from json.encoder import encode_basestring
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from .errors import BadRequest
from .types import EnumType, FieldType, TextType

ActorKind = Literal["anonymous", "user", "admin", "system"]


@dataclass(eq=False, slots=True)
class Actor:
    """Who is asking. `record` holds the values of the caller's user record by field name.

    `session` is the id of the session that the request came with, `proven` the moment at which its
    owner last proved who they are, in nanoseconds since 1970. One that came with an API key has its
    id as `key`, and as `scopes` what it is for; nothing is taken away from others. `profile` is
    where `plan/` keeps what it found out about this actor; nobody else reads it.
    """

    kind: ActorKind
    record: Mapping[str, Any] | None = None
    session: str = ""
    proven: int = 0
    key: str = ""
    scopes: frozenset[str] | None = None
    profile: Any = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """How the change log names this actor: a user's id, or the kind."""
        return str(self.record["id"]) if self.record is not None else self.kind


ANONYMOUS = Actor("anonymous")
SYSTEM = Actor("system")


class ReadQuery(NamedTuple):
    """A list, or one record when `key` is given. Texts are as the caller wrote them.

    `filters` are joined with and; `params` are the values of `$names` (Python callers only).
    `after` is a cursor; `limit` counts records.
    """

    collection: str
    key: str | None = None
    filters: tuple[str, ...] = ()
    params: Mapping[str, Any] = MappingProxyType({})
    q: str | None = None
    sort: str = ""
    after: str | None = None
    limit: int = 50
    expand: str = ""
    fields: str = ""
    total: bool = False


class AggregateQuery(NamedTuple):
    """Groups of records and what they come to."""

    collection: str
    filters: tuple[str, ...] = ()
    params: Mapping[str, Any] = MappingProxyType({})
    q: str | None = None
    group: str = ""
    count: bool = False  # type: ignore[assignment]  # hides the method of a tuple
    sum: str = ""
    avg: str = ""
    min: str = ""
    max: str = ""
    sort: str = ""
    limit: int = 1000


def join_filters(filters: Sequence[str]) -> str:
    """Several filters as one text.

    >>> join_filters(["total > 1 || open", "code == 'A'"])
    "(total > 1 || open) && (code == 'A')"
    """
    if len(filters) == 1:
        return filters[0]
    return " && ".join(f"({text})" for text in filters)


Operation = Literal["create", "update", "delete"]
Wish = Literal["create", "update", "put", "delete"]


class Conditions(NamedTuple):
    """ETags, as they were sent: the record must be at one of `if_match`, and at none of
    `if_none_match`."""

    if_match: str | None = None
    if_none_match: str | None = None

    @classmethod
    def at(cls, version: int | None) -> Conditions:
        """Of Python code, which names versions."""
        return cls() if version is None else cls(f'"{version}"')


NO_CONDITIONS = Conditions()


@dataclass(frozen=True, slots=True)
class WriteQuery:
    """One step of the write door.

    create: `bodies` holds what was sent for each record; `many` says that it came as an array.
    update, put and delete: `key` names the record, `conditions` the versions that it may have.
    put: replaces the record, or creates it.
    """

    operation: Wish
    collection: str
    key: str | None = None
    bodies: tuple[Any, ...] = ()
    many: bool = False
    conditions: Conditions = NO_CONDITIONS


# cursors

FORMAT = 1
_read_json = json.JSONDecoder().raw_decode


def digest(*parts: str) -> str:
    """Eleven characters that stand for these texts."""
    joined = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return _base64(blake2b(joined, digest_size=8).digest())


def _base64(raw: bytes) -> str:
    """Base64 for URLs without padding: what `base64.urlsafe_b64encode` writes, in half the time."""
    text = b2a_base64(raw, newline=False).decode()
    return text.replace("+", "-").replace("/", "_").rstrip("=")


def encode_cursor(mark: str, values: Sequence[Any]) -> str:
    """An opaque cursor: the format, what it belongs to, and the sort values of the last record.

    >>> cursor = encode_cursor("a mark", ["Ann", None])
    >>> cursor.isalnum(), decode_cursor(cursor, "a mark", 2)
    (True, ('Ann', None))
    """
    listed = ",".join(map(_json, values))
    text = f"[{FORMAT},{_json(mark)},[{listed}]]"
    return _base64(text.encode())


def _json(value: Any) -> str:
    """JSON of a scalar; raises `TypeError` for anything else."""
    if isinstance(value, str):
        return encode_basestring(value)
    if type(value) is int:
        return repr(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    raise TypeError(type(value).__name__)


def decode_cursor(cursor: str, mark: str, count: int) -> tuple[Any, ...]:
    """The sort values of a cursor that was made for `mark`; raises `BadRequest`.

    A cursor is what `encode_cursor` writes, to the letter; nothing that merely decodes alike.
    """
    # The clear form is json.loads(base64.urlsafe_b64decode(…)). This is the same in half the time,
    # and need not refuse what follows the JSON: nothing does in a cursor that encodes alike.
    try:
        plain = cursor.replace("-", "+").replace("_", "/") + "=" * (-len(cursor) % 4)
        text = a2b_base64(plain).decode()
        (_, made_for, values), _ = _read_json(text)
        known = encode_cursor(made_for, values) == cursor
    except (ValueError, TypeError, RecursionError):
        known = False
    if not known:
        raise wrong_cursor()
    if made_for != mark or len(values) != count:
        raise BadRequest(
            "query.cursor",
            "`after` belongs to another list: filter, q and sort must stay the same.",
            hint="Start again without `after`.",
        )
    return tuple(values)


def cursor_type(kind: FieldType) -> FieldType:
    """The type that a value in a cursor has: a stored value may break a check that is new."""
    if isinstance(kind, EnumType):
        return TextType()
    unset = {f.name: None for f in fields(kind) if f.name in _CHECKS}
    return replace(kind, **unset) if unset else kind


_CHECKS = ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern")


def wrong_cursor() -> BadRequest:
    """The error for what no page of this API ever gave as `next`."""
    return BadRequest(
        "query.cursor",
        "`after` is not a cursor of this API.",
        hint="Use the `next` of the page before, unchanged; leave `after` out for the first page.",
    )
