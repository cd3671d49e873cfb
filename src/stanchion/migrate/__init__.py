"""Bringing a database in step with the code: `diff` compares, `apply` changes."""

from .apply import OtherDatabase, apply_schema, prepare
from .diff import Difference, compare

__all__ = ["Difference", "OtherDatabase", "apply_schema", "compare", "prepare"]
