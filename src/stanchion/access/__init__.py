"""Who may do what with which field, of a whole app, told from its rules and from nothing else.

In: the checked rules (`plan.policy`).   Out: `AccessMatrix`: for each kind of caller, collection,
operation and field one cell: `yes`, `no`, or `if` and what is left of the rules.
`callers` finds the kinds of callers that rules tell apart, `cells` reduces the rules for one of
them, `matrix` gathers the cells and reads and writes the stored form, `changes` compares two,
`samples` finds records that show a change, `text` is for people.
Called by the command line and by `stanchion.testing`. Why so:
docs/decisions/013-access.md, "013 Access: the whole matrix, told from the rules".
"""

from .changes import AccessChange, compare
from .matrix import AccessMatrix, SnapshotUnusable, find_access, parse_snapshot, render_snapshot
from .samples import AccessSample, find_samples
from .text import render_changes, render_matrix

__all__ = [
    "AccessChange",
    "AccessMatrix",
    "AccessSample",
    "SnapshotUnusable",
    "compare",
    "find_access",
    "find_samples",
    "parse_snapshot",
    "render_changes",
    "render_matrix",
    "render_snapshot",
]
