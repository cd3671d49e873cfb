"""Compile read plans: each is one statement whose rows are finished JSON texts.

In: `ReadPlan`.   Out: `Statement`s. Pure.

A list has two forms with the same rows. `compile_list` chooses the page first (row rule, filters,
order, limit) and makes JSON of its rows only. `compile_walk` does both in one layer, a fifth
quicker, and is right where the engine walks an index in the order of the list: where SQLite sorts,
JSON would be made of rows that no page shows. `walks` reads that from its own plan. PostgreSQL
makes what is long after the sort and the limit, and plans one layer quicker than two: `shows_last`.

A list in the order of another collection has a third form, which `far` describes.

After a cursor the page is a UNION ALL of disjoint ranges, each with its own order and limit, so
that each can walk an index; a single OR could not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ..expr.tree import TRUE, Hop, Path, Type
from ..plan.aggregate import AggregatePlan
from ..plan.read import ReadPlan, SortKey
from ..plan.resolve import Named
from ..schema import Collection
from ..search import lexeme
from .body import compile_body
from .dialect import SQLITE, Dialect, quoted
from .expr import ExpressionCompiler, Rows
from .far import Absent, FarHop, FarList, compile_far, most_walked, sections
from .text import Aliases, Condition, Parameters, Statement, all_of, any_of, boolean

EXPLAIN = SQLITE.explain
FAR_HOPS = 2
"""Beyond so many references a step of the walk is a join of its own, and most lead nowhere."""


class ReadDraft:
    """What compiling one read statement shares: FROM, the record `r` and what is joined to it."""

    def __init__(self, plan: ReadPlan | AggregatePlan, dialect: Dialect) -> None:
        self.plan = plan
        self.dialect = dialect
        self.parameters = Parameters(dialect)
        self.compiler = ExpressionCompiler(
            plan.schema, plan.profile, dialect, self.parameters, Aliases()
        )
        self.rows = Rows.of(record="r")
        self.joins = ""
        self.lead = self.lead_on = ""  # a record that is looked up first, and how r is found by it

    def join(self, named: Iterable[Named]) -> None:
        """Join the records behind these names; one that is hidden or not there is all nulls."""
        for one in named:
            hops = one.path.hops
            for depth in range(1, len(hops) + 1):
                if ("record", hops[:depth]) not in self.rows.joined:
                    self._join(one.path, depth)

    def _join(self, path: Path, depth: int) -> None:
        source, on, self.rows = self._step(path, depth, self.rows)
        if self._leads(path):
            self.lead, self.lead_on = f"{source} cross join ", f" on {on}"
        else:
            self.joins += f" left join {source} on {on}"

    def _step(self, path: Path, depth: int, rows: Rows) -> tuple[str, str, Rows]:
        """One record behind the row of `rows`: FROM, how it is found, and the rows with it."""
        hop = path.hops[depth - 1]
        before = replace(
            path, hops=path.hops[: depth - 1], leaf=hop.field, type=Type("uuid"), masked=True
        )
        start = self.compiler.value(before, rows)
        alias = self.compiler.aliases.next()
        target = self.plan.schema.collection[hop.target]
        seen = self.compiler.true(self.plan.profile.row(hop.target), Rows.of(record=alias))
        on = boolean(all_of((f"{alias}.{quoted(target.key[0])}={start.sql}", seen)))
        return f"{quoted(target.name)} {alias}", on, rows.join(("record", path.hops[:depth]), alias)

    def _leads(self, path: Path) -> bool:
        """Whether SQLite is told to start from the records behind `path`: where the list has their
        order, they have an index in it, and no condition narrows the list. Left alone, it reads
        and sorts every record of the list, because it keeps no statistics."""
        plan = self.plan
        if not isinstance(plan, ReadPlan) or len(path.hops) != 1 or plan.where != TRUE:
            return False
        if not self._starts_far(plan) or path != plan.sort[0].named.path:
            return False
        return not path.masked and self._is_there(path.hops[0])

    def _starts_far(self, plan: ReadPlan) -> bool:
        """Whether the first sort key lies behind references, and has an index there."""
        if not self.dialect.plans_are_fixed or plan.search or not plan.sort:
            return False
        path = plan.sort[0].named.path
        indexes = plan.schema.collection[path.last].all_indexes if path.hops else ()
        return any(index.fields[0] == path.leaf for index in indexes)

    def far(self, plan: ReadPlan) -> bool:
        """Whether candidates for a page are walked in the order of another collection."""
        rest = [key.named.path for key in plan.sort[1:]]
        return (
            not self.lead
            and self._starts_far(plan)
            and len(plan.sort[0].named.path.hops) <= FAR_HOPS
            and not any(path.hops or path.masked for path in rest)
        )

    def absent(self, path: Path) -> Absent | None:
        """Where records without a value at the end of `path` are looked for; None: nowhere."""
        if not path.nullable:
            return None
        schema, profile, first = self.plan.schema, self.plan.profile, path.hops[0]
        plain = profile.mask(first.collection, first.field) == TRUE
        field = schema.collection[path.last].field[path.leaf or ""]
        seen = (
            plain and not field.nullable and not path.masked and profile.row(first.target) == TRUE
        )
        if seen and all(self._is_there(hop) for hop in path.hops[1:]):
            return Absent(anywhere=False)
        if not plain:
            return Absent(anywhere=True)
        alias = self.compiler.aliases.next()
        rows, source = Rows.of(record=alias), f"{quoted(first.target)} {alias}"
        behind = replace(path, collection=first.target, hops=path.hops[1:])
        for depth in range(1, len(path.hops)):
            joined, on, rows = self._step(behind, depth, rows)
            source += f" left join {joined} on {on}"
        value = self.compiler.value(behind, rows).sql
        seen_row = self.compiler.true(profile.row(first.target), Rows.of(record=alias))
        if seen_row is not True:
            value = f"(case when {boolean(seen_row)} then {value} end)"
        return Absent(anywhere=True, source=source, alias=alias, hidden=f"{value} is null")

    def _is_there(self, hop: Hop) -> bool:
        """Whether every record has one behind this reference, and the caller may see it."""
        profile = self.plan.profile
        return (
            not self.plan.schema.collection[hop.collection].field[hop.field].nullable
            and profile.mask(hop.collection, hop.field) == TRUE
            and profile.row(hop.target) == TRUE
        )

    def value(self, named: Named) -> str:
        """The value of a name, null where the caller may not see it."""
        return self.compiler.value(named.path, self.rows).sql

    def source(self) -> str:
        """FROM: the collection as `r`, behind the search index where `q` is asked."""
        collection = self.plan.collection
        source = f"{self.lead}{quoted(collection.name)} r{self.lead_on}{self.joins}"
        if self.plan.search and not self.dialect.search_in_row:
            return f"{search_table(collection)} f cross join {source}"
        return source

    def where(self) -> Condition:
        """Row rule and filters over `r`, and the search."""
        rule = self.compiler.true(self.plan.where, Rows.of(record="r"), wide=True)
        return all_of((self._matches(), rule))

    def _matches(self) -> Condition:
        plan = self.plan
        if not plan.search:
            return True
        if not self.dialect.search_in_row:
            columns = [field.name for field in plan.search]
            mark = self.parameters.add("q", lambda given: match_text(columns, given.q))
            return f"{search_table(plan.collection)} match {mark} and r._n=f.rowid"
        fields = [field.name for field in plan.search]
        mark = self.parameters.add("q", lambda given: tsquery_text(fields, given.q), "::tsquery")
        return f"r._search @@ {mark}"

    def limit(self) -> str:
        """The mark of the limit."""
        cast = "::int8" if self.dialect.typed_parameters else ""
        return self.parameters.add("limit", lambda given: given.limit, cast)


def where_clause(condition: Condition) -> str:
    return "" if condition is True else f" where {boolean(condition)}"


# one record


def compile_one(plan: ReadPlan, dialect: Dialect) -> Statement:
    """One record by key: `(body, version)`."""
    draft = ReadDraft(plan, dialect)
    key = plan.collection.key_field
    mark = draft.parameters.add(
        "key", lambda given: dialect.raw(key.type, given.key), dialect.cast(key.type)
    )
    rule = draft.compiler.true(plan.where, Rows.of(record="r"))
    where = boolean(all_of((f"r.{quoted(key.name)}={mark}", rule)))
    body = compile_body(draft.compiler, plan.body, "r")
    version = "r.version" if "version" in plan.collection.field else "0"
    return draft.parameters.finish(
        f"select {body},{version} from {quoted(plan.collection.name)} r where {where}"
    )


# lists

After = tuple[bool, ...] | None
"""Which values of the cursor are null; None means the first page."""


def compile_list(plan: ReadPlan, dialect: Dialect, after: After = None) -> Statement:
    """A page, chosen before its JSON is made: `(body, sort values…)` per record."""
    draft = ReadDraft(plan, dialect)
    draft.join(key.named for key in plan.sort)
    where = draft.where()
    limit = draft.limit()
    columns = [draft.value(key.named) for key in plan.sort]
    ranges = [True] if after is None else _ranges(draft, plan.sort, columns, after)
    if draft.far(plan) and not _starts_there(plan, after, ranges):
        walked = _far(draft, plan, columns, where, limit, after)
        if walked is not None:
            return draft.parameters.finish(_shown(draft, plan, walked))
    order = _order(dialect, plan.sort, columns)
    listed = ",".join(f"{column} as _k{at}" for at, column in enumerate(columns))
    chosen = "r._n as _n" if dialect.row_numbers else "r.*"
    # NOTE: the cursor's range before the filter: SQLite enters an index by a column's first bound
    pages = [
        f"select {chosen},{listed} from {draft.source()}{where_clause(all_of((one, where)))} "
        f"order by {order} limit {limit}"
        for one in ranges or [False]
    ]
    page = pages[0]
    if len(pages) > 1:
        outer = _order(dialect, plan.sort, [f"_k{at}" for at in range(len(columns))])
        union = " union all ".join(f"select * from ({p}) u{n}" for n, p in enumerate(pages))
        page = f"{union} order by {outer} limit {limit}"
    return draft.parameters.finish(_shown(draft, plan, page))


def _starts_there(plan: ReadPlan, after: After, ranges: Sequence[Condition]) -> bool:
    """Whether the cursor alone makes SQLite walk the index of another collection from there: its
    values are one range, and without a value behind the reference no record is in it."""
    return after is not None and len(ranges) == 1 and not plan.sort[0].nullable


def _far(
    draft: ReadDraft, plan: ReadPlan, columns: Sequence[str], where: Condition, limit: str,
    after: After,
) -> str | None:  # fmt: skip
    """A page whose candidates are walked in the order of another collection, if it is not too
    large."""
    keys, dialect, collection = plan.sort, draft.dialect, plan.schema.collection
    path = keys[0].named.path
    named = [f"_k{at}" for at in range(len(keys))]
    come, rest, mark = True, True, None  # type: tuple[Condition, Condition, str | None]
    if after is not None:
        come = any_of(_ranges(draft, keys, columns, after))
        rest = any_of(_ranges(draft, keys[1:], columns[1:], after[1:], 1))
        mark = _cursor_mark(draft, keys[0], 0)
    far = FarList(
        hops=tuple(
            FarHop(hop.collection, hop.field, hop.target, collection[hop.target].key[0])
            for hop in path.hops
        ),
        leaf=keys[0].field.name,
        descending=keys[0].descending,
        value=columns[0],
        columns=columns,
        order=_order(dialect, keys, columns),
        outer_order=_order(dialect, keys, named),
        rest_order=_order(dialect, keys[1:], columns[1:]),
        joins=draft.joins,
        where=where,
        near=draft.compiler.true(plan.where, Rows.of(record="r")),
        after=come,
        rest_after=rest,
        absent=draft.absent(path),
        limit=limit,
        walked=draft.parameters.add("walked", lambda given: most_walked(given.limit)),
    )
    return compile_far(far, sections(far, mark, after is not None and after[0]))


def _shown(draft: ReadDraft, plan: ReadPlan, page: str) -> str:
    """JSON of the rows of a page, in its order."""
    keys = [f"p._k{at}" for at in range(len(plan.sort))]
    order = _order(draft.dialect, plan.sort, keys)
    if draft.dialect.row_numbers:
        # only the row's number went through the sorter: what is sorted is copied
        body = compile_body(draft.compiler, plan.body, "r")
        source = f"({page}) p cross join {quoted(plan.collection.name)} r on r._n=p._n"
    else:
        body = compile_body(draft.compiler, plan.body, "p")
        source = f"({page}) p"
    return f"select {body},{','.join(keys)} from {source} order by {order}"


def compile_walk(plan: ReadPlan, dialect: Dialect, after: After = None) -> Statement | None:
    """The same rows in one layer, for an engine that `walks` it; None where ranges are joined."""
    draft = ReadDraft(plan, dialect)
    draft.join(key.named for key in plan.sort)
    where = draft.where()
    limit = draft.limit()
    columns = [draft.value(key.named) for key in plan.sort]
    ranges = [True] if after is None else _ranges(draft, plan.sort, columns, after)
    if len(ranges) != 1 or (draft.far(plan) and not _starts_there(plan, after, ranges)):
        return None
    body = compile_body(draft.compiler, plan.body, "r")
    return draft.parameters.finish(
        f"select {body},{','.join(columns)} from {draft.source()}"
        f"{where_clause(all_of((ranges[0], where)))} "
        f"order by {_order(dialect, plan.sort, columns)} limit {limit}"
    )


def walks(explained: Sequence[Sequence[Any]]) -> bool:
    """Whether SQLite's plan of a statement sorts nothing at its top level."""
    return not any(
        parent == 0 and detail.startswith("USE TEMP B-TREE") for _, parent, _, detail in explained
    )


def shows_last(walk: Statement, dialect: Dialect) -> bool:
    """Whether the engine makes the JSON of the page alone, though it sorts: where that takes more
    than so many operations for a row. To join two texts is one."""
    most = dialect.shows_last
    return most is not None and walk.text.partition(" from ")[0].count("||") > most


def _order(dialect: Dialect, keys: Sequence[SortKey], columns: Sequence[str]) -> str:
    terms = []
    for key, column in zip(keys, columns, strict=True):
        term = column + (" desc" if key.descending else "")
        if key.nullable and dialect.order_nulls:
            term += " nulls last" if key.descending else " nulls first"
        terms.append(term)
    return ",".join(terms)


def _ranges(
    draft: ReadDraft,
    keys: Sequence[SortKey],
    columns: Sequence[str],
    after: tuple[bool, ...],
    first: int = 0,
) -> list[Condition]:
    """Disjoint conditions that together are "comes after the cursor"; `first` is the place in it
    of the first key."""
    marks = [_cursor_mark(draft, key, at) for at, key in enumerate(keys, first)]
    one_way = len({key.descending for key in keys}) == 1
    if one_way and not any(key.nullable for key in keys) and len(keys) > 1:
        sign = "<" if keys[0].descending else ">"
        equal_or_more = f"{columns[0]}{sign}={marks[0]}"  # lets PostgreSQL walk the index
        return [all_of((equal_or_more, f"({','.join(columns)}){sign}({','.join(marks)})"))]
    ranges: list[Condition] = []
    for depth in reversed(range(len(keys))):
        same = [
            f"{columns[at]} is null" if after[at] else f"{columns[at]}={marks[at]}"
            for at in range(depth)
        ]
        beyond = _beyond(keys[depth], columns[depth], marks[depth], after[depth])
        ranges += [all_of((*same, condition)) for condition in beyond]
    return ranges


def _beyond(key: SortKey, column: str, mark: str, null: bool) -> list[Condition]:
    if key.descending:
        if null:
            return []
        return [f"{column}<{mark}", *([f"{column} is null"] if key.nullable else [])]
    return [f"{column} is not null"] if null else [f"{column}>{mark}"]


def _cursor_mark(draft: ReadDraft, key: SortKey, at: int) -> str:
    dialect, kind = draft.dialect, key.field.type
    return draft.parameters.add(
        ("after", at), lambda given: dialect.raw(kind, given.after[at]), dialect.cast(kind)
    )


def compile_total(plan: ReadPlan, dialect: Dialect) -> Statement:
    """How many records the list has in all."""
    draft = ReadDraft(plan, dialect)
    where = where_clause(draft.where())
    return draft.parameters.finish(f"select count(*) from {draft.source()}{where}")


# full text


def search_table(collection: Collection) -> str:
    """The FTS5 table of a collection; FTS5 adds `_data`, `_idx` and more to its name."""
    return quoted(f"_{collection.name}_search")


def match_text(columns: Sequence[str], q: str) -> str:
    """The FTS5 expression: every word, each as a prefix, anywhere in these columns.

    >>> match_text(["title", "text"], "red mug")
    '{"title" "text"} : ("red"* AND "mug"*)'
    """
    words = " AND ".join(f'"{word}"*' for word in q.split(" "))
    return f"{{{' '.join(quoted(column) for column in columns)}}} : ({words})"


def tsquery_text(fields: Sequence[str], q: str) -> str:
    """The tsquery: every word, each as a prefix, in any of these fields."""
    return " & ".join(
        "(" + " | ".join(f"'{lexeme(field, word)}':*" for field in fields) + ")"
        for word in q.split(" ")
    )
