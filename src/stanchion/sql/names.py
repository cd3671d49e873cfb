"""Names of indexes and checks, and back from one to what it is about.

In: collections, fields and indexes.   Out: names of 63 bytes at most. Pure.
PostgreSQL cuts a longer name without a word: two may come to one, and what an error names is not
what was declared. So a long one is shortened here, with a digest of the whole, on every engine.
"""

from __future__ import annotations

import hashlib

from ..schema import Collection, Index

LONGEST = 63


def index_name(collection: Collection, index: Index) -> str:
    """The name of an index, made of what it covers.

    A dot stands in no name of ours, so no two collections come to one name, and none to a table's.
    """
    kind = "unique" if index.unique else "index"
    return shortened(f"{collection.name}.{'.'.join(index.fields)}", f".{kind}")


def search_name(collection: Collection) -> str:
    """The name of PostgreSQL's search index."""
    return shortened(collection.name, "._search")


def constraint_name(field: str, code: str) -> str:
    """The name of a check, as errors name it: `price:ge`."""
    return shortened(field, f":{code}")


def shortened(stem: str, end: str) -> str:
    """The name as it is, or so much of it as there is room for beside a digest and its end.

    >>> shortened("seats.row.side", ".unique")
    'seats.row.side.unique'
    >>> shortened("a" * 60, ".unique")
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa~11ee391211c6256460b6ed37.unique'
    """
    if len(stem) + len(end) <= LONGEST:
        return stem + end
    mark = "~" + hashlib.sha256(stem.encode()).hexdigest()[:24]
    return stem[: LONGEST - len(mark) - len(end)] + mark + end


def is_about(name: str, collection: Collection, index: Index) -> bool:
    """Whether what an engine says of a broken unique index means this one: PostgreSQL gives its
    name, SQLite the columns."""
    columns = ", ".join(f"{collection.name}.{field}" for field in index.fields)
    return name in (columns, index_name(collection, index))


def broken_check(name: str, collection: Collection) -> tuple[str, str]:
    """The field and the code of a broken check; no field where it is none of the collection's."""
    stem, _, code = name.rpartition(":")
    for field in collection.fields:
        if field.name == stem or constraint_name(field.name, code) == name:
            return field.name, code
    return "", code
