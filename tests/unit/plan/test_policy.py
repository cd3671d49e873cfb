"""What rules come to: for an admin, for a create, and over a chain of references."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stanchion.errors import DeclarationError
from stanchion.expr.tree import ERROR, FALSE, TRUE
from stanchion.plan.policy import Policy, compile_policy, decide_old_is_null
from stanchion.plan.read import plan_read
from stanchion.plan.write import plan_write
from stanchion.query import ANONYMOUS, SYSTEM, Actor, ReadQuery
from stanchion.schema import (
    NEVER,
    BackReference,
    Collection,
    Field,
    Reference,
    RuleConst,
    Rules,
    RuleText,
    Schema,
)
from stanchion.types import BoolType, IntType, TextType, UuidType

ADMIN = Actor("admin", {"id": "01900000-0000-7000-8000-000000000001"})
ANN = Actor("user", {"id": "01900000-0000-7000-8000-000000000002"})
OPEN = RuleConst(True)


def field(name: str, type: Any = TextType(), **more: Any) -> Field:  # noqa: B008  (frozen)
    return Field(name, name, type, **more)


def posts(create: str = "true") -> Schema:
    """Users, who write posts, which have notes; this rule stands over the create of a post."""
    return Schema(
        "blog",
        (
            Collection("users", "User", (field("id", UuidType()),), users=True, rules=Rules(OPEN)),
            Collection(
                "posts",
                "Post",
                (
                    field("id", UuidType()),
                    field("title"),
                    field("open", BoolType()),
                    field("author", UuidType(), reference=Reference("users")),
                    field("pin", read=NEVER),
                    field("rank", IntType(), write=NEVER),
                    field("note", read=RuleText("record.open")),
                    field("price", IntType(), write=RuleText("record.open")),
                ),
                (BackReference("notes", "notes", "notes", "post"),),
                rules=Rules(read=OPEN, create=RuleText(create), update=OPEN),
            ),
            Collection(
                "notes",
                "Note",
                (
                    field("id", UuidType()),
                    field("post", UuidType(), nullable=True, reference=Reference("posts")),
                ),
                rules=Rules(OPEN),
            ),
        ),
    )


@pytest.fixture(scope="module")
def policy() -> Policy:
    return compile_policy(posts())


def test_admin_steps_past_rules_but_not_past_what_is_closed_to_everybody(policy: Policy) -> None:
    admin, system, ann = (policy.profile(actor) for actor in (ADMIN, SYSTEM, ANN))
    fields = policy.schema.collection["posts"].field
    collection = policy.schema.collection["posts"]
    seen = {
        name: tuple(each.sight(collection, fields[name]) for each in (admin, system, ann))
        for name in ("title", "pin", "note")
    }
    assert seen == {
        "title": ("open", "open", "open"),
        "pin": ("hidden", "open", "hidden"),
        "note": ("open", "open", "masked"),
    }
    assert [each.write_rule("posts", "rank") for each in (admin, system, ann)] == [
        FALSE, TRUE, FALSE,
    ]  # fmt: skip
    assert admin.write_rule("posts", "price") == TRUE != ann.write_rule("posts", "price")
    assert "rank" not in plan_write(collection, "update", policy.schema, admin).settable
    assert "rank" in plan_write(collection, "update", policy.schema, system).settable


@pytest.mark.parametrize(
    ("rule", "like"),
    [
        ("old == null", "true"),
        ("null == old", "true"),
        ("old != null", "false"),
        ("old != null || record.open", "record.open"),
        ("old == null && record.open", "record.open"),
        ("!(old == null) || record.title == 'a'", "record.title == 'a'"),
        ("old.open || true", "true"),
        ("record.author == null", "record.author == null"),
        ("record.author.id == auth.id", "record.author.id == auth.id"),
    ],
)
def test_rule_of_a_create_knows_that_there_was_nothing(rule: str, like: str) -> None:
    found, wanted = (_created(text) for text in (rule, like))
    assert found == wanted


@pytest.mark.parametrize(
    "rule",
    [
        "old.open", "!old.open", "old.title == 'x'", "record.title == old.title", "has(old.title)",
        "old.title.contains('x')", "old.title in ['x']", "size(old.title) == 1",
        "old.author == null", "old.author != null", "old.notes.exists(n, true)",
        "old.notes.all(n, true)", "size(old.notes) == 0", "record.open && old.open",
        "old.author.id == auth.id",
    ],
)  # fmt: skip
def test_what_selects_from_the_old_record_is_an_error_in_a_create(rule: str) -> None:
    assert compile_policy(posts(rule)).profile(ANN).never(_created(rule))


def _created(rule: str) -> Any:
    """The rule as a create knows it, without the places of its text."""
    profile = compile_policy(posts(rule)).profile(ANN)
    return profile.folded(profile.rule("posts", "create"), decide_old_is_null)


def test_macro_over_others_may_name_the_old_record(policy: Policy) -> None:
    """Only its body is in error: over no record it is not asked."""
    assert _created("record.notes.all(n, n.id == old.id)") not in (ERROR, FALSE, TRUE)


def test_anonymous_caller_selects_nothing_from_auth() -> None:
    def row(rule: str) -> Any:
        return compile_policy(posts(rule)).profile(ANONYMOUS).rule("posts", "create")

    assert row("auth == null") == TRUE
    for rule in ("auth.id == record.author", "record.open && auth.id == record.author"):
        assert compile_policy(posts(rule)).profile(ANONYMOUS).never(row(rule))
    assert row("auth.id == record.author || record.open") != row("auth.id == record.author")


def test_rule_of_a_read_knows_no_old_record_and_no_rule_takes_a_parameter() -> None:
    schema = posts()
    users, written, notes = schema.collections
    for broken in (
        replace(written, fields=(*written.fields, field("x", read=RuleText("old.open")))),
        replace(written, rules=Rules(read=RuleText("old.open"))),
        replace(written, rules=Rules(delete=RuleText("old.open"))),
    ):
        with pytest.raises(DeclarationError, match="no variable 'old'"):
            compile_policy(replace(schema, collections=(users, broken, notes)))
    taking = replace(written, rules=Rules(read=RuleText("record.title == $title")))
    with pytest.raises(DeclarationError, match=r"no value for '\$title'"):
        compile_policy(replace(schema, collections=(users, taking, notes)))


def test_constant_parts_of_a_rule_are_decided_when_it_is_loaded() -> None:
    rules = {
        "1 == 2": FALSE, "1 == 1 || record.open": TRUE, "1 == 2 && record.open": FALSE,
        "[1, 2].exists(n, n == 2)": TRUE, "'a' in ['b']": FALSE, "'ab'.contains('a')": TRUE,
    }  # fmt: skip
    for rule, outcome in rules.items():
        assert compile_policy(posts(rule)).rows["posts", "create"] == outcome


def test_sort_key_beyond_a_reference_that_may_be_null_may_be_null(policy: Policy) -> None:
    def nullable(collection: str, sort: str) -> bool:
        query = ReadQuery(collection, sort=sort)
        return plan_read(query, policy.schema, policy.profile(SYSTEM)).sort[0].nullable

    assert nullable("notes", "post.author.id")
    assert not nullable("posts", "author.id")
