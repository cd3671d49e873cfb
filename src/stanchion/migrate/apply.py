"""Apply a schema: create what is missing, run safe changes, remember what was applied.

Everything runs in one transaction, as one job of the engine, so that several workers that start at
once agree: the first one applies, the others find it done.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from .. import clock
from ..engines import Ask, AskAll, Engine
from ..errors import StanchionError
from ..schema import NO_DEFAULT, Collection, Field, Schema, stored_form
from ..search import indexed_text
from ..sql import ddl, own
from ..sql.dialect import SQLITE, Dialect, dialect_of, quoted
from ..sql.names import index_name
from ..sql.read import search_table
from ..store.steps import Steps
from .diff import Difference, compare


class SchemaDiffers(StanchionError):
    """The database does not match the code, and the difference must be looked at first."""

    def __init__(self, differences: Sequence[Difference]) -> None:
        super().__init__("the database does not match the code")
        self.differences = tuple(differences)

    def __str__(self) -> str:
        lines = ["error[schema.differs]: the database does not match the code"]
        lines += [f"  {difference}" for difference in self.differences]
        return "\n".join(lines)


class OtherDatabase(StanchionError):
    """The database belongs to another application: it has tables, and not one of them is ours."""

    def __init__(self, tables: Sequence[str]) -> None:
        super().__init__("the database belongs to another application")
        self.tables = tuple(tables)


TABLES = {
    "sqlite": "select name from sqlite_schema where type='table' and substr(name,1,7)<>'sqlite_'",
    "postgresql": "select tablename from pg_tables where schemaname=current_schema()",
}
_INDEXES = {
    "sqlite": "select name from sqlite_schema where type='index' and tbl_name=?1 "
    "and sql is not null",
    "postgresql": "select indexname from pg_indexes where schemaname=current_schema() "
    "and tablename=?1 and indexname~'[.](index|unique)$' "
    "and indexname not in (select conname from pg_constraint where contype='u')",
}


async def prepare(engine: Engine, schema: Schema, *, change: bool) -> list[Difference]:
    """Make sure that the database fits; the differences that were applied.

    An empty database is created in any case. With `change`, safe differences are applied. What is
    left raises `SchemaDiffers`, and nothing was changed then.
    """
    dialect = dialect_of(engine.name)
    return await engine.write(lambda: apply_schema(schema, change=change, dialect=dialect))


def apply_schema(
    schema: Schema, *, change: bool, dialect: Dialect = SQLITE
) -> Steps[list[Difference]]:
    """The steps of `prepare`."""
    yield from _own_tables(dialect)
    rows = yield Ask("select fingerprint,schema from _schema where id=1")
    if rows and rows[0][0] == schema.fingerprint:
        return []
    applied = json.loads(rows[0][1]) if rows else {}
    differences = compare(applied, schema)
    refused = [d for d in differences if not d.safe] if rows else []
    if refused or (rows and not change):
        raise SchemaDiffers(refused or differences)
    yield from _run(differences, schema, dialect)
    stored = json.dumps({c.name: stored_form(c) for c in schema.collections})
    yield Ask(
        "insert into _schema (id,fingerprint,schema,applied) values (1,?1,?2,?3) on conflict (id) "
        "do update set fingerprint=excluded.fingerprint,schema=excluded.schema,"
        "applied=excluded.applied",
        (schema.fingerprint, stored, clock.now_text()),
    )
    return differences


def _own_tables(dialect: Dialect) -> Steps[None]:
    """Make our own tables, in an empty database or in one of ours."""
    if dialect.alone:
        yield Ask(dialect.alone)
    tables = {row[0] for row in (yield Ask(TABLES[dialect.name]))}
    if tables and "_schema" not in tables:
        raise OtherDatabase(sorted(tables))
    yield _all((*own.SCHEMA.create(dialect), *own.create_own_tables(dialect)))


def _run(differences: Sequence[Difference], schema: Schema, dialect: Dialect) -> Steps[None]:
    """Carry the differences out: new tables, then one rebuild of each table whose fields differ
    (or what differs of it, where a table can be altered), then the indexes of the others."""
    of: dict[str, set[str]] = {}
    for difference in differences:
        of.setdefault(difference.collection, set()).add(difference.kind)
    new = [schema.collection[name] for name, kinds in of.items() if "new collection" in kinds]
    unreferred = list(new)
    yield _all([text for each in new for text in ddl.create_collection(each, dialect)])
    rebuilt = False
    for name, kinds in of.items():
        collection = schema.collection[name]
        if collection in new:
            continue
        if kinds <= {"new index", "drop index"}:
            yield from _change_indexes(collection, dialect)
        elif dialect.alters_in_place:
            from .alter import alter  # which SQLite has no use for

            yield from alter(collection, partial(_filled, dialect=dialect))
            yield from _change_indexes(collection, dialect)
            unreferred.append(collection)
        else:
            yield from _rebuild(collection, dialect)
            rebuilt = True
    if rebuilt:
        yield from _check_references()
    if dialect.references_apart:
        yield _all([text for each in unreferred for text in ddl.add_references(each)])


def _all(statements: Sequence[str]) -> AskAll:
    """Statements that answer nothing."""
    return AskAll([Ask(statement) for statement in statements], silent=True)


def _change_indexes(collection: Collection, dialect: Dialect) -> Steps[None]:
    """Drop the indexes that are declared no more, and make those that are missing."""
    wanted = {index_name(collection, i): i for i in ddl.secondary_indexes(collection)}
    rows = yield Ask(_INDEXES[dialect.name], (collection.name,))
    stored = {row[0] for row in rows}
    for index in stored - set(wanted):
        yield Ask(f"drop index {quoted(index)}")
    for index, declared in wanted.items():
        if index not in stored:
            yield Ask(ddl.create_index(collection, declared))


def _rebuild(collection: Collection, dialect: Dialect) -> Steps[None]:
    """Make the table anew and move the rows over.

    The rows wait in a table without keys while the table is dropped and made again under its own
    name, so that the references of other tables keep leading to it. They are violated in between
    and whole again when the rows are back, which the end of the transaction looks at.
    WHY-NOT rename: SQLite carries the references of other tables over to the old table's new name.
    """
    table, waiting = quoted(collection.name), quoted(f"_old_{collection.name}")
    columns = yield Ask("select name from pragma_table_info(?1)", (collection.name,))
    stored = {row[0] for row in columns}
    yield Ask(f"create table {waiting} as select * from {table}")
    yield Ask(f"drop table {table}")
    yield Ask(f"drop table if exists {search_table(collection)}")
    for statement in ddl.create_collection(collection, dialect):
        yield Ask(statement)
    targets, sources, params = ["_n"], ["_n"], []
    for field in collection.fields:
        targets.append(quoted(field.name))
        if field.name in stored:
            sources.append(quoted(field.name))
        else:
            params.append(_filled(field, dialect))
            sources.append(f"?{len(params)}")
    yield Ask(
        f"insert into {table} ({','.join(targets)}) select {','.join(sources)} from {waiting}",
        params,
    )
    yield Ask(f"drop table {waiting}")
    yield from _reindex(collection)


def _check_references() -> Steps[None]:
    """Every reference leads somewhere, or everything is taken back."""
    broken = yield Ask('select "table" from pragma_foreign_key_check limit 1')
    if broken:
        raise StanchionError(f"references of {broken[0][0]} would lead nowhere; nothing changed")


def _filled(field: Field, dialect: Dialect) -> Any:
    """The raw value that stored records get for a new field."""
    if field.default is NO_DEFAULT or field.default is None:
        return None
    return dialect.raw(field.type, field.type.parse(field.default))


def _reindex(collection: Collection) -> Steps[None]:
    """Index every stored record for `q`."""
    searched = collection.search_fields
    if not searched:
        return
    columns = ",".join(quoted(f.name) for f in searched)
    rows = yield Ask(f"select _n,{columns} from {quoted(collection.name)}")
    marks = ",".join(f"?{at + 2}" for at in range(len(searched)))
    for row in rows:
        yield Ask(
            f"insert into {search_table(collection)} (rowid,{columns}) values (?1,{marks})",
            (row[0], *(indexed_text(text) for text in row[1:])),
        )
