"""Passwords: which ones are good enough, and how they are kept.

In: a password as it was typed.   Out: its Argon2id hash, or whether it belongs to one.
Refuses: a password that others would try first (422, with the reason), and more hashing than the
machine can do (503).
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import FieldError, Unavailable

if TYPE_CHECKING:
    from argon2 import PasswordHasher

T = TypeVar("T")
SHORTEST = 8
LONGEST = 256
"""Characters. Longer ones would let anybody choose how much we hash."""
WAITING = 32
"""Hashes that may wait, for each thread: about a second of work."""
FEWEST_GUESSES = 1_000_000
"""What somebody who knows how people choose passwords needs at least; more than a year of the tries
that a limit lets through."""
NICE = 10
"""Of the threads that hash: beside one that answers, each gets a tenth of a core."""
LOOKED_AT = 72
"""Characters in which patterns are looked for; a longer password has enough others."""
FEWEST_OTHERS = 4
"""Characters beside the words that everybody would try here."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one Argon2id hash takes, in one lane."""

    passes: int
    memory_kib: int


FULL = Cost(passes=2, memory_kib=19_456)
"""The parameters that OWASP names: about 30 ms of one core."""
SLIGHT = Cost(passes=1, memory_kib=8)
"""For apps in memory, in tests: what they keep is gone afterwards, and nobody guesses at it."""


class Hasher:
    """Hashes on threads of its own: as many at a time as there are cores, and a bounded number
    waiting. `cost` is what new hashes take."""

    def __init__(self) -> None:
        self.cost = FULL
        threads = os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(
            threads, thread_name_prefix="stanchion-password", initializer=_give_way
        )
        self._most = threads * (WAITING + 1)
        self._under_way = 0

    def close(self) -> None:
        """Let what is under way end, and take no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """The hash to keep. Raises `Unavailable` when too many wait."""
        return await self._run(lambda: _argon2(self.cost).hash(_bytes(password)))

    async def fits(self, kept: str | None, password: str) -> bool:
        """Whether the password belongs to a hash. Where there is none it takes as long."""
        return await self._run(lambda: _fits(kept, password, self.cost))

    async def digests(self, texts: Sequence[str], salt: bytes) -> list[bytes]:
        """What is kept of short texts that are asked for by themselves, such as recovery codes.
        Those of one person share their salt, so that one hash finds the one that fits."""
        return await self._run(lambda: [_digest(text, salt, self.cost) for text in texts])

    def is_outdated(self, kept: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return _argon2(self.cost).check_needs_rehash(kept)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._under_way >= self._most:
            raise Unavailable("auth.busy", "Too many people are signing in at this moment.")
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._under_way -= 1


def _give_way() -> None:
    """Let whoever answers have the processor first: a flood of passwords takes what is left."""
    if sys.platform == "linux":  # elsewhere a thread has no priority of its own
        thread = threading.get_native_id()
        own = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, min(19, own + NICE))


@cache
def _argon2(cost: Cost) -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=1)


def _digest(text: str, salt: bytes, cost: Cost) -> bytes:
    # NOTE: unlike a hash, a digest does not say what it cost: other parameters need a column for it
    from argon2.low_level import Type, hash_secret_raw

    return hash_secret_raw(
        _bytes(text), salt, time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=1,
        hash_len=32, type=Type.ID,
    )  # fmt: skip


@cache
def _nobodys_hash(cost: Cost) -> str:
    """What a password is compared with where there is no account: it takes as long, and never
    fits."""
    return _argon2(cost).hash(os.urandom(32))


def _fits(kept: str | None, password: str, cost: Cost) -> bool:
    from argon2.exceptions import VerifyMismatchError

    try:
        fits = _argon2(cost).verify(kept or _nobodys_hash(cost), _bytes(password))
        return fits and kept is not None
    except VerifyMismatchError:
        return False


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


def judge_password(password: Any, context: Iterable[str], pointer: str) -> FieldError | None:
    """Why a new password is refused, or None. `context` are the texts that anybody would try first
    here: the app's name, the person's address."""
    if not isinstance(password, str):
        return FieldError(pointer, "string_type", "Must be a string.")
    if len(password) < SHORTEST:
        return FieldError(pointer, "password.short", f"Must have at least {SHORTEST} characters.")
    if len(password) > LONGEST:
        return FieldError(pointer, "password.long", f"Must have at most {LONGEST} characters.")
    words = _words(context)
    others = password.casefold()
    for word in words:
        others = others.replace(word, "")
    if len(others) < FEWEST_OTHERS:
        return FieldError(
            pointer, "password.context",
            "Is hardly more than the name of this app or your address, which others try first.",
        )  # fmt: skip
    reason = _pattern(password, words)
    if reason is not None:
        return FieldError(pointer, "password.common", reason)
    return None


def _words(context: Iterable[str]) -> list[str]:
    """The texts of the context and their parts, the longest first."""
    found: set[str] = set()
    for text in context:
        whole = text.casefold()
        found |= {whole, *re.split(r"[\W_]+", whole)}
    return sorted((word for word in found if len(word) >= 3), key=len, reverse=True)


def _pattern(password: str, words: list[str]) -> str | None:
    """What makes the password easy to guess, or None where it is not."""
    from zxcvbn import zxcvbn  # type: ignore[import-untyped]  # it has no types

    found = zxcvbn(password[:LOOKED_AT], user_inputs=words)
    if len(password) > LOOKED_AT or found["guesses"] >= FEWEST_GUESSES:
        return None
    kinds = {match["pattern"] for match in found["sequence"]}
    lists = {match.get("dictionary_name") for match in found["sequence"]}
    if "passwords" in lists:
        return "Is, or begins with, one of the passwords that most people use."
    if "user_inputs" in lists:
        return "Is made of the name of this app or of your address, which others try first."
    if kinds & {"repeat", "sequence", "spatial"}:
        return "Is a row of keys, or repeats itself; others try those first."
    if "date" in kinds:
        return "Is little more than a date."
    return "Is made of words that are tried first."
