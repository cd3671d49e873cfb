"""A call of `tx` that nobody awaited has done nothing, and must not be taken for done.

In: the calls of a block.   Out: nothing, or `WrongUse` with the line of the first that was not
awaited, in place of the commit.
Called by typed, which notes its calls, and by block before it commits.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, TypeVar, cast

from ..declare.rules import caller_origin
from ..errors import WrongUse
from ..store.held import Held, Pending

MOST_NOTED = 128
"""Calls that are noted before those that have begun are let go."""

Method = TypeVar("Method", bound=Callable[..., Coroutine[Any, Any, Any]])


def awaited(method: Method) -> Method:
    """A method of a transaction that must be awaited before its block ends."""

    @wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        work = method(self, *args, **kwargs)
        noted = self._held.pending
        if len(noted) >= MOST_NOTED:
            noted[:] = [each for each in noted if each.is_unawaited]
        noted.append(Pending(f"tx.{method.__name__}", work, caller_origin()))
        return work

    return cast(Method, call)


def refuse_unawaited(held: Held) -> None:
    """Raise `WrongUse` where a call of the block was not awaited."""
    forgotten = [each for each in held.pending if each.is_unawaited]
    for each in forgotten:
        each.work.close()
    if forgotten:
        name = forgotten[0].name
        raise WrongUse(
            "transaction.not_awaited",
            f"`{name}(…)` was called without `await`, so it did nothing; the block was rolled back",
            f"write `await {name}(…)`",
            forgotten[0].origin,
        )
