"""Choose the engine that an address names. Each is imported only where it is used.

In: an address.   Out: the engine, or the reason why it has none.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SettingError
from ..settings import DatabaseURL, Settings
from .base import Engine

if TYPE_CHECKING:
    from .bulk import Bulk


def open_engine(database: DatabaseURL, settings: Settings) -> Engine:
    """The engine of a database, not connected yet; raises `SettingError`."""
    if database.path is not None:
        from .sqlite import SQLiteEngine

        if settings.database_replicas:
            raise SettingError(
                "STANCHION_DATABASE_REPLICAS", "a SQLite file has no replicas",
                hint="STANCHION_DATABASE_URL=postgresql://user:password@host/name",
            )  # fmt: skip

        return SQLiteEngine(database.path, settings)
    try:
        from .postgres import PostgresEngine, ServerAddress
    except ImportError:
        raise _no_driver() from None
    return PostgresEngine(
        ServerAddress(database.url, database.shown, settings.database_direct_url), settings,
        [ServerAddress(each.url, each.shown) for each in _replicas(settings)],
    )  # fmt: skip


async def open_source(database: DatabaseURL) -> Bulk:
    """All of a database as it is now, for reading; raises `DatabaseUnusable`, `SettingError`."""
    if database.path is not None:
        from .sqlite.bulk import SQLiteBulk

        return SQLiteBulk.open_source(database.path)
    try:
        from .postgres.bulk import PostgresBulk
    except ImportError:
        raise _no_driver() from None
    return await PostgresBulk.open_source(database.url, database.shown)


async def open_target(database: DatabaseURL) -> Bulk:
    """A database to fill, alone; raises `DatabaseUnusable`, `SettingError`."""
    if database.path is not None:
        from .sqlite.bulk import SQLiteBulk

        return SQLiteBulk.open_target(database.path)
    try:
        from .postgres.bulk import PostgresBulk
    except ImportError:
        raise _no_driver() from None
    return await PostgresBulk.open_target(database.url, database.shown)


def _no_driver() -> SettingError:
    return SettingError(
        "STANCHION_DATABASE_URL",
        "PostgreSQL needs a driver that is not installed",
        hint="pip install 'stanchion[postgres]'",
    )


def _replicas(settings: Settings) -> list[DatabaseURL]:
    """The addresses of the replicas. One may itself have commas, between its hosts."""
    texts = re.split(r",\s*(?=\w+://)", settings.database_replicas.strip())
    found = [DatabaseURL.parse(text, base=Path()) for text in texts if text]
    if any(each.engine != "postgresql" for each in found):
        raise SettingError(
            "STANCHION_DATABASE_REPLICAS", "a replica is no PostgreSQL",
            hint="postgresql://user:password@host/name,postgresql://user:password@other/name",
        )  # fmt: skip
    return found
