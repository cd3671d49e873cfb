"""Bringing a database in step with the code: `diff` compares, `apply` changes."""

from .apply import apply_schema, fingerprint_of, prepare
from .diff import Difference, compare

__all__ = ["Difference", "apply_schema", "compare", "fingerprint_of", "prepare"]
