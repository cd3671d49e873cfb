"""What is wrong with an expression, and where.

Raised by lift's `literal_value`, by `parse` and by `check`; `plan/` turns it into a 400 for a
caller's text, and `check_rule` into a DeclarationError for a rule of the app.
"""

from __future__ import annotations

from typing import Literal

from ..errors import StanchionError

Code = Literal[
    "syntax", "unknown_field", "unknown_variable", "unknown_function", "type", "too_long",
    "too_complex", "literal",
]  # fmt: skip

_WIDTH = 100  # of a source line in a frame


class ExpressionError(StanchionError):
    """A mistake in the characters `start` to `end` of an expression.

    `code` is stable, `detail` says what is wrong here, `hint` what to write instead.
    """

    def __init__(
        self, code: Code, detail: str, start: int, end: int, hint: str | None = None
    ) -> None:
        super().__init__(code, detail)
        self.code: Code = code
        self.detail = detail
        self.start = start
        self.end = end
        self.hint = hint

    @property
    def column(self) -> int:
        """Where the mistake starts, counted from 1 in a text of one line."""
        return self.start + 1

    def frame(self, text: str, line: int | None = None) -> str:
        """The line of `text` that is wrong, with carets below; `line` numbers its first line.

        A "did you mean" is said beside the carets.
        """
        return render_frame(text, self.start, self.end, line=line, note=self.note)

    @property
    def note(self) -> str | None:
        """The hint, where it is short enough to stand beside the carets."""
        if self.hint is None or not self.hint.startswith("Did you mean"):
            return None
        return self.hint[0].lower() + self.hint[1:]

    def __str__(self) -> str:
        hint = f" {self.hint}" if self.hint else ""
        return f"{self.detail} (column {self.column}){hint}"


def line_and_column(text: str, position: int) -> tuple[int, int]:
    """The line and the column of a position, both counted from 1."""
    before = text[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1


def render_frame(
    text: str, start: int, end: int, *, line: int | None = None, note: str | None = None
) -> str:
    """The line of `text` that holds `start`, with carets under `start` to `end`."""
    row, column = line_and_column(text, start)
    source = text.split("\n")[row - 1].rstrip("\r").replace("\t", " ")
    width = max(1, min(end, start - column + 1 + len(source)) - start)
    left = max(0, column - 1 - _WIDTH // 2) if len(source) > _WIDTH else 0
    shown = source[left : left + _WIDTH]
    carets = "^" * max(1, min(width, len(shown) - (column - 1 - left)))
    number = "" if line is None else str(line + row - 1)
    margin = " " * len(number)
    under = f"{margin} | {' ' * (column - 1 - left)}{carets}"
    return f"{number or margin} | {shown}\n{under}{f' {note}' if note else ''}"
