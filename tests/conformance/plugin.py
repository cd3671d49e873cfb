"""Runs the tests of the suite once more for each engine, in modules of their own.

A test of the suite is an ordinary test: it stands in `tests/api` and elsewhere, and runs on SQLite
there. For each further engine its module is collected again under the id
`tests/conformance/<engine>/<module>`, so that fixtures of a module are made anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from . import answers, engines
from .engines import WHOLE

TESTS = Path(__file__).parents[1]
SUITE = ("api/", "matrix/", "unit/changelog/", "unit/jobs/", "unit/store/")
"""The folders whose tests are about what every engine does."""
FAULTS = () if WHOLE else (
    "matrix/test_changes.py", "matrix/test_removed_atoms.py", "matrix/test_removed_signed_in.py",
)  # fmt: skip
"""What SQLite alone shows, unless all of it is asked for: that the matrix can fail."""
ASKS_MOST = re.compile(
    "api/test_(aggregates|batch|every_type|far_|idempotency|limits|put|reading|sessions|sign_in"
    "|transactions|writing)|unit/"
)
"""What asks an engine most. `make test` runs this on PostgreSQL, CI runs everything there."""


SHARED = pytest.StashKey[answers.Shared]()


class EngineModule(pytest.Module):
    """A module whose tests run on another engine than SQLite."""

    engine: engines.Engine


class Collecting:
    """Collects the modules of the suite for one engine."""

    def __init__(self, engine: engines.Engine) -> None:
        self._engine = engine

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> EngineModule | None:
        """The module of a file of the suite."""
        place = file_path.relative_to(TESTS).as_posix() if TESTS in file_path.parents else ""
        wanted = place.startswith(SUITE) and place not in FAULTS
        if not (wanted and file_path.match("test_*.py")):
            return None
        module: EngineModule = EngineModule.from_parent(
            parent, path=file_path, name=f"{file_path.name}[{self._engine.name}]",
            nodeid=f"tests/conformance/{self._engine.name}/{place}",
        )  # fmt: skip
        module.engine = self._engine
        return module


def pytest_configure(config: pytest.Config) -> None:
    """Collect for each engine that is not SQLite, which is collected anyway."""
    for engine in engines.chosen():
        config.pluginmanager.register(Collecting(engine))


def asks_little(item: pytest.Item) -> bool:
    """Whether a test runs on an engine beside SQLite and depends little on which one it is."""
    return engine_of(item) is not engines.SQLITE and not ASKS_MOST.match(_place(item))


def engine_of(item: pytest.Item) -> engines.Engine:
    """The engine that a test runs on."""
    module = item.getparent(EngineModule)
    return engines.SQLITE if module is None else module.engine


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Say where its databases are, or why it does not run."""
    engine = engine_of(item)
    if engine.why_not:
        pytest.skip(engine.why_not)
    for needed in item.iter_markers("needs"):
        (capability,) = needed.args
        assert capability in engines.CAPABILITIES, capability
        if capability not in engine.has:
            pytest.skip(f"{engine.name} has no capability {capability!r}")
    engines.use(engine)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """What a test of the suite is told on one engine it is told on each."""
    if not _is_compared(item):
        return (yield)
    told = answers.begin()
    try:
        result = yield
    finally:
        answers.end()
    name = item.nodeid.removeprefix("tests/").removeprefix(f"conformance/{engine_of(item).name}/")
    found = item.config.stash[SHARED].compare(name, engine_of(item).name, told.answers)
    assert not found, found
    return result


def _is_compared(item: pytest.Item) -> bool:
    """Whether each run of a test asks the same, in the same order."""
    drawn = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    return _place(item).startswith(SUITE) and not (drawn or item.get_closest_marker("unordered"))


def _place(item: pytest.Item) -> str:
    return item.path.relative_to(TESTS).as_posix() if TESTS in item.path.parents else ""


@pytest.fixture(autouse=True, scope="session")
def databases_of_the_engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """`stanchion.testing.client` makes its database on the engine of the running test, and notes
    its answers."""
    client = import_module("stanchion.testing.client")  # not the function of that name
    ask = client.Client.request

    def asked(self: Any, method: str, url: str, *args: Any, **options: Any) -> Any:
        answer = ask(self, method, url, *args, **options)
        answers.note(f"{method} {url}", answer.status, answer.headers, answer.body)
        return answer

    base = tmp_path_factory.getbasetemp()
    shared = base.parent if hasattr(request.config, "workerinput") else base
    request.config.stash[SHARED] = answers.Shared(shared / "answers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "empty_database", engines.empty_database)
        patch.setattr(client.Client, "request", asked)
        yield
    engines.close()
