"""Tables and indexes for a schema, and our own tables.

In: the schema.   Out: statements, in the order in which they run. Pure.
Foreign keys are NO ACTION and checked at the end of each step: the write door plans what happens
to the records that refer to a deleted one, so that each has its change row.
"""

from __future__ import annotations

from ..schema import Collection, Field, Index
from .dialect import Dialect, quoted
from .names import constraint_name, index_name, search_name
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

OWN_TABLES_POSTGRES = (
    "create table if not exists _schema (id int4 primary key check (id=1), "
    "fingerprint text not null, schema text not null, applied text not null)",
    # xid says whether a reader's snapshot saw the row: commits do not end in the order of seq
    "create table if not exists _changes (seq int8 generated always as identity primary key, "
    "xid int8 not null default (pg_current_xact_id()::text::int8), "
    "tx text not null, collection text not null, key text not null, "
    "operation text not null, version int8 not null, actor text not null, "
    'request text not null, time text collate "C" not null, before text, after text)',
    "create index if not exists _changes_xid on _changes (xid, seq)",
    "create table if not exists _idempotency (n int8 generated always as identity primary key, "
    "caller text not null, route text not null, key text not null, sent text not null, "
    "status int8 not null, headers text not null, body bytea not null, "
    'time text collate "C" not null, unique (caller,route,key))',
    "create index if not exists _idempotency_time on _idempotency (time)",
    "create table if not exists _readers (name text primary key, position text not null, "
    "time text not null)",
    "create table if not exists _log (id int4 primary key check (id=1), "
    "trimmed int8 not null, counted int8 not null, bytes int8 not null)",
    # the transactions that the log no longer holds, as long as a reader may have missed one
    "create table if not exists _trimmed (until int8 primary key, top int8 not null, "
    "xids int8[] not null)",
    "create index if not exists _deleted on _changes (collection, key, version) "
    "where operation='delete'",
    "create table if not exists _versions (collection text primary key, version int8 not null)",
    # empty for ever: held transactions lock it, one after the other, where they keep meeting
    "create table if not exists _turn (nothing int4)",
    "create table if not exists _once (name text primary key, time text not null)",
)


def own_tables(dialect: Dialect) -> tuple[str, ...]:
    """The tables that every database of ours has."""
    return OWN_TABLES_SQLITE if dialect.name == "sqlite" else OWN_TABLES_POSTGRES


def create_collection(collection: Collection, dialect: Dialect) -> list[str]:
    """The table of a collection, its indexes, and its search index. References are part of it on
    SQLite; on PostgreSQL they follow when all tables are there, see `add_references`."""
    statements = [create_table(collection, dialect)]
    statements += [create_index(collection, index) for index in secondary_indexes(collection)]
    statements += create_search(collection, dialect)
    return statements


def create_table(collection: Collection, dialect: Dialect) -> str:
    """The table of a collection, with no index but that of its key."""
    columns = [] if dialect.name == "postgresql" else ["_n integer primary key"]
    columns += [column(field, dialect) for field in collection.fields]
    if collection.search_fields and dialect.name == "postgresql":
        columns.append("_search tsvector not null default ''")
    key = f"unique ({','.join(quoted(k) for k in collection.key)})"
    if dialect.name == "postgresql":
        name = index_name(collection, Index(collection.key, unique=True))
        key = f"constraint {quoted(name)} {key}"
    columns.append(key)
    if dialect.name == "sqlite":
        columns += [foreign for field in collection.fields for foreign in reference(field)]
    strict = " strict" if dialect.name == "sqlite" else ""
    return f"create table {quoted(collection.name)} ({','.join(columns)}){strict}"


def add_references(collection: Collection) -> list[str]:
    """The foreign keys of a new table, on PostgreSQL: collections may refer to each other."""
    return [
        f"alter table {quoted(collection.name)} add {foreign}"
        for field in collection.fields
        for foreign in reference(field)
    ]


def secondary_indexes(collection: Collection) -> list[Index]:
    """Every index but that of the key, which is part of the table."""
    return [index for index in collection.all_indexes if index.fields != collection.key]


def column(field: Field, dialect: Dialect) -> str:
    """A column with its checks."""
    sql = quoted(field.name)
    parts = [sql, dialect.column(field.type)]
    if not field.nullable:
        parts.append("not null")
    return " ".join([*parts, *checks(field, dialect)])


def checks(field: Field, dialect: Dialect) -> list[str]:
    """The checks of a column, each named `field:code`, as errors name it."""
    sql = quoted(field.name)
    found = (
        field.type.sqlite_check(sql) if dialect.name == "sqlite" else field.type.postgres_check(sql)
    )
    return [
        f"constraint {quoted(constraint_name(field.name, code))} check ({text})"
        for code, text in found
    ]


def reference(field: Field) -> list[str]:
    """The foreign key of a column, if it is one."""
    if field.reference is None:
        return []
    return [
        f"foreign key ({quoted(field.name)}) "
        f"references {quoted(field.reference.collection)} ({quoted('id')}) "
        "deferrable initially deferred"
    ]


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
    """The search index: one column of words for each searched field, or, on PostgreSQL, one of
    words that begin with the name of their field."""
    if not collection.search_fields:
        return []
    if dialect.name == "postgresql":
        index = quoted(search_name(collection))
        return [f"create index {index} on {quoted(collection.name)} using gin (_search)"]
    columns = ",".join(quoted(f.name) for f in collection.search_fields)
    return [
        f"create virtual table {search_table(collection)} using fts5({columns},content='',"
        "contentless_delete=1,tokenize='ascii')"
    ]
