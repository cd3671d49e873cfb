"""Query strings to queries.

In: the raw query string, and the fields that a hint to this caller may name.
Out: `ReadQuery` and `AggregateQuery`.
Refuses (400): unknown and repeated parameters, bad numbers, what is no UTF-8.
"""

from __future__ import annotations

import re
from binascii import a2b_qp
from collections.abc import Callable, Mapping, Sequence
from typing import Any
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
_TEXTS = {"sort", "after", "expand", "fields"}  # given as they are
MOST = 1000
_NAMES = {*LIST, *AGGREGATE}


def split(raw: bytes) -> Given:
    """The parameters of a query string, each with its values; `+` is a space.

    >>> split(b"filter=total%20%3E%201&filter=open&q=red+mug")
    {'filter': ['total > 1', 'open'], 'q': ['red mug']}
    """
    given: Given = {}
    # as text, because it takes Python 2,000 instructions to see that a byte is not among others
    for part in raw.decode("latin-1").split("&"):
        if not part:
            if b"&&" in raw:
                raise _unencoded()
            continue
        name, _, value = part.partition("=")
        if name not in _NAMES:
            name = _decoded(name)
        if name in given:
            given[name].append(_decoded(value))
        else:
            given[name] = [_decoded(value)]
    return given


def _decoded(text: str) -> str:
    if "%" in text or "+" in text or not text.isascii():
        raw = unquote(text.replace("+", " ").encode("latin-1"))
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            raise BadRequest(
                "query.encoding", "The query string is not UTF-8 under its percent-encoding."
            ) from None
    if "\0" in text:
        raise BadRequest("query.encoding", "The query string holds the NUL character.")
    return text


def unquote(raw: bytes) -> bytes:
    """What `urllib.parse.unquote_to_bytes` says, by the decoder of a sister of that encoding.

    Quoted-printable is the same with `=` in place of `%`, but for line breaks, and where a `%`
    begins no escape. Those are left to the clear form, which runs in Python.
    """
    if _NO_ESCAPE(raw) is not None or raw.find(b"\n") >= 0 or raw.find(b"\r") >= 0:
        return unquote_to_bytes(raw)
    return a2b_qp(raw.replace(b"=", b"%3D").replace(b"%", b"="))


_NO_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f][0-9A-Fa-f])").search


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
    # The clear form asks for each of the eight, as `aggregate_query` does, which costs more.
    asked: dict[str, Any] = {name: _single(given, name) for name in given if name in _TEXTS}
    if "filter" in given:
        asked["filters"] = tuple([text for text in given["filter"] if text.strip()])
    if "limit" in given:
        asked["limit"] = _limit(_single(given, "limit"), _READ_ON)
    if "q" in given:
        asked["q"] = _single(given, "q") or None
    if "total" in given:
        asked["total"] = _flag(given, "total")
    return ReadQuery(collection.name, **asked)


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
        limit=MOST if "limit" not in given else _limit(_single(given, "limit"), _GROUPS_END),
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


_READ_ON = "Read on with `after` and the `next` of each page."
_GROUPS_END = "Groups have no pages: `sort` brings those that matter to the front."


def _limit(text: str, hint: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or not 1 <= int(text) <= MOST:
        raise BadRequest(
            "query.limit",
            f"`limit` is a whole number from 1 to {MOST}.",
            hint=hint,
        )
    return int(text)


def _refuse_unknown(given: Given, known: Sequence[str], visible: Visible) -> None:
    for name in given:
        if name not in known:
            raise _unknown(name, given[name][0], given, known, visible)


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
