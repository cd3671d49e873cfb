"""Make the saved table of the expression language anew: `make grammar`.

In: `stanchion/expr/grammar.lark`.   Out: `grammar.json` beside it, the same for the same source.
It stands outside the package because lark is not installed with it.
"""

from __future__ import annotations

import json
import sys
from importlib import resources
from typing import Any

from lark import Lark
from lark.grammar import Rule as LarkRule
from lark.lexer import TerminalDef

from stanchion.expr.grammar import SAVED, digest_of, grammar_source


def make_table(source: str) -> dict[str, Any]:
    """The table of a grammar as JSON-ready data; the same for the same source."""
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
    with resources.as_file(resources.files("stanchion.expr").joinpath(SAVED)) as path:
        path.write_text(text, "utf-8")
    sys.stdout.write(f"{SAVED}: {len(text)} characters\n")


if __name__ == "__main__":
    main()
