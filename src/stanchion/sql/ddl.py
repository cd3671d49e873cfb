"""Tables and indexes for a schema, and our own tables.

In: the schema.   Out: statements, in the order in which they run. Pure.
Foreign keys are NO ACTION and checked at the end of each step: the write door plans what happens
to the records that refer to a deleted one, so that each has its change row.
"""

from __future__ import annotations

from ..schema import Collection, Field, Index
from .dialect import Dialect, quoted
from .read import search_table

OWN_TABLES_SQLITE = (
    "create table if not exists _schema (id integer primary key check (id=1), "
    "fingerprint text not null, schema text not null, applied text not null) strict",
    "create table if not exists _changes (seq integer primary key autoincrement, "
    "tx text not null, collection text not null, key text not null, "
    "operation text not null, version integer not null, actor text not null, "
    "request text not null, time text not null, before text, after text) strict",
    "create table if not exists _idempotency (n integer primary key, caller text not null, "
    "route text not null, key text not null, sent text not null, status integer not null, "
    "headers text not null, body blob not null, time text not null, "
    "unique (caller,route,key)) strict",
    "create index if not exists _idempotency_time on _idempotency (time)",
    "create table if not exists _readers (name text primary key, position text not null, "
    "time text not null) strict",
    "create table if not exists _log (id integer primary key check (id=1), "
    "trimmed integer not null, counted integer not null, bytes integer not null) strict",
    # a record that is made again under the id of a deleted one goes on counting its versions: after
    # the logged delete, or after the greatest one of its collection that was trimmed
    "create index if not exists _deleted on _changes (collection, key, version) "
    "where operation='delete'",
    "create table if not exists _versions (collection text primary key, "
    "version integer not null) strict",
    "create table if not exists _once (name text primary key, time text not null) strict",
)


def create_collection(collection: Collection, dialect: Dialect) -> list[str]:
    """The table of a collection, its indexes, and its search index."""
    columns = [] if dialect.name == "postgresql" else ["_n integer primary key"]
    columns += [column(field, dialect) for field in collection.fields]
    columns.append(f"unique ({','.join(quoted(k) for k in collection.key)})")
    columns += [
        f"foreign key ({quoted(f.name)}) "
        f"references {quoted(f.reference.collection)} ({quoted('id')}) "
        "deferrable initially deferred"
        for f in collection.fields
        if f.reference is not None
    ]
    strict = " strict" if dialect.name == "sqlite" else ""
    statements = [f"create table {quoted(collection.name)} ({','.join(columns)}){strict}"]
    statements += [create_index(collection, index) for index in secondary_indexes(collection)]
    statements += create_search(collection, dialect)
    return statements


def secondary_indexes(collection: Collection) -> list[Index]:
    """Every index but that of the key, which is part of the table."""
    return [index for index in collection.all_indexes if index.fields != collection.key]


def column(field: Field, dialect: Dialect) -> str:
    """A column with its checks; each check is named `field:code`, as errors name it."""
    sql = quoted(field.name)
    parts = [sql, dialect.column(field.type)]
    if not field.nullable:
        parts.append("not null")
    checks = (
        field.type.sqlite_check(sql) if dialect.name == "sqlite" else field.type.postgres_check(sql)
    )
    parts += [f'constraint "{field.name}:{code}" check ({text})' for code, text in checks]
    return " ".join(parts)


def index_name(collection: Collection, index: Index) -> str:
    """The name of an index, made of what it covers.

    A dot stands in no name of ours, so no two collections come to one name, and none to a table's.
    """
    kind = "unique" if index.unique else "index"
    return f"{collection.name}.{'.'.join(index.fields)}.{kind}"


def create_index(collection: Collection, index: Index) -> str:
    """An index; the key is its last column unless it is unique, because every order ends there."""
    unique = "unique " if index.unique else ""
    columns = list(index.fields)
    if not index.unique:
        columns += [key for key in collection.key if key not in columns]
    listed = ",".join(quoted(c) for c in columns)
    return (
        f"create {unique}index {quoted(index_name(collection, index))} "
        f"on {quoted(collection.name)} ({listed})"
    )


def create_search(collection: Collection, dialect: Dialect) -> list[str]:
    """The search index: one column of words for each searched field."""
    if not collection.search_fields or dialect.name != "sqlite":
        return []
    columns = ",".join(quoted(f.name) for f in collection.search_fields)
    return [
        f"create virtual table {search_table(collection)} using fts5({columns},content='',"
        "contentless_delete=1,tokenize='ascii')"
    ]
