"""Commands in this process, which is quicker than a process for each."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stanchion.cli import main, stanchion

APPS = ("app", "shop", "above", "beside", "other")
"""How modules of apps are called in tests; forgotten, so that each command imports them."""
Inside = Callable[..., Result]


@contextmanager
def commands(folder: Path) -> Iterator[Inside]:
    """Runs commands in this folder, and tells what they raise."""
    with _there(folder) as forget:

        def run(*arguments: str) -> Result:
            forget()
            return CliRunner().invoke(stanchion, arguments)

        yield run


def run_here(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """A command as its own process would run it: its exit code, and what it prints."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with _there(cwd), pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith("STANCHION_"):
                patch.delenv(name)
        for name, value in {"NO_COLOR": "1", **env}.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["stanchion", *arguments])
        with redirect_stdout(out), redirect_stderr(err):
            try:
                main()
            except SystemExit as ended:
                code = int(ended.code or 0)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


@contextmanager
def _there(folder: Path) -> Iterator[Callable[[], None]]:
    before = set(sys.modules)

    def forget() -> None:
        for module in set(sys.modules) - before:
            if module.partition(".")[0] in APPS:
                del sys.modules[module]

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "path", list(sys.path))
        patch.setattr(sys, "dont_write_bytecode", True)
        yield forget
    forget()
