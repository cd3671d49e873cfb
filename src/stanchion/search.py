"""Words: the one tokeniser of `q`, for what is stored and for what is asked.

A word is a run of Unicode letters and digits, case-folded. Both engines index words that come from
here, so both find the same records.
"""

from __future__ import annotations

import re

from .errors import BadRequest

_WORDS = re.compile(r"[^\W_]+")
MOST_WORDS = 16


def words(text: str) -> list[str]:
    """The words of a text, in order."""
    return _WORDS.findall(text.casefold())


def indexed_text(text: str | None) -> str:
    """What is indexed for a stored text: its words with spaces between them."""
    return " ".join(words(text)) if text else ""


def asked_words(q: str) -> str:
    """The words of a query with spaces between them; raises `BadRequest` for a hopeless one."""
    asked = list(dict.fromkeys(words(q)))
    if not asked:
        raise BadRequest(
            "query.q", "`q` holds no word.", hint="Search for letters or digits: q=mushroom"
        )
    if any(len(word) < 2 for word in asked):
        raise BadRequest("query.q", "Each word of `q` needs at least two letters or digits.")
    if len(asked) > MOST_WORDS:
        raise BadRequest("query.q", f"`q` takes at most {MOST_WORDS} words.")
    return " ".join(asked)
