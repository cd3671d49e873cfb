"""What holds for every test: a PostgreSQL, who comes first, which skips CI does not accept."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import count

import pytest

from tests.postgres import Postgres, newest, shared, why_not

pytest_plugins = ("tests.conformance.plugin", "tests.left")

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        found = (at for at, name in enumerate(LONG) if re.match(name, item.nodeid))
        return next(found, len(LONG))

    items.sort(key=place)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """With STANCHION_NO_SKIPS=1 a test that is skipped for want of a tool fails the run."""
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
