"""Read a JSON body strictly: what this accepts, every JSON reader understands alike.

In: bytes.   Out: Python values.
Refuses (400): what is no UTF-8 or no JSON, a byte order mark, duplicate keys, NaN and infinities,
numbers that overflow a double or have over 400 digits, NUL and lone surrogates in texts, and
nesting past the limit. The standard library's decoder is the one that lets all of these be seen.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from ..errors import BadRequest

_DIGITS = 400
_AS_JSON = (
    "Names and texts stand in double quotes, no comma stands before a closing bracket, and the "
    "words are true, false and null."
)
_LONE = re.compile("[\ud800-\udfff]")


class _Refused(Exception):
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


def read_json(body: bytes, depth: int) -> Any:
    """The value of a JSON text; raises `BadRequest`."""
    if body[:3] == b"\xef\xbb\xbf":
        raise _bad("body.encoding", "The body starts with a byte order mark.", "Send plain UTF-8.")
    if b"\0" in body:
        detail = "The body holds NUL bytes; it looks like UTF-16."
        raise _bad("body.encoding", detail, "Send JSON as UTF-8.")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise _bad(
            "body.encoding", f"The body is not UTF-8 (byte {error.start}).", "Send JSON as UTF-8."
        ) from None
    if not text.strip():
        raise _bad("body.empty", "The body is empty.", 'Send a JSON object: {"name": "…"}')
    if _too_deep(text, depth):
        raise _deep(depth)
    try:
        value = _decoder.decode(text)
    except RecursionError:  # only where the limit was set very high
        raise _deep(depth) from None
    except _Refused as error:
        raise _bad(error.code, error.detail, None) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _bad(
            "body.syntax", f"The body is not JSON: {error.msg} ({where}).", _AS_JSON
        ) from None
    if "\\u" in text:
        _check_texts(value)
    return value


def _deep(depth: int) -> BadRequest:
    return _bad("body.depth", f"The body nests deeper than {depth} levels.", "Send flatter JSON.")


def _bad(code: str, detail: str, hint: str | None) -> BadRequest:
    return BadRequest(code, detail, hint=hint)


def _too_deep(text: str, depth: int) -> bool:
    """Whether brackets nest past `depth`; texts are skipped."""
    if text.count("[") + text.count("{") <= depth:
        return False
    level = 0
    for match in _BRACKETS.finditer(text):
        bracket = match[0]
        if bracket in "[{":
            level += 1
            if level > depth:
                return True
        elif bracket in "]}":
            level -= 1
    return False


# NOTE: possessive, and a text without an end is taken whole: else it would be tried again from
# each quotation mark inside it, and a body of a megabyte would take hours
_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)?|[\[\]{}]', re.DOTALL)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Refused("body.duplicate_key", f"The key {key[:60]!r} stands twice.")
            seen.add(key)
    return found


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise _Refused("body.number", f"A number has more than {_DIGITS} digits.")
    return int(digits)


def _float(digits: str) -> float:
    if len(digits) > _DIGITS:
        raise _Refused("body.number", f"A number has more than {_DIGITS} digits.")
    value = float(digits)
    if not math.isfinite(value):
        raise _Refused("body.number", f"The number {digits[:40]} is too large.")
    return value


def _constant(name: str) -> Any:
    raise _Refused("body.number", f"{name} is no JSON number.")


_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)


def _check_texts(value: Any) -> None:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            for key, inner in item.items():
                _check_text(key)
                waiting.append(inner)
        elif isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, str):
            _check_text(item)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise _bad("body.nul", "A text holds the NUL character.", None)
    if _LONE.search(text) is not None:
        raise _bad("body.surrogate", "A text holds half of a surrogate pair.", None)
