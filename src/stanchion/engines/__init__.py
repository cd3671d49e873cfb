"""Engines: the only rooms that talk to a database. See `base` for what one offers."""

from .base import (
    Ask,
    AskAll,
    ConstraintFailed,
    Engine,
    Job,
    Readable,
    Row,
    Session,
    Steps,
    Undo,
    Wanted,
    database_gone,
    foreign_database,
    through,
)

__all__ = [
    "Ask", "AskAll", "ConstraintFailed", "Engine", "Job", "Readable", "Row", "Session", "Steps",
    "Undo", "Wanted", "database_gone", "foreign_database", "through",
]  # fmt: skip
