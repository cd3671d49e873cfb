"""PostgreSQL through asyncpg: see `engine` for the whole, `held` for transactions that are open."""

from .engine import PostgresEngine
from .pools import ServerAddress

__all__ = ["PostgresEngine", "ServerAddress"]
