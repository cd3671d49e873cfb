"""Literals: lifted out of a text so that plans are cached by its shape, and given their values.

In: the text of a filter.   Out: a `Lifted`: the shape is the key of a plan, the literals are what
this one request brings. `literal_value` makes the value that a place in the plan asks for.
Texts of one shape have the same tokens but for the values of literals, so what `parse` and
`check` say of one holds for all; only `literal_value` can still refuse.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from math import isfinite
from typing import Any, NamedTuple
from typing import Literal as OneOf

from ..errors import did_you_mean
from ..types import DatetimeType, DateType, FieldType, UuidType, WireError
from . import tree
from .error import ExpressionError
from .tokens import LITERAL_KINDS, LITERALS

LiteralKind = OneOf["int", "float", "text"]


class Literal(NamedTuple):
    """A number or a text as it is written, quotes included, without a sign."""

    kind: LiteralKind
    text: str
    start: int
    end: int


class Lifted(NamedTuple):
    """A text whose literals are taken out: equal shapes may share everything but values."""

    shape: str
    literals: tuple[Literal, ...]


_LIFTED = re.compile(LITERALS)
_MARKERS = {"int": "#i", "float": "#f", "text": "#s"}


def lift(text: str) -> Lifted:
    """Replace each literal by a marker of its kind. Takes any text, also one that is no
    expression; a `#` is doubled, so that no text looks like a marker.

    >>> lifted = lift("total > 1000 and code == 'A-17'")
    >>> lifted.shape, [literal.text for literal in lifted.literals]
    ('total > #i and code == #s', ['1000', "'A-17'"])
    """
    parts: list[str] = []
    literals: list[Literal] = []
    done = 0
    for match in _LIFTED.finditer(text):
        if match.lastgroup == "skip":
            continue
        kind: Any = LITERAL_KINDS[match.lastgroup]  # type: ignore[index]  # one group always matches
        start, end = match.span()
        parts.append(text[done:start])
        parts.append(_MARKERS[kind])
        literals.append(Literal(kind, match.group(), start, end))
        done = end
    parts.append(text[done:])
    if "#" in text:
        parts[::2] = [part.replace("#", "##") for part in parts[::2]]
    return Lifted("".join(parts), tuple(literals))


# values

_DIGITS = 400  # more than any column holds; keeps exact arithmetic small
_LONGEST = timedelta(seconds=315_576_000_000)  # ten thousand years, as in CEL


def value_of_lit(lit: tree.Lit, literals: Sequence[Literal]) -> Any:
    """The value of a literal of the tree, wherever it is kept; raises ExpressionError."""
    if lit.slot is None:
        return lit.value
    return literal_value(literals[lit.slot], lit.type, lit.negative, exact=lit.exact)


def literal_value(
    literal: Literal, type: tree.Type, negative: bool = False, *, exact: bool = False
) -> Any:
    """The value of `literal` where a value of `type` is asked for, which `check` allowed for it.

    Numbers beside a decimal are exact, with as many places as were written (`exact`: refused
    where the type has fewer); a number with a point beside an int is a Decimal. Raises an
    ExpressionError with the span of the literal.
    """
    if literal.kind == "text":
        return _text_value(literal, decode_text(literal), type)
    if type.kind == "float":
        return _float_value(literal, negative)
    number = _number(literal, negative)
    if type.kind == "decimal":
        return _decimal_value(literal, Decimal(number), type.places if exact else None)
    if isinstance(number, int) and not tree.INT64[0] <= number <= tree.INT64[1]:
        raise _refused(literal, f"{_shown(literal)} does not fit into 64 bits.")
    return number


def _refused(literal: Literal, detail: str, hint: str | None = None) -> ExpressionError:
    return ExpressionError("literal", detail, literal.start, literal.end, hint)


def _shown(literal: Literal) -> str:
    text = literal.text
    return text if len(text) <= 40 else text[:30] + "…"


def _number(literal: Literal, negative: bool) -> int | Decimal:
    sign = -1 if negative else 1
    if literal.text.startswith("0x"):
        return sign * int(literal.text, 16)
    if len(literal.text) > _DIGITS:
        raise _refused(literal, f"A number of more than {_DIGITS} digits is too long.")
    if literal.kind == "int":
        return sign * int(literal.text)
    number = Decimal(literal.text)
    if number.is_zero():
        return Decimal(0)
    if abs(number.adjusted()) > _DIGITS:
        raise _refused(literal, f"{_shown(literal)} is too far from one.")
    return number.copy_negate() if negative else number


def _decimal_value(literal: Literal, number: Decimal, places: int | None) -> Decimal:
    _, _, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    if places is not None and exponent < -places and number != round(number, places):
        raise _refused(
            literal, f"{_shown(literal)} has more than the {places} places it is added to."
        )
    return number


def _float_value(literal: Literal, negative: bool) -> float:
    try:
        number = float(_number(literal, negative))
    except OverflowError:
        number = float("inf")
    if not isfinite(number):
        raise _refused(literal, f"{_shown(literal)} does not fit into a float.")
    return number or 0.0


_FIELD_TYPES: dict[str, FieldType] = {
    "uuid": UuidType(), "date": DateType(), "datetime": DatetimeType()
}  # fmt: skip


def _text_value(literal: Literal, text: str, type: tree.Type) -> Any:
    if type.kind == "text":
        return _choice(literal, text, type.choices)
    if type.kind == "duration":
        return _duration(literal, text)
    try:
        return _FIELD_TYPES[type.kind].parse(text)
    except WireError as error:
        raise _refused(literal, f"{_shown(literal)} is no {type}.", error.detail) from None


def _choice(literal: Literal, text: str, choices: tuple[str, ...]) -> str:
    if not choices or text in choices:
        return text
    listed = ", ".join(f'"{choice}"' for choice in choices[:10])
    raise _refused(
        literal, f"{_shown(literal)} is none of the values this field can have.",
        did_you_mean(text, choices) or f"Its values are {listed}.",
    )  # fmt: skip


_DURATION = re.compile(r"([-+]?)((?:[0-9]{1,30}(?:\.[0-9]{0,30})?(?:h|ms|m|s|us|µs|ns))+)|[-+]?0")
_PIECE = re.compile(r"([0-9]+(?:\.[0-9]*)?)(h|ms|m|s|us|µs|ns)")
_NANOSECONDS = {
    "h": 3_600_000_000_000, "m": 60_000_000_000, "s": 1_000_000_000, "ms": 1_000_000,
    "us": 1_000, "µs": 1_000, "ns": 1,
}  # fmt: skip


def _duration(literal: Literal, text: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    if match is None or len(text) > 200:
        raise _refused(
            literal, f"{_shown(literal)} is no duration.",
            'Write hours, minutes and seconds, such as "1h30m" or "1.5s".',
        )  # fmt: skip
    numerator, denominator = _microseconds(match.group(2) or "")
    if numerator % denominator:
        raise _refused(literal, f"{_shown(literal)} is finer than a microsecond.")
    count = numerator // denominator
    if count > _LONGEST // timedelta(microseconds=1):
        raise _refused(literal, f"{_shown(literal)} is longer than ten thousand years.")
    return timedelta(microseconds=-count if match.group(1) == "-" else count)


def _microseconds(pieces: str) -> tuple[int, int]:
    """The exact sum of the pieces, as a fraction."""
    scale = 10**30
    total = 0
    for digits, unit in _PIECE.findall(pieces):
        whole, _, fraction = digits.partition(".")
        total += int(whole + fraction) * 10 ** (30 - len(fraction)) * _NANOSECONDS[unit]
    return total, scale * 1_000


# texts

_ESCAPED = re.compile(r"\\(?:[xX](..)|u(....)|U(........)|([0-7]{3})|(.))", re.DOTALL)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def decode_text(literal: Literal) -> str:
    """What a text literal says; refuses NUL and lone surrogates."""
    inner = literal.text[1:-1]
    if "\\" in inner:
        inner = _ESCAPED.sub(lambda match: _decoded(literal, match), inner)
    if "\0" in inner:
        raise _refused(literal, "A text cannot contain the NUL character.")
    if not inner.isascii() and any("\ud800" <= character <= "\udfff" for character in inner):
        raise _refused(literal, "A text cannot contain half of a surrogate pair.")
    return inner


def _decoded(literal: Literal, match: re.Match[str]) -> str:
    two, four, eight, octal, simple = match.groups()
    if simple is not None:
        return _SIMPLE.get(simple, simple)
    number = int(octal, 8) if octal else int(two or four or eight, 16)
    if number > 0x10FFFF:
        raise _refused(literal, f"'{match.group()}' is no character.")
    return chr(number)
