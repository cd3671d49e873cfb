"""Copy a database: schema, rows, log and all, from either engine to either engine.

In: a connection to a source, which stands still in one snapshot, and one to an empty target.
Out: a `CopyReport`: what was copied, counted and summed up on both sides.
Refuses: a source that is none of ours, a target that is not empty (`CopyRefused`), and to call a
copy complete that differs from its source.

`stored`  the schema, from what the source keeps of it
`pieces`  rows, piece by piece, each remembered in the target so that a copy can go on
`digest`  what is compared
`rest`    our own tables: the change log, the places of its readers, the keys of writes
`run`     all of it in its order

Why so: docs/decisions/009-copy.md, "What a copy is".
"""

from .digest import Digest
from .run import Copying, CopyReport, CopyStep
from .stored import CopyRefused

__all__ = ["CopyRefused", "CopyReport", "CopyStep", "Copying", "Digest"]
