"""Statements that move whole tables from one database to another.

In: the schema that a database keeps.   Out: what reads its rows in their plain form, and what puts
plain rows into a table of either engine. Pure; `copying` runs them.

The plain form of a value is what SQLite stores (`types/base`). An insert takes the values of a row
on SQLite, and an array for each column on PostgreSQL, in the order in which they were selected.
"""

from __future__ import annotations

from ..schema import Collection
from . import ddl, own
from .dialect import Dialect, quoted
from .names import index_name
from .read import search_table

# what a copy remembers in its target until it is complete; while these are there, `_schema` is not,
# so that nobody else takes the database for one of ours
PROGRESS = (
    "create table _copy (id integer primary key check (id=1), fingerprint text not null)",
    "create table _copied (collection text not null, until text not null, number bigint not null, "
    "digest text not null, primary key (collection, until))",
)
BEGIN = "insert into _copy (id,fingerprint) values (1,?1)"
BEGUN = "select fingerprint from _copy where id=1"
PIECES = "select until,number,digest from _copied where collection=?1"
ADD_PIECE = "insert into _copied (collection,until,number,digest) values (?1,?2,?3,?4)"
DROP_PIECE = "delete from _copied where collection=?1 and until=?2"
DROP_PIECES = "delete from _copied where collection=?1"
END = ("drop table _copied", "drop table _copy")

SCHEMA = "select fingerprint,schema,applied from _schema where id=1"
APPLIED = "insert into _schema (id,fingerprint,schema,applied) values (1,?1,?2,?3)"

MARK = {
    "sqlite": "select coalesce(max(seq),0) from _changes",
    "postgresql": "select pg_current_snapshot()::text",
}
"""A moment of the source."""
SINCE = {
    "sqlite": "select count(*) from _changes where seq>?1",
    "postgresql": "select count(*) from _changes, cast(?1::text as pg_snapshot) s "
    "where xid>=pg_snapshot_xmin(s)::text::int8 "
    "and case when xid>0 then not pg_visible_in_snapshot(xid::text::xid8,s) end",
}
"""How many changes came after it."""
_RESTART = {
    "sqlite": "",
    "postgresql": "alter table _changes alter column seq restart with {}",
}


def insert_own(table: own.OwnTable, dialect: Dialect) -> str:
    """Put rows into one of our own tables."""
    return _insert(table.name, [(n, t, n) for n, t in table.plain], dialect)


def select_changes(dialect: Dialect) -> str:
    """The change log in its order: what it is sorted by, its own number, then a change."""
    order = dialect.log_order
    names = ",".join(name for name, _ in own.CHANGES.plain)
    return f"select {order},seq,{names} from _changes order by {order},seq"


def insert_changes(dialect: Dialect) -> str:
    """Put changes into the log: what it is sorted by, the change's own number, the change."""
    columns = [("seq", "int8", "seq"), *((n, t, n) for n, t in own.CHANGES.plain)]
    if dialect.log_order == "seq":
        return _insert("_changes", columns, dialect, skip=1)
    return _insert("_changes", [(dialect.log_order, "int8", dialect.log_order), *columns], dialect)


def number_changes(dialect: Dialect, last: int) -> str | None:
    """Let the log go on behind this number; None where it does so by itself."""
    return _RESTART[dialect.name].format(last + 1) or None


# collections


def select_rows(
    collection: Collection, dialect: Dialect, *, after: bool = False, until: bool = False
) -> str:
    """The plain rows by their key; parameters are the keys that they lie between: after the one,
    until the other."""
    columns = ",".join(dialect.plain(f.type, quoted(f.name)) for f in collection.fields)
    table, key = quoted(collection.name), quoted(collection.key[0])
    between = _between(collection, dialect, after=after, until=until)
    return f"select {columns} from {table}{between} order by {table}.{key}"


def delete_rows(
    collection: Collection, dialect: Dialect, *, after: bool = False, until: bool = False
) -> str:
    """Take the rows between two keys away."""
    between = _between(collection, dialect, after=after, until=until)
    return f"delete from {quoted(collection.name)}{between}"


def count_rows(table: str) -> str:
    """How many rows there are."""
    return f"select count(*) from {quoted(table)}"


def insert_rows(collection: Collection, dialect: Dialect) -> str:
    """Put plain rows into the table. On PostgreSQL the words to search for follow the fields of
    each row, with spaces between them."""
    columns = []
    for field in collection.fields:
        kind, name = field.type, quoted(field.name)
        columns.append((name, kind.postgres_plain_type, kind.postgres_of_plain(name)))
    if collection.search_fields and dialect.search_in_row:
        columns.append(("_search", "text", "array_to_tsvector(string_to_array(_search,' '))"))
    return _insert(quoted(collection.name), columns, dialect)


def _between(collection: Collection, dialect: Dialect, *, after: bool, until: bool) -> str:
    key = f"{quoted(collection.name)}.{quoted(collection.key[0])}"
    cast = f"::text{dialect.cast(collection.key_field.type)}" if dialect.typed_parameters else ""
    found = [f"{key}>?1{cast}"] if after else []
    found += [f"{key}<=?{len(found) + 1}{cast}"] if until else []
    return f" where {' and '.join(found)}" if found else ""


def _insert(
    table: str, columns: list[tuple[str, str, str]], dialect: Dialect, skip: int = 0
) -> str:
    """Of each column: its name, the type of its plain form, and what is stored of that. `skip`
    values of each row are of no use here."""
    names = ",".join(name for name, _, _ in columns)
    if not dialect.fills_by_column:
        marks = ",".join(f"?{at + skip + 1}" for at in range(len(columns)))
        return f"insert into {table} ({names}) values ({marks})"
    arrays = ",".join(f"?{at + skip + 1}::{kind}[]" for at, (_, kind, _) in enumerate(columns))
    stored = ",".join(value for _, _, value in columns)
    identity = " overriding system value" if table == "_changes" else ""
    return (
        f"insert into {table} ({names}){identity} select {stored} from unnest({arrays}) r({names})"
    )


# what is made when all rows are there, and taken away before more of them come


def unfinish(collection: Collection, dialect: Dialect) -> list[str]:
    """Take indexes away that `finish` has made, as far as it came."""
    names = [index_name(collection, index) for index in ddl.secondary_indexes(collection)]
    if collection.search_fields and dialect.search_in_row:
        names.append(f"{collection.name}._search")
    found = [f"drop index if exists {quoted(name)}" for name in names]
    if collection.search_fields and not dialect.search_in_row:
        found.append(f"drop table if exists {search_table(collection)}")
    return found


def finish(collection: Collection, dialect: Dialect) -> list[str]:
    """Make the indexes; on SQLite the search index is filled after that, see `insert_words`."""
    made = [ddl.create_index(collection, index) for index in ddl.secondary_indexes(collection)]
    return made + ddl.create_search(collection, dialect)


def select_texts(collection: Collection) -> str:
    """The row numbers and searched texts, on SQLite."""
    names = ",".join(quoted(field.name) for field in collection.search_fields)
    return f"select _n,{names} from {quoted(collection.name)} order by _n"


def insert_words(collection: Collection) -> str:
    """Index rows for `q`, on SQLite: their numbers, and the words of each searched text."""
    names = ",".join(quoted(field.name) for field in collection.search_fields)
    marks = ",".join(f"?{at + 1}" for at in range(len(collection.search_fields) + 1))
    return f"insert into {search_table(collection)} (rowid,{names}) values ({marks})"


REFERENCES = (
    "select conrelid::regclass::text,conname from pg_constraint where contype='f' "
    "and connamespace=current_schema()::regnamespace"
)


def drop_reference(table: str, name: str) -> str:
    """Take a reference away that was found by `REFERENCES`; its table comes quoted from there."""
    return f"alter table {table} drop constraint {quoted(name)}"


BROKEN_REFERENCES = 'select "table",count(*) from pragma_foreign_key_check group by 1 order by 1'
"""On SQLite: the collections whose references lead nowhere. PostgreSQL looks when they are made."""
