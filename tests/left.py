"""What `make test` leaves to CI, so that it takes less than ten minutes on two cores.

With STANCHION_TESTS=all, and where tests are named, nothing is left. How much was is said at the
end; each process of a run collects everything, so one of them tells.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from .conformance.plugin import asks_little

LEFT = pytest.StashKey[int]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what shows that other tests would notice, and on an engine beside SQLite what asks
    it little."""
    if _is_whole(config):
        return
    kept = [item for item in items if not (item.get_closest_marker("planted") or asks_little(item))]
    config.stash[LEFT] = len(items) - len(kept)
    items[:] = kept


def _is_whole(config: pytest.Config) -> bool:
    given: dict[str, Any] | None = getattr(config, "workerinput", None)
    if given is not None:
        return bool(given["whole"])
    named = config.args_source is not pytest.Config.ArgsSource.TESTPATHS or config.option.keyword
    chosen = os.environ.get("STANCHION_ENGINES")
    return bool(named or chosen) or os.environ.get("STANCHION_TESTS") == "all"


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """What a process of several is told."""
    node.workerinput["whole"] = _is_whole(node.config)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """What a process of several tells at its end."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left"] = session.config.stash.get(LEFT, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Keep what it told."""
    node.config.stash[LEFT] = getattr(node, "workeroutput", {}).get("left", 0)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say what was not run."""
    if left := config.stash.get(LEFT, 0):
        terminalreporter.write_line(f"{left} tests were left to CI; `make test-all` runs them too.")
