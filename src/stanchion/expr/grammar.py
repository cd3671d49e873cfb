"""The LALR table of the language: made by lark from `grammar.lark`, saved in `grammar.json`.

    python -m stanchion.expr.grammar        makes the table anew; a test fails when it is stale

WHY-NOT `Lark.load`: it unpickles, imports lark (60 ms) and runs a lexer and a tree builder of its
own. The table alone is plain JSON that loads in a millisecond, `parse.py` runs it in forty lines,
and lark is needed by those who change the grammar only.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from importlib import resources
from typing import Any

SOURCE = "grammar.lark"
SAVED = "grammar.json"


@dataclass(frozen=True, slots=True)
class Rule:
    """`size` symbols become one `origin`; `form` names the function that builds the value."""

    origin: str
    form: str
    size: int


@dataclass(frozen=True, slots=True)
class Table:
    """For each state and symbol: the next state, or -1-n to reduce by rule n."""

    digest: str
    start: int
    end: int
    rules: tuple[Rule, ...]
    states: tuple[dict[str, int], ...]


def load_table() -> Table:
    """The saved table."""
    saved = json.loads(resources.files(__package__).joinpath(SAVED).read_text("utf-8"))
    return Table(
        digest=saved["digest"],
        start=saved["start"],
        end=saved["end"],
        rules=tuple(Rule(*rule) for rule in saved["rules"]),
        states=tuple(saved["states"]),
    )


def grammar_source() -> str:
    """The text of the grammar."""
    return resources.files(__package__).joinpath(SOURCE).read_text("utf-8")


def digest_of(source: str) -> str:
    """What a saved table says of the grammar it was made from."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def make_table(source: str) -> dict[str, Any]:
    """The table of a grammar as JSON-ready data; the same for the same source. Needs lark."""
    from lark import Lark
    from lark.grammar import Rule as LarkRule
    from lark.lexer import TerminalDef

    grammar = Lark(source, parser="lalr", lexer="basic", maybe_placeholders=False)
    made, memo = grammar.memo_serialize([TerminalDef, LarkRule])
    table = made["parser"]["parser"]
    rules = _rule_numbers(memo)
    states = {
        state: {
            table["tokens"][symbol]: _action(action, argument, rules)
            for symbol, (action, argument) in actions.items()
        }
        for state, actions in table["states"].items()
    }
    order = _state_numbers(states, table["start_states"]["start"])
    return {
        "digest": digest_of(source),
        "start": 0,
        "end": order[table["end_states"]["start"]],
        "rules": [list(_plain_rule(memo[key])) for key in rules],
        "states": [
            {symbol: order[to] if to >= 0 else to for symbol, to in states[state].items()}
            for state in order
        ],
    }


def _state_numbers(states: dict[int, dict[str, int]], start: int) -> dict[int, int]:
    """Numbers in the order of a walk from the start: lark's own differ from run to run."""
    found = {start: 0}
    waiting = [start]
    for state in waiting:
        for _, target in sorted(states[state].items()):
            if target >= 0 and target not in found:
                found[target] = len(found)
                waiting.append(target)
    return found


def _rule_numbers(memo: dict[int, Any]) -> dict[int, int]:
    rules = [key for key, value in memo.items() if value["__type__"] == "Rule"]
    ordered = sorted(rules, key=lambda key: _plain_rule(memo[key]))
    return {key: number for number, key in enumerate(ordered)}


def _plain_rule(rule: dict[str, Any]) -> tuple[str, str, int, str]:
    symbols = [symbol["name"] for symbol in rule["expansion"]]
    origin = str(rule["origin"]["name"])
    return origin, rule["alias"] or "same", len(symbols), " ".join(symbols)


def _action(action: int, argument: Any, numbers: dict[int, int]) -> int:
    return int(argument) if action == 0 else -1 - numbers[argument["@"]]


def render_table(table: dict[str, Any]) -> str:
    """The table as the text that is saved: one line for each rule and state."""
    rules = ",\n".join(json.dumps(rule[:3]) for rule in table["rules"])
    states = ",\n".join(
        json.dumps(s, sort_keys=True, separators=(",", ":")) for s in table["states"]
    )
    head = json.dumps({key: table[key] for key in ("digest", "start", "end")})[1:-1]
    return f'{{{head},\n"rules": [\n{rules}\n],\n"states": [\n{states}\n]}}\n'


def main() -> None:
    """Write the table beside the grammar."""
    text = render_table(make_table(grammar_source()))
    with resources.as_file(resources.files(__package__).joinpath(SAVED)) as path:
        path.write_text(text, "utf-8")
    sys.stdout.write(f"{SAVED}: {len(text)} characters\n")


if __name__ == "__main__":
    main()
