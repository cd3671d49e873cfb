"""What an unknown parameter was meant to be: one sentence, made for the caller.

In: its name and value, the parameters of this call, the fields that a hint to this caller may name.
Out: a hint, or None.   Called by `parameters`, which refuses the request.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence

from ..errors import suggest
from ..schema import Field
from ..types import EnumType, FieldType, ListType, WireError

# What other APIs call what we have, in lower case and without `_`, `-` and `$`.
_ELSEWHERE = {
    "sort": ("order", "orderby", "ordering", "sortby", "by"),
    "filter": ("where", "having", "filterby", "criteria", "conditions"),
    "q": ("query", "search", "text", "term", "keyword"),
    "fields": ("select", "only", "columns", "properties"),
    "expand": ("include", "populate", "embed", "with", "relations"),
    "limit": ("perpage", "pagesize", "top", "take", "first", "max", "maxresults"),
    "after": ("offset", "skip", "page", "cursor", "startingafter", "start", "pagetoken"),
    "total": ("count", "totalcount", "counttotal"),
    "group": ("groupby", "by"),
    "count": ("total", "totalcount", "size"),
    "avg": ("average", "mean"),
    "min": ("minimum", "least"),
    "max": ("maximum", "most"),
}
_OF_GROUPS = ("group", "sum", "avg", "min", "max")
_OF_RECORDS = ("expand", "fields")
_OF_LISTS = ("filter", "q", "sort", "limit", "after", "total")
_AFTER = "Pages are read on with `after` and the `next` of the page before."


def hint(name: str, value: str, known: Sequence[str], fields: Mapping[str, Field]) -> str | None:
    """What `name=value` was meant to be, among the `known` parameters; None if no guess is good.

    >>> hint("orderby", "name", ("filter", "sort", "after"), {})
    "Did you mean 'sort'?"
    >>> hint("offset", "20", ("filter", "sort", "after"), {})
    'Pages are read on with `after` and the `next` of the page before.'
    """
    word = name.strip()
    condition = _meant_condition(word, value, fields)
    if condition is not None:
        return f"To filter: filter={condition}"
    return (
        _of_another_call(word, known)
        or _same_elsewhere(word, known)
        or _misspelled(word, known)
        or _misspelled_field(word, value, fields)
    )


def _same_elsewhere(word: str, known: Sequence[str]) -> str | None:
    plain = re.sub("[-_$]", "", word.lower())
    for ours in known:
        if plain in (ours, *_ELSEWHERE.get(ours, ())):
            return _AFTER if ours == "after" else f"Did you mean '{ours}'?"
    return None


def _of_another_call(word: str, known: Sequence[str]) -> str | None:
    """Where a parameter of ours belongs that this call does not take."""
    if "filter" not in known:
        told = f"`{word}` belongs to lists; parameters here: {', '.join(known)}."
        return told if known and word in _OF_LISTS else None
    if "group" in known:
        if word in _OF_RECORDS:
            return f"`{word}` belongs to records; groups are shown by `group`."
        return "Groups have no pages; `limit` takes up to 1000." if _pages(word) else None
    return f"`{word}` belongs to _aggregate." if word in _OF_GROUPS else None


def _pages(word: str) -> bool:
    return word.lower() in ("after", *_ELSEWHERE["after"])


def _misspelled(word: str, known: Sequence[str]) -> str | None:
    """The parameter that is nearest, if it is near: short words resemble many."""
    near = suggest(word[:60].lower(), known)
    if near is None:
        return None
    alike = difflib.SequenceMatcher(None, word.lower(), near).ratio()
    return f"Did you mean '{near}'?" if near[0] == word[0].lower() or alike > 0.65 else None


def _misspelled_field(word: str, value: str, fields: Mapping[str, Field]) -> str | None:
    near = suggest(word[:60], fields)
    if near is None or difflib.SequenceMatcher(None, word, near).ratio() < 0.8:
        return None
    return f"To filter: filter={_condition(fields[near], value)}"


# conditions


_COMPARED = {
    "eq": "==", "ne": "!=", "neq": "!=", "not": "!=", "lt": "<", "lte": "<=", "le": "<=",
    "gt": ">", "gte": ">=", "ge": ">=", "min": ">=", "max": "<=",
}  # fmt: skip
_FIRST_NAME = re.compile(r"\w+")
_BRACKETS = re.compile(r"(?:filter|where)?\[?(\w+?)\]?(?:\[\$?|__|\.)([a-z]{2,3})\]?")
_FILTERED = re.compile(r"(?:filter|where)\[(\w+)\]")
_PATH = re.compile(r"\w+(\.\w+)+")


def _meant_condition(word: str, value: str, fields: Mapping[str, Field]) -> str | None:
    """A filter that says what a field in the place of a parameter was to say."""
    filtered = _FILTERED.fullmatch(word)
    plain = filtered[1] if filtered else word
    if plain in fields:
        return _condition(fields[plain], value)
    compared = _BRACKETS.fullmatch(word)
    if compared is not None and compared[1] in fields and compared[2] in _COMPARED:
        field = fields[compared[1]]
        if field.type.sortable and (field.reference is None or "." not in word):
            return f"{field.name} {_COMPARED[compared[2]]} {_literal(field.type, _meant(value))}"
    first = _FIRST_NAME.match(word)
    if first is None or first[0] == word or first[0] not in fields:
        return None
    if _PATH.fullmatch(word):
        return f"{word[:60]} == {_guessed(_meant(value))}"
    return word[:60] + (f"={value[:40]}" if value else "")


def _meant(value: str) -> str:
    """The value of `?stock==5` or `?name='Mug'` without what belongs to other languages."""
    meant = value.lstrip("=").strip()
    if len(meant) > 1 and meant[0] in "\"'" and meant[0] == meant[-1]:
        meant = meant[1:-1]
    return meant


def _guessed(meant: str) -> str:
    """A literal for a field whose type this hint does not know."""
    if _NUMBER.fullmatch(meant) or meant in ("true", "false", "null"):
        return meant
    return json.dumps(meant[:40], ensure_ascii=False)


_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_SAMPLES = {
    "int": "1", "float": "0.5", "decimal": "9.50", "bool": "true", "date": "2026-01-31",
    "datetime": "2026-01-31T12:00:00Z", "uuid": "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f",
}  # fmt: skip


def _condition(field: Field, value: str) -> str:
    """What `?stock=5`, or `?stock==5`, was to say, as a filter that this field takes."""
    kind = field.type
    meant = _meant(value)
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
