"""The access matrix of an app as it was at a git revision.

In: a revision, and the target of today.   Out: its `AccessMatrix`.
Refuses, with exit code 2: a folder that is not in git, an unknown revision, an app that did not
load then. The files of the revision are unpacked into a folder of their own, and the app of then is
imported by another process; nothing in the repository is touched.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from .console import CommandFailed, failure

if TYPE_CHECKING:
    from ..access import AccessMatrix

GIT_S = 60
LOADING_S = 60


def matrix_at(revision: str, file: Path, target: str) -> AccessMatrix:
    """The matrix that `stanchion access TARGET` printed, had it been called at `revision`."""
    from ..access import parse_snapshot

    top = Path(_git(file.parent, "rev-parse", "--show-toplevel").decode().strip())
    commit = _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options",
                  f"{revision}^{{commit}}").decode().strip()  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="stanchion-access-") as folder:
        files, stored = Path(folder, "files"), Path(folder, "access.json")
        with tarfile.open(fileobj=BytesIO(_git(top, "archive", commit))) as packed:
            packed.extractall(files, filter="data")
        _store_matrix(files, top, target, stored, revision)
        return parse_snapshot(stored.read_text("utf-8"))


def _store_matrix(files: Path, top: Path, target: str, stored: Path, revision: str) -> None:
    here = Path.cwd().resolve()
    inside = here.relative_to(top.resolve()) if here.is_relative_to(top.resolve()) else Path()
    name, colon, attribute = target.partition(":")
    if Path(name).is_absolute() and Path(name).is_relative_to(top):
        target = str(files / Path(name).relative_to(top)) + colon + attribute
    if not (files / inside).is_dir():
        raise _unusable(revision, f"there was no folder {inside}")
    try:
        done = subprocess.run(  # noqa: S603  # the app of the user, as its own repository has it
            [sys.executable, "-m", "stanchion", "access", target, "--write", str(stored)],
            cwd=files / inside, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True, text=True, timeout=LOADING_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise _unusable(revision, f"it did not load within {LOADING_S} s") from None
    if done.returncode != 0:
        raise _unusable(revision, f"it does not load:\n{done.stderr.strip()}")


def _unusable(revision: str, why: str) -> CommandFailed:
    hint = "compare with a file instead: stanchion access --write FILE, then --diff FILE"
    return failure("access.revision", f"the app at {revision}: {why}", hint=hint)


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603  # no shell; a revision cannot be an option
            ["git", "-C", str(folder), *arguments],  # noqa: S607  # whichever git is used here
            capture_output=True, timeout=GIT_S, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise failure("access.revision", "git is not installed",
                      hint="--diff FILE compares with a stored matrix") from None  # fmt: skip
    except subprocess.TimeoutExpired:
        raise failure("access.revision", f"git did not answer within {GIT_S} s") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip() or "git knows no such revision"
        raise failure("access.revision", f"{arguments[-1].removesuffix('^{commit}')}: {said}",
                      hint="--diff takes a revision, or a file that --write made")  # fmt: skip
    return done.stdout
