"""Mistakes in declarations: each is found when the app is loaded, with its place and a way out.

The cases and their golden texts are in mistakes.toml.
"""

import importlib.util
import itertools
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Generic, NamedTuple, NewType, TypeVar

import pydantic
import pytest
from fastapi import Body, Depends
from typing_extensions import TypeAliasType, TypedDict

from stanchion import App, Create, Module, Record, Update
from stanchion.errors import DeclarationError

HEADER = """\
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal
from uuid import UUID
import pydantic
from stanchion import *
from stanchion.declare import Record, UserRecord

app = App("Shop")

"""
_numbers = itertools.count()


def load(tmp_path: Path, text: str) -> tuple[ModuleType, Path]:
    """A module of this text, imported as an app's file is."""
    path = tmp_path / f"shop_{next(_numbers)}.py"
    path.write_text(HEADER + text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module, path


CASES = {
    case["name"]: case
    for case in tomllib.loads(Path(__file__).with_name("mistakes.toml").read_text())["case"]
}


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_told_with_its_place_and_a_way_out(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    with pytest.raises(DeclarationError) as refused:
        module, _ = load(tmp_path, case["code"])
        module.app.check()
    (path,) = tmp_path.glob("*.py")
    told = str(refused.value)
    lines = path.read_text().splitlines()
    marked = next(n for n, line in enumerate(lines, start=1) if line.endswith("# here"))
    place = f"{path}:{marked}:"
    assert place in told, told
    if "told" in case:
        said = told.replace(f"{place}1", "PLACE").replace(path.stem, "MODULE")
        assert said == case["told"].strip()


def test_a_record_as_a_body_is_refused() -> None:
    app = App("Shop")

    @app.collection("things")
    class Thing(Record):
        name: str

    @app.post("/things")
    async def make(thing: Thing) -> None: ...

    with pytest.raises(DeclarationError, match=r"Create\[Thing\]") as refused:
        app.check()
    assert refused.value.origin is not None and refused.value.origin.file == __file__


def test_a_record_as_a_body_is_refused_in_lists_models_dependencies_and_modules() -> None:
    def app_with(route: Any) -> App:
        app = App("Shop")
        app.collection("things")(Thing)
        module = Module("more")
        module.post("/things")(route)
        app.include(module)
        return app

    class Thing(Record):
        name: str

    def body(thing: Thing) -> None: ...

    async def several(things: list[Thing]) -> None: ...

    async def depending(thing: Annotated[None, Depends(body)]) -> None: ...

    async def fine(thing: Create[Thing], change: Update[Thing]) -> None: ...

    class Inner(pydantic.BaseModel):
        thing: Thing | None = None
        inner: "list[Inner]" = []

    class Outer(pydantic.BaseModel):
        parts: dict[str, Inner]

    class Fine(pydantic.BaseModel):
        thing: Create[Thing]
        change: Update[Thing] | None = None
        things: list[Create[Thing]]

    async def nested(wish: Outer) -> None: ...

    async def made_of(wish: Fine) -> None: ...

    for route in (several, depending, nested):
        with pytest.raises(DeclarationError, match="bare Thing"):
            app_with(route).check()
    app_with(fine).check()
    app_with(made_of).check()


class Thing(Record):
    name: str


T = TypeVar("T")
Alias = TypeAliasType("Alias", Thing)
Tree = TypeAliasType("Tree", "dict[str, Tree] | Create[Thing]")
New = NewType("New", Thing)


@dataclass
class Wish:
    thing: Thing


@dataclass
class Around(Generic[T]):
    thing: T
    wish: "Wish | None" = None


@dataclass
class Held:
    thing: Create[Thing]


class Keys(TypedDict):
    things: "list[Thing]"


class Row(NamedTuple):
    thing: Thing


@pytest.mark.parametrize(
    "kind", [Alias, list[Alias], New, Wish, Around[int], Around[Thing], Keys, Row], ids=str
)
def test_a_record_is_found_behind_whatever_name_it_has(kind: Any) -> None:
    with pytest.raises(DeclarationError, match="bare Thing"):
        taking(kind).check()


@pytest.mark.parametrize("kind", [Held, list[Held], Tree], ids=str)
def test_a_body_made_of_create_is_fine(kind: Any) -> None:
    taking(kind).check()


def taking(kind: Any) -> App:
    """An app with a route whose body is of this type."""

    async def route(body: Any) -> None: ...

    route.__annotations__["body"] = Annotated[kind, Body()]
    app = App("Shop")
    app.collection("things")(Thing)
    app.post("/things")(route)
    return app
