"""Refuse a server that is not safe to use, when a process starts.

In: a connection, or why there is none.   Out: nothing, or `DatabaseUnusable` with the cause and the
way out.
"""

from __future__ import annotations

import socket
import ssl
from typing import Any

import asyncpg

from ...errors import DatabaseUnusable
from .outage import say_why
from .pools import ServerAddress, unnamed_pooler

OLDEST = 150_000


async def check_server(
    connection: asyncpg.Connection[Any], address: str, *, pooled: bool = False
) -> int:
    """The connections that it has for all who use it. Raises `DatabaseUnusable` for a server that
    cannot keep what we promise, and for a pooler of which nobody told us: what we ask of a
    connection that may write did not arrive."""
    rows = await connection.fetch(
        "select name,setting from pg_settings where name = any($1)",
        ["server_version_num", "server_version", "server_encoding", "fsync", "full_page_writes",
         "synchronous_commit", "default_transaction_isolation", "max_connections",
         "superuser_reserved_connections"],
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
    return int(found["max_connections"]) - int(found["superuser_reserved_connections"])


WHERE = "STANCHION_DATABASE_URL=postgresql://user:password@host:port/name"


def unreachable(error: BaseException, address: ServerAddress) -> DatabaseUnusable:
    """Why there is no connection to the database, and what to do."""
    code, detail, hint = _say(error)
    return DatabaseUnusable(code, address.shown, detail, hint)


def _say(error: BaseException) -> tuple[str, str, str]:
    match error:
        case asyncpg.InvalidCatalogNameError():
            return (
                "database.missing", "there is no such database on this server",
                "create it with: createdb --encoding=UTF8 --template=template0 NAME",
            )  # fmt: skip
        case asyncpg.InvalidAuthorizationSpecificationError():  # a wrong password is one of them
            return (
                "database.login", f"it does not let this user in: {error}",
                f"look at the user and the password in {WHERE}, and at the server's pg_hba.conf",
            )  # fmt: skip
        case asyncpg.InsufficientPrivilegeError():
            return (
                "database.login", f"this user may not use it: {error}",
                "grant connect on the database to the user, and create on its schema",
            )  # fmt: skip
        case asyncpg.TooManyConnectionsError():
            return (
                "database.connections", f"it takes no more connections: {error}",
                "let max_connections of the server be more than 3 times "
                "STANCHION_DATABASE_CONNECTIONS for each process, or use a pooler",
            )  # fmt: skip
        case asyncpg.CannotConnectNowError():
            return "database.starting", f"it takes no connections: {error}", "try again in a moment"
        case socket.gaierror():
            return (
                "database.unknown_host", "there is no host of this name",
                f"look at the host in {WHERE}, and at the name service of this machine",
            )  # fmt: skip
        case ConnectionRefusedError():
            return (
                "database.refused", "nothing listens there",
                f"start PostgreSQL, or name its host and port: {WHERE}",
            )  # fmt: skip
        case TimeoutError():
            return (
                "database.silent", "nobody answers there",
                "look at firewalls and routes between this machine and the database, and at the "
                "host and the port",
            )  # fmt: skip
        case ssl.SSLError():
            return (
                "database.tls", f"no encrypted connection comes about: {error}",
                "sslmode and sslrootcert at the end of the address say what is asked of the server",
            )  # fmt: skip
    return "database.unreachable", say_why(error), f"{WHERE} names the database"
