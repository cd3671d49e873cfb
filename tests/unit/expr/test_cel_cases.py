"""The conformance cases of the CEL project, run on parse, check and evaluate.

The cases lie beside the repository (`shared/cel`, or the folder that STANCHION_SHARED names) and
are skipped by name where they are absent. A case is left out for what it *uses*, which is read
from its text and its bindings before anything is run; whatever is not left out must pass.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stanchion.expr import tree
from stanchion.expr.check import Scope, check, check_value
from stanchion.expr.conditions import ConditionChecker
from stanchion.expr.error import ExpressionError
from stanchion.expr.evaluate import FAILED, Env, evaluate, value_of
from stanchion.expr.operands import Operands
from stanchion.expr.parse import parse
from stanchion.schema import Schema

SHARED = os.environ.get("STANCHION_SHARED")
FOLDER = (Path(SHARED) if SHARED else Path(__file__).parents[4] / "shared") / "cel"
LEAST_RUN = 229  # of 954 cases; it may grow, never shrink


# protobuf text format, as much of it as the cases use

_TOKEN = re.compile(
    r"""(?:\s|\#[^\n]*)*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<word>\[[\w./]+\]|[-+.\w]+)|(?P<sign>[{}:;,<>\[\]]))""",
    re.DOTALL,
)
_ESCAPE = re.compile(
    rb"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL
)
_PLAIN = dict(zip(b"nrtabfv", b"\n\r\t\a\b\f\v", strict=True))

Message = dict[str, list[Any]]


def read_textproto(text: str) -> Message:
    """A message as a mapping of names to the values they were given, in order."""
    tokens = list(_TOKEN.finditer(text))
    message, position = _read_message(tokens, 0)
    assert position == len(tokens)
    return message


def _read_message(tokens: list[re.Match[str]], at: int) -> tuple[Message, int]:
    message: Message = {}
    while at < len(tokens) and tokens[at]["sign"] != "}":
        if tokens[at]["sign"] in (",", ";"):
            at += 1
            continue
        name = tokens[at]["word"]
        at += 1
        if tokens[at]["sign"] == ":":
            at += 1
        value, at = _read_value(tokens, at)
        message.setdefault(name, []).append(value)
    return message, at


def _read_value(tokens: list[re.Match[str]], at: int) -> tuple[Any, int]:
    if tokens[at]["sign"] == "{":
        message, at = _read_message(tokens, at + 1)
        return message, at + 1
    if tokens[at]["word"]:
        return tokens[at]["word"], at + 1
    parts = []
    while at < len(tokens) and tokens[at]["text"]:
        parts.append(_ESCAPE.sub(_unescaped, tokens[at]["text"][1:-1].encode()))
        at += 1
    return b"".join(parts).decode("utf-8", "replace"), at


def _unescaped(match: re.Match[bytes]) -> bytes:
    octal, two, four, eight, plain = match.groups()
    if plain:
        return bytes([_PLAIN.get(plain[0], plain[0])]) if len(plain) == 1 else plain
    if octal or two:
        return bytes([int(octal, 8) if octal else int(two, 16)])
    return chr(int(four or eight, 16)).encode()


# cases


@dataclass(frozen=True)
class Case:
    """One test of the suite; `value` is None where an error is expected."""

    name: str
    expr: str
    value: tuple[str, Any] | None
    bindings: dict[str, tuple[str, Any]]
    container: str

    @property
    def bare(self) -> str:
        """The expression with each text emptied."""
        return re.sub(r"""(["'])(?:(?!\1)[^\\]|\\.)*\1""", "''", self.expr)


def read_cases() -> Iterator[Case]:
    for path in sorted(FOLDER.glob("*.textproto")):
        document = read_textproto(path.read_text("utf-8"))
        for section in document["section"]:
            for test in section.get("test", []):
                yield _case(f"{path.stem}/{section['name'][0]}/{test['name'][0]}", test)


def _case(name: str, test: Message) -> Case:
    bindings = {}
    for binding in test.get("bindings", []):
        bindings[binding["key"][0]] = _only(binding["value"][0]["value"][0])
    value = None if "eval_error" in test else ("bool_value", "true")
    if "value" in test:
        value = _only(test["value"][0])
    container = test.get("container", [""])[0]
    return Case(name, test["expr"][0], value, bindings, container)


def _only(message: Message) -> tuple[str, Any]:
    ((kind, (value,)),) = message.items()
    return kind, value


# what the subset leaves out, by what a case uses

_NUMBER = r"(?:[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)"
_USES: tuple[tuple[str, str], ...] = (
    ("messages", r"[A-Z]\w*\s*\{|google\.protobuf"),
    ("uint", r"\b(?:0x[0-9a-fA-F]+|[0-9]+)[uU]\b"),
    ("bytes", r"\b[bB]''|\bbytes\b"),
    ("raw and triple-quoted texts", r"\b[rR]''|''''"),
    ("maps", r"\{"),
    ("ternary", r"\?"),
    ("dyn", r"\bdyn\("),
    ("conversion functions", r"\b(?:int|uint|double|string|bool)\("),
    ("conversion functions", r"\btimestamp\((?!'')|\bduration\((?!'')"),
    ("types as values", r"\btype\b|^(?:bool|int|uint|double|string|list|map|dyn|null_type)$"),
    ("* / %", r"[*/%]"),
    ("matches", r"\.matches\("),
    ("map and filter", r"\.(?:map|filter)\("),
    ("parts of moments", r"\.get[A-Z]\w*\("),
    ("items by number", r"[\])\w]\["),
    ("double arithmetic", rf"{_NUMBER}\)?\s*[-+]|[-+]\s*\(-?{_NUMBER}|^-\(.*{_NUMBER}"),
    ("joining texts", r"''\s*\+"),
    ("joining and comparing lists", r"\]\s*(?:\+|[=!<>]=|[<>])"),
    ("order of booleans", r"\b(?:true|false)\s*[<>]"),
    ("lists of several types", r"\[[^\]]*(?:[0-9]\s*,\s*''|''\s*,\s*[0-9])"),
)
_FINE = re.compile(r"\.[0-9]{7,}Z|[0-9]ns")

# Our meaning differs on purpose.
_DIFFERS = {
    "basic/variables/unbound_is_runtime_error": "names are known before anything is run",
    "basic/functions/unbound_is_runtime_error": "names are known before anything is run",
    "logic/AND/short_circuit_type_left": "types are known before anything is run",
    "logic/AND/short_circuit_type_right": "types are known before anything is run",
    "logic/OR/short_circuit_type_left": "types are known before anything is run",
    "logic/OR/short_circuit_type_right": "types are known before anything is run",
    "timestamps/timestamp_range/sub_time_duration_over": "durations have 64 bits of microseconds",
    "timestamps/timestamp_range/sub_time_duration_under": "durations have 64 bits of microseconds",
    "timestamps/duration_range/add_under": "durations have 64 bits of microseconds",
    "timestamps/duration_range/add_over": "durations have 64 bits of microseconds",
    "timestamps/duration_range/sub_under": "durations have 64 bits of microseconds",
    "timestamps/duration_range/sub_over": "durations have 64 bits of microseconds",
}
_BINDINGS = {
    "bytes_value": "bytes",
    "uint64_value": "uint",
    "map_value": "maps",
    "object_value": "messages",
    "enum_value": "messages",
}


def left_out(case: Case) -> str | None:
    """Why the subset does not cover a case, or None where it must pass."""
    if case.container:
        return "messages"
    for name, (kind, _) in case.bindings.items():
        if "." in name:
            return "variables with dots"
        if kind in _BINDINGS:
            return _BINDINGS[kind]
    for reason, pattern in _USES:
        if re.search(pattern, case.bare):
            return reason
    if _FINE.search(case.expr):
        return "nanoseconds"
    return _DIFFERS.get(case.name)


# running

_TYPES = {
    "bool_value": tree.BOOL,
    "int64_value": tree.INT,
    "double_value": tree.FLOAT,
    "string_value": tree.TEXT,
    "null_value": tree.TEXT,
}


def _type(kind: str, value: Any) -> tree.Type:
    if kind != "list_value":
        return _TYPES[kind]
    items = [_type(*_only(item)) for item in value.get("values", [])]
    return tree.Type("list", item=items[0] if items else tree.INT)


def _value(kind: str, value: Any) -> Any:
    match kind:
        case "bool_value":
            return value == "true"
        case "int64_value":
            return int(value)
        case "double_value":
            return float(value)
        case "list_value":
            return [_value(*_only(item)) for item in value.get("values", [])]
        case "null_value":
            return None
        case _:
            return value


def run(case: Case) -> Any:
    """The outcome of a case: a value, or FAILED for an error, found early or late."""
    variables = {name: _type(*bound) for name, bound in case.bindings.items()}
    scope = Scope(Schema("cel", ()), variables=variables)
    env = Env(variables={name: _value(*bound) for name, bound in case.bindings.items()})
    try:
        syntax = parse(case.expr)
        if case.value is None:
            return _run_for_error(ConditionChecker(Operands(scope)).operand(syntax), env)
        if case.value[0] == "bool_value":
            outcome = evaluate(check(syntax, scope), env)
            return FAILED if outcome is None else outcome
        return value_of(check_value(syntax, scope, _type(*case.value)), env)
    except ExpressionError as error:
        return error


def _run_for_error(operand: tree.Operand, env: Env) -> Any:
    if not isinstance(operand, tree.Node):
        return value_of(operand, env)
    outcome = evaluate(operand, env)
    return FAILED if outcome is None else outcome


def passes(case: Case) -> bool:
    """Whether the outcome is the one of the suite, type included."""
    outcome = run(case)
    if case.value is None:
        return outcome is FAILED or isinstance(outcome, ExpressionError)
    wanted = _value(*case.value)
    return type(outcome) is type(wanted) and outcome == wanted


def test_every_case_of_the_subset_has_the_outcome_of_the_suite() -> None:
    if not FOLDER.is_dir():
        pytest.skip("the CEL cases (shared/cel) are not beside this repository")
    ran, failed, skipped = 0, [], Counter[str]()
    for case in read_cases():
        reason = left_out(case)
        if reason is not None:
            skipped[reason] += 1
            continue
        ran += 1
        if not passes(case):
            failed.append(f"{case.name}: {case.expr} -> {run(case)!r}, wanted {case.value}")
    print(f"\nCEL cases: {ran} run, {skipped.total()} skipped, {len(failed)} failed")
    for reason, count in skipped.most_common():
        print(f"  skipped {count:4} {reason}")
    assert not failed, "\n".join(failed)
    assert ran >= LEAST_RUN
