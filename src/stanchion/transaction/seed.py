"""Seeds: functions that fill a new database, each once in its life.

In: a function of the app.   Out: what it wrote, committed together with the note that it ran.
Refuses: a function that cannot be called with a transaction.
Called by `runtime` when it opens the database, and by `app`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from math import inf

from .. import events
from ..declare.rules import caller_origin
from ..errors import DeclarationError
from ..query import SYSTEM
from ..records import Records
from ..store.claims import claim
from .block import open_transaction
from .typed import Transaction

Seed = Callable[[Transaction], Awaitable[None]]
TELL_OF_SEED_AFTER = 2.0  # seconds


def check_seed(function: Seed) -> Seed:
    """The function, if it can be called as a seed is. Raises `DeclarationError`."""
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        fits = False
    else:
        fits = inspect.iscoroutinefunction(function)
    if fits:
        return function
    raise DeclarationError(
        "seed.function",
        f"the seed `{function.__name__}` is no coroutine of one argument, the transaction",
        origin=caller_origin(),
        hint=f"async def {function.__name__}(tx: Transaction) -> None: ...",
    )


async def plant(records: Records, seed: Seed) -> None:
    """Run a seed once in the life of a database, whichever worker comes first. It may take
    its time: nothing is served yet."""
    name = f"seed:{seed.__module__.rpartition('.')[2]}.{seed.__name__}"
    runs = events.SeedRuns(seed.__name__)
    told = asyncio.get_running_loop().call_later(TELL_OF_SEED_AFTER, events.emit, runs)
    try:
        async with open_transaction(records, SYSTEM, "seed", inf) as tx:
            if await tx.session.run(lambda: claim(name)):
                await seed(tx)
    finally:
        told.cancel()
