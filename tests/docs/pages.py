"""Read a page as a reader would act on it: its code blocks, in order, and what to do with each.

In: a Markdown file.   Out: `Block`s.
A comment right above a block says what a reader knows from the text around it; no reader sees it:

    <!-- app.py -->                      the block is this file
    <!-- app.py: append -->              it goes to the end of the file
    <!-- app.py: above NAME = -->        it goes above the first line that holds these words
    <!-- with: CODE -->                  a Python block that runs after this code
    <!-- status: 422 -->                 the calls in the block are refused with this status
    <!-- app of: FOLDER -->              the example in this folder is started
    <!-- mistake: RIGHT => WRONG -->     app.py holds this mistake, for this block only
    <!-- not run: REASON -->             nothing is done with the block
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"^(?:<!-- (?P<note>[^\n]*?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S
)


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, what it holds, and the comment above it."""

    page: str
    line: int
    language: str
    text: str
    note: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    def noted(self, name: str) -> str | None:
        """What the comment says under this name."""
        start = f"{name}: "
        return self.note[len(start) :] if self.note.startswith(start) else None


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page."""
    text = page.read_text()
    return [
        Block(
            page.name, text.count("\n", 0, found.start("language")) + 1,
            found["language"], found["text"], found["note"] or "",
        )
        for found in _BLOCK.finditer(text)
    ]  # fmt: skip
