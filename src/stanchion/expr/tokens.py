"""The tokens of the language: one regular expression each for `lift` and for `parse`.

Both take what a literal is from the same pattern, so that they find the same literals in every
text that has tokens at all. A number never touches a letter (`1and`), and an escape that does not
exist is no token.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .error import ExpressionError

_ESCAPE = r"\\(?:[abfnrtv\\?\"'`]|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2})"
_END = r"(?![A-Za-z0-9_])"
_POWER = r"[eE][+-]?[0-9]+"
# NOTE: the first character stands alone, and the rest looks back at it: a pattern that begins
# with a set of characters is searched for three times faster. A backslash outside a text takes
# the character after it along: else each of many `\\"` would start a search to the end.
LITERALS = (
    r"""["'0-9.\\](?:"""
    r"(?<=\\)(?P<skip>[\s\S])|"
    rf"""(?<=")(?P<text>[^"\\\r\n]*(?:{_ESCAPE}[^"\\\r\n]*)*")"""
    rf"""|(?<=')(?P<quoted>[^'\\\r\n]*(?:{_ESCAPE}[^'\\\r\n]*)*')"""
    rf"""|(?<![A-Za-z0-9_].)(?<![\\"'])(?:"""
    rf"(?<=\.)(?P<fraction>[0-9]+(?:{_POWER})?{_END})"
    rf"|(?<!\.)(?P<float>[0-9]*(?:\.[0-9]+(?:{_POWER})?|{_POWER}){_END})"
    rf"|(?<!\.)(?P<int>(?:(?<=0)x[0-9a-fA-F]+|[0-9]*){_END})))"
)
LITERAL_KINDS = {
    "text": "text", "quoted": "text", "fraction": "float", "float": "float", "int": "int"
}  # fmt: skip
_TOKEN = re.compile(
    rf"[ \t\r\n\f]*(?:{LITERALS}"
    r"|(?P<WORD>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<PARAM>\$[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<BAD>===|!==|<>|=~|=(?!=))"
    r"|(?P<RELATION>==|!=|<=|>=|<|>)"
    r"|(?P<SIGN>&&|\|\||[-!+.,()\[\]])"
    r"|(?P<OTHER>[^ \t\r\n\f]))"
)

_SIGNS = {
    "&&": "AND", "||": "OR", "!": "BANG", "+": "PLUS", "-": "MINUS", ".": "DOT", ",": "COMMA",
    "(": "OPEN", ")": "CLOSE", "[": "BEGIN", "]": "END",
}  # fmt: skip
_WORDS = {
    "and": "AND", "or": "OR", "not": "NOT", "in": "RELATION", "true": "TRUE", "false": "FALSE",
    "null": "NULL",
}  # fmt: skip
LITERAL_TOKENS = frozenset({"INT", "FLOAT", "TEXT"})


class Token(NamedTuple):
    """A piece of the text; `kind` is a terminal of the grammar."""

    kind: str
    text: str
    start: int
    end: int


def tokenize(text: str) -> list[Token]:
    """The tokens of a text, in order; raises `syntax` at the first character that fits none.

    >>> [(token.kind, token.text) for token in tokenize("open and price >= 1.5")][1:4]
    [('AND', 'and'), ('NAME', 'price'), ('RELATION', '>=')]
    """
    tokens: list[Token] = []
    after_dot = False
    for match in _TOKEN.finditer(text):
        group = match.lastgroup
        assert group is not None
        start, end = match.span(group)
        if group == "skip":
            raise _wrong_character(text, "\\", start - 1, start)
        if group in LITERAL_KINDS:
            start -= 1  # the first character stands before the group
        piece = text[start:end]
        if group == "WORD":
            kind = "NAME" if after_dot else _WORDS.get(piece, "NAME")
        elif group == "SIGN":
            kind = _SIGNS[piece]
        elif group in ("BAD", "OTHER"):
            raise _wrong_character(text, piece, start, end)
        else:
            kind = LITERAL_KINDS.get(group, group).upper()
        tokens.append(Token(kind, piece, start, end))
        after_dot = kind == "DOT"
    return tokens


_INSTEAD = {
    "=": "Write '==' to compare.",
    "===": "Write '==' to compare.",
    "!==": "Write '!=' to compare.",
    "<>": "Write '!=' to compare.",
    "=~": 'There are no patterns yet: write name.contains("…") or name.startsWith("…").',
    "~": 'There are no patterns yet: write name.contains("…") or name.startsWith("…").',
    "&": "Write '&&' or 'and'; in a URL, '&' is written %26.",
    "|": "Write '||' or 'or'.",
    "*": "'*', '/' and '%' are not part of the language yet.",
    "/": "'*', '/' and '%' are not part of the language yet.",
    "%": "'*', '/' and '%' are not part of the language yet.",
    "?": "'a ? b : c' is not part of the language yet: write a && b || !a && c.",
    "{": "Lists are written [1, 2]; there are no maps.",
    "$": "A parameter is written $name.",
}


def _wrong_character(text: str, piece: str, start: int, end: int) -> ExpressionError:
    if piece in "\"'":
        return _wrong_text(text, piece, start)
    if piece.isdigit() and piece.isascii():
        return _wrong_number(text, start)
    shown = f"'{piece}'" if piece.isprintable() else f"the character U+{ord(piece):04X}"
    if piece in "“”‘’":
        return ExpressionError(
            "syntax", f"{shown} is no quotation mark here.", start, end, 'Write plain quotes: "…".'
        )
    if piece in _INSTEAD:
        return ExpressionError(
            "syntax", f"{shown} is not an operator here.", start, end, _INSTEAD[piece]
        )
    return ExpressionError("syntax", f"{shown} cannot stand here.", start, end)


def _wrong_number(text: str, start: int) -> ExpressionError:
    match = re.compile(r"[0-9A-Za-z_.]+").match(text, start)
    assert match is not None
    hint = None
    if re.fullmatch(r"[0-9]+[uU]", match.group()):
        hint = "Integers have no suffix: leave the 'u' out."
    elif "_" in match.group():
        hint = "Write the digits without '_'."
    return ExpressionError(
        "syntax", f"'{_short(match.group())}' is no number.", start, match.end(), hint
    )


_LOOSE_TEXT = re.compile(r"""(["'])(?:(?!\1)[^\\\r\n]|\\.)*\1""")
_WRONG_ESCAPE = re.compile(rf"{_ESCAPE}|(?P<wrong>\\.?)")


def _wrong_text(text: str, quote: str, start: int) -> ExpressionError:
    closed = _LOOSE_TEXT.match(text, start)
    if closed is None:
        return ExpressionError(
            "syntax", "The text that starts here has no end.", start, _end_of_line(text, start),
            f"Close it with {quote} on the same line; a line break inside is written \\n.",
        )  # fmt: skip
    for escape in _WRONG_ESCAPE.finditer(text, start, closed.end()):
        if escape.group("wrong"):
            return ExpressionError(
                "syntax", f"'{escape.group()}' is no escape.", escape.start(), escape.end(),
                "Write a backslash as '\\\\'.",
            )  # fmt: skip
    raise AssertionError("a closed text with right escapes is a token")


def _end_of_line(text: str, start: int) -> int:
    found = re.compile(r"[\r\n]").search(text, start)
    return found.start() if found else len(text)


def _short(text: str) -> str:
    return text if len(text) <= 20 else text[:17] + "…"
