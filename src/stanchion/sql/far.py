"""A page in the order of a field of another collection, chosen in a bounded number of steps.

In: a `FarList`.   Out: SQL of a page: `_n` and the sort values of its records. SQLite only.
Called by `read` for lists whose first sort key lies behind references and has an index there.

A left join sorts every record of the list for each page. Here candidates are walked in order by
indexes, a limited number of them, and the same left join judges and sorts the candidates alone. So
order, nulls and what the caller may see are decided in one place. In words:

    _few      the first records of the list; if these are all, they are joined and sorted
    _s0, _p0  the candidates of the first section (those with a value, or those without one),
              and which of them the list holds
    _s1, _p1  of the next, where the page has room left; and so on
    the join over everything, only where a walk took its limit and found too little

A page costs at most what the join costs and a limited walk; mostly the walk alone. A part that is
not needed has the LIMIT 0, so SQLite does not begin it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .dialect import quoted
from .text import Condition, all_of, any_of, boolean

FEW = 400
"""So many records are sorted sooner than an index is walked to find them."""

WALKED, WALKED_FOR_EACH = 750, 8
"""Steps of one walk: about 1 µs each. A condition that one record in thirty meets fills a page."""


MOST_EXPANDED = 700
"""SELECTs of a statement when each part stands wherever it is named, as SQLite reads it. It refuses
more than 1,000, and counts up to a fifth more than we do."""


@dataclass(frozen=True, slots=True)
class FarHop:
    """A reference on the way: `field` of the rows of `holder` refers to `target`."""

    holder: str
    field: str
    target: str
    key: str


@dataclass(frozen=True, slots=True)
class Absent:
    """Where records without a value are looked for.

    At an empty first reference alone, or anywhere; in that case `hidden` says, if it can be told,
    when the record `alias` behind the first reference leads the caller to no value, over `source`.
    """

    anywhere: bool
    source: str = ""
    alias: str = ""
    hidden: Condition | None = None


@dataclass(frozen=True, slots=True)
class FarList:
    """What a page is made of.

    `value` is the first sort value with all rules, and `columns` all of them, over `joins`. The
    keys behind the first are plain columns of `r`, in `rest_order`. `where` is the rule and the
    filters, to ask all records, and `near` the same to ask few. `after` and `rest_after` say what
    comes after the cursor; `limit` and `walked` are marks.
    """

    hops: tuple[FarHop, ...]
    leaf: str
    descending: bool
    value: str
    columns: Sequence[str]
    order: str
    outer_order: str
    rest_order: str
    joins: str
    where: Condition
    near: Condition
    after: Condition
    rest_after: Condition
    absent: Absent | None
    limit: str
    walked: str


@dataclass(frozen=True, slots=True)
class Section:
    """Records that follow each other in the order: with a value or without one.

    `test` is asked of the value. `beyond` is, where the cursor has one, what leaves no doubt; of
    the records of its very value, or of none where `tied`, only the rest comes after the cursor.
    """

    there: bool
    test: str
    beyond: str = ""
    tied: bool = False


def sections(far: FarList, mark: str | None, null: bool) -> list[Section]:
    """The sections of a page, in order. `mark` is the cursor's first value; None without cursor."""
    there = [Section(True, " is not null")]
    absent = [Section(False, " is null")] if far.absent else []
    if mark is not None and null:
        tied = [Section(False, " is null", tied=True)]
        return tied if far.descending else tied + there
    if mark is not None:
        sign = "<" if far.descending else ">"
        there = [Section(True, f"{sign}={mark}", f"{sign}{mark}")]
        return there + absent if far.descending else there
    return there + absent if far.descending else absent + there


def most_walked(limit: int) -> int:
    """The steps of one walk for a page of `limit` records."""
    return WALKED + WALKED_FOR_EACH * limit


def compile_far(far: FarList, asked: Sequence[Section]) -> str | None:
    """The page, as one SELECT; None where the rules in it make it too large for SQLite."""
    many = f"(select count(*) from _few)>{FEW}"
    few = f"select r._n as _n from {_list(far)}{_where(far.where)} limit {FEW + 1}"
    parts = [("_few", few)]
    found: list[str] = []
    ended: list[str] = []  # that the walks of the sections before ended by themselves
    failed: list[str] = []
    for at, section in enumerate(asked):
        room = [f"{'+'.join(found)}<{far.limit}"] if found else []
        parts += _section(far, at, section, " and ".join([many, *room, *ended]), found)
        found.append(f"(select count(*) from _p{at})")
        if not _tries_again(far, section):
            ended.append(f"(select count(*) from _s{at})<{far.walked}")
            failed.append(_stopped(far, at, found))
    parts.append(("_all", f"select {' or '.join(failed) or '0'} as joined"))
    joined = "(select joined from _all)"
    pages = [
        f"select * from _p{at} limit {_limit(f'not {joined}', far.limit)}"
        for at in range(len(asked))
    ]
    pages.append(_judged(far, "_few", far.after, _limit(f"not {many}", far.limit)))
    if failed:
        pages.append(_judged(far, None, far.after, _limit(joined, far.limit)))
    listed = ",".join(f"{part} as materialized ({text})" for part, text in parts)
    union = " union all ".join(f"select * from ({page})" for page in pages)
    if _expanded(parts, union) > MOST_EXPANDED:
        return None
    return f"with {listed} {union} order by {far.outer_order} limit {far.limit}"


def _expanded(parts: Sequence[tuple[str, str]], union: str) -> int:
    """The SELECTs of the statement when each part stands wherever it is named."""
    sizes: dict[str, int] = {}
    for part, text in parts:
        sizes[part] = _size(text, sizes)
    return _size(union, sizes)


def _size(text: str, sizes: Mapping[str, int]) -> int:
    named = _PART.findall(text)
    return text.count("select ") + sum(sizes.get(part, 0) for part in named)


_PART = re.compile(r" from (_\w+)")


def _section(
    far: FarList, at: int, section: Section, needed: str, before: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """The walk of a section and what it found; and where a walk over all records finds too few
    without a value, those whose reference is empty or leads to a hidden value."""
    walk = _there(far, section) if section.there else _absent(far, section)
    condition = _found(far, section)
    yield f"_s{at}", f"{walk} limit {_limit(needed, far.walked)}"
    if not _tries_again(far, section):
        yield f"_p{at}", _judged(far, f"_s{at}", condition, far.limit)
        return
    yield f"_w{at}", _judged(far, f"_s{at}", condition, far.limit)
    again = _stopped(far, at, [*before, f"(select count(*) from _w{at})"])
    yield f"_h{at}", f"select _n from ({_hidden(far, section)}) limit {_limit(again, '-1')}"
    yield (
        f"_p{at}",
        f"select * from (select * from _w{at} limit {_limit(f'not ({again})', far.limit)}) "
        f"union all select * from ({_judged(far, f'_h{at}', condition, far.limit)})",
    )


def _tries_again(far: FarList, section: Section) -> bool:
    return not section.there and far.absent is not None and far.absent.hidden is not None


def _stopped(far: FarList, at: int, found: Sequence[str]) -> str:
    """Whether the walk of a section took its limit while the page had room left."""
    return f"(select count(*) from _s{at})={far.walked} and {'+'.join(found)}<{far.limit}"


def _limit(condition: str, limit: str) -> str:
    return f"(case when {condition} then {limit} else 0 end)"


# candidates


def _there(far: FarList, section: Section) -> str:
    """Records in the order of the value, as if all could be seen. What nobody refers to counts
    as a step, or a large collection would be walked for a small list.

    WHY-NOT a section of its own for the cursor's value, found by its key: SQLite expands a part
    wherever it is named, and a third section comes near to its limit (see MOST_EXPANDED).
    """
    end = len(far.hops) - 1
    source = f"{quoted(far.hops[-1].target)} w{end}"
    value = f"w{end}.{quoted(far.leaf)}"
    rest = any_of((f"{value}{section.beyond}", far.rest_after)) if section.beyond else True
    for at in range(end, -1, -1):
        hop, row = far.hops[at], "r" if at == 0 else f"w{at - 1}"
        link = f"{row}.{quoted(hop.field)}=w{at}.{quoted(hop.key)}"
        on = all_of((link, rest if at == 0 else True))
        source += f" left join {quoted(hop.holder)} {row} on {boolean(on)}"
    way = " desc" if far.descending else ""
    return (
        f"select r._n as _n from {source} where {value}{section.test} "
        f"order by {value}{way},{far.rest_order}"
    )


def _absent(far: FarList, section: Section) -> str:
    """Records whose first reference is empty, or all, in the order of the keys behind the first."""
    assert far.absent is not None
    empty = True if far.absent.anywhere else f"r.{quoted(far.hops[0].field)} is null"
    where = all_of((empty, far.rest_after if section.tied else True))
    return f"select r._n as _n from {_list(far)}{_where(where)} order by {far.rest_order}"


def _hidden(far: FarList, section: Section) -> str:
    """Records whose reference is empty or leads to a hidden value, in no order."""
    assert far.absent is not None and far.absent.hidden is not None
    hop, alias = far.hops[0], far.absent.alias
    field = f"r.{quoted(hop.field)}"
    rest = far.rest_after if section.tied else True
    empty = f"select r._n as _n from {_list(far)}{_where(all_of((f'{field} is null', rest)))}"
    return (
        f"{empty} union all select r._n from {far.absent.source} cross join {_list(far)} "
        f"on {field}={alias}.{quoted(hop.key)}{_where(all_of((far.absent.hidden, rest)))}"
    )


# what the list holds


def _found(far: FarList, section: Section) -> Condition:
    """The records of a section, as the caller sees them."""
    rest: Condition = far.rest_after if section.tied else True
    if section.beyond:
        rest = any_of((f"{far.value}{section.beyond}", far.rest_after))
    return all_of((f"{far.value}{section.test}", rest))


def _judged(far: FarList, part: str | None, condition: Condition, limit: str) -> str:
    """The records of a part, or all, that the list holds: joined and sorted, at most `limit`."""
    columns = ",".join(f"{column} as _k{at}" for at, column in enumerate(far.columns))
    source, where = _list(far), far.where
    if part is not None:
        source, where = f"{part} c cross join {source} on r._n=c._n", far.near
    return (
        f"select r._n as _n,{columns} from {source}{far.joins}"
        f"{_where(all_of((condition, where)))} order by {far.order} limit {limit}"
    )


def _list(far: FarList) -> str:
    return f"{quoted(far.hops[0].holder)} r"


def _where(condition: Condition) -> str:
    return "" if condition is True else f" where {boolean(condition)}"
