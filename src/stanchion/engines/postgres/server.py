"""Refuse a server that is not safe to use, when a process starts.

In: a connection.   Out: nothing, or `DatabaseUnusable` with the cause and the way out.
"""

from __future__ import annotations

from typing import Any

import asyncpg

from ...errors import DatabaseUnusable
from .pools import unnamed_pooler

OLDEST = 150_000


async def check_server(
    connection: asyncpg.Connection[Any], address: str, *, pooled: bool = False
) -> None:
    """Raise `DatabaseUnusable` for a server that cannot keep what we promise, and for a pooler of
    which nobody told us: what we ask of a connection that may write did not arrive."""
    rows = await connection.fetch(
        "select name,setting from pg_settings where name = any($1)",
        ["server_version_num", "server_version", "server_encoding", "fsync", "full_page_writes",
         "synchronous_commit", "default_transaction_isolation"],
    )  # fmt: skip
    found: dict[str, str] = dict(rows)
    if int(found["server_version_num"]) < OLDEST:
        raise DatabaseUnusable(
            "database.older", address, f"PostgreSQL {found['server_version']} is too old",
            "use PostgreSQL 15 or later",
        )  # fmt: skip
    if found["server_encoding"] != "UTF8":
        raise DatabaseUnusable(
            "database.encoding", address, f"its texts are {found['server_encoding']}, not UTF8",
            "create the database with: createdb --encoding=UTF8 --template=template0 NAME",
        )  # fmt: skip
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        if found[name] == "off":
            raise DatabaseUnusable(
                "database.unsafe", address, f"{name} is off: what was answered 2xx may be lost",
                f"set {name} = on in postgresql.conf and reload",
            )  # fmt: skip
    if not pooled and found["default_transaction_isolation"] != "serializable":
        raise unnamed_pooler(address)
