"""Bring a table of PostgreSQL to what its collection declares, without moving its rows.

In: a collection whose table differs.   Out: steps of the transaction that applies the schema.
Called by apply, which knows that the difference is safe. SQLite makes the table anew instead, see
`apply`: it cannot change most of this in place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..engines import Ask
from ..schema import Collection, Field
from ..search import indexed_text
from ..sql import ddl
from ..sql.dialect import POSTGRES, quoted
from ..sql.write import reindex_search
from ..store.steps import Steps

_COLUMNS = (
    "select attname,attnotnull from pg_attribute where attrelid=to_regclass(?1) and attnum>0 "
    "and not attisdropped"
)
_CONSTRAINTS = (
    "select conname from pg_constraint where conrelid=to_regclass(?1) and contype in ('c','f')"
)
SEARCH = "_search"


def alter(collection: Collection, filled: Callable[[Field], Any]) -> Steps[None]:
    """Columns, their types and checks; `filled` is what stored rows get in a new column. The
    references are taken away, for `add_references` to put them back when all tables are there."""
    table = quoted(collection.name)
    for (name,) in (yield Ask(_CONSTRAINTS, (table,))):
        yield Ask(f"alter table {table} drop constraint {quoted(name)}")
    stored: dict[str, bool] = dict((yield Ask(_COLUMNS, (table,))))
    wanted = {field.name for field in collection.fields}
    if collection.search_fields:
        wanted.add(SEARCH)
    for name in stored.keys() - wanted:
        yield Ask(f"alter table {table} drop column {quoted(name)}")
    for field in collection.fields:
        yield from _alter_column(table, field, stored, filled)
    for field in collection.fields:
        for constraint in ddl.checks(field, POSTGRES):
            yield Ask(f"alter table {table} add {constraint}")
    if collection.search_fields:
        yield from _search_anew(collection, there=SEARCH in stored)


def _alter_column(
    table: str, field: Field, stored: dict[str, bool], filled: Callable[[Field], Any]
) -> Steps[None]:
    column, kind = quoted(field.name), POSTGRES.column(field.type)
    if field.name not in stored:
        yield Ask(f"alter table {table} add column {column} {kind}")
        value = filled(field)
        if value is not None:
            yield Ask(f"update {table} set {column}=$1{POSTGRES.cast(field.type)}", (value,))
    else:  # the same type again changes nothing
        yield Ask(f"alter table {table} alter column {column} type {kind}")
    if stored.get(field.name, False) == field.nullable:
        verb = "drop" if field.nullable else "set"
        yield Ask(f"alter table {table} alter column {column} {verb} not null")


def _search_anew(collection: Collection, *, there: bool) -> Steps[None]:
    """Index every stored record for `q`."""
    table = quoted(collection.name)
    if not there:
        yield Ask(f"alter table {table} add column {SEARCH} tsvector not null default ''")
        for statement in ddl.create_search(collection, POSTGRES):
            yield Ask(statement)
    columns = ",".join(quoted(name) for name in (collection.key[0], *_searched(collection)))
    for key, *texts in (yield Ask(f"select {columns} from {table}")):
        words = [indexed_text(text) for text in texts]
        yield Ask(*reindex_search(collection, POSTGRES, words, key))


def _searched(collection: Collection) -> tuple[str, ...]:
    return tuple(field.name for field in collection.search_fields)
