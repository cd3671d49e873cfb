"""Tokens: random texts that are shown once, and what is kept of them.

In: nothing, or a text that somebody sent.   Out: a token, or its digest.
"""

from __future__ import annotations

import secrets
from hashlib import sha256

BYTES = 32
LONGEST = 128
"""Characters of a text that can be a token; a longer one is not even hashed."""


def new_token(prefix: str) -> str:
    """A token of 256 random bits; the prefix says what it opens, to people and to scanners that
    look for what has leaked.

    >>> len(new_token("st"))
    46
    """
    return f"{prefix}_{secrets.token_urlsafe(BYTES)}"


def digest_of(token: str) -> bytes:
    """What is kept of a token. One round: nobody guesses 256 bits."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
