"""Choose the engine that an address names. Each is imported only where it is used.

In: an address.   Out: the engine, or the reason why it has none.
"""

from __future__ import annotations

from ..errors import SettingError
from ..settings import DatabaseURL, Settings
from .base import Engine


def open_engine(database: DatabaseURL, settings: Settings) -> Engine:
    """The engine of a database, not connected yet; raises `SettingError`."""
    if database.path is not None:
        from .sqlite import SQLiteEngine

        return SQLiteEngine(database.path, settings)
    try:
        from .postgres import PostgresEngine, ServerAddress
    except ImportError:
        raise SettingError(
            "STANCHION_DATABASE_URL",
            "PostgreSQL needs a driver that is not installed",
            hint="pip install 'stanchion[postgres]'",
        ) from None
    return PostgresEngine(
        ServerAddress(database.url, database.shown, settings.database_direct_url), settings
    )
