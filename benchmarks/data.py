"""The rows that every contestant serves: made once by Stanchion's own app, copied to the others.

Ids are UUIDs that count; PocketBase keeps its own form, fifteen digits of the same number.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIRST_ITEM = 1_000
FIRST_CATEGORY = 100


def uuid_of(number: int) -> str:
    return f"00000000-0000-7000-8000-{number:012x}"


def number_of(key: str) -> int:
    return int(key.replace("-", "")[-12:], 16)


def database_url(path: Path) -> str:
    return f"sqlite:////{str(path).lstrip('/')}"


def make(path: Path, rows: int, script: str = "app.py") -> None:
    """Our own database, filled through the one write door."""
    subprocess.run(
        [sys.executable, str(HERE / script), str(rows)], check=True,
        env={**os.environ, "STANCHION_DATABASE_URL": database_url(path)},
        stdout=subprocess.DEVNULL,
    )  # fmt: skip


def grow(path: Path, rows: int) -> None:
    """More items of the same kind, written at once: a million through the door would take hours."""
    with closing(sqlite3.connect(path)) as database:
        (have,) = database.execute("select count(*) from items").fetchone()
        (moment,) = database.execute("select max(created) from items").fetchone()
        database.execute(
            """
            with recursive n(i) as (select ? union all select i+1 from n where i+1<?)
            insert into items (id,title,note,price,active,owner,category,created,updated,version)
            select printf('00000000-0000-7000-8000-%012x', ?+i), 'Item number '||i,
              'What there is to say about item '||i||', in a sentence or two of text.',
              i*7919%10000, i%10!=0, printf('00000000-0000-7000-8000-%012x', 1+i%10),
              printf('00000000-0000-7000-8000-%012x', 101+i%10), ?, ?, 1 from n
            """,
            (have, rows, FIRST_ITEM, moment, moment),
        )
        database.commit()
        database.execute("pragma wal_checkpoint(truncate)").fetchall()


COLUMNS = {
    "users": "id,email,name",
    "categories": "id,name",
    "items": "id,title,note,price,active,owner,category",
}


def copy_rows(source: Path, target: Path) -> None:
    """The same rows in tables of the same names, times as SQLAlchemy and Django write them."""
    with closing(sqlite3.connect(target)) as database:
        database.execute("attach ? as source", (str(source),))
        for table, columns in COLUMNS.items():
            times = ",".join(f"replace(substr({c},1,26),'T',' ')" for c in ("created", "updated"))
            database.execute(
                f"insert into {table} ({columns},created,updated,version) "
                f"select {columns},{times},version from source.{table} order by id"
            )
        database.commit()


def copy_to_pocketbase(source: Path, target: Path) -> None:
    """Categories and items in PocketBase's own tables; its users are made over its API."""
    key, time = "'000'||substr({0},-12)", "replace(substr({0},1,23),'T',' ')||'Z'"
    times = f"{time.format('created')},{time.format('updated')},version"
    with closing(sqlite3.connect(target, timeout=30)) as database:
        database.execute("attach ? as source", (str(source),))
        database.execute(
            "insert into categories (id,name,created,updated,version) "
            f"select {key.format('id')},name,{times} from source.categories order by id"
        )
        database.execute(
            "insert into items (id,title,note,price,active,owner,category,created,updated,version) "
            f"select {key.format('id')},title,note,price,active,{key.format('owner')},"
            f"{key.format('category')},{times} from source.items order by id"
        )
        database.commit()


def canonical(record: dict[str, object]) -> dict[str, object]:
    """A record as every contestant must answer it, whatever form its keys and times have."""
    found: dict[str, object] = {}
    for name in ("title", "note", "price", "active", "name", "version"):
        if name in record:
            found[name] = record[name]
    for name in ("id", "owner", "category"):
        value = record.get(name)
        if isinstance(value, dict):
            found[name] = canonical(value)
        elif value is not None:
            found[name] = number_of(str(value))
    for name in ("created", "updated"):
        moment = datetime.fromisoformat(str(record[name]).replace(" ", "T").replace("Z", "+00:00"))
        found[name] = moment.replace(tzinfo=UTC).isoformat(timespec="milliseconds")
    return found
