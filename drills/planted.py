"""The server with a fault planted in it, to show that a drill can fail: not a part of the product.

python drills/planted.py FAULT serve ...
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from stanchion.auth.accounts import Accounts
from stanchion.auth.asking import Asking
from stanchion.auth.attempts import Attempts
from stanchion.auth.passwords import Hasher
from stanchion.cli.serve import _Crew
from stanchion.engines import Ask
from stanchion.engines.postgres import engine as postgres
from stanchion.engines.postgres import held, pools, run
from stanchion.engines.sqlite import connection, queue, transactions, translate, wal, writer
from stanchion.errors import InternalError
from stanchion.jobs import rows, workers
from stanchion.records import Records
from stanchion.store import idempotency


def unsynced() -> None:
    """`synchronous=OFF`: nothing is ever synced."""
    _synchronous("off", 0)


def rarely_synced() -> None:
    """`synchronous=NORMAL`: synced at checkpoints only, as many recommend."""
    _synchronous("normal", 1)


def early_answer() -> None:
    """Answered when the work is done; committed a moment later, as a write-behind cache does."""
    commit: Callable[..., None] = writer.Writer._commit
    end_hold: Callable[..., None] = writer.Writer._end_hold

    def answer_first(self: Any, done: list[Any]) -> None:
        queue.answer(done)
        time.sleep(0.3)
        commit(self, done)

    def answer_holder_first(self: Any, call: Any) -> None:
        queue.answer([call])
        time.sleep(0.3)
        end_hold(self, call)

    writer.Writer._commit = answer_first  # type: ignore[method-assign]
    writer.Writer._end_hold = answer_holder_first  # type: ignore[method-assign]


def one_in_nine() -> None:
    """One commit in nine is synced, as a server might that syncs by the clock."""
    begin: Callable[..., Any] = transactions.Transactions.begin
    numbers = itertools.count()

    def choose(self: Any, lock_until: float) -> Any:
        self._execute(f"pragma synchronous={'off' if next(numbers) % 9 else 'full'}")
        return begin(self, lock_until)

    transactions.Transactions.begin = choose  # type: ignore[method-assign]


def key_apart() -> None:
    """An idempotency key is kept after its effect, in a transaction of its own."""

    async def write_once(
        self: Any, ask: Any, actor: Any, request: Any, once: Any, reply: Any
    ) -> Any:
        first = await self.first_answer(once)
        if first is not None:
            return first
        answer = reply(await self.write(ask, actor, request))
        await asyncio.sleep(0.02)
        await self.engine.write(partial(idempotency.keep, once, answer))
        return answer

    setattr(Records, "write_once", write_once)  # noqa: B010  # its type is narrower


def deaf() -> None:
    """A failed fsync is taken for a success."""
    end: Callable[..., Any] = transactions.Transactions.end

    def forgive(self: Any, text: str) -> Any:
        try:
            return end(self, text)
        except translate.Unknowable:
            return None

    transactions.Transactions.end = forgive  # type: ignore[method-assign]


def never_restarts() -> None:
    """The WAL starts again only when nobody happens to be in the way."""
    wal.RESTART_PAGES = 1 << 40


def on_the_loop() -> None:
    """Reads stay on the event loop, however long they take."""
    os.environ["STANCHION_READ_BUDGET_MS"] = "60000"


def internal_errors() -> None:
    """A lock that another process holds, and a full disk, are called internal errors."""

    def internal() -> InternalError:
        return InternalError("server.internal", "The database refused this write.")

    setattr(translate, "busy", internal)  # noqa: B010  # the type of its result is another
    setattr(translate, "storage_full", internal)  # noqa: B010  # as above


def abrupt() -> None:
    """Workers are killed where they should be asked to stop."""
    setattr(BaseProcess, "terminate", BaseProcess.kill)  # noqa: B010  # granian calls it


def few_files() -> None:
    """A worker ends when it has many files open."""
    join: Callable[..., Any] = _Crew.join

    def join_and_watch(crew: Any) -> Any:
        app = join(crew)

        def watch() -> None:
            while len(list(Path("/proc/self/fd").iterdir())) < 45:
                time.sleep(0.02)
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()
        return app

    setattr(_Crew, "join", join_and_watch)  # noqa: B010  # its type is narrower


def async_commit() -> None:
    """`synchronous_commit=off` on the connections that write, and nobody who looks at the start."""
    pools.BY_GROUP["writers"]["synchronous_commit"] = "off"

    async def look_away(*_: Any, **__: Any) -> None:
        pass

    setattr(postgres, "check_server", look_away)  # noqa: B010  # its type is narrower


def one_in_twenty() -> None:
    """One commit in twenty is not sent."""
    commit = run.commit
    numbers = itertools.count()

    async def forget(connection: Any, seconds: float) -> None:
        if next(numbers) % 20 == 19:
            await connection.execute("rollback")
        else:
            await commit(connection, seconds)

    setattr(postgres, "commit", forget)  # noqa: B010  # mypy takes it for a constant


def patient() -> None:
    """A database that says nothing is waited for, as drivers do by themselves."""
    for module in (pools, postgres, run, held):
        setattr(module, "NETWORK_S", 60.0)  # noqa: B010  # mypy: not every one is named there


def one_pool() -> None:
    """Reads take the connections of writes."""
    take: Callable[..., Any] = pools.Pools.take

    def take_any(self: Any, group: str, seconds: float) -> Any:
        return take(self, "writers", seconds)

    setattr(pools.Pools, "take", take_any)  # noqa: B010  # its type is narrower


def taken_off() -> None:
    """A job that is taken is taken out of the table, as a queue in memory does."""
    take = rows.take

    def take_off(*asked: Any) -> Any:
        taken = yield from take(*asked)
        for each in taken:
            yield Ask("delete from _jobs where id=?1", (each.id,))
        return taken

    setattr(workers, "take", take_off)  # noqa: B010  # mypy takes it for a constant


def unfenced() -> None:
    """Whoever runs a job says what became of it, whosever it is."""
    for name in ("_PROLONG", "_DONE"):
        setattr(rows, name, getattr(rows, name).replace(rows._OWNED, "?2<>''"))


def no_dummy_work() -> None:
    """Where nobody has the address there is nothing to compare a password with, and no mail to ask
    for."""
    fits, ask = Hasher.fits, Asking.ask_password

    async def fits_at_once(self: Hasher, kept: str | None, password: str) -> bool:
        return kept is not None and await fits(self, kept, password)

    async def ask_of_known(self: Asking, email: str) -> None:
        if await self._accounts.user_of(email) is not None:
            await ask(self, email)

    setattr(Hasher, "fits", fits_at_once)  # noqa: B010  # mypy refuses to assign a method
    setattr(Asking, "ask_password", ask_of_known)  # noqa: B010  # as above


def uncounted() -> None:
    """Nobody counts how often a password is tried."""

    async def nothing(*_: Any) -> None:
        pass

    setattr(Attempts, "password", nothing)  # noqa: B010  # as above


def locked_out() -> None:
    """Tries are counted for the account wherever they come from, its owner's too."""

    async def never(*_: Any) -> bool:
        return False

    setattr(Accounts, "came_from", never)  # noqa: B010  # as above


def hashed_on_the_loop() -> None:
    """Passwords are hashed where requests are answered."""

    async def run(self: Hasher, work: Callable[[], Any]) -> Any:
        return work()

    setattr(Hasher, "_run", run)  # noqa: B010  # as above


def _synchronous(value: str, reads: int) -> None:
    planted = tuple(
        replace(pragma, value=value, reads=reads) if pragma.name == "synchronous" else pragma
        for pragma in connection.WRITER_PRAGMAS
    )
    setattr(connection, "WRITER_PRAGMAS", planted)  # noqa: B010  # its type has a fixed length


FAULTS = {
    "unsynced": unsynced,
    "rarely-synced": rarely_synced,
    "early-answer": early_answer,
    "one-in-nine": one_in_nine,
    "key-apart": key_apart,
    "deaf": deaf,
    "never-restarts": never_restarts,
    "on-the-loop": on_the_loop,
    "internal-errors": internal_errors,
    "abrupt": abrupt,
    "few-files": few_files,
    "async-commit": async_commit,
    "one-in-twenty": one_in_twenty,
    "patient": patient,
    "one-pool": one_pool,
    "taken-off": taken_off,
    "unfenced": unfenced,
    "no-dummy-work": no_dummy_work,
    "uncounted": uncounted,
    "locked-out": locked_out,
    "hashed-on-the-loop": hashed_on_the_loop,
}

if __name__ == "__main__":
    FAULTS[sys.argv[1]]()
    sys.argv[1:] = sys.argv[2:]
    from stanchion.cli import main

    main()
