from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanchion.expr import tree
from stanchion.expr.evaluate import Env, evaluate
from stanchion.expr.fold import certainly_false, depends_on_auth_alone, fold

if TYPE_CHECKING:
    from .conftest import Shop

NAMES = "abc"
OUTCOMES = (True, False, None)


def atom(name: str) -> tree.Node:
    """A condition that is an error where the variable is null."""
    return tree.Truth(tree.Var(name, tree.BOOL, nullable=True))


def _grown(parts: st.SearchStrategy[tree.Node]) -> st.SearchStrategy[tree.Node]:
    several = st.lists(parts, max_size=3).map(tuple)
    listed = st.integers(0, 2).map(
        lambda n: tree.ListOf((tree.Lit(tree.INT, 1),) * n, tree.Type("list", item=tree.INT))
    )
    return st.one_of(
        parts.map(tree.Not),
        several.map(tree.And),
        several.map(tree.Or),
        st.builds(tree.Compare, st.sampled_from(["==", "!="]), parts, parts),
        st.builds(
            tree.Macro,
            st.sampled_from(["exists", "all", "exists_one"]),
            listed,
            st.just("x"),
            parts,
        ),
    )


LEAVES = st.one_of(st.sampled_from(NAMES).map(atom), st.sampled_from(OUTCOMES).map(tree.Const))
NODES = st.recursive(LEAVES, _grown, max_leaves=10)
WORLDS = st.fixed_dictionaries({name: st.sampled_from(OUTCOMES) for name in NAMES})


@settings(max_examples=500, deadline=None)
@given(NODES, WORLDS, st.sets(st.sampled_from(NAMES)))
def test_fold_changes_no_outcome(
    node: tree.Node, world: dict[str, bool | None], known: set[str]
) -> None:
    def decide(part: tree.Node) -> tree.Const | None:
        if isinstance(part, tree.Truth) and isinstance(part.value, tree.Var):
            name = part.value.name
            return tree.Const(world[name]) if name in known else None
        return None

    env = Env(variables=world)
    folded = fold(node, decide)
    assert evaluate(folded, env) is evaluate(node, env)
    assert fold(folded, decide) == folded


@settings(max_examples=300, deadline=None)
@given(NODES)
def test_certainly_false_is_never_true(node: tree.Node) -> None:
    if certainly_false(fold(node)):
        for outcomes in product(OUTCOMES, repeat=len(NAMES)):
            env = Env(variables=dict(zip(NAMES, outcomes, strict=True)))
            assert evaluate(node, env) is not True


A, B = atom("a"), atom("b")
ITEMS = tree.Macro("exists", tree.Var("xs", tree.Type("list", item=tree.INT)), "x", A)


@pytest.mark.parametrize(
    ("node", "folded"),
    [
        (tree.And((tree.FALSE, tree.ERROR)), tree.FALSE),
        (tree.And((tree.TRUE, tree.ERROR)), tree.ERROR),
        (tree.Or((tree.FALSE, tree.ERROR)), tree.ERROR),
        (tree.Or((tree.ERROR, tree.TRUE)), tree.TRUE),
        (tree.Not(tree.ERROR), tree.ERROR),
        (tree.Not(tree.Not(A)), A),
        (tree.And((tree.TRUE, A)), A),
        (tree.And(()), tree.TRUE),
        (tree.And((A, tree.And((B, tree.TRUE)))), tree.And((A, B))),
        (tree.Or((tree.ERROR, A, tree.ERROR)), tree.Or((A, tree.ERROR))),
        (tree.Compare("==", tree.TRUE, tree.Lit(tree.BOOL, False)), tree.FALSE),
        (tree.Compare("!=", tree.TRUE, tree.ERROR), tree.ERROR),
    ],
)
def test_fold_simplifies(node: tree.Node, folded: tree.Node) -> None:
    assert fold(node) == folded


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("auth != null", True),
        ("auth.role == 'cook' || auth == null", True),
        ("['a', 'b'].exists(x, x == auth.name)", True),
        ("true", True),
        ("auth.team.name == 'x'", False),
        ("auth.team.members.exists(m, true)", False),
        ("auth.id == record.customer", False),
        ("now > timestamp('2026-01-01T00:00:00Z')", False),
        ("auth.name == $n", False),
    ],
)
def test_depends_on_auth_alone(shop: Shop, text: str, alone: bool) -> None:
    assert depends_on_auth_alone(shop.check(text)) is alone


def test_a_slot_or_a_free_variable_depends_on_more(shop: Shop) -> None:
    assert not depends_on_auth_alone(shop.check("auth.name == 'x'", lifted=True))
    macro = shop.check("['a'].exists(x, x == auth.name)")
    assert isinstance(macro, tree.Macro)
    assert not depends_on_auth_alone(macro.body)


@pytest.mark.parametrize(
    ("node", "never"),
    [
        (tree.FALSE, True),
        (tree.ERROR, True),
        (tree.TRUE, False),
        (A, False),
        (tree.And((A, tree.ERROR)), True),
        (tree.Or((tree.FALSE, tree.ERROR)), True),
        (tree.Or((A, tree.FALSE)), False),
        (tree.Not(tree.Or((A, tree.ERROR))), True),
        (tree.Not(tree.And((A, tree.ERROR))), False),
        (tree.Not(tree.And((tree.TRUE, tree.ERROR))), True),
        (ITEMS, False),
        (replace(ITEMS, body=tree.FALSE), True),
        (tree.Not(ITEMS), False),
        (tree.Not(replace(ITEMS, body=tree.FALSE)), False),
        (replace(ITEMS, kind="exists_one", body=tree.FALSE), True),
        (replace(ITEMS, kind="all", body=tree.FALSE), False),
        (tree.Not(replace(ITEMS, kind="all")), False),
        (tree.Not(replace(ITEMS, kind="all", body=tree.TRUE)), True),
        (tree.Not(replace(ITEMS, kind="all", body=tree.FALSE)), False),
    ],
)
def test_certainly_false(node: tree.Node, never: bool) -> None:
    assert certainly_false(node) is never


@pytest.mark.parametrize(
    ("text", "never"),
    [
        ("record.customer.team == auth.team", True),
        ("!(record.customer.team != auth.team)", True),
        ("record.customer.team != auth.team", False),
        ("!(record.customer.team == auth.team)", False),
        ("auth.team == null", False),
        ("record.customer.team == auth.team || record.id == auth.id", False),
        ("record.customer.team == auth.team && record.id == auth.id", True),
    ],
)
def test_a_null_of_the_caller_equals_nothing_so_the_rule_is_never_true(
    shop: Shop, text: str, never: bool
) -> None:
    def is_team_of_auth(operand: tree.Operand) -> bool:
        return isinstance(operand, tree.Path) and operand.root == "auth" and operand.leaf == "team"

    node = shop.check(text)
    assert certainly_false(node, is_team_of_auth) is never
    assert not certainly_false(node)
