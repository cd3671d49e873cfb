"""The parts of a read: its kept plan, its bound values, its page and the cursor of the next.

In: a `ReadQuery` and rows.   Out: `One`, `Page`, `Groups`.
Refuses: filters that are too long, literals that do not fit, cursors of another list.
Called by `records`, which is the order in which they follow each other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .engines import Row
from .errors import BadRequest
from .expr.error import ExpressionError
from .expr.literals import Literal, lift
from .plan.read import ReadPlan
from .plan.resolve import filter_problem
from .query import (
    ReadQuery,
    cursor_type,
    decode_cursor,
    digest,
    encode_cursor,
    join_filters,
    wrong_cursor,
)  # fmt: skip
from .sql.dialect import Dialect
from .sql.read import EXPLAIN, After, compile_list, compile_total, compile_walk, shows_last, walks
from .sql.text import Given, Statement
from .types import WireError

Fetch = Callable[[str, Sequence[Any]], Awaitable[list[Row]]]

MOST_PAGES = 32  # forms of one list after cursors with different nulls


@dataclass(frozen=True, slots=True)
class One:
    """One record as the caller sees it."""

    body: str
    etag: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list; `next` is the cursor of the page after it, or None at the end."""

    items: list[str]
    next: str | None
    total: int | None


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of records, one JSON text each; `more` says that there are others."""

    items: list[str]
    more: bool


class Reading:
    """A read plan and its statements, compiled as they are needed.

    `fingerprint` is the schema's: a cursor of another schema is refused. `grown` is told the
    characters of each further statement.
    """

    __slots__ = (
        "_dialect", "_fingerprint", "_grown", "_parsers", "_total", "one", "pages", "plan",
    )  # fmt: skip

    def __init__(
        self, plan: ReadPlan, dialect: Dialect, fingerprint: str, grown: Callable[[int], None]
    ) -> None:
        self.plan = plan
        self._grown = grown
        self.one: Statement | None = None
        self.pages: dict[After, Statement] = {}
        self._dialect = dialect
        self._fingerprint = fingerprint
        self._parsers = [cursor_type(key.field.type).parse for key in plan.sort]
        self._total: Statement | None = None

    async def compile_page(
        self, nulls: After, given: Given, ask: ReadQuery, fetch: Fetch
    ) -> Statement:
        """The statement of a page; in one layer where the engine makes its JSON last anyway, or
        says beforehand that it walks an index for it. `nulls` says which values of the cursor
        are null; None on the first page."""
        statement = compile_list(self.plan, self._dialect, nulls)
        walk = compile_walk(self.plan, self._dialect, nulls)
        if walk is not None and shows_last(walk, self._dialect):
            statement = walk
        elif walk is not None and self._dialect.plans_are_fixed:
            params = bind(walk, given, ask.filters)
            statement = walk if walks(await fetch(EXPLAIN + walk.text, params)) else statement
        if len(self.pages) >= MOST_PAGES:
            self.pages.clear()
        self.pages[nulls] = statement
        self._grown(statement.size)
        return statement

    @property
    def size(self) -> int:
        """The characters of its statements."""
        made = (self.one, self._total, *self.pages.values())
        return sum(statement.size for statement in made if statement is not None)

    def total(self) -> Statement:
        """The statement that counts the whole list."""
        if self._total is None:
            self._total = compile_total(self.plan, self._dialect)
            self._grown(self._total.size)
        return self._total

    def seek(self, cursor: str, mark: str, given: Given) -> tuple[bool, ...]:
        """Put the cursor's values where they are bound; which of them are null."""
        keys = self.plan.sort
        values = decode_cursor(cursor, mark, len(keys))
        try:
            given.after = [
                None if wire is None and key.nullable else parse(wire)
                for key, parse, wire in zip(keys, self._parsers, values, strict=True)
            ]
        except WireError:
            raise wrong_cursor() from None
        return tuple([value is None for value in given.after])

    def page(self, rows: list[Row], ask: ReadQuery, mark: str, total: int | None) -> Page:
        """The texts of a page, and the cursor of the next; `mark` is empty if not known yet."""
        if len(rows) <= ask.limit:
            return Page([row[0] for row in rows], None, total)
        del rows[ask.limit :]
        mark = mark or mark_of(ask, self._fingerprint)
        values = []
        for key, raw in zip(self.plan.sort, rows[-1][1:], strict=True):
            kind = key.field.type
            values.append(None if raw is None else kind.wire(self._dialect.value(kind, raw)))
        return Page([row[0] for row in rows], encode_cursor(mark, values), total)

    def etag(self, body: str, version: int) -> str:
        """The version and shape of a plain record; the version and a digest of any other body."""
        if self.plan.body.plain:
            return f'"{version}-{self.plan.body_mark}"'
        return f'"{version}-{digest(body)}"'


def mark_of(ask: ReadQuery, fingerprint: str) -> str:
    """What a cursor belongs to: one list of one schema."""
    return digest(
        ask.collection, str(len(ask.filters)), *ask.filters, ask.q or "", ask.sort, fingerprint
    )


def lifted(filters: tuple[str, ...], longest: int) -> tuple[tuple[str, ...], Sequence[Literal]]:
    """The shape of each filter, and the literals of all of them."""
    if not filters:
        return (), ()
    size = sum(map(len, filters))
    if size > longest:
        raise BadRequest(
            "filter.too_long",
            f"The filter has {size} characters; {longest} is the limit.",
        )
    every = [lift(text) for text in filters]
    if len(every) == 1:
        return (every[0].shape,), every[0].literals
    literals = [one for each in every for one in each.literals]
    return tuple(each.shape for each in every), literals


def bind(statement: Statement, given: Given, filters: tuple[str, ...]) -> list[Any]:
    """The parameters; raises `BadRequest` for a literal that cannot be what stands beside it."""
    try:
        return statement.bind(given)
    except ExpressionError as error:
        if len(filters) == 1:
            raise filter_problem(error, filters[0]) from None
    text = join_filters(filters)  # and once more, so that the place in the whole text is told
    given.literals = lift(text).literals
    try:
        return statement.bind(given)
    except ExpressionError as error:
        raise filter_problem(error, text) from None
