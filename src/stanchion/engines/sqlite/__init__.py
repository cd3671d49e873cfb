"""SQLite through apsw: see `engine` for the whole, `writer` for how commits are shared."""

from .engine import SQLiteEngine

__all__ = ["SQLiteEngine"]
