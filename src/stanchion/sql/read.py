"""Compile read plans: each is one statement whose rows are finished JSON texts.

In: `ReadPlan`, `AggregatePlan`.   Out: `Statement`s. Pure.

A list is two layers: the page (row rule, filters, order, limit) is chosen first, and JSON is made
of its rows only. After a cursor the page is a UNION ALL of disjoint ranges, each with its own
order and limit, so that each can walk an index; a single OR could not.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..expr.tree import TRUE
from ..plan.read import AggregatePlan, GroupKey, ReadPlan, SortKey
from ..schema import Collection, Field
from .body import compile_body
from .dialect import Dialect, name
from .expr import ExpressionCompiler, Rows
from .text import Aliases, Condition, Parameters, Statement, all_of, boolean


class _Reading:
    """What compiling one read statement shares."""

    def __init__(self, plan: ReadPlan | AggregatePlan, dialect: Dialect) -> None:
        self.plan = plan
        self.dialect = dialect
        self.parameters = Parameters(dialect)
        self.compiler = ExpressionCompiler(
            plan.schema, plan.access, dialect, self.parameters, Aliases()
        )

    def source(self) -> str:
        """FROM: the collection as `r`, behind the search index where `q` is asked."""
        collection = self.plan.collection
        if not self.plan.search:
            return f"{name(collection.name)} r"
        return self.dialect_search(collection)

    def dialect_search(self, collection: Collection) -> str:
        if self.dialect.name == "sqlite":
            return f"{search_table(collection)} f cross join {name(collection.name)} r"
        return f"{name(collection.name)} r"

    def matching(self) -> Condition:
        """The condition of `q`."""
        plan = self.plan
        if not plan.search:
            return True
        if self.dialect.name == "sqlite":
            columns = [f.name for f in plan.search]
            mark = self.parameters.add("q", lambda given: match_text(columns, given.q))
            return f"{search_table(plan.collection)} match {mark} and r._n=f.rowid"
        marks = self.parameters.add("q", lambda given: tsquery_text(given.q), "::tsquery")
        return f"r._search @@ {marks}"

    def where(self) -> Condition:
        """Row rule and filters over `r`, and the search."""
        rows = Rows.of(record="r")
        return all_of((self.matching(), self.compiler.true(self.plan.where, rows, wide=True)))

    def masked(self, field: Field, mask: object, alias: str) -> str:
        """A column, or null where its field rule does not hold."""
        column = f"{alias}.{name(field.name)}"
        if mask == TRUE:
            return column
        held = self.compiler.true(mask, Rows.of(record=alias))  # type: ignore[arg-type]  # a Node
        return f"(case when {boolean(held)} then {column} end)"


def compile_one(plan: ReadPlan, dialect: Dialect) -> Statement:
    """One record by key: `(body, version)`."""
    reading = _Reading(plan, dialect)
    key = plan.collection.key_field
    mark = reading.parameters.add(
        "key", lambda given: dialect.raw(key.type, given.key), dialect.cast(key.type)
    )
    rule = reading.compiler.true(plan.where, Rows.of(record="r"))
    where = boolean(all_of((f"r.{name(key.name)}={mark}", rule)))
    body = compile_body(reading.compiler, plan.body, "r")
    version = "r.version" if "version" in plan.collection.field else "0"
    return reading.parameters.finish(
        f"select {body},{version} from {name(plan.collection.name)} r where {where}"
    )


def compile_list(
    plan: ReadPlan, dialect: Dialect, after: tuple[bool, ...] | None = None
) -> Statement:
    """A page: `(body, sort values…)` per record, one more than the limit that was asked.

    `after` says which values of the cursor are null; None means the first page.
    """
    reading = _Reading(plan, dialect)
    limit = reading.parameters.add(
        "limit", lambda given: given.limit, "::int8" if dialect.typed_parameters else ""
    )
    where = reading.where()
    order = _order(reading, plan.sort, "r")
    if after is None:
        page = _page(reading, where, order, limit)
    else:
        ranges = [
            f"select * from ({_page(reading, all_of((where, r)), order, limit)}) u{n}"
            for n, r in enumerate(_ranges(reading, plan.sort, after))
        ]
        if not ranges:
            page = _page(reading, False, order, limit)
        elif len(ranges) == 1:
            page = ranges[0]
        else:
            page = f"select * from ({' union all '.join(ranges)}) r order by {order} limit {limit}"
    body = compile_body(reading.compiler, plan.body, "r")
    keys = ",".join(reading.masked(key.field, key.mask, "r") for key in plan.sort)
    return reading.parameters.finish(f"select {body},{keys} from ({page}) r order by {order}")


def _page(reading: _Reading, where: Condition, order: str, limit: str) -> str:
    condition = "" if where is True else f" where {boolean(where)}"
    return f"select r.* from {reading.source()}{condition} order by {order} limit {limit}"


def _order(reading: _Reading, keys: Sequence[SortKey], alias: str) -> str:
    terms = []
    for key in keys:
        term = reading.masked(key.field, key.mask, alias) + (" desc" if key.descending else "")
        if key.nullable and reading.dialect.order_nulls:
            term += " nulls last" if key.descending else " nulls first"
        terms.append(term)
    return ",".join(terms)


def _ranges(
    reading: _Reading, keys: Sequence[SortKey], after: tuple[bool, ...]
) -> list[Condition]:
    """Disjoint conditions that together are "comes after the cursor"."""
    columns = [reading.masked(key.field, key.mask, "r") for key in keys]
    marks = [_cursor_mark(reading, key, at) for at, key in enumerate(keys)]
    one_way = len({key.descending for key in keys}) == 1
    if one_way and not any(after) and not any(key.nullable for key in keys) and len(keys) > 1:
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


def _cursor_mark(reading: _Reading, key: SortKey, at: int) -> str:
    dialect, kind = reading.dialect, key.field.type
    return reading.parameters.add(
        ("after", at), lambda given: dialect.raw(kind, given.after[at]), dialect.cast(kind)
    )


def compile_total(plan: ReadPlan, dialect: Dialect) -> Statement:
    """How many records the list has in all."""
    reading = _Reading(plan, dialect)
    where = reading.where()
    condition = "" if where is True else f" where {boolean(where)}"
    return reading.parameters.finish(f"select count(*) from {reading.source()}{condition}")


def compile_aggregate(plan: AggregatePlan, dialect: Dialect) -> Statement:
    """Groups: one JSON text per group, in the order of the groups."""
    reading = _Reading(plan, dialect)
    where = reading.where()
    condition = "" if where is True else f" where {boolean(where)}"
    inner = [
        f"{reading.masked(key.field, key.mask, 'r')} as g{at}" for at, key in enumerate(plan.group)
    ]
    if plan.count:
        inner.append("count(*) as n")
    inner += [
        f"sum({reading.masked(key.field, key.mask, 'r')}) as s{at}"
        for at, key in enumerate(plan.sums)
    ]
    groups = ",".join(f"g{at}" for at in range(len(plan.group)))
    grouped = f" group by {groups}" if groups else ""
    limit = reading.parameters.add(
        "limit", lambda given: given.limit, "::int8" if dialect.typed_parameters else ""
    )
    members = [f"'{{\"group\":{{'||{_group_json(reading, plan.group)}||'}}'"]
    if plan.count:
        members.append("',\"count\":'||a.n")
    if plan.sums:
        members.append(f"',\"sum\":{{'||{_sums_json(reading, plan.sums)}||'}}'")
    order = f" order by {_group_order(reading, plan.group)}" if groups else ""
    return reading.parameters.finish(
        f"select {'||'.join(members)}||'}}' from (select {','.join(inner)} from "
        f"{reading.source()}{condition}{grouped}) a{order} limit {limit}"
    )


def _group_order(reading: _Reading, keys: Sequence[GroupKey]) -> str:
    nulls = " nulls first" if reading.dialect.order_nulls else ""
    return ",".join(f"a.g{at}{nulls}" for at in range(len(keys)))


def _group_json(reading: _Reading, keys: Sequence[GroupKey]) -> str:
    pieces = []
    for at, key in enumerate(keys):
        comma = "," if at else ""
        text = reading.dialect.json(key.field.type, f"a.g{at}")
        pieces.append(f"'{comma}\"{key.field.name}\":'||coalesce({text},'null')")
    return "||".join(pieces) or "''"


def _sums_json(reading: _Reading, keys: Sequence[GroupKey]) -> str:
    pieces = []
    for at, key in enumerate(keys):
        comma = "," if at else ""
        text = reading.dialect.json(key.field.type, f"a.s{at}")
        pieces.append(f"'{comma}\"{key.field.name}\":'||coalesce({text},'null')")
    return "||".join(pieces)


# full text


def search_table(collection: Collection) -> str:
    """The FTS5 table of a collection."""
    return name(f"_search_{collection.name}")


def match_text(columns: Sequence[str], q: str) -> str:
    """The FTS5 expression: every word, each as a prefix, anywhere in these columns."""
    words = " AND ".join(f'"{word}"*' for word in q.split(" "))
    return f"{{{' '.join(columns)}}} : ({words})"


def tsquery_text(q: str) -> str:
    """The tsquery: every word, each as a prefix."""
    return " & ".join(f"'{word}':*" for word in q.split(" "))


