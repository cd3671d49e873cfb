"""For every rule, every caller and every row: the cell of the access matrix, read again as the
condition that it is, holds exactly where the rule does."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from stanchion.access.callers import AccessCaller, find_callers, is_one
from stanchion.access.cells import CallerRules, cell_of, condition_of
from stanchion.expr.evaluate import Env, evaluate
from stanchion.plan.policy import Policy, compile_policy
from stanchion.query import ANONYMOUS, Actor
from stanchion.schema import ALWAYS, Rules, RuleText, Schema

from .expressions import Written, write
from .trying import EXPRESSIONS
from .worlds import NOW, Row, Sight, World


def with_rule(schema: Schema, written: Written) -> Schema:
    """The schema with this rule over things, which everybody may read if it is about a write."""
    rules = replace(Rules(read=ALWAYS), **{written.operation: RuleText(written.text)})
    things = replace(schema.collection["things"], rules=rules)
    others = [one for one in schema.collections if one.name != "things"]
    return Schema(schema.title, (*others, things))


def users(world: World) -> Iterator[Row]:
    """Some users, none of whom is an admin or disabled."""
    for row in list(world.rows["users"].values())[:4]:
        yield {**row, "admin": False, "disabled": False}


def wrong_rows(world: World, written: Written, outcomes: Counter[str]) -> Iterator[str]:
    """The rows for which a cell and the rule differ."""
    schema = with_rule(world.schema, written)
    policy = compile_policy(schema)
    callers = find_callers(policy)
    for caller in callers:
        if caller.kind == "anonymous":
            yield from wrong_rows_of(world, policy, written, caller, None, outcomes)
        for user in users(world):
            if caller.kind == "user" and is_one(user, caller, callers):
                yield from wrong_rows_of(world, policy, written, caller, user, outcomes)


def wrong_rows_of(
    world: World,
    policy: Policy,
    written: Written,
    caller: AccessCaller,
    user: Row | None,
    outcomes: Counter[str],
) -> Iterator[str]:
    things = policy.schema.collection["things"]
    cell = cell_of(CallerRules(policy, caller).of_records(things, written.operation))
    condition = condition_of(cell, policy.schema, things, written.operation)
    if condition is None and re.search(r"\berror\b", cell):
        outcomes["with an error inside"] += 1  # that no caller could write
        return
    assert condition is not None, f"{written.text}\n  {caller.name}: {cell} cannot be read again"
    outcomes[cell.partition(" ")[0]] += 1
    sight = Sight(world, ANONYMOUS if user is None else Actor("user", user))
    rule = policy.rows["things", written.operation]
    for key, row in world.rows["things"].items():
        old = {"create": None, "update": world.rows["things"][world.old[key]]}
        env = Env(record=row, old=old.get(written.operation), auth=user, now=NOW, world=sight)
        if (evaluate(rule, env) is True) != (evaluate(condition, env) is True):
            yield f"{written.text}\n  {written.operation} as {caller.name}: {cell}\n  on {key}"


def rules(world: World) -> Iterator[Written]:
    seed = 0
    while True:
        seed += 1
        written = write(world.schema, random.Random(seed).randrange)
        if written.mode == "rule":
            yield written


def test_cells_hold_exactly_where_the_rules_do() -> None:
    world, outcomes = World(1), Counter[str]()
    for _, written in zip(range(EXPRESSIONS // 2), rules(world), strict=False):
        assert not (wrong := list(wrong_rows(world, written, outcomes))), wrong[0]
    assert min(outcomes[cell] for cell in ("yes", "no", "if")) > EXPRESSIONS // 40, outcomes
    assert outcomes["with an error inside"] < outcomes["if"] // 20, outcomes
