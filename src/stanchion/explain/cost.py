"""How the database runs a statement, and which index would let it do less.

In: a statement and its parameters.   Out: `Step`s of its plan, and `Advice` that was tried.
An index is advised only where the planner, given that index in an empty copy of the schema, finds
a plan that is better in one respect and worse in none: fewer tables that are read from end to
end, fewer sorts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from itertools import permutations
from typing import Any

from ..engines import Row
from ..engines.sqlite.scratch import Scratch
from ..schema import Collection, Index, Schema
from ..sql.ddl import create_collection, create_index, secondary_indexes
from ..sql.dialect import SQLITE, quoted

_NAME = r'("[^"]+"|[a-z_][a-z0-9_]*)'
_SOURCE = re.compile(rf"\b(?:from|join) {_NAME} (r|t[0-9]+)\b")
_COLUMN = re.compile(rf"\b(r|t[0-9]+)\.{_NAME}")
UNSUITED = ("list", "json")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a plan; `depth` is how many steps stand around it."""

    depth: int
    text: str


@dataclass(frozen=True, slots=True)
class Advice:
    """An index that would help, how to declare it, and the plan as it would be."""

    collection: str
    fields: tuple[str, ...]
    declaration: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, order=True)
class Work:
    """What a plan costs, as far as it can be told without rows. `loose` is less the more an index
    is asked by, and 0 where that is not looked at."""

    scans: int
    sorts: int
    loose: int = 0

    def is_less_than(self, other: Work) -> bool:
        """Better in one respect and worse in none."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return self != other and all(mine <= its for mine, its in pairs)


def steps_of(rows: Sequence[Row], sources: Mapping[str, Collection]) -> tuple[Step, ...]:
    """SQLite's plan as steps, each under the one that it belongs to; rows by their collection."""
    depths: dict[int, int] = {0: -1}
    steps = []
    for key, parent, _, detail in rows:
        depths[key] = depths.get(parent, -1) + 1
        words = str(detail).split(" ")
        if words[0] in ("SCAN", "SEARCH") and words[1] in sources:
            words[1] = f"{sources[words[1]].name} {words[1]}"
        steps.append(Step(depths[key], " ".join(words)))
    return tuple(steps)


def steps_of_text(rows: Sequence[Row]) -> tuple[Step, ...]:
    """PostgreSQL's plan as steps: lines that are indented by what they belong to."""
    steps = []
    for (line,) in rows:
        text = str(line).lstrip()
        steps.append(Step((len(line) - len(text)) // 2, text.removeprefix("->").lstrip()))
    return tuple(steps)


def make_scratch(schema: Schema) -> Scratch:
    """An empty database of this schema."""
    return Scratch(s for c in schema.collections for s in create_collection(c, SQLITE))


def sources_of(text: str, schema: Schema) -> dict[str, Collection]:
    """The row names of a statement, and the collections that they run over."""
    tables = {quoted(c.name): c for c in schema.collections}
    return {alias: tables[t] for t, alias in _SOURCE.findall(text) if t in tables}


def work_of(rows: Sequence[Row], sources: Mapping[str, Collection], narrower: bool = False) -> Work:
    """Tables that are read from end to end, and sorts; if asked, by how little indexes are."""
    details = [str(row[3]) for row in rows]
    return Work(
        scans=sum(d.startswith("SCAN ") and d.split()[1] in sources for d in details),
        sorts=sum(d.startswith("USE TEMP B-TREE") for d in details),
        loose=-sum(d.count("=?") for d in details if d.startswith("SEARCH ")) if narrower else 0,
    )


def advise(
    text: str, params: Sequence[Any], schema: Schema, scratch: Scratch, *, narrower: bool = False
) -> Advice | None:
    """The index that would help a statement most, or None. `narrower`: also where it only leads to
    fewer records than another one does."""
    sources = sources_of(text, schema)
    if not sources:
        return None  # a table of ours: its indexes are not the app's to declare
    before = work_of(scratch.plan(text, params), sources, narrower)
    best: tuple[tuple[Work, int, int], Advice] | None = None
    for collection, index in _candidates(text, sources):
        rows = scratch.plan_with(create_index(collection, index), text, params)
        work = work_of(rows, sources, narrower)
        bools = sum(collection.field[f].type.kind == "bool" for f in index.fields)
        rank = (work, len(index.fields), bools)  # few columns, and such as tell records apart
        if work.is_less_than(before) and (best is None or rank < best[0]):
            steps = steps_of(rows, sources)
            best = (
                rank,
                Advice(collection.name, index.fields, declaration(collection, index), steps),
            )
    return best[1] if best else None


def declaration(collection: Collection, index: Index) -> str:
    """How an app declares the index."""
    names = [collection.field[f].attribute for f in index.fields]
    if len(names) == 1:
        return f"{names[0]}: … = Field(index=True)"
    return f"indexes = (({', '.join(repr(n) for n in names)}),)".replace("'", '"')


def _candidates(text: str, sources: Mapping[str, Collection]) -> Iterator[tuple[Collection, Index]]:
    """Indexes over one or two columns that the statement names and that are not there yet."""
    named: dict[str, dict[str, None]] = {}
    for alias, column in _COLUMN.findall(text):
        if alias in sources:
            named.setdefault(sources[alias].name, {})[column.strip('"')] = None
    for collection in {c.name: c for c in sources.values()}.values():
        columns = [
            c
            for c in named.get(collection.name, ())
            if c in collection.field
            and c not in collection.key
            and collection.field[c].type.kind not in UNSUITED
        ]
        known = {i.fields for i in secondary_indexes(collection)}
        for fields in [(c,) for c in columns] + list(permutations(columns, 2)):
            # half of the records hold either value of a bool: alone it leads nowhere
            lonely_bool = len(fields) == 1 and collection.field[fields[0]].type.kind == "bool"
            if fields not in known and not lonely_bool:
                yield collection, Index(fields)
