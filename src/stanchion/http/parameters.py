"""Query strings to queries.

In: the raw query string, and the fields that a hint to this caller may name.
Out: `ReadQuery` and `AggregateQuery`.
Refuses (400): unknown and repeated parameters, bad numbers, what is no UTF-8.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import unquote_to_bytes

from ..errors import BadRequest, did_you_mean
from ..query import AggregateQuery, ReadQuery
from ..schema import Collection, Field
from ..types import EnumType, FieldType, ListType, WireError

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
    first = _FIRST_NAME.match(word)
    if word in fields:
        hint: str | None = f"To filter: filter={_condition(fields[word], value)}"
    elif first is not None and first[0] != word and first[0] in fields:
        hint = f"To filter: filter={word[:60]}" + (f"={value[:40]}" if value else "")
    else:
        hint = did_you_mean(word[:60], known) or (
            f"Parameters here: {', '.join(known)}." if known else "This call takes none."
        )
    return BadRequest("query.unknown_parameter", f"`{word[:60]}` is no parameter.", hint=hint)


_FIRST_NAME = re.compile(r"\w+")


_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_SAMPLES = {
    "int": "1", "float": "0.5", "decimal": "9.50", "bool": "true", "date": "2026-01-31",
    "datetime": "2026-01-31T12:00:00Z", "uuid": "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f",
}  # fmt: skip


def _condition(field: Field, value: str) -> str:
    """What `?stock=5`, or `?stock==5`, was to say, as a filter that this field takes."""
    kind = field.type
    meant = value.lstrip("=").strip()
    if len(meant) > 1 and meant[0] in "\"'" and meant[0] == meant[-1]:
        meant = meant[1:-1]
    if isinstance(kind, ListType):
        return f"{_literal(kind.item, meant)} in {field.name}"
    if kind.kind == "json":
        return f"has({field.name})"
    return f"{field.name} == {_literal(kind, meant)}"


def _literal(kind: FieldType, meant: str) -> str:
    """`meant` as a literal, or a sample where the type has no such value."""
    if kind.kind in ("int", "float", "decimal"):
        fits = _NUMBER.fullmatch(meant) is not None and (kind.kind != "int" or "." not in meant)
        return meant if fits else _SAMPLES[kind.kind]
    if kind.kind == "bool":
        return meant if meant in ("true", "false") else _SAMPLES["bool"]
    text = meant[:40]
    if isinstance(kind, EnumType):
        text = meant if meant in kind.values else kind.values[0]
    elif kind.kind in _SAMPLES:
        text = meant if _is_value(kind, meant) else _SAMPLES[kind.kind]
    return json.dumps(text, ensure_ascii=False)


def _is_value(kind: FieldType, wire: str) -> bool:
    try:
        kind.parse(wire)
    except WireError:
        return False
    return True
