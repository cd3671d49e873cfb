"""The LALR table of the language: made by lark from `grammar.lark`, saved in `grammar.json`.

In: nothing.   Out: Table (frozen), which `parse.py` runs in forty lines.
`make grammar` makes the table anew (`tools/grammar.py`); a test fails when it is stale.
WHY-NOT `Lark.load`: it unpickles, imports lark (60 ms) and runs a lexer and a tree builder of its
own. The table alone is plain JSON that loads in a millisecond, and lark is installed by those who
change the grammar only.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources

SOURCE = "grammar.lark"
SAVED = "grammar.json"


@dataclass(frozen=True, slots=True)
class Rule:
    """`size` symbols become one `origin`; `form` names the function that builds the value."""

    origin: str
    form: str
    size: int


@dataclass(frozen=True, slots=True)
class Table:
    """For each state and symbol: the next state, or -1-n to reduce by rule n."""

    digest: str
    start: int
    end: int
    rules: tuple[Rule, ...]
    states: tuple[dict[str, int], ...]


def load_table() -> Table:
    """The saved table."""
    saved = json.loads(resources.files(__package__).joinpath(SAVED).read_text("utf-8"))
    return Table(
        digest=saved["digest"],
        start=saved["start"],
        end=saved["end"],
        rules=tuple(Rule(*rule) for rule in saved["rules"]),
        states=tuple(saved["states"]),
    )


def grammar_source() -> str:
    """The text of the grammar."""
    return resources.files(__package__).joinpath(SOURCE).read_text("utf-8")


def digest_of(source: str) -> str:
    """What a saved table says of the grammar it was made from."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]
