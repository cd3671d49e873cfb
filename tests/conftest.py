"""What holds for every test: a PostgreSQL, who comes first, what is left to CI, which skips CI does
not accept."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tests.postgres import Postgres, newest, shared, why_not

pytest_plugins = ("tests.conformance.plugin",)

# what .ci/run installs must not be missing there; a developer's machine may lack it
MUST_BE_THERE = re.compile(
    "chromium|playwright|wrk|strace|great-tables|ruff|CAP_SYS_ADMIN|mkfs.ext4|mount|prlimit|nginx"
    "|sqlmap|pgbouncer|iproute2|PostgreSQL 16|PostgreSQL 18|redis-server|npm",
    re.IGNORECASE,
)


_numbers = count()


@pytest.fixture(scope="module")
def postgres_version() -> str:
    """Which PostgreSQL the tests of a folder want, if not the newest."""
    return newest()


@pytest.fixture(scope="module")
def postgres(postgres_version: str) -> Postgres:
    """A server that runs already; skips by name where there is none."""
    if reason := why_not(postgres_version):
        pytest.skip(reason)  # no server of this version is here, or it does not run
    return shared(postgres_version)


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The address of an empty database, dropped after the test."""
    name = f"test{next(_numbers)}"
    yield postgres.create(name)
    postgres.drop(name)


LONG = (
    "tests/drills/", "tests/conformance/[^/]+/matrix/test_matrix", "tests/copying/",
    "tests/matrix/", "tests/hostile/", "tests/property/", "tests/examples/", "tests/docs/",
    "tests/benchmarks/", "tests/hosts/", "tests/cli/",
)  # fmt: skip
"""Files that take long begin first, so that no core is left alone with one at the end: `make test`
gives tests out by file, in this order."""


def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: one process more than cores, because many tests wait for a server or a clock."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else 3


ONE_IN = 3
"""Of the suite on PostgreSQL, one test in so many is run by `make test`."""
LEFT = pytest.StashKey[int]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        found = (at for at, name in enumerate(LONG) if re.match(name, item.nodeid))
        return next(found, len(LONG))

    items.sort(key=place)
    if not _is_whole(config):
        left = [item for item in items if _is_left_to_ci(item)]
        items[:] = [item for item in items if item not in set(left)]
        config.stash[LEFT] = len(left)


def _is_left_to_ci(item: pytest.Item) -> bool:
    """What shows that other tests would notice, and most of what ran on SQLite already."""
    if item.get_closest_marker("planted") is not None:
        return True
    again = item.nodeid.startswith("tests/conformance/postgresql")
    return again and zlib.crc32(item.nodeid.encode()) % ONE_IN != 0


def _is_whole(config: pytest.Config) -> bool:
    """Whether nothing is left to CI: with STANCHION_TESTS=all, or where tests were named."""
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


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What a process of several tells at its end; each collects everything."""
    node.config.stash[LEFT] = getattr(node, "workeroutput", {}).get("left", 0)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say what was not run."""
    if left := config.stash.get(LEFT, 0):
        terminalreporter.write_line(f"{left} tests were left to CI; `make test-all` runs them too.")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """With STANCHION_NO_SKIPS=1 a test that is skipped for want of a tool fails the run."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left"] = session.config.stash.get(LEFT, 0)
    if os.environ.get("STANCHION_NO_SKIPS") != "1" or exitstatus != 0:
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    reasons = [str(r.longrepr) for r in skipped if "needs root" not in str(r.longrepr)]
    missing = [reason for reason in reasons if MUST_BE_THERE.search(reason)]
    if missing:
        reporter.write_line("skipped, and STANCHION_NO_SKIPS=1 forbids it:")
        for reason in missing:
            reporter.write_line(f"  {reason}")
        session.exitstatus = 1
