"""Every code that a caller can meet stands in the catalogue, with its status, and no other.

The source is read with `ast`. Whatever takes a `code` (a problem class, `FieldError`, `WireError`,
a function of ours with a parameter of that name) is found by its signature, so that a new one is
covered without a word here. A code that is put together from parts must be named in `PUT_TOGETHER`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest

from stanchion import errors, types
from stanchion.expr.error import Code
from stanchion.http import parameters
from stanchion.problems import CATALOGUE, FAMILIES, example_of, in_order

SOURCE = Path(errors.__file__).parent

# errors of an app's own code: they are told to its developer, with file and line, never to a caller
FOR_DEVELOPERS = {
    "DatabaseUnusable",
    "DeclarationError",
    "ExpressionError",
    "SettingError",
    "WrongUse",
}
# rooms that talk to developers only; what `expr` says to callers is `filter.…`, below
ROOMS_FOR_DEVELOPERS = {"expr", "cli", "copying", "testing", "problems"}


def check_codes() -> set[str]:
    """Every code of a check that a database keeps: those of each type with all its options."""
    bounds: Any = dict.fromkeys(("ge", "gt", "le", "lt"), 1)
    exact: Any = dict.fromkeys(bounds, Decimal(1))
    lengths: Any = {"min_length": 1, "max_length": 9}
    every = [
        types.BoolType(), types.DateType(), types.DatetimeType(), types.DecimalType(9, 2, **exact),
        types.EnumType(("a",)), types.FloatType(**bounds), types.IntType(**bounds),
        types.JsonType(), types.ListType(**lengths), types.TextType(**lengths), types.UuidType(),
    ]  # fmt: skip
    named = {getattr(types, n) for n in types.__all__ if n.endswith("Type") and n != "FieldType"}
    left = [kind.__name__ for kind in named - {type(t) for t in every}]
    assert not left, f"add these types to `every`, with all their options: {left}"
    found = {code for t in every for code, _ in t.sqlite_check("x") + t.postgres_check("x")}
    return {f"check.{code}" for code in found}


# the start of a code that is put together -> every code that it can come to
PUT_TOGETHER = {
    "query.": {f"query.{p}" for p in parameters.LIST + parameters.ONE + parameters.AGGREGATE},
    "filter.": {f"filter.{code}" for code in get_args(Code)},
    "check.": check_codes(),
}
# `query.total` could be said of any parameter; these never are, because nothing about them is wrong
NEVER_SAID = {"query.filter"}


@dataclass(frozen=True, slots=True)
class Use:
    """A code as it stands in the source; `kind` is the class that it is given to."""

    code: str
    kind: str
    place: str


@cache
def files() -> dict[Path, ast.Module]:
    found = (p for p in sorted(SOURCE.rglob("*.py")) if _room(p) not in ROOMS_FOR_DEVELOPERS)
    return {p: ast.parse(p.read_text("utf-8")) for p in found}


@cache
def takers() -> dict[str, int]:
    """Whatever takes a code, and the position of that argument."""
    found: dict[str, int] = {}
    for tree in files().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name != "__init__":
                names = [a.arg for a in node.args.posonlyargs + node.args.args]
                if "code" in names:
                    found[node.name] = names.index("code") - (names[0] == "self")
            elif isinstance(node, ast.ClassDef):
                position = _position(node)
                if position is not None:
                    found[node.name] = position
                elif node.name in problem_classes() and not _has_init(node):
                    found[node.name] = 0
    return {name: at for name, at in found.items() if name not in FOR_DEVELOPERS}


def _has_init(node: ast.ClassDef) -> bool:
    return any(isinstance(i, ast.FunctionDef) and i.name == "__init__" for i in node.body)


def _position(node: ast.ClassDef) -> int | None:
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            names = [a.arg for a in item.args.args]
            return names.index("code") - 1 if "code" in names else None
    fields = [
        i.target.id
        for i in node.body
        if isinstance(i, ast.AnnAssign) and isinstance(i.target, ast.Name)
    ]
    dataclass_like = any("dataclass" in ast.unparse(d) for d in node.decorator_list)
    return fields.index("code") if "code" in fields and dataclass_like else None


@cache
def problem_classes() -> dict[str, int]:
    """The classes that derive from Problem, by name, with the status of each."""
    classes = [n for t in files().values() for n in ast.walk(t) if isinstance(n, ast.ClassDef)]
    found = {"Problem": errors.Problem.status}
    while more := [n for n in classes if n.name not in found and _base(n) in found]:
        found.update({n.name: _status(n) or found[_base(n)] for n in more})
    return found


def _base(node: ast.ClassDef) -> str:
    return ast.unparse(node.bases[0]) if node.bases else ""


def _status(node: ast.ClassDef) -> int | None:
    for item in node.body:
        match item:
            case ast.Assign(targets=[ast.Name(id="status")], value=ast.Constant(value=int(status))):
                return status
    return None


@cache
def uses() -> tuple[Use, ...]:
    return tuple(use for path, tree in files().items() for use in _uses_in(path, tree))


def _uses_in(path: Path, tree: ast.Module) -> Iterator[Use]:
    for scope in ast.walk(tree):
        inside = scope.name if isinstance(scope, ast.ClassDef) else None
        for node in ast.walk(scope) if inside in problem_classes() else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__":
                yield from _codes(node.args[0], str(inside), path)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name not in takers():
            continue
        at = takers()[name]
        given = next((k.value for k in node.keywords if k.arg == "code"), None)
        if given is None and len(node.args) > at:
            given = node.args[at]
        if given is not None:
            yield from _codes(given, name, path)


def _codes(given: ast.expr, kind: str, path: Path) -> Iterator[Use]:
    place = f"{path.relative_to(SOURCE)}:{given.lineno}"
    match given:
        case ast.Constant(value=str(code)):
            yield Use(code, kind, place)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _codes(body, kind, path)
            yield from _codes(orelse, kind, path)
        case ast.JoinedStr(values=[ast.Constant(value=str(start)), ast.FormattedValue()]):
            assert start in PUT_TOGETHER, f"{place}: name the codes that start with {start!r}"
            for code in sorted(PUT_TOGETHER[start]):
                yield Use(code, kind, place)
        case ast.Name(id="code") | ast.Attribute(attr="code"):
            pass  # handed on from where it was said
        case ast.Subscript(slice=ast.Constant(value="type")):
            pass  # pydantic's own, about the body of an app's route
        case _:
            pytest.fail(f"{place}: this test cannot see which code {ast.unparse(given)} is")


def _room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def said() -> set[str]:
    return {use.code for use in uses()} - NEVER_SAID


def test_every_code_of_the_source_is_explained() -> None:
    missing = {use.code: use.place for use in uses() if use.code in said() - set(CATALOGUE)}
    assert not missing, (
        "explain these in problems/: that of a whole answer in answers.py or server.py, that of a "
        f"place in a body in places.py: {missing}"
    )


def test_the_catalogue_explains_no_code_that_nobody_says() -> None:
    left = sorted(set(CATALOGUE) - said())
    assert not left, f"nobody says these any more; remove them from problems/: {left}"


def test_the_catalogue_states_the_status_that_the_source_answers() -> None:
    for use in uses():
        status = problem_classes().get(use.kind)
        entry = CATALOGUE.get(use.code)  # that it is there is another test's
        if status is None or use.code in NEVER_SAID or use.kind == "OtherStatus" or not entry:
            continue
        assert entry.status == status, f"{use.place}: {use.code} answers {status}"
        assert entry.stands_alone, f"{use.place}: {use.code} is the code of a whole answer"


def test_the_walk_sees_what_it_must() -> None:
    seen = {use.code for use in uses()}
    assert {"query.cursor", "filter.syntax", "unique", "int_type", "body.syntax"} <= seen
    assert {"route.status", "check.ge", "server.deadline"} <= seen
    with pytest.raises(AssertionError, match="name the codes"):
        list(_codes(ast.parse('f"new.{x}"', mode="eval").body, "BadRequest", SOURCE / "x.py"))
    with pytest.raises(pytest.fail.Exception, match="cannot see"):
        list(_codes(ast.parse("chosen()", mode="eval").body, "BadRequest", SOURCE / "x.py"))


def test_every_code_of_a_whole_answer_names_its_family() -> None:
    assert not [code for code, entry in CATALOGUE.items() if entry.stands_alone and "." not in code]


def test_every_family_and_entry_has_its_texts() -> None:
    assert [entry for family in FAMILIES for entry in family.entries] == list(in_order())
    for code, entry in CATALOGUE.items():
        assert entry.code == code
        for text in (entry.title, entry.meaning, entry.way_out):
            assert text == text.strip() and len(text) > 5, code
        assert entry.meaning.endswith((".", "!", ":")) and entry.way_out.endswith("."), code
        assert not entry.title.endswith("."), code


def test_every_example_is_a_problem_document_of_its_code() -> None:
    for code, entry in CATALOGUE.items():
        example = example_of(entry)
        assert list(example)[:5] == ["type", "title", "status", "code", "detail"]
        assert example["type"] == f"/docs/errors/{example['code']}"
        assert example["status"] == entry.status
        codes = {example["code"], *(error["code"] for error in example.get("errors", ()))}
        assert code in codes
        assert example["detail"].endswith((".", "!", ")")), code
