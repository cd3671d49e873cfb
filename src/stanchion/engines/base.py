"""What a database engine offers: reads, jobs that share a commit, and held transactions. I/O only.

In: SQL text and raw parameters.   Out: rows as tuples.
An engine knows nothing of plans, rules or collections. Drivers' errors are translated here:
`ConstraintFailed` goes to the job, the problems of `errors.py` (503, 507) to the caller.

A *job* is a re-runnable generator function. It yields `Ask`s, or several at once, and is sent the
rows of each; what it returns is its result. The same job runs on a thread that drives SQLite and
on an event loop that drives PostgreSQL, so there is one colour of store code. It must have no
effect but through what it yields, because an engine that loses a whole transaction runs the
innocent jobs again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from ..errors import DatabaseUnusable, StanchionError, Unavailable

Row = tuple[Any, ...]
Params = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Ask:
    """One statement with its raw parameters, numbered from 1."""

    text: str
    params: Params = ()


@dataclass(frozen=True, slots=True)
class AskAll:
    """Statements none of which depends on what another one answers; a job is sent the rows of all.

    An engine may send those of one text together: what has one text runs in its order, texts in
    that of their first statement, and so come the rows.
    silent: none of them has parameters or answers anything, so that all may go out as one text.
    """

    asks: Sequence[Ask]
    silent: bool = False

    @property
    def text(self) -> str:
        """What stands for all of them in a report."""
        return self.asks[0].text if self.asks else ""


@dataclass(frozen=True, slots=True)
class Undo:
    """Take back everything this job did so far, and go on: what a job yields before it looks for
    the reason of a failed constraint. It is sent an empty list."""


COPYING = "_copy"
"""A table that is there until a copy is complete."""


def database_gone() -> Unavailable:
    """What a caller is told whose write would go to a file that nobody finds again."""
    return Unavailable(
        "server.database_gone",
        "The database file, or its log, was deleted or replaced under the running server, so "
        "nothing is written.",
        hint="Whoever runs the server: put the file back, or start the server again.",
    )


def foreign_database(shown: str, tables: Sequence[str]) -> DatabaseUnusable:
    """Why a database that another application has made, or `copying` has begun, is not used."""
    if COPYING in tables:
        return DatabaseUnusable(
            "database.unfinished_copy", shown, "it holds an unfinished copy of another database",
            "run the same `stanchion copy` again, which goes on where it ended",
        )  # fmt: skip
    few = ", ".join(tables[:3]) + (", …" if len(tables) > 3 else "")
    return DatabaseUnusable(
        "database.foreign", shown,
        f"it belongs to another application (its tables: {few}); nothing was changed in it",
        "STANCHION_DATABASE_URL=sqlite:///data/app.db names another file, "
        "postgresql://user:password@host/name a database of its own",
    )  # fmt: skip


T = TypeVar("T")
Wanted = Ask | AskAll | Undo
Steps = Generator[Wanted, list[Row], T]
Job = Callable[[], Steps[T]]


class ConstraintFailed(StanchionError):
    """The database kept a constraint; thrown into the job at the statement that broke it.

    `name` is what the engine says of it: for SQLite the text after the colon of its message
    (`pizzas.code` or `price:ge`), for PostgreSQL the constraint's name. It never reaches a caller.
    """

    def __init__(
        self, kind: Literal["unique", "foreign_key", "check", "not_null"], name: str
    ) -> None:
        super().__init__(kind, name)
        self.kind = kind
        self.name = name


def through(job: Job[T], each: Callable[[Wanted], Steps[list[Row]]]) -> Steps[T]:
    """The steps of a job that runs inside another one: for each thing that it wants, those of
    `each`, whose rows it is sent."""
    steps = job()
    try:
        wanted = next(steps)
        while True:
            try:
                rows = yield from each(wanted)
            except ConstraintFailed as failed:
                wanted = steps.throw(failed)
            else:
                wanted = steps.send(rows)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        steps.close()


class Session(Protocol):
    """A transaction that is held open between awaits. Ended by `commit` or `rollback`."""

    async def run(self, job: Job[T]) -> T:
        """Run a job in a savepoint of this transaction; an error takes back this job only."""
        ...

    async def commit(self) -> None:
        """Return once the work is on disk; raises `Unavailable` if the transaction was lost."""
        ...

    async def rollback(self) -> None:
        """Take everything back."""
        ...


class Readable(Protocol):
    """What answers reading statements."""

    async def find(self, text: str, params: Params) -> list[Row]:
        """Run a statement that finds one record by its key, whatever the values: an engine may
        keep its plan. Raises `Unavailable` past its deadline."""
        ...

    async def fetch(self, text: str, params: Params) -> list[Row]:
        """Run any other reading statement; an engine may plan it for these very values."""
        ...

    async def fetch_together(self, asks: Sequence[Ask]) -> list[list[Row]]:
        """Run several reading statements in one snapshot."""
        ...


class Engine(Readable, Protocol):
    """One database. Opened lazily, by whichever call comes first, in the process that uses it."""

    name: Literal["sqlite", "postgresql"]

    async def open(self) -> None:
        """Connect, and refuse a database or library that is not safe to use."""
        ...

    async def close(self) -> None:
        """Finish the writes under way, then disconnect. Safe to call twice."""
        ...

    @property
    def anywhere(self) -> Readable:
        """The same reads, each as new as if it was read here, wherever there is room for them."""
        ...

    async def write(self, job: Job[T]) -> T:
        """Run a job in the next shared transaction; returns once that is on disk.

        What the job raises takes back this job alone and is raised here. Raises `Unavailable`
        when the queue is full or the deadline passed, `StorageFull` when the disk is.
        """
        ...

    async def claim(self, job: Job[T]) -> T:
        """`write`, for steps each of which decides by what is committed when it runs, and by
        nothing that was read before: taking rows that are to be had by one only. On PostgreSQL
        they wait for each other, or pass over each other's rows, and are not run again."""
        ...

    def missing(self) -> str | None:
        """What became of the database if it is not where it was opened; None while it is there.
        Writes are refused then, whether or not anybody asked this. Quick enough for a probe."""
        ...

    async def mark(self) -> str:
        """This moment in the stream of commits, for `wait_for_commit`; means nothing elsewhere."""
        ...

    async def wait_for_commit(self, mark: str, seconds: float) -> None:
        """Return once any process may have committed after `mark`, or the time is over."""
        ...

    async def begin(self, seconds: float | None = None) -> Session:
        """Wait for the writer in arrival order and hold it, for so long at most, or for
        `Settings.transaction_ms`; `inf` is for what runs before there are requests."""
        ...
