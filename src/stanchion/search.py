"""Words: the one tokeniser of `q`, for what is stored and for what is asked.

A word is a run of Unicode letters and digits, case-folded, with the marks that belong to them (an
accent written by itself, a vowel sign). Both engines index words that come from here, so both
find the same records.
"""

from __future__ import annotations

import re
import unicodedata

from .errors import BadRequest

_WORDS = re.compile(r"[^\W_]+")
MOST_WORDS = 16


def words(text: str) -> list[str]:
    """The words of a text, in order.

    >>> words("Crème BRÛLÉE: 2 pcs., no_sugar")
    ['crème', 'brûlée', '2', 'pcs', 'no', 'sugar']
    """
    if text.isascii():
        return _WORDS.findall(text.lower())
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    spaced = "".join(c if c.isalnum() or _is_mark(c) else " " for c in folded)
    return [word for piece in spaced.split() if (word := _without_first_marks(piece))]


def _without_first_marks(word: str) -> str:
    """A mark belongs to the letter before it; that of a symbol (an emoji's) is no word."""
    while word and _is_mark(word[0]):
        word = word[1:]
    return word


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"


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


LONGEST_LEXEME = 2_000
"""Bytes of a word in PostgreSQL's index, which takes 2,046; of longer ones the start counts."""


def lexeme(field: str, word: str) -> str:
    """A word as PostgreSQL's index holds it: with the name of its field before it, so that one
    column serves all fields.

    >>> lexeme("name", "mug")
    'name:mug'
    """
    return f"{field}:{word}".encode()[:LONGEST_LEXEME].decode(errors="ignore")
