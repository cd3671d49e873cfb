"""Tokens: random texts that are shown once, and what is kept of them.

In: nothing, or a text that somebody sent.   Out: a token, or its digest.
"""

from __future__ import annotations

import secrets
import string
import zlib
from hashlib import sha256

BYTES = 32
KEY = "stk_"
"""How every API key begins, so that those who look for leaked secrets know one."""
_LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM, _CHECK = 43, 6
LONGEST = 128
"""Characters of a text that can be a token; a longer one is not even hashed."""


def new_token(prefix: str) -> str:
    """A token of 256 random bits; the prefix says what it opens, to people and to scanners that
    look for what has leaked.

    >>> len(new_token("st"))
    46
    """
    return f"{prefix}_{secrets.token_urlsafe(BYTES)}"


def new_key() -> str:
    """An API key: `stk_`, 43 random letters and digits (256 bits), and six that follow from what
    is before them: CRC-32, in base 62. So a scanner knows without asking that it found one, and a
    text that merely looks like one is refused without asking.

    >>> is_key(new_key()), len(new_key())
    (True, 53)
    """
    begin = KEY + "".join(secrets.choice(_LETTERS) for _ in range(_RANDOM))
    return begin + _check_of(begin)


def is_key(token: str) -> bool:
    """Whether a text may be an API key: it begins like one, and its last six letters fit."""
    begin, check = token[:-_CHECK], token[-_CHECK:]
    whole = len(token) == len(KEY) + _RANDOM + _CHECK and token.startswith(KEY)
    return whole and token.isascii() and check == _check_of(begin)


def _check_of(begin: str) -> str:
    number, letters = zlib.crc32(begin.encode("ascii")), ""
    for _ in range(_CHECK):
        number, digit = divmod(number, len(_LETTERS))
        letters = _LETTERS[digit] + letters
    return letters


def digest_of(token: str) -> bytes:
    """What is kept of a token. One round: nobody guesses 256 bits."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
