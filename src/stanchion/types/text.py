"""Text: a Unicode string without NUL; compared and sorted by code point."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .base import FieldType, Wire, WireError, expected


@dataclass(frozen=True, slots=True)
class TextType(FieldType):
    """`str`. Lengths count code points."""

    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    index_bytes: int | None = None
    """What an index has room for, in UTF-8. No part of what is stored, so not described either."""

    kind = "text"

    def parse(self, wire: Wire) -> str:
        if not isinstance(wire, str):
            raise expected("a string", wire, "string_type")
        text = check_text(wire, self.min_length, self.max_length, self.pattern)
        room = self.index_bytes
        if room is not None and len(text) * 4 > room and len(text.encode()) > room:
            detail = f"Must have {room:,} or fewer bytes, because an index holds it."
            raise WireError("string_too_long", detail)
        return text

    def describe(self) -> dict[str, Any]:
        described = FieldType.describe(self)
        described.pop("index_bytes", None)
        return described

    def wire(self, value: Any) -> Wire:
        return str.__str__(value) if isinstance(value, str) else value

    def json_schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "string"}
        if self.min_length is not None:
            schema["minLength"] = self.min_length
        if self.max_length is not None:
            schema["maxLength"] = self.max_length
        if self.pattern is not None:
            schema["pattern"] = self.pattern
        return schema

    def sqlite_check(self, sql: str) -> list[tuple[str, str]]:
        checks = []
        if self.min_length:
            checks.append(("min_length", f"length({sql}) >= {self.min_length}"))
        if self.max_length is not None:
            checks.append(("max_length", f"length({sql}) <= {self.max_length}"))
        return checks


@lru_cache
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern whose `$` is the end of the text, as it is for pydantic and for who reads the JSON
    schema. To Python it is also the place before a last line break: `^[a-z]+$` took "abc\\n"."""
    plain = re.compile(pattern)
    if plain.flags & re.MULTILINE:
        return plain
    return re.compile(_END.sub(lambda found: r"\Z" if found[0] == "$" else found[0], pattern))


_END = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\$", re.DOTALL)
"""An escape, a set of characters, or the sign: the first two stay as they are."""


def check_text(text: str, least: int | None, most: int | None, pattern: str | None) -> str:
    """`text` itself; refuses NUL, lone surrogates, wrong lengths and a missed pattern."""
    if "\0" in text:
        raise WireError("string_nul", "Must not contain the NUL character.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise WireError(
                "string_unicode", "Must be valid Unicode, without lone surrogates."
            ) from None
    if least is not None and len(text) < least:
        raise WireError("string_too_short", f"Must have {least} or more characters.")
    if most is not None and len(text) > most:
        raise WireError("string_too_long", f"Must have {most} or fewer characters.")
    if pattern is not None and compile_pattern(pattern).search(text) is None:
        raise WireError("string_pattern_mismatch", f"Must match the pattern {pattern}")
    return text
