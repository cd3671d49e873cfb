"""A provider of OpenID Connect that nobody here wrote, on loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import free_port

from .people import Browser

HERE = Path(__file__).parent
HOME = "http://127.0.0.1:1"
"""The public address of the apps here: nobody listens there, the tests bring what is sent there."""
INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the provider's modules, installed as the lock file says."""
    if shutil.which("npm") is None:
        pytest.skip("needs npm")  # Node is no part of what the project installs
    folder = tmp_path_factory.mktemp("provider")
    for name in ("package.json", "package-lock.json", "provider.mjs"):
        shutil.copy(HERE / name, folder)
    done = subprocess.run(INSTALL, cwd=folder, capture_output=True, text=True, timeout=240)
    if done.returncode != 0 and os.environ.get("STANCHION_NO_SKIPS") != "1":
        pytest.skip("needs the modules of npm")  # without a network there are none
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def issuer(modules: Path) -> Iterator[str]:
    """The address of a running provider."""
    port = free_port()
    redirects = [f"{HOME}/api/auth/oauth/{name}/callback" for name in ("work", "other")]
    with subprocess.Popen(
        ["node", "provider.mjs", str(port), *redirects], cwd=modules, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "ready"
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A browser that knows nobody yet."""
    with Browser() as made:
        yield made
