"""The access matrix in a test: who may do what, and that it changes on purpose only.

In: an app, a stored matrix.   Out: an `AccessMatrix`; an `AssertionError` that tells what changed.
"""

from __future__ import annotations

from pathlib import Path

from ..access import (
    AccessMatrix,
    SnapshotUnusable,
    compare,
    find_access,
    parse_snapshot,
    render_changes,
)
from ..app import App


def access_matrix(app: App) -> AccessMatrix:
    """Who may do what with each collection and field: what `stanchion access` prints.

    `access_matrix(app).cell("role=cook", "read", "orders", "note")` is `yes`, `no`, or `if` and a
    condition.
    """
    app.check()
    return find_access(app.runtime.policy)


def check_access(app: App, file: str | Path) -> None:
    """Fail where anybody may do more, less or something else than `file` says, which lies beside
    the app and was made by `stanchion access --write`."""
    stored = app.runtime.base / file
    command = f"stanchion access --write {file}"
    try:
        before = parse_snapshot(stored.read_text("utf-8"))
    except (OSError, SnapshotUnusable) as error:
        raise AssertionError(f"{stored}: {error}\n{command} makes it") from None
    matrix = access_matrix(app)
    changes = compare(before, matrix)
    if changes:
        told = "\n".join(render_changes(changes, matrix.callers))
        raise AssertionError(
            f"who may do what has changed; if all of it is meant: {command}\n\n{told}"
        )
