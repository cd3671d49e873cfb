"""The shop of the golden cases, once, with a clock that stands still."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from stanchion import clock

HERE = Path(__file__).parent


def load_shop() -> ModuleType:
    """The module with the app that every case asks."""
    spec = importlib.util.spec_from_file_location("golden_shop", HERE / "reading" / "shop.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Shop:
    """The app, its callers, and a loop to ask it on."""

    def __init__(self, database: Path) -> None:
        module = load_shop()
        self.app: Any = module.make_app(database)
        self.callers: dict[str, Any] = module.callers(self.app)
        self.runner = asyncio.Runner()
        self.records: Any = self.runner.run(self.app.runtime.records())


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    clock.use(lambda: 1_767_323_045_000_000_000)  # 2026-01-02T03:04:05Z
    shop = Shop(tmp_path_factory.mktemp("golden") / "shop.db")
    yield shop
    shop.runner.run(shop.app.runtime.close())
    shop.runner.close()
    clock.use(None)
