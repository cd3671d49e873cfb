"""The house keeps its order: imports go to lower levels only, and no room knows too much."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "stanchion"

# every module or package directly under stanchion/, and its level; DESIGN: "rooms"
LEVELS = {
    "version": 0, "errors": 0, "clock": 0, "events": 0, "drain": 0, "misuse": 1,
    "origins": 1, "relay": 2, "settings": 3,
    "types": 1,
    "schema": 2, "search": 2, "problems": 2,
    "expr": 3,
    "declare": 4, "query": 4,
    "plan": 5,
    "engines": 6, "sql": 6,
    "store": 7,
    "migrate": 8, "actors": 8, "jobs": 8, "limits": 8,
    "plans": 8, "reading": 8,
    "writing": 9, "mail": 9,
    "records": 10,
    "transaction": 11, "explain": 11, "changelog": 11,
    "copying": 12, "access": 12, "auth": 12, "chores": 12,
    "runtime": 13,
    "lines": 11, "logs": 12, "http": 14, "working": 14,
    "app": 15,
    "cli": 16, "testing": 16, "__main__": 17, "__init__": 17,
}  # fmt: skip

FORBIDDEN = [
    ("http", "sql", "HTTP never sees SQL"),
    ("http", "engines", "HTTP never touches a database"),
    ("engines", "plan", "engines do I/O only"),
    ("engines", "schema", "engines do I/O only"),
    ("expr", "engines", "expressions know no database"),
]


def room_of(path: Path) -> str:
    """The module or package directly under stanchion/ that a file belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> list[tuple[str, int]]:
    """Every room that a file imports from, TYPE_CHECKING imports included, with the line."""
    return imports_in(path.read_text("utf-8"), path)


def imports_in(text: str, path: Path) -> list[tuple[str, int]]:
    """The same for a text that stands, or would stand, at `path`."""
    package = ["stanchion", *path.relative_to(SOURCE).parts[:-1]]
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            names = [*base, *(node.module or "").split(".")] if node.module else base
            if not names or names[0] != "stanchion":
                continue
            if len(names) > 1:
                found.append((names[1], node.lineno))
            else:
                found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                if parts[0] == "stanchion" and len(parts) > 1:
                    found.append((parts[1], node.lineno))
    return found


FILES = sorted(
    p for p in SOURCE.rglob("*.py") if "vendor" not in p.parts and "template" not in p.parts
)


def test_every_room_has_a_level() -> None:
    left = {room_of(path) for path in FILES} - set(LEVELS)
    assert not left, f"give these a level in LEVELS, above all that they import: {left}"


# Names that two things have. A new thing is given another name; one that goes is struck here.
TWICE = {
    "Answer", "Answering", "Asked", "Call", "Found", "Given", "Handler", "Job", "Level", "Listed",
    "Many", "Names", "Operation", "Param", "Reach", "Rule", "Rules", "Scope", "Step", "Written",
}  # fmt: skip


def test_a_class_or_type_has_its_name_to_itself() -> None:
    declared: dict[str, list[str]] = {}
    for path in FILES:
        for node in ast.parse(path.read_text("utf-8")).body:
            match node:
                case ast.ClassDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
                    if re.fullmatch("[A-Z][a-z]+([A-Z][a-z]+)*", name):
                        declared.setdefault(name, []).append(str(path.relative_to(SOURCE)))
    twice = {name: places for name, places in declared.items() if len(places) > 1}
    assert not set(twice) - TWICE, {n: p for n, p in twice.items() if n not in TWICE}
    assert not TWICE - set(twice), "strike what has one meaning now"


def test_the_words_of_asgi_need_nothing_of_ours() -> None:
    assert imports_of(SOURCE / "http" / "asgi.py") == []


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_go_down(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    for other, line in imports_of(path):
        if other == room or other not in LEVELS:
            continue
        assert LEVELS[other] < LEVELS[room], f"{path.name}:{line}: {room} imports {other}"
        for a, b, why in FORBIDDEN:
            assert (room, other) != (a, b), f"{path.name}:{line}: {why}"


def test_an_upward_import_would_be_seen() -> None:
    text = "from ..records import Records\nfrom .. import app\nimport stanchion.http.front\n"
    found = imports_in(text, SOURCE / "types" / "planted.py")
    assert found == [("records", 1), ("app", 2), ("http", 3)]


def test_no_misc_rooms() -> None:
    names = {path.stem for path in FILES}
    assert not names & {"utils", "util", "helpers", "misc", "common", "manager"}


LINES = 600  # a file that outgrows it becomes a package of the same name
FUNCTION_LINES = 60


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_no_file_is_longer_than_one_sits_through(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES, node.name


WORDS = frozenset(
    {"errors", "events", "query", "schema", "engines", "clock", "types", "settings", "version"}
    | {"engines.told"}
)
"""Modules of values and sentences that everybody speaks in: no collaborators."""
COLLABORATORS = 10
MANY = {
    "records.py": "the one page on which both pipelines can be read, so it names their stages",
    "runtime.py": "joins an app's database to everything that stands on it",
    "auth/gate.py": "joins the parts of sign-in, and does little itself",
    "app.py": "joins what people write in to what runs it, and does nothing itself",
    "types/__init__.py": "the list of the types",
    "declare/__init__.py": "the list of what an app declares",
    "cli/__init__.py": "the list of the commands",
    "explain/report.py": "asks each part of an explanation in turn",
    "cli/findings/relations.py": "makes plans as the pipelines do, to see what they would cost",
}


def collaborators(path: Path) -> set[str]:
    """The modules of ours that a file imports from, but for those of values."""
    package = ["stanchion", *path.relative_to(SOURCE).parts[:-1]]
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[1 : len(package) - node.level + 1]
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found |= {".".join([*base, name]) for name in names}
    return found - WORDS


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_no_module_has_more_than_ten_collaborators_without_a_reason(path: Path) -> None:
    many = len(collaborators(path)) > COLLABORATORS
    assert many == (str(path.relative_to(SOURCE)) in MANY), sorted(collaborators(path))


# who may know a library: the rooms, or files, in which it may be imported
LIBRARIES = {
    "apsw": {"engines/sqlite"},
    "asyncpg": {"engines/postgres"},
    "fastapi": {"app.py", "http", "declare/module.py", "declare/once.py"},
    "starlette": {"http", "cli"},
    "granian": {"cli"},
    "redis": {"limits/in_redis.py"},
    "aiosmtplib": {"mail/carriers.py"},
    "jinja2": {"mail/templates.py", "http/sign_in/pages/page.py"},
    "cryptography": {"auth/sealing.py", "auth/passkey_answers.py"},
    "pyotp": {"auth/factors.py"},
    "webauthn": {"auth/passkeys.py", "auth/passkey_answers.py"},
    "sqlite3": set(),
}


def test_libraries_stay_in_their_rooms() -> None:
    """One library alone opens the database file, and expressions know neither it nor HTTP."""
    for path in FILES:
        place = path.relative_to(SOURCE).as_posix()
        for library in libraries_in(path.read_text("utf-8")) & set(LIBRARIES):
            homes = LIBRARIES[library]
            fine = any(place == home or place.startswith(f"{home}/") for home in homes)
            assert fine, f"{place} imports {library}"


def libraries_in(text: str) -> set[str]:
    """The first part of whatever a file imports from elsewhere."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
    return found


WRITERS = {
    "sql/write.py": "the door's statements",
    "migrate/apply.py": "the tables as a whole",
    "sql/copy.py": "all tables of a database that is empty",
    "explain/rehearsal.py": "reads what others wrote",
}


OWN_ROOMS = ("store/", "changelog/", "jobs/", "auth/")


def test_records_are_written_by_one_door() -> None:
    """Statements that change a collection stand in one file, which is compiled in one place; the
    rooms that run them are the door and its two callers. Our own tables are changed by `store`,
    those of the log by `changelog`, of the queue by `jobs`, of sign-in by `auth`."""
    for path in FILES:
        place = path.relative_to(SOURCE).as_posix()
        text = path.read_text("utf-8")
        if place not in WRITERS:
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    for table in written_in(node.value):
                        assert table.startswith("_"), f"{place} writes {table}"
                        assert place.startswith(OWN_ROOMS), f"{place} writes {table}"
        if "compile_write" in text:  # `check` looks at what it compiles to, and runs nothing
            assert place in ("sql/write.py", "plans.py") or place.startswith("cli/findings/"), place
        if "door." in text and "import door" in text:
            callers = ("writing.py", "transaction/typed.py")
            assert place in callers or place.startswith("store/"), place


def written_in(text: str) -> list[str]:
    """The tables that a statement changes; prose is none."""
    found = re.findall(r"^(?:insert into|delete from) (\S+)", text)
    return found + re.findall(r"^update (\S+) set ", text)
