"""Bringing a database in step with the code: what is applied, what is refused, what survives."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from stanchion import App, Field, Record, Ref, Rules, Settings, public
from stanchion.migrate.apply import SchemaDiffers
from stanchion.schema import stored_form

OPEN = Rules(read=public, write=public)
Declare = Callable[[App], None]


def make_app(database: Path, *declared: type[Record], change: bool = True) -> App:
    """An app whose collections are named after their classes, on this file."""
    url = f"sqlite:////{str(database).lstrip('/')}"
    app = App("Shop", settings=Settings(database_url=url, access_log=False))
    for record in declared:
        app.collection(record.__name__.lower())(record)
    app.runtime.change_schema = change
    return app


def record(title: str, /, **fields: Any) -> type[Record]:
    """A record class; each field is an annotation, or an annotation and a `Field`."""
    annotations, values = {}, {}
    for field, said in fields.items():
        if isinstance(said, tuple):
            annotations[field], values[field] = said
        elif field in ("unique", "indexes"):
            values[field] = said
        else:
            annotations[field] = said
    body = {"__annotations__": annotations, "__module__": __name__, "rules": OPEN, **values}
    return type(title, (Record,), body)  # type: ignore[return-value]  # made of Record


def opened(app: App, *statements: str) -> list[list[tuple[Any, ...]]]:
    """Open the app's database, run statements, close it."""

    async def go() -> list[list[tuple[Any, ...]]]:
        try:
            records = await app.runtime.records()
            return [await records.engine.fetch(text, ()) for text in statements]
        finally:
            await app.runtime.close()

    return asyncio.run(go())


def fill(app: App, *records: Record) -> None:
    async def go() -> None:
        async with app.transaction(actor=app.system()) as tx:
            for each in records:
                await tx.create(each)
        await app.runtime.close()

    asyncio.run(go())


def differences(app: App) -> list[str]:
    """What is refused, as it is told."""
    with pytest.raises(SchemaDiffers) as refused:
        opened(app)
    return [str(d) for d in refused.value.differences]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with two makers and things that refer to them, to each other and to themselves."""
    path = tmp_path / "shop.db"
    Maker = record("Maker", name=str, up=(Ref["Maker"] | None, None))
    Thing = record(
        "Thing", name=(str, Field(max_length=5)), size=(int, Field(default=1, ge=1)),
        maker=(Ref["Maker"], Field(on_delete="cascade")), up=(Ref["Thing"] | None, None),
    )  # fmt: skip
    app = make_app(path, Maker, Thing)
    one = Maker(name="one")
    two = Maker(name="two", up=one.id)
    three = Thing(name="three", maker=one.id)
    fill(app, one, two, three, Thing(name="four", maker=two.id, up=three.id))
    return path


def maker(**more: Any) -> type[Record]:
    return record("Maker", name=str, up=(Ref["Maker"] | None, None), **more)


def thing(**more: Any) -> type[Record]:
    fields: dict[str, Any] = {
        "name": (str, Field(max_length=5)),
        "size": (int, Field(default=1, ge=1)),
        "maker": (Ref["Maker"], Field(on_delete="cascade")),
        "up": (Ref["Thing"] | None, None),
    }
    return record("Thing", **{**fields, **more})


SAFE: dict[str, tuple[Callable[[], list[type[Record]]], str]] = {
    "new collection": (
        lambda: [maker(), thing(), record("Extra", name=str)],
        "extra: new collection",
    ),
    "optional field": (
        lambda: [maker(), thing(note=(str | None, None))],
        "thing: + field `note` (text, optional)",
    ),
    "defaulted field": (
        lambda: [maker(), thing(note=(str, "x"))],
        'thing: + field `note` (text, default "x")',
    ),
    "defaulted number": (
        lambda: [maker(), thing(extra=(int, 5))],
        "thing: + field `extra` (int, default 5)",
    ),
    "optional reference": (
        lambda: [maker(), thing(other=(Ref["Maker"] | None, None))],
        "thing: + index (other)",
    ),
    "optional unique field": (
        lambda: [maker(), thing(code=(str | None, Field(default=None, unique=True)))],
        "thing: + unique index (code)",
    ),
    "index": (
        lambda: [maker(), thing(indexes=[("size", "name")])],
        "thing: + index (size, name)",
    ),
    "looser length": (
        lambda: [maker(), thing(name=(str, Field(max_length=50)))],
        "thing: field `name`: max_length 5 -> 50",
    ),
    "no bound": (
        lambda: [maker(), thing(size=(int, Field(default=1)))],
        "thing: field `size`: ge 1 -> unset",
    ),
    "nullable": (
        lambda: [maker(), thing(size=(int | None, Field(default=1, ge=1)))],
        "thing: field `size`: nullable False -> True",
    ),
    "search": (
        lambda: [maker(), thing(name=(str, Field(max_length=5, search=True)))],
        "thing: field `name`: search unset -> True",
    ),
    "table that others refer to": (
        lambda: [maker(note=(str | None, None)), thing()],
        "maker: + field `note` (text, optional)",
    ),
    "everything at once": (
        lambda: [
            maker(note=(str, Field(default="n", search=True))),
            thing(name=(str, Field(max_length=9, index=True))),
            record("Extra", thing=Ref["Thing"]),
        ],
        "thing: + index (name)",
    ),
}


@pytest.mark.parametrize("case", SAFE)
def test_safe_changes_are_applied_and_keep_the_data(database: Path, case: str) -> None:
    make, told = SAFE[case]
    app = make_app(database, *make())
    rows, broken, names, kept, indexes = opened(
        app,
        "select name,maker,up is not null,size from thing order by _n",
        "pragma foreign_key_check",
        "select m.name from thing t join maker m on m.id=t.maker order by t._n",
        "select schema from _schema",
        "select name from sqlite_schema where type='index' and sql is not null "
        "and name not glob '_*' order by 1",
    )
    assert [(r[0], r[2], r[3]) for r in rows] == [("three", 0, 1), ("four", 1, 1)]
    assert broken == [] and [n for (n,) in names] == ["one", "two"]
    assert told in [str(d) for d in app.runtime.applied]
    schema = app.runtime.model.schema
    wanted = {
        f"{c.name}.{'.'.join(i.fields)}.{'unique' if i.unique else 'index'}"
        for c in schema.collections
        for i in c.all_indexes
        if i.fields != c.key
    }
    assert {n for (n,) in indexes} == wanted and "_old_" not in str(kept)
    again = make_app(database, *make(), change=False)
    opened(again)
    assert again.runtime.applied == []
    assert again.runtime.model.schema.fingerprint == schema.fingerprint
    assert stored_form(schema.collections[0])["key"] == ["id"]


def test_references_still_hold_after_a_rebuild(database: Path) -> None:
    app = make_app(database, maker(note=(str | None, None)), thing(note=(str, "x")))
    Thing, Maker = (app.runtime.model.bindings[n].record for n in ("thing", "maker"))

    async def go() -> None:
        async with app.transaction(actor=app.system()) as tx:
            makers = {m.name: m for m in await tx.list(Maker)}  # type: ignore[attr-defined]
            await tx.create(Thing(name="five", maker=makers["two"].id))
            await tx.update(Maker, makers["two"].id, up=None)
            await tx.delete(Maker, makers["two"].id)
            assert [t.name for t in await tx.list(Thing)] == ["three"]  # type: ignore[attr-defined]
        await app.runtime.close()

    asyncio.run(go())
    text = "insert into thing (id,name,size,maker,created,updated,version) "
    text += "values ('x','y',1,'nowhere','','',1)"
    with pytest.raises(subprocess.CalledProcessError):
        run_sql(database, text)


def run_sql(database: Path, text: str) -> None:
    """Run a statement past the app, in a process of its own."""
    script = "import apsw,sys; c=apsw.Connection(sys.argv[1]); "
    script += "c.execute('pragma foreign_keys=on'); c.execute(sys.argv[2])"
    subprocess.run(
        [sys.executable, "-c", script, str(database), text], check=True, capture_output=True
    )


def test_search_that_was_added_later_finds_what_was_there(database: Path) -> None:
    app = make_app(database, maker(), thing(name=(str, Field(max_length=5, search=True))))
    Thing = app.runtime.model.bindings["thing"].record

    async def go() -> list[Any]:
        async with app.transaction() as tx:
            found = [t.name for t in await tx.list(Thing, q="thr")]  # type: ignore[attr-defined]
        await app.runtime.close()
        return found

    assert asyncio.run(go()) == ["three"]


REFUSED: dict[str, tuple[Callable[[], list[type[Record]]], str]] = {
    "dropped collection": (lambda: [maker()], "thing: drop the whole collection"),
    "dropped field": (
        lambda: [maker(), record("Thing", name=(str, Field(max_length=5)))],
        "thing: drop field `size`",
    ),
    "required field": (
        lambda: [maker(), thing(note=str)],
        "thing: + field `note` (text, required): stored records have no value for it; "
        "make it optional or give it a default",
    ),
    "default factory": (
        lambda: [maker(), thing(note=(str, Field(default_factory=str)))],
        "thing: + field `note` (text, required): stored records have no value for it; "
        "make it optional or give it a default (a value, not a default_factory)",
    ),
    "stricter length": (
        lambda: [maker(), thing(name=(str, Field(max_length=4)))],
        "thing: field `name`: max_length 5 -> 4",
    ),
    "new bound": (
        lambda: [maker(), thing(size=(int, Field(default=1, ge=1, le=9)))],
        "thing: field `size`: le unset -> 9",
    ),
    "another type": (
        lambda: [maker(), thing(size=(str, Field(default="1")))],
        "thing: field `size`: type int -> text, ge 1 -> unset",
    ),
    "fewer choices": (
        lambda: [maker(), thing(name=(Literal["three"], Field()))],
        "thing: field `name`: type text -> enum, max_length 5 -> unset, values unset -> ['three']",
    ),
    "required": (
        lambda: [maker(), thing(up=Ref["Thing"])],
        "thing: field `up`: nullable True -> False",
    ),
    "another target": (
        lambda: [maker(), thing(up=(Ref["Maker"] | None, None))],
        "thing: field `up`: reference thing -> maker",
    ),
    "unique": (
        lambda: [maker(), thing(name=(str, Field(max_length=5, unique=True)))],
        "thing: + unique index (name): stored records may share values; look at them first",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_could_lose_data_is_refused_and_nothing_changes(database: Path, case: str) -> None:
    make, told = REFUSED[case]
    before = database.read_bytes()
    extra = record("Extra", name=str)  # safe by itself, and not applied either
    assert told in differences(make_app(database, *make(), extra))
    app = make_app(database, maker(), thing(), change=False)
    (tables,) = opened(app, "select name from sqlite_schema where name='extra'")
    assert tables == [] and app.runtime.applied == []
    assert len(database.read_bytes()) == len(before)


def test_without_permission_safe_changes_are_told_only(database: Path) -> None:
    app = make_app(database, maker(), thing(note=(str | None, None)), change=False)
    assert differences(app) == ["thing: + field `note` (text, optional)"]


def test_rules_and_defaults_are_no_difference(database: Path) -> None:
    app = make_app(database, maker(), thing(size=(int, Field(default=7, ge=1))), change=False)
    opened(app)
    assert app.runtime.applied == []


def test_tables_are_collections_and_ours_start_with_an_underscore(database: Path) -> None:
    app = make_app(database, maker(), thing(name=(str, Field(max_length=5, search=True))))
    tables, columns, kept = opened(
        app,
        "select name from sqlite_schema where type='table' and name<>'sqlite_sequence'",
        "select name from pragma_table_info('thing')",
        "select fingerprint,schema from _schema",
    )
    assert {name for (name,) in tables if not name.startswith("_")} == {"maker", "thing"}
    fields = {field.name for field in app.runtime.model.schema.collection["thing"].fields}
    assert {name for (name,) in columns} == {*fields, "_n"}
    ((fingerprint, text),) = kept
    schema = app.runtime.model.schema
    assert fingerprint == schema.fingerprint
    assert json.loads(text) == {c.name: stored_form(c) for c in schema.collections}


def test_names_of_indexes_never_meet(tmp_path: Path) -> None:
    A = record("A", b_c=(str, Field(index=True)))
    AB = record("A_b", c=(str, Field(index=True)))
    (rows,) = opened(
        make_app(tmp_path / "x.db", A, AB),
        "select name from sqlite_schema where type='index' and sql is not null "
        "and name not glob '_*' order by name",
    )
    assert rows == [("a.b_c.index",), ("a_b.c.index",)]


STARTER = """
    import asyncio, sys
    from stanchion import App, Field, Record, Ref, Settings

    app = App("Shop", settings=Settings(database_url=sys.argv[1]))
    app.runtime.change_schema = True

    @app.collection("maker")
    class Maker(Record):
        name: str
        up: Ref["Maker"] | None = None
        note: str = Field(default="n", search=True)

    @app.collection("thing")
    class Thing(Record):
        name: str = Field(max_length=50)
        size: int = Field(default=1, ge=1)
        maker: Ref[Maker] = Field(on_delete="cascade")
        up: Ref["Thing"] | None = None

    @app.seed
    async def once(tx):
        await tx.create(Maker(name="seeded"))

    async def main():
        records = await app.runtime.records()
        rows = await records.engine.fetch("select count(*) from maker", ())
        await app.runtime.close()
        print(len(app.runtime.applied), rows[0][0])

    asyncio.run(main())
"""


@pytest.mark.parametrize("empty", [True, False])
def test_processes_that_start_at_once_agree(database: Path, tmp_path: Path, empty: bool) -> None:
    script = tmp_path / "starter.py"
    script.write_text(textwrap.dedent(STARTER))
    path = tmp_path / "fresh.db" if empty else database
    url = f"sqlite:////{str(path).lstrip('/')}"
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "error", str(script), url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    told = [process.communicate(timeout=60) for process in started]
    assert [p.returncode for p in started] == [0, 0, 0], told
    applied = sorted(int(out.split()[0]) for out, _ in told)
    assert applied[:2] == [0, 0] and applied[2] > 0
    assert {out.split()[1] for out, _ in told} == {"1" if empty else "3"}
