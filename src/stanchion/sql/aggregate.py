"""Compile aggregate plans: one statement, one JSON text per group.

In: `AggregatePlan`.   Out: `Statement`. Pure.

Grouping happens inside, JSON is made outside. Sums stay within the range of their field's wire
form, else the statement fails (`query.overflow`); averages are exact, in whole numbers, rounded
half away from zero, so that both engines say the same digits.
"""

from __future__ import annotations

from ..plan.aggregate import MORE_PLACES, AggregatePlan, GroupKey, Measure
from ..plan.resolve import Named
from ..types import DecimalType, FieldType, IntType
from ..types.int import SAFE
from .dialect import Dialect
from .read import ReadDraft, where_clause
from .text import Statement


def compile_aggregate(plan: AggregatePlan, dialect: Dialect) -> Statement:
    """Groups, in their order."""
    draft = ReadDraft(plan, dialect)
    draft.join((*plan.group, *(measure.named for measure in plan.measures)))
    where = where_clause(draft.where())
    groups = [f"_g{at}" for at in range(len(plan.group))]
    inner = [f"{draft.value(key)} as {g}" for key, g in zip(plan.group, groups, strict=True)]
    inner += ["count(*) as _c"] if plan.count else []
    for at, measure in enumerate(plan.measures):
        inner += _inner(dialect, measure, draft.value(measure.named), at)
    grouped = f" group by {','.join(groups)}" if groups else ""
    order = _order(plan, dialect)
    return draft.parameters.finish(
        f"select {_body(plan, dialect)} from (select {','.join(inner)} "
        f"from {draft.source()}{where}{grouped}) a{order} limit {draft.limit()}"
    )


def _inner(dialect: Dialect, measure: Measure, value: str, at: int) -> list[str]:
    """What is computed of each group. An average is the sum and the number of values."""
    kind = measure.named.field.type
    column = f"_m{at}"
    match measure.function:
        case "sum":
            return [f"sum({value}) as {column}"]
        case "avg" if kind.kind == "float":
            return [f"{dialect.float_average(value)} as {column}"]
        case "avg":
            return [f"sum({value}) as {column}", f"count({value}) as _n{at}"]
        case "min" | "max":
            return [f"{dialect.extreme(measure.function, kind, value)} as {column}"]


# the answer


def _body(plan: AggregatePlan, dialect: Dialect) -> str:
    def members(texts: list[tuple[Named, str]]) -> str:
        return "".join(
            f"'{',' if at else ''}\"{named.word}\":'||coalesce({text},'null')||"
            for at, (named, text) in enumerate(texts)
        )

    group = members(
        [(key, dialect.json(key.field.type, f"a._g{at}")) for at, key in enumerate(plan.group)]
    )
    parts = f"'{{\"group\":{{'||{group}'}}'||"
    parts += "',\"count\":'||a._c||" if plan.count else ""
    for function in dict.fromkeys(measure.function for measure in plan.measures):
        texts = [
            (measure.named, _json(dialect, measure, at))
            for at, measure in enumerate(plan.measures)
            if measure.function == function
        ]
        parts += f"',\"{function}\":{{'||{members(texts)}'}}'||"
    return f"{parts}'}}'".replace("'||'", "")


def _json(dialect: Dialect, measure: Measure, at: int) -> str:
    """SQL for the JSON text of a measure; null where the group has no value."""
    kind, column = measure.named.field.type, f"a._m{at}"
    match measure.function:
        case "min" | "max":
            return dialect.json(kind, column)
        case "avg" if kind.kind != "float":
            return _average(dialect, kind, column, f"a._n{at}")
        case "sum" | "avg":
            return dialect.json(kind, _within(dialect, kind, column))


def _within(dialect: Dialect, kind: FieldType, total: str) -> str:
    """A sum, or the failure of the statement where it is out of the range of its wire form.

    A number that a JavaScript client would round silently is refused; a field that may come to
    more is declared big. Whole numbers are stored in 64 bits, and their sums stay there.
    """
    if kind.kind == "float":
        return dialect.finite(total)
    places = kind.places if isinstance(kind, DecimalType) else 0
    most = SAFE if isinstance(kind, IntType) and not kind.big else 2**63 - 1
    return dialect.at_most(total, most, places)


def _average(dialect: Dialect, kind: FieldType, total: str, count: str) -> str:
    """SQL for the JSON text of an exact average: the field's places and six more."""
    places = kind.places if isinstance(kind, DecimalType) else 0
    if not dialect.scaled_decimals:
        return f"'\"'||{_rounded(dialect, kind, total, count)}::text||'\"'"
    whole, rest = _whole(total, count), _rest(total, count)
    minus = f"case when {total}<0 and ({whole}>0 or {rest}>0) then '-' else '' end"
    millionths = f"substr('{'0' * MORE_PLACES}'||{rest},-{MORE_PLACES})"
    if places:
        unit = 10**places
        own = f"substr('{'0' * places}'||({whole}%{unit}),-{places})"
        digits = f"({whole}/{unit})||'.'||{own}||{millionths}"
    else:
        digits = f"{whole}||'.'||{millionths}"
    return f"'\"'||{minus}||{digits}||'\"'"


# An average of whole numbers on SQLite, where a product of more than 64 bits would silently become
# a float: the whole part and the millionths are computed apart, and a carry goes to the whole.


def _millionths(total: str, count: str) -> str:
    unit = 10**MORE_PLACES
    return f"((abs({total})%{count})*{2 * unit}+{count})/(2*{count})"


def _whole(total: str, count: str) -> str:
    """The average without its sign, in whole units of the field's last place."""
    return f"(abs({total})/{count}+{_millionths(total, count)}/{10**MORE_PLACES})"


def _rest(total: str, count: str) -> str:
    """The millionths behind it."""
    return f"({_millionths(total, count)}%{10**MORE_PLACES})"


def _rounded(dialect: Dialect, kind: FieldType, total: str, count: str) -> str:
    """An average on PostgreSQL. Its division keeps as many places as its left side has, so with
    26 more, rounding twice cannot differ from rounding once: no count has 19 digits."""
    places = kind.places if isinstance(kind, DecimalType) else 0
    held = dialect.at_most(total, 2**63 - 1, places)
    digits = places + MORE_PLACES
    return f"round({held}::numeric(100,{digits + 20})/nullif({count},0),{digits})"


# their order


def _order(plan: AggregatePlan, dialect: Dialect) -> str:
    terms = [term for key in plan.sort for term in _terms(plan, dialect, key)]
    return f" order by {','.join(terms)}" if terms else ""


def _terms(plan: AggregatePlan, dialect: Dialect, key: GroupKey) -> list[str]:
    nullable = key.of is not None
    nulls = (" nulls last" if key.descending else " nulls first") if nullable else ""
    way = (" desc" if key.descending else "") + (nulls if dialect.order_nulls else "")
    return [column + way for column in _columns(plan, dialect, key)]


def _columns(plan: AggregatePlan, dialect: Dialect, key: GroupKey) -> list[str]:
    """What a key sorts by. An average sorts by what is answered: equal texts are equal."""
    of = key.of
    if of is None:
        return ["a._c"]
    if isinstance(of, Named):
        return [f"a._g{plan.group.index(of)}"]
    at = plan.measures.index(of)
    column, count, kind = f"a._m{at}", f"a._n{at}", of.named.field.type
    if of.function != "avg" or kind.kind == "float":
        return [column]
    if not dialect.scaled_decimals:
        return [_rounded(dialect, kind, column, count)]
    parts = (_whole(column, count), _rest(column, count))
    return [f"(case when {column}<0 then -{part} else {part} end)" for part in parts]
