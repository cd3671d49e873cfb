from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stanchion.errors import DeclarationError, Origin
from stanchion.expr import tree
from stanchion.expr.check import Scope, check_rule
from stanchion.schema import (
    ALWAYS,
    NEVER,
    Field,
    Rule,
    RuleAll,
    RuleAny,
    RuleNot,
    RuleOwner,
    RuleRole,
    RuleSignedIn,
    RuleText,
)
from stanchion.types import IntType, ListType, TextType

if TYPE_CHECKING:
    from .conftest import Shop


@pytest.fixture
def scope(shop: Shop) -> Scope:
    return replace(shop.scope, bare=False)


def refused(rule: Rule, scope: Scope) -> DeclarationError:
    with pytest.raises(DeclarationError) as caught:
        check_rule(rule, scope)
    return caught.value


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (RuleText("record.qty > 1"), "record.qty > 1"),
        (ALWAYS, "true"),
        (NEVER, "false"),
        (RuleSignedIn(), "auth != null"),
        (RuleRole("cook"), "auth.role == 'cook'"),
        (RuleOwner("customer"), "record.customer == auth.id"),
        (RuleOwner("record.customer.id"), "record.customer.id == auth.id"),
        (RuleAll((RuleSignedIn(), RuleRole("cook"))), "auth != null && auth.role == 'cook'"),
        (RuleAny((ALWAYS, RuleNot(RuleSignedIn()))), "true || !(auth != null)"),
    ],
)
def test_rule_means_what_its_text_would(rule: Rule, text: str, shop: Shop, scope: Scope) -> None:
    assert check_rule(rule, scope) == shop.check(text, bare=False)


def _with_role(scope: Scope, type: TextType | IntType | ListType | None) -> Scope:
    users = scope.auth
    assert users is not None
    fields = tuple(f for f in users.fields if f.name != "role")
    role = () if type is None else (Field("role", "role", type),)
    return replace(scope, auth=replace(users, fields=fields + role))


def test_role_may_be_a_list(scope: Scope) -> None:
    node = check_rule(RuleRole("cook"), _with_role(scope, ListType(TextType())))
    assert isinstance(node, tree.In)
    assert node.value == tree.Lit(tree.TEXT, "cook")


def test_role_needs_a_field_that_can_hold_it(scope: Scope) -> None:
    assert refused(RuleRole("cok"), scope).hint == "Did you mean 'cook'?"
    assert refused(RuleRole("cook"), _with_role(scope, IntType())).code == "rule.type"
    error = refused(RuleRole("cook", Origin("app.py", 3)), _with_role(scope, None))
    assert error.code == "rule.unknown_field"
    assert error.origin == Origin("app.py", 3)


def test_rules_that_need_a_user_need_a_users_collection(scope: Scope) -> None:
    scope = replace(scope, auth=None)
    for rule in (RuleRole("cook"), RuleOwner("customer")):
        error = refused(rule, scope)
        assert (error.code, error.hint) == (
            "rule.unknown_field", "Declare one: class User(UserRecord).",
        )  # fmt: skip
    assert isinstance(check_rule(RuleSignedIn(), scope), tree.Compare)


def test_owner_takes_a_path_to_a_user(scope: Scope) -> None:
    assert (
        refused(RuleOwner("custmer"), scope).frame
        == " | custmer\n | ^^^^^^^ did you mean 'customer'?"
    )
    for path in ("qty", "lines", "1", "customer == customer", "auth"):
        assert refused(RuleOwner(path), scope).code in ("rule.type", "rule.unknown_field")


@pytest.mark.parametrize(
    ("rule", "code", "detail", "hint"),
    [
        (
            RuleOwner("1"), "rule.type", "owner() takes a path from the record.",
            'Write owner("customer").',
        ),
        (
            RuleOwner("qty"), "rule.type",
            "owner() takes a path to a user, not to a whole number.", None,
        ),
        (
            RuleOwner("lines"), "rule.type", "'lines' holds many records.",
            "Write lines.exists(x, …), lines.all(x, …) or size(lines).",
        ),
        (RuleOwner("nobody"), "rule.unknown_field", "'orders' has no field 'nobody'.", None),
        (
            RuleRole("cok"), "rule.literal",
            'role("cok") can never hold: no user can have this role.', "Did you mean 'cook'?",
        ),
        (RuleText("record.qty = 1"), "rule.syntax", "'=' is not an operator here.",
         "Write '==' to compare."),
    ],
)  # fmt: skip
def test_words_of_a_rule(
    rule: Rule, code: str, detail: str, hint: str | None, scope: Scope
) -> None:
    error = refused(rule, scope)
    assert (error.code, error.detail, error.hint) == (code, detail, hint)


def test_role_says_which_field_it_needs(scope: Scope) -> None:
    error = refused(RuleRole("cook"), _with_role(scope, None))
    assert error.detail == "role(\"cook\") needs a field 'role' in 'users'."
    assert error.hint == "Add it: role: str"
    error = refused(RuleRole("cook"), _with_role(scope, IntType()))
    assert error.detail == 'role("cook") needs a role of text, and it is a whole number.'
    error = refused(RuleOwner("customer"), replace(scope, auth=None))
    assert error.detail == 'owner("customer") needs a users collection, and none is declared.'


SOURCE = '''\
from stanchion import rule

# rule("record.custmer == auth.id") stands in a comment
class Order:
    rules = Rules(
        read=rule("record.custmer == auth.id"),
        update=rule("""
            record.open
            && record.qtty > 1
        """),
        delete=rule("record.note == \\"x\\" && record.nte == null"),
    )
'''


@pytest.fixture
def app(tmp_path: Path) -> str:
    path = tmp_path / "app.py"
    path.write_text(SOURCE)
    return str(path)


def test_mistake_is_shown_in_the_source_of_the_app(app: str, scope: Scope) -> None:
    error = refused(RuleText("record.custmer == auth.id", Origin(app, 5)), scope)
    assert str(error) == "\n".join(
        [
            "error[rule.unknown_field]: 'orders' has no field 'custmer'.",
            f"  --> {app}:6:27",
            '6 |         read=rule("record.custmer == auth.id"),',
            "  |                           ^^^^^^^ did you mean 'customer'?",
        ]
    )


def test_mistake_in_a_text_of_several_lines_is_shown_on_its_line(app: str, scope: Scope) -> None:
    text = "\n            record.open\n            && record.qtty > 1\n        "
    error = refused(RuleText(text, Origin(app, 5)), scope)
    assert error.origin == Origin(app, 9, 23)
    assert error.frame is not None
    assert error.frame.startswith("9 |             && record.qtty > 1\n")


def test_mistake_in_a_text_that_is_not_found_is_shown_in_the_text(app: str, scope: Scope) -> None:
    text = 'record.note == "x" && record.nte == null'
    for origin in (Origin(app, 5), Origin(app, 99), Origin("absent.py", 1), None):
        error = refused(RuleText(text, origin), scope)
        assert error.origin == origin
        assert error.frame is not None
        assert error.frame.startswith(f" | {text}\n")


def test_mistake_inside_a_composed_rule_is_found(scope: Scope) -> None:
    rule = RuleAny((RuleSignedIn(), RuleNot(RuleAll((ALWAYS, RuleText("record.x == 1"))))))
    assert refused(rule, scope).code == "rule.unknown_field"
    assert refused(RuleText("record.qty = 1"), scope).hint == "Write '==' to compare."
