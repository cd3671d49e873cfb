"""Query strings to queries.

In: the raw query string, and the fields that a hint to this caller may name.
Out: `ReadQuery` and `AggregateQuery`.
Refuses (400): unknown and repeated parameters, bad numbers, what is no UTF-8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import unquote_to_bytes

from ..errors import BadRequest
from ..query import AggregateQuery, ReadQuery
from ..schema import Collection, Field
from .hints import hint

Given = dict[str, list[str]]
Visible = Callable[[], Mapping[str, Field]]
LIST = ("filter", "q", "sort", "limit", "after", "expand", "fields", "total")
ONE = ("expand", "fields")
AGGREGATE = ("group", "count", "sum", "avg", "min", "max", "filter", "q", "sort", "limit")
MOST = 1000
_NAMES = {name.encode(): name for name in (*LIST, *AGGREGATE)}


def split(raw: bytes) -> Given:
    """The parameters of a query string, each with its values; `+` is a space."""
    given: Given = {}
    for part in raw.split(b"&"):
        if not part:
            if b"&&" in raw:
                raise _unencoded()
            continue
        name, _, value = part.partition(b"=")
        known = _NAMES.get(name)
        given.setdefault(known or _decoded(name), []).append(_decoded(value))
    return given


def _decoded(raw: bytes) -> str:
    if b"%" in raw or b"+" in raw:
        raw = unquote_to_bytes(raw.replace(b"+", b" "))
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise BadRequest(
            "query.encoding", "The query string is not UTF-8 under its percent-encoding."
        ) from None
    if "\0" in text:
        raise BadRequest("query.encoding", "The query string holds the NUL character.")
    return text


def _unencoded() -> BadRequest:
    return BadRequest(
        "query.unencoded",
        "`&&` in the query string ends the parameter it stands in.",
        hint="Write `and` instead of `&&`, or encode it as %26%26.",
    )


def list_query(collection: Collection, raw: bytes, visible: Visible) -> ReadQuery:
    """The query of `GET /api/{collection}`."""
    if not raw:
        return ReadQuery(collection.name)
    given = split(raw)
    _refuse_unknown(given, LIST, visible)
    limit = given.get("limit")
    return ReadQuery(
        collection=collection.name,
        filters=tuple(f for f in given.get("filter", ()) if f.strip()),
        q=_single(given, "q") or None,
        sort=_single(given, "sort"),
        after=_single(given, "after") if "after" in given else None,
        limit=50 if limit is None else _limit(_single(given, "limit")),
        expand=_single(given, "expand"),
        fields=_single(given, "fields"),
        total=_flag(given, "total"),
    )


def one_query(collection: Collection, key: str, raw: bytes, visible: Visible) -> ReadQuery:
    """The query of `GET /api/{collection}/{id}`."""
    if not raw:
        return ReadQuery(collection.name, key)
    given = split(raw)
    _refuse_unknown(given, ONE, visible)
    return ReadQuery(
        collection.name, key, expand=_single(given, "expand"), fields=_single(given, "fields")
    )


def aggregate_query(collection: Collection, raw: bytes, visible: Visible) -> AggregateQuery:
    """The query of `GET /api/{collection}/_aggregate`."""
    given = split(raw)
    _refuse_unknown(given, AGGREGATE, visible)
    return AggregateQuery(
        collection=collection.name,
        filters=tuple(f for f in given.get("filter", ()) if f.strip()),
        q=_single(given, "q") or None,
        group=_single(given, "group"),
        count=_flag(given, "count"),
        sum=_single(given, "sum"),
        avg=_single(given, "avg"),
        min=_single(given, "min"),
        max=_single(given, "max"),
        sort=_single(given, "sort"),
        limit=MOST if "limit" not in given else _limit(_single(given, "limit")),
    )


def refuse_parameters(raw: bytes) -> None:
    """Writes take no parameters."""
    if raw:
        _refuse_unknown(split(raw), (), dict)


def _single(given: Given, name: str) -> str:
    values = given.get(name)
    if values is None:
        return ""
    if len(values) > 1:
        raise BadRequest(
            f"query.{name}",
            f"`{name}` is given {len(values)} times.",
            hint="Only `filter` may be repeated; its parts are joined with and.",
        )
    return values[0].strip()


def _flag(given: Given, name: str) -> bool:
    if name not in given:
        return False
    value = _single(given, name)
    if value not in ("true", "false"):
        raise BadRequest(f"query.{name}", f"`{name}` is true or false.", hint=f"{name}=true")
    return value == "true"


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or not 1 <= int(text) <= MOST:
        raise BadRequest(
            "query.limit",
            f"`limit` is a whole number from 1 to {MOST}.",
            hint="Read on with `after` and the `next` of each page.",
        )
    return int(text)


def _refuse_unknown(given: Given, known: Sequence[str], visible: Visible) -> None:
    for name, values in given.items():
        if name not in known:
            raise _unknown(name, values[0], given, known, visible)


def _unknown(
    name: str, value: str, given: Given, known: Sequence[str], visible: Visible
) -> BadRequest:
    """The error for an unknown parameter: most of them were meant to be filters."""
    word = name.strip()
    if "filter" in given and (not (word.isidentifier() and value) or value.startswith("=")):
        return BadRequest(
            "query.unencoded",
            "A `&` in the query string ends the parameter it stands in.",
            hint="Join conditions with `and`; inside a value, write %26.",
        )
    fields = visible() if "filter" in known else {}
    told = hint(word[:60], value, known, fields)
    if told is None:
        told = f"Parameters here: {', '.join(known)}." if known else "This call takes none."
    return BadRequest("query.unknown_parameter", f"`{word[:60]}` is no parameter.", hint=told)
