"""Turn an AggregateQuery into a plan.

In: a query and the caller's profile.   Out: `AggregatePlan`, frozen, no I/O.
Refuses: unknown fields, what has no sum, an order by what is not asked for, closed collections.
Called by records; `sql/aggregate` is the only reader of what we return.

The groups have an order of their own. A term of `sort` is the place of a value in the items that
are answered: `count`, `sum.price`, `group.category`; `group.` may be left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..errors import BadRequest, did_you_mean
from ..expr.kinds import kind_of, say
from ..expr.tree import Node
from ..query import AggregateQuery
from ..schema import Collection, Field, Schema
from .policy import Profile
from .read import (
    SORT_KEYS,
    filter_syntax,
    plan_search,
    plan_where,
    refuse_repeated,
    scalar,
)
from .resolve import Named, Names, refuse_closed, split_names

Function = Literal["sum", "avg", "min", "max"]
FUNCTIONS: tuple[Function, ...] = ("sum", "avg", "min", "max")
NUMBERS = ("int", "decimal", "float")
MORE_PLACES = 6
"""How many places an average has beyond those of its field."""
MOST_NAMES = 32
"""Of `group`, and of all that is computed: each is an expression of the statement."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What the values of a field come to in each group."""

    function: Function
    named: Named

    @property
    def place(self) -> str:
        """Where the value stands in an item of the answer."""
        return f"{self.function}.{self.named.word}"


@dataclass(frozen=True, slots=True)
class GroupKey:
    """One key of the order of the groups: a group's value, a measure, or the count (None)."""

    of: Named | Measure | None
    descending: bool


@dataclass(frozen=True, slots=True)
class AggregatePlan:
    """Groups of the records for which `where` holds. Groups that `sort` leaves equal are in the
    order of their values."""

    schema: Schema
    profile: Profile
    collection: Collection
    where: Node
    search: tuple[Field, ...]
    group: tuple[Named, ...]
    count: bool
    measures: tuple[Measure, ...]
    sort: tuple[GroupKey, ...]


def plan_aggregate(ask: AggregateQuery, schema: Schema, profile: Profile) -> AggregatePlan:
    """The plan of groups and what they come to. The first stage tells its mistake."""
    collection = schema.collection[ask.collection]
    syntax = filter_syntax(ask.filters)
    if not (ask.count or ask.sum or ask.avg or ask.min or ask.max):
        raise BadRequest(
            "query.aggregate",
            "Say what to compute.",
            hint="count=true, sum=quantity, avg=price, min=price or max=price, or several; "
            "group=category makes groups.",
        )
    refuse_closed(profile, collection, "read")
    names = Names(schema, profile)
    group = _group(names, collection, ask.group)
    measures = tuple(_measures(names, collection, ask))
    if len(measures) > MOST_NAMES:
        raise BadRequest("query.aggregate", f"At most {MOST_NAMES} values are computed at once.")
    where = plan_where(names, collection, syntax, ask.filters)
    search = plan_search(names, collection) if ask.q else ()
    sort = _sort(ask, group, measures)
    return AggregatePlan(
        schema, profile, collection, where, search, group, ask.count, measures, sort
    )


def _group(names: Names, collection: Collection, text: str) -> tuple[Named, ...]:
    words = split_names(text, "group")
    if len(words) > MOST_NAMES:
        raise BadRequest("query.group", f"`group` takes at most {MOST_NAMES} names.")
    keys = [scalar(names, collection, word, "group") for word in words]
    refuse_repeated(keys, "group")
    return tuple(keys)


def _measures(names: Names, collection: Collection, ask: AggregateQuery) -> Iterator[Measure]:
    asked: dict[Function, str] = {"sum": ask.sum, "avg": ask.avg, "min": ask.min, "max": ask.max}
    for function in FUNCTIONS:
        keys = [
            _measured(names, collection, word, function)
            for word in split_names(asked[function], function)
        ]
        refuse_repeated(keys, function)
        yield from (Measure(function, key) for key in keys)


def _measured(names: Names, collection: Collection, word: str, function: Function) -> Named:
    """A field whose values have this function: numbers, and for min and max all that sorts."""
    if function in ("min", "max"):
        return scalar(names, collection, word, function)
    found = names.named(collection, word, function)
    if found.field.type.kind not in NUMBERS:
        what = "a sum" if function == "sum" else "an average"
        hint = f"min={word} and max={word} work." if found.field.type.sortable else None
        raise BadRequest(
            f"query.{function}",
            f"`{word}` is {say(kind_of(found.field.type))}; only numbers have {what}.",
            hint=hint,
        )
    return found


def _sort(
    ask: AggregateQuery, group: tuple[Named, ...], measures: tuple[Measure, ...]
) -> tuple[GroupKey, ...]:
    places: dict[str, Named | Measure | None] = {"count": None} if ask.count else {}
    places |= {measure.place: measure for measure in measures}
    places |= {f"group.{key.word}": key for key in group}
    keys: list[GroupKey] = []
    used: list[str] = []
    for item in split_names(ask.sort, "sort"):
        descending = item.startswith("-")
        word = item[1:].lstrip() if item[0] in "+-" else item
        place = _place(word, places)
        if place in used:
            raise BadRequest("query.sort", f"`sort` names `{word}` twice.")
        used.append(place)
        keys.append(GroupKey(places[place], descending))
    if len(keys) > SORT_KEYS:
        raise BadRequest("query.sort", f"`sort` takes at most {SORT_KEYS} names.")
    rest = [GroupKey(key, False) for key in group if f"group.{key.word}" not in used]
    return (*keys, *rest)


def _place(word: str, places: dict[str, Named | Measure | None]) -> str:
    """The value that a term of `sort` names; raises `BadRequest` with what to add."""
    if word in places:
        return word
    if f"group.{word}" in places:
        return f"group.{word}"
    said = word[:60]
    function, _, field = said.partition(".")
    if said == "count":
        hint = "Add count=true."
    elif function in FUNCTIONS and field:
        hint = f"Add {field} to `{function}`."
    else:
        known = [place.removeprefix("group.") for place in places]
        hint = did_you_mean(said, known) or f"Groups sort by {', '.join(known)}."
    raise BadRequest(
        "query.sort",
        f"`sort` names `{said}`, which is neither a group nor computed here.",
        hint=hint,
    )
