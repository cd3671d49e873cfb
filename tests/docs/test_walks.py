"""The walks of how-it-works.md name the files that their requests pass, in this order."""

from __future__ import annotations

import importlib
import json
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest

from stanchion import testing
from tests.docs.pages import blocks_of

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-it-works.md"
SOURCE = str(ROOT / "src" / "stanchion") + "/"
LIST = "One list, file by file"
CLASH = "One create that clashes, file by file"


class Trace:
    """The files of ours that code runs in while it is `on`, in the order of their first calls."""

    def __init__(self) -> None:
        self.on = False
        self.calls = 0
        self.files: dict[str, None] = {}

    def __call__(self, frame: FrameType, event: str, arg: object) -> None:
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(SOURCE):
            return
        self.calls += 1
        if self.on and code.co_name != "__del__":  # which comes at any time
            self.files[code.co_filename.removeprefix(SOURCE)] = None

    def begin(self) -> None:
        """From now on; what came before has ended, on the writer's thread too, which goes on after
        it has answered."""
        before = -1
        while before != self.calls:
            before = self.calls
            time.sleep(0.2)
        self.on = True


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Trace]:
    """Every thread that a test starts is seen; none does chores meanwhile, and none is hurried."""
    monkeypatch.setattr("stanchion.engines.watch.EVERY_S", 3600)
    monkeypatch.setenv("STANCHION_READ_BUDGET_MS", "1000")
    found = Trace()
    threading.setprofile(found)
    yield found
    threading.setprofile(None)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The app of the page."""
    (block,) = [b for b in blocks_of(PAGE) if b.language == "python"]
    (tmp_path / "walked_app.py").write_text(block.text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "walked_app", raising=False)
    return importlib.import_module("walked_app")


def walk(title: str) -> str:
    """The part of the page under a heading."""
    found = re.search(rf"^## {title}\n(.*?)^## ", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def files_in(text: str) -> list[str]:
    """The files and folders of ours that a text names, each once."""
    return list(dict.fromkeys(re.findall(r"`([a-z_]+(?:/[a-z_]+)*(?:\.py|/))`", text)))


def expected(title: str) -> list[str]:
    """What the steps of a walk name. In brackets stand files that have no part in it this time."""
    steps = "".join(re.findall(r"^(?:\d+\.|  ) .*\n", walk(title), re.MULTILINE))
    return files_in(re.sub(r"\([^()]*\)", "", steps))


def passed(trace: Trace, title: str) -> list[str]:
    """What was seen, but for what every file speaks in and the test's own side. Of a folder that a
    walk names as a whole no file is told apart."""
    (left_out,) = re.findall(r"left out: (.*?)\. The app", PAGE.read_text(), re.DOTALL)
    folders = [name for name in expected(title) if name.endswith("/")]
    hidden = ("app.py", "testing/", "<", *files_in(left_out))
    seen = [f for f in trace.files if not f.startswith(hidden)]
    named = [next((d for d in folders if f.startswith(d)), f) for f in seen]
    return list(dict.fromkeys(named))


def fill(client: testing.Client, shop: ModuleType) -> Any:
    """Ann, and her orders."""

    async def filled() -> Any:
        async with shop.app.transaction(actor=shop.app.system()) as tx:
            ann = await tx.create(shop.User(email="ann@example.com"))
            for n in range(12, 18):
                await tx.create(shop.Order(customer=ann.id, code=f"A-{n}", total=n * 100))
            return ann

    return client.run(filled())


def test_every_file_that_the_page_names_is_there() -> None:
    for name in files_in(PAGE.read_text()):
        assert Path(SOURCE, name).exists() or (ROOT / name).exists(), name


def test_list_passes_the_files_that_its_walk_names(shop: ModuleType, trace: Trace) -> None:
    (url,) = re.findall("`GET ([^`]*)`", walk(LIST))
    with testing.client(shop.app) as client:
        ann = fill(client, shop)
        with testing.as_actor(shop.app, ann):
            first = client.get(url).json()
            client.run(shop.app.runtime.records()).plans.by_shape.clear()
            trace.begin()
            page = client.get(f"{url}&after={first['next']}")
            trace.on = False
    assert [order["code"] for order in page.json()["items"]] == ["A-15", "A-14"]
    assert page.json()["items"][0]["customer"]["email"] == "ann@example.com"
    assert passed(trace, LIST) == expected(LIST)


def test_clash_passes_the_files_that_its_walk_names(shop: ModuleType, trace: Trace) -> None:
    ((url, body),) = re.findall("`POST ([^`]*)`.*?`([^`]*: [^`]*)`", walk(CLASH), re.DOTALL)
    (shown,) = [b for b in blocks_of(PAGE) if b.language == "json"]
    with testing.client(shop.app) as client:
        ann = fill(client, shop)
        assert client.get("/health").status == 200
        with testing.as_actor(shop.app, ann):
            trace.begin()
            refused = client.post(url, {"customer": ann.id, **json.loads(f"{{{body}}}")})
            trace.on = False
    assert refused.json() == json.loads(shown.text)
    assert passed(trace, CLASH) == expected(CLASH)
