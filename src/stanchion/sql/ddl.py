"""Tables and indexes for a schema.

In: the schema.   Out: statements, in the order in which they run. Pure.
Foreign keys are NO ACTION and checked at the end of each step: the write door plans what happens
to the records that refer to a deleted one, so that each has its change row.
"""

from __future__ import annotations

from ..schema import Collection, Field, Index
from .dialect import Dialect, quoted
from .names import constraint_name, index_name, search_name
from .read import search_table


def create_collection(collection: Collection, dialect: Dialect) -> list[str]:
    """The table of a collection, its indexes, and its search index. References are part of it on
    SQLite; on PostgreSQL they follow when all tables are there, see `add_references`."""
    statements = [create_table(collection, dialect)]
    statements += [create_index(collection, index) for index in secondary_indexes(collection)]
    statements += create_search(collection, dialect)
    return statements


def create_table(collection: Collection, dialect: Dialect) -> str:
    """The table of a collection, with no index but that of its key."""
    columns = ["_n integer primary key"] if dialect.row_numbers else []
    columns += [column(field, dialect) for field in collection.fields]
    if collection.search_fields and dialect.search_in_row:
        columns.append("_search tsvector not null default ''")
    key = f"unique ({','.join(quoted(k) for k in collection.key)})"
    if dialect.names_keys:
        name = index_name(collection, Index(collection.key, unique=True))
        key = f"constraint {quoted(name)} {key}"
    columns.append(key)
    if not dialect.references_apart:
        columns += [foreign for field in collection.fields for foreign in reference(field)]
    return f"create table {quoted(collection.name)} ({','.join(columns)}){dialect.table_options}"


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
    return [
        f"constraint {quoted(constraint_name(field.name, code))} check ({text})"
        for code, text in dialect.checks(field.type, quoted(field.name))
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
    if dialect.search_in_row:
        index = quoted(search_name(collection))
        return [f"create index {index} on {quoted(collection.name)} using gin (_search)"]
    columns = ",".join(quoted(f.name) for f in collection.search_fields)
    return [
        f"create virtual table {search_table(collection)} using fts5({columns},content='',"
        "contentless_delete=1,tokenize='ascii')"
    ]
