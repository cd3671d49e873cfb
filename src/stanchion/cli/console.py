"""How the command line talks: results to stdout, errors to stderr, colour only for people.

Errors have one shape: `error[code]: what`, where, `hint: what next`. Nothing moves on the screen
but the bar of `copy`.
"""

from __future__ import annotations

import os
import sys
import time
from typing import IO

import click

FAILED = 1
USAGE = 2
DIFFERS = 3
ADDRESS = 4


class CommandFailed(Exception):
    """Ends a command with an exit code; `text` is what people read."""

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.text = text
        self.exit_code = exit_code


def failure(
    code: str, detail: str, *, hint: str | None = None, exit_code: int = USAGE
) -> CommandFailed:
    """A failure in the usual shape."""
    text = f"error[{code}]: {detail}"
    return CommandFailed(text + (f"\nhint: {hint}" if hint else ""), exit_code)


def print_error(text: str) -> None:
    """Print an error text; its first word is red, and `hint:` cyan."""
    lines = []
    for line in text.splitlines():
        for word, colour in (("error[", "red"), ("warning", "yellow"), ("hint:", "cyan")):
            if line.startswith(word):
                end = line.find(":") + 1 or len(line)
                line = paint(line[:end], colour, sys.stderr) + line[end:]
        lines.append(line)
    print("\n".join(lines), file=sys.stderr, flush=True)


def wants_colour(stream: IO[str]) -> bool:
    """Whether `stream` is a terminal of somebody who has not set NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str, stream: IO[str] | None = None) -> str:
    """`text` in a colour where `stream` (stdout) shows colours."""
    stream = sys.stdout if stream is None else stream
    if not wants_colour(stream):
        return text
    return click.style(text, dim=True) if colour == "dim" else click.style(text, fg=colour)


def clock_time() -> str:
    """The time of day for a line of `dev`."""
    return time.strftime("%H:%M:%S")


def count(number: int, noun: str, plural: str | None = None) -> str:
    """`1 collection`, `4 collections`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
