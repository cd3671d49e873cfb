"""The commands that print and end: help, schema, openapi, check, and what a TARGET may be."""

from __future__ import annotations

import gc
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from stanchion.cli import stanchion
from stanchion.cli.console import CommandFailed
from stanchion.cli.target import find_target
from tests.inside import run_here

from .conftest import APP, change
from .processes import COMMAND, environment, run

Inside = Callable[..., Result]
PIZZERIA = Path(__file__).parents[2] / "examples" / "pizzeria" / "app.py"
COMMANDS = (
    "new", "dev", "serve", "work", "jobs", "schema", "openapi", "explain", "check", "access",
    "admin", "copy",
)  # fmt: skip


# help


def test_help_answers_within_three_tenths_of_a_second(tmp_path: Path) -> None:
    """Of processor time: what else the machine does is not ours."""
    taken = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert run("--help", cwd=tmp_path).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert min(taken) < 0.3, taken


def test_help_loads_no_library_but_click(tmp_path: Path) -> None:
    code = "import sys; import stanchion.cli; print(*{m.partition('.')[0] for m in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.split()
    assert "click" in loaded
    assert not set(loaded) & {"fastapi", "pydantic", "apsw", "granian", "starlette", "watchfiles"}


def test_help_lists_commands_in_the_order_of_need_and_the_exit_codes(tmp_path: Path) -> None:
    text = run("--help", cwd=tmp_path).stdout
    places = [text.index(f"\n  {command} ") for command in COMMANDS]
    assert places == sorted(places)
    assert "3  the database does not match the code" in text


def test_no_command_at_all_is_help(tmp_path: Path) -> None:
    bare = run(cwd=tmp_path)
    assert (bare.returncode, bare.stdout) == (0, run("--help", cwd=tmp_path).stdout)


def test_no_command_is_left_out_of_these_tests() -> None:
    told = "name it in COMMANDS above; people look for it in this order"
    assert tuple(stanchion.commands) == COMMANDS, told


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_has_an_example(tmp_path: Path, command: str) -> None:
    done = run_here(command, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert f"Example\n    stanchion {command}" in done.stdout


@pytest.mark.parametrize(
    "arguments", [("srve",), ("serve", "--wrkers", "2"), ("serve", "--port", "x")]
)
def test_wrong_usage_is_exit_code_2_on_stderr(folder: Path, arguments: tuple[str, ...]) -> None:
    done = run_here(*arguments, cwd=folder)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error[usage.wrong]: ")
    assert "\nhint: stanchion" in done.stderr


def test_reader_that_stops_reading_is_no_error(folder: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "schema", "--json"], cwd=folder, env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()


# targets


@pytest.mark.parametrize("target", ["app.py", "app", "app:app", "app.py:app", ".", "./app.py"])
def test_target_in_each_of_its_forms(
    folder: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.chdir(folder)
    found = find_target(target)
    assert (found.module, found.file, found.folder) == ("app", folder / "app.py", folder)
    assert found.attribute == ("app" if ":" in target else None)


@pytest.mark.parametrize("target", ["app:other", "app.py:other", "./app.py:other"])
def test_target_names_one_app_of_several(folder: Path, inside: Inside, target: str) -> None:
    (folder / "app.py").write_text(
        "from stanchion import App\napp = App('First')\nother = App('Other')\n"
    )
    assert json.loads(inside("schema", "--json", target).stdout)["title"] == "Other"
    assert json.loads(inside("schema", "--json").stdout)["title"] == "First"


def test_target_elsewhere_finds_its_neighbours_and_those_of_the_working_directory(
    folder: Path, inside: Inside
) -> None:
    shop = folder / "shop"
    shop.mkdir()
    (shop / "beside.py").write_text("TITLE = 'Found'\n")
    (folder / "above.py").write_text("TITLE = 'it'\n")
    (shop / "main.py").write_text(
        "import above, beside\nfrom stanchion import App\n"
        "backend = App(f'{beside.TITLE} {above.TITLE}')\n"
    )
    assert json.loads(inside("schema", "--json", "shop/main.py").stdout)["title"] == "Found it"


@pytest.mark.parametrize("target", ["shop.main:app", "shop/main.py"])
def test_target_in_a_package_keeps_its_relative_imports(
    folder: Path, inside: Inside, target: str
) -> None:
    shop = folder / "shop"
    shop.mkdir()
    (shop / "__init__.py").touch()
    (shop / "names.py").write_text("TITLE = 'Relative'\n")
    (shop / "main.py").write_text(
        "from stanchion import App\nfrom .names import TITLE\napp = App(TITLE)\n"
    )
    assert json.loads(inside("schema", "--json", target).stdout)["title"] == "Relative"


def test_module_beside_the_app_in_a_package_is_imported_from_there(
    folder: Path, inside: Inside
) -> None:
    shop = folder / "shop"
    shop.mkdir()
    for name in ("__init__", "models"):
        (shop / f"{name}.py").touch()
    (shop / "main.py").write_text("import models\n")
    failed = inside("check", "shop/main.py").exception
    assert isinstance(failed, CommandFailed)
    assert failed.text.endswith("\nhint: it is in the same package: from . import models")


@pytest.mark.parametrize(
    ("text", "target", "said"),
    [
        (
            "", "nothing.py",
            "/nothing.py\nhint: name it: stanchion dev path/to/app.py; stanchion new",
        ),
        (APP, "nothing.py", "/nothing.py\nhint: there is app.py: name it after the command"),
        ("", "no.such:app", "error[target.missing]: there is no module `no.such`"),
        ("x = 1\n", "app.py", "has no App in it\nhint: from stanchion import App"),
        (APP, "app:other", "has no `other`\nhint: it has app"),
        (APP, "app:Note", "is no App\nhint: it has app"),
        (
            "from stanchion import App\na = App('A')\nb = App('B')\n", "app.py",
            "has several apps: a, b\nhint: say which: app:a",
        ),
        ("def f(:\n", "app.py", "error[app.syntax]: invalid syntax\n  --> "),
        ("import nowhere\n", "app.py", "ModuleNotFoundError: No module named 'nowhere'"),
        ("from stanchion import Model\n", "app.py", "\nhint: from stanchion import App, "),
        ("from stanchion.fields import Field\n", "app.py", "\nhint: from stanchion import App, "),
        ("import sys\nsys.exit(3)\n", "app.py", "raised SystemExit: 3"),
        ("1 / 0\n", "app.py", "app.py:1 in <module>\n1 |     1 / 0"),
    ],
)  # fmt: skip
def test_target_that_cannot_be_used_says_why(
    folder: Path, inside: Inside, text: str, target: str, said: str
) -> None:
    (folder / "app.py").write_text(text)
    failed = inside("check", target).exception
    assert isinstance(failed, CommandFailed)
    assert failed.exit_code == 2
    assert said in failed.text
    assert "Traceback" not in failed.text
    assert "importlib" not in failed.text
    assert gc.isenabled()


@pytest.mark.parametrize("command", ["check", "serve"])
def test_wrong_declaration_shows_its_place_and_a_hint(folder: Path, command: str) -> None:
    change(folder / "app.py", "read=public", "read='record.txt == 1'")
    done = run(command, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error[rule.unknown_field]: ")
    assert f"  --> {folder}/app.py:12" in done.stderr
    assert "`text`" in done.stderr or "'text'" in done.stderr


# what they print

SCHEMA = """\
notes
  id       uuid      unique, frozen
  text     text      max_length 100, required
  created  datetime  system
  updated  datetime  system
  version  int       system
  may read    public
  may create  public
  may update  nobody
  may delete  nobody

secrets
  id       uuid      unique, frozen
  text     text      required
  created  datetime  system
  updated  datetime  system
  version  int       system
  may read    nobody
  may create  nobody
  may update  nobody
  may delete  nobody
"""


def test_schema_as_a_table(folder: Path, inside: Inside) -> None:
    done = inside("schema")
    assert done.exit_code == 0
    table, _, result = done.stdout.rstrip().rpartition("\n\n")
    assert table + "\n" == SCHEMA
    assert result.startswith("Notes  fingerprint ")


def test_schema_as_json_is_what_describe_says(folder: Path, inside: Inside) -> None:
    described = json.loads(inside("schema", "--json").stdout)
    assert list(described["collections"]) == ["notes", "secrets"]
    assert described["collections"]["notes"]["rules"]["read"] == "public"
    assert not (folder / "data").exists()


def test_openapi_is_one_json_document(folder: Path, inside: Inside) -> None:
    document = json.loads(inside("openapi").stdout)
    assert document["openapi"].startswith("3.1")
    assert "/slow" in document["paths"]
    assert not (folder / "data").exists()


CHECK = """\
Notes  {folder}/app.py  2 collections

Readable by everyone, signed in or not
  notes  every record

Writable by everyone, signed in or not
  notes  create

Closed: no rule lets a caller in, only admins and app.system() come past
  secrets

3 routes of the app, and who may call it (data keeps its rules: a transaction carries its caller)
  GET     /pid     everybody: it says nothing
  GET     /slow    everybody: it says nothing
  GET     /broken  everybody: it says nothing

warning[route.silent]: `GET /pid`, `GET /slow`, `GET /broken` say nothing about who may call them
  --> {folder}/app.py:20
hint: user: CurrentUser, or dependencies=[requires(…)]; requires(public) if everybody may

note[sort.unindexed]: a list of `notes` that is sorted by text reads and sorts every record
  --> {folder}/app.py:9
hint: Field(index=True) for those that clients sort or filter by

0 mistakes, 1 warning, 1 note
"""


def test_check_lists_what_is_open(folder: Path) -> None:
    done = run_here("check", cwd=folder)
    assert done.stdout == CHECK.format(folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (folder / "data").exists()


def test_check_finds_rules_that_are_never_true(folder: Path, inside: Inside) -> None:
    change(folder / "app.py", "create=public", "write='record.version == 1 && false'")
    done = inside("check")
    assert done.exit_code == 1
    assert (
        "error[rule.never_true]: create, update, delete of `notes` can never be true: "
        f"record.version == 1 && false\n  --> {folder}/app.py:12\nhint: write `nobody`"
    ) in done.stdout
    assert done.stdout.endswith("\n1 mistake, 1 warning, 1 note\n")
    as_data = json.loads(inside("check", "--json").stdout)
    assert as_data["mistakes"] == 1
    first = as_data["findings"][0]
    assert (first["level"], first["code"]) == ("mistake", "rule.never_true")
    assert (first["file"], first["line"]) == (f"{folder}/app.py", 12)


GUARDED = """\
from fastapi import APIRouter, Depends, FastAPI
from starlette.staticfiles import StaticFiles

from stanchion import (
    App, CurrentUser, Module, OptionalUser, Record, Rules, UserRecord, public, requires, role
)

app = App("Guarded")


@app.collection("users")
class User(UserRecord):
    role: str = ""
    rules = Rules()


async def who(user: CurrentUser) -> str:
    return user.email


@app.get("/me")
async def me(user: CurrentUser) -> None: ...


@app.get("/through")
async def through(name: str = Depends(who)) -> None: ...


@app.get("/menu")
async def menu(user: OptionalUser) -> None: ...


@app.post("/contact", dependencies=[requires(public)])
async def contact() -> None: ...


@app.post("/close", dependencies=[requires(role("owner"))])
async def close() -> None: ...


inner, kitchen = APIRouter(dependencies=[requires(role("cook"))]), Module("kitchen")
inner.get("/oven")(lambda: None)
kitchen.get("/stock", dependencies=[requires(role("cook") | role("owner"))])(lambda: None)
app.include_router(inner, prefix="/kitchen")
app.include(kitchen, prefix="/k", dependencies=[Depends(who)])
app.mount("/static", StaticFiles(directory="."))
"""


def test_check_tells_who_may_call_a_route_in_its_own_words(folder: Path, inside: Inside) -> None:
    app = folder / "app.py"
    app.write_text(GUARDED)
    found = json.loads(inside("check", "--strict", "--json").stdout)
    assert found["routes"] == {
        "GET /me": "signed_in",
        "GET /through": "signed_in",
        "GET /menu": "public",
        "POST /contact": "public",
        "POST /close": 'role("owner")',
        "GET /kitchen/oven": 'role("cook")',
        "GET /k/stock": 'signed_in & (role("cook") | role("owner"))',
        "mount /static": "",
    }
    assert found["open_routes"] == ["GET /menu", "POST /contact", "mount /static"]
    assert "route.silent" not in {one["code"] for one in found["findings"]}
    app.write_text(GUARDED.replace(", dependencies=[requires(public)]", ""))
    done = inside("check", "--strict", "--json")
    (silent,) = [f for f in json.loads(done.stdout)["findings"] if f["code"] == "route.silent"]
    assert (done.exit_code, silent["level"]) == (1, "warning")
    assert silent["detail"] == "`POST /contact` says nothing about who may call it"
    assert (silent["file"], silent["line"]) == (str(app), 33)


def test_the_document_asks_a_session_of_nobody_where_there_are_no_users(
    inside: Inside, folder: Path
) -> None:
    app = folder / "app.py"
    public = app.read_text().replace(
        '@app.get("/pid")', '@app.get("/pid", dependencies=[requires(public)])'
    )
    app.write_text(public.replace("Rules, public", "Rules, public, requires"))
    document = json.loads(inside("openapi").stdout)
    assert "security" not in document["paths"]["/pid"]["get"]
    assert "securitySchemes" not in document["components"]


def test_check_lists_routes_of_modules_routers_and_mounts(folder: Path, inside: Inside) -> None:
    app = folder / "app.py"
    app.write_text(APP + ROUTERS)
    found = json.loads(inside("check", "--json").stdout)["open_routes"]
    assert found[3:] == [
        "GET /m/one", "POST /r/inner/two", "WebSocket /r/inner/live", "mount /sub",
        "GET /sub/three",
    ]  # fmt: skip


ROUTERS = """

from fastapi import APIRouter, FastAPI, WebSocket
from stanchion import Module

module, outer, inner, sub = Module("m", prefix="/m"), APIRouter(), APIRouter(), FastAPI()
module.get("/one")(pid)
inner.post("/two")(pid)
sub.get("/three")(pid)


@inner.websocket("/live")
async def live(socket: WebSocket) -> None: ...


outer.include_router(inner, prefix="/inner")
app.include(module)
app.include_router(outer, prefix="/r")
app.mount("/sub", sub)
"""


@pytest.mark.parametrize("text", ["1 == 2", "!(1 < 2)", "size('a') > 1 && record.text == 'a'"])
def test_check_finds_rules_whose_literals_never_agree(
    folder: Path, inside: Inside, text: str
) -> None:
    change(folder / "app.py", "create=public", f'create="{text}"')
    done = inside("check")
    assert done.exit_code == 1
    assert f"error[rule.never_true]: create of `notes` can never be true: {text}" in done.stdout


def test_check_finds_rules_of_fields_that_are_never_true(folder: Path, inside: Inside) -> None:
    app = folder / "app.py"
    change(app, "import App,", "import App, rule,")
    change(
        app,
        "    text: str = Field(max_length=100)\n",
        "    text: str = Field(max_length=100)\n"
        '    fee: int = Field(default=1, write=rule("1 == 2"))\n'
        '    tip: int = Field(default=1, read=rule("record.version == 1 && false"))\n'
        "    kept: int = Field(default=1, write=False, read=False)\n",
    )
    done = inside("check")
    assert done.exit_code == 1
    assert (
        "error[rule.never_true]: write of `notes.fee` can never be true: 1 == 2\n"
        f"  --> {folder}/app.py:12\nhint: write `False` if that is meant"
    ) in done.stdout
    assert "read of `notes.tip` can never be true" in done.stdout
    assert "notes.kept" not in done.stdout
    assert done.stdout.endswith("\n2 mistakes, 1 warning, 1 note\n")


def test_check_tells_rules_that_hold_for_some_records(folder: Path, inside: Inside) -> None:
    change(folder / "app.py", "read=public", "read=\"record.text != 'draft'\"")
    assert "\n  notes  some records\n" in inside("check").stdout


def test_check_sees_past_literals_that_decide_nothing(folder: Path, inside: Inside) -> None:
    change(folder / "app.py", "read=public", "read=\"1 == 1 || record.text != 'draft'\"")
    assert "\n  notes  every record\n" in inside("check").stdout


def test_check_warns_of_a_record_class_that_was_forgotten(folder: Path, inside: Inside) -> None:
    with (folder / "app.py").open("a") as app:
        app.write("\n\nclass Base(Record): pass\n\nclass Reply(Base):\n    text: str\n")
    done = inside("check")
    assert done.exit_code == 0
    told = "warning[record.undeclared]: `Reply` is a record class of no collection"
    assert told in done.stdout and done.stdout.count("[record.undeclared]") == 1
    assert "\nhint: put @app.collection" in done.stdout


def test_check_warns_of_slow_middleware(folder: Path, inside: Inside) -> None:
    app = folder / "app.py"
    app.write_text(
        APP
        + "\n\n@app.middleware('http')\nasync def timed(request, go): return await go(request)\n"
    )
    done = inside("check")
    assert done.exit_code == 0
    assert "warning[middleware.slow]: `timed` makes every request" in done.stdout
    assert done.stdout.endswith("\n0 mistakes, 2 warnings, 1 note\n")


def test_check_of_the_pizzeria_says_what_is_open(tmp_path: Path) -> None:
    done = run_here("check", "--json", str(PIZZERIA), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    reads = {name: one["everyone"]["read"] for name, one in found["collections"].items()}
    assert {name for name, read in reads.items() if read != "none"} == {"pizzas", "sizes"}
    closed = {"POST /checkout", "POST /orders/{order_id}/cancel"}
    assert set(found["routes"]) - set(found["open_routes"]) == closed
    assert "route.silent" not in {finding["code"] for finding in found["findings"]}
    assert not any(
        route.endswith(("/health", "/docs", "/openapi.json")) for route in found["open_routes"]
    )


SLOW = """\
from stanchion import App, Field, Record, Rules, UserRecord, owner, public, signed_in

app = App("Slow")


@app.collection("users")
class User(UserRecord):
    rules = Rules(read=owner("id"))


@app.collection("letters")
class Letter(Record):
    to: str = Field(max_length=254{index})
    rules = Rules(read="record.to == auth.email", create=signed_in)


@app.collection("walls")
class Wall(Record):
    rules = Rules(read="1 == 1 || record.version == 1", write=public)
"""


def test_check_finds_slow_lists_open_writes_and_constant_rules(
    folder: Path, inside: Inside
) -> None:
    app = folder / "app.py"
    app.write_text(SLOW.format(index=""))
    done = inside("check")
    assert done.exit_code == 0
    assert inside("check", "--strict").exit_code == 1
    assert (
        "warning[list.slow]: the list of `letters` reads or sorts every record to judge its read "
        f"rule: record.to == auth.email\n  --> {app}:14\n"
        "hint: an index that SQLite would use; in letters: to: … = Field(index=True)"
    ) in done.stdout
    found = json.loads(inside("check", "--json").stdout)
    codes = [one["code"] for one in found["findings"]]
    assert codes == ["list.slow", "rule.write_open", "rule.constant"]
    assert (found["warnings"], found["mistakes"]) == (3, 0)


def test_check_is_silent_where_the_index_is_there(folder: Path, inside: Inside) -> None:
    text = SLOW.format(index=", index=True").partition('@app.collection("walls")')[0]
    (folder / "app.py").write_text(text)
    done = inside("check", "--strict")
    assert done.exit_code == 0, done.stdout
    assert done.stdout.endswith("\n0 mistakes, 0 warnings, 0 notes\n")
