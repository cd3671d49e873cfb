"""Bringing a database in step with the code: `diff` compares, `apply` changes."""

from .apply import OtherDatabase, apply_schema, fingerprint_of, prepare
from .diff import Difference, compare

__all__ = ["Difference", "OtherDatabase", "apply_schema", "compare", "fingerprint_of", "prepare"]
