"""Plans of reads: what they depend on, and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stanchion.errors import BadRequest, Forbidden, Problem, Unauthorized
from stanchion.expr.tree import FALSE, TRUE
from stanchion.plan.aggregate import plan_aggregate
from stanchion.plan.policy import Profile, compile_policy
from stanchion.plan.read import Shown, ShownMany, ShownOne, plan_read
from stanchion.plan.resolve import Names, visible_fields
from stanchion.query import ANONYMOUS, SYSTEM, Actor, AggregateQuery, ReadQuery
from stanchion.schema import (
    NEVER,
    BackReference,
    Collection,
    Field,
    Reference,
    RuleConst,
    Rules,
    RuleSignedIn,
    RuleText,
    Schema,
)
from stanchion.types import BoolType, IntType, JsonType, TextType, UuidType

OPEN = Rules(read=RuleConst(True))


def field(name: str, type: Any = TextType(), **more: Any) -> Field:  # noqa: B008  (frozen)
    return Field(name, name, type, **more)


def key() -> Field:
    return field("id", UuidType(), system=True)


USERS = Collection(
    "users",
    "User",
    (
        key(),
        field("name"),
        field("boss", UuidType(), nullable=True, reference=Reference("users")),
        field("salary", IntType(), read=RuleText("record.id == auth.id")),
        field("pin", read=NEVER),
        field("phone", read=RuleSignedIn()),
    ),
    (BackReference("posts", "posts", "posts", "author"),),
    users=True,
    rules=OPEN,
)
POSTS = Collection(
    "posts",
    "Post",
    (
        key(),
        field("title"),
        field("open", BoolType()),
        field("extra", JsonType()),
        field("author", UuidType(), reference=Reference("users")),
        field("editor", UuidType(), nullable=True, reference=Reference("users"), read=NEVER),
    ),
    (BackReference("notes", "notes", "notes", "post"),),
    rules=Rules(read=RuleText("record.open || record.author == auth.id")),
)
NOTES = Collection(
    "notes",
    "Note",
    (key(), field("post", UuidType(), reference=Reference("posts"), read=NEVER)),
    rules=OPEN,
)
SECRETS = Collection("secrets", "Secret", (key(), field("text")))
SCHEMA = Schema("blog", (USERS, POSTS, NOTES, SECRETS))
POLICY = compile_policy(SCHEMA)
ANN = Actor("user", {"id": "01900000-0000-7000-8000-000000000001", "boss": None})


def profile(actor: Actor) -> Profile:
    return POLICY.profile(replace_actor(actor))


def replace_actor(actor: Actor) -> Actor:
    return Actor(actor.kind, actor.record)


def plan(collection: str, actor: Actor = ANN, **query: Any) -> Any:
    return plan_read(ReadQuery(collection, **query), SCHEMA, profile(actor))


def names(body: Any) -> list[str]:
    return [s.relation.name if isinstance(s, ShownMany) else s.field.name for s in body.shown]


def test_body_holds_what_exists_for_the_caller() -> None:
    assert names(plan("users", ANONYMOUS).body) == ["id", "name", "boss"]
    assert names(plan("users").body) == ["id", "name", "boss", "salary", "phone"]
    assert names(plan("users", SYSTEM).body) == ["id", "name", "boss", "salary", "pin", "phone"]


def test_body_is_plain_where_the_version_says_everything() -> None:
    assert plan("posts").body.plain
    assert plan("users", ANONYMOUS).body.plain
    assert not plan("users").body.plain, "salary depends on the row"
    assert not plan("posts", expand="author").body.plain


def test_rule_of_the_caller_is_folded_into_where() -> None:
    assert plan("posts", SYSTEM).where == TRUE
    assert plan("users").where == TRUE
    assert plan("posts").where != plan("posts", ANONYMOUS).where


def test_expansions_carry_the_rules_of_their_collection() -> None:
    (author,) = (s for s in plan("posts", expand="author").body.shown if isinstance(s, ShownOne))
    assert author.rule == TRUE
    (posts,) = (s for s in plan("users", expand="posts").body.shown if isinstance(s, ShownMany))
    assert posts.rule == plan("posts").where
    (closed,) = (
        s for s in plan("posts", SYSTEM, expand="editor").body.shown if isinstance(s, ShownOne)
    )
    assert closed.rule == TRUE


def test_sort_ends_with_the_key_in_the_direction_before_it() -> None:
    def keys(sort: str) -> list[tuple[str, bool]]:
        return [(key.named.word, key.descending) for key in plan("posts", sort=sort).sort]

    assert keys("") == [("id", False)]
    assert keys("-title") == [("title", True), ("id", True)]
    assert keys("-title,open") == [("title", True), ("open", False), ("id", False)]
    assert keys("-id,title") == [("id", True), ("title", False)]


def test_sort_key_is_nullable_where_a_row_may_hide_it() -> None:
    (title, last) = plan("posts", sort="title").sort
    assert not title.nullable and not last.nullable
    assert plan("users", sort="salary").sort[0].nullable
    assert not plan("users", SYSTEM, sort="salary").sort[0].nullable
    assert plan("posts", sort="author.boss.name").sort[0].nullable
    assert not plan("posts", sort="author.name").sort[0].nullable
    assert plan("posts", sort="author.salary").sort[0].nullable


REFUSED = [
    ({"sort": "pin"}, "query.unknown_field"),
    ({"sort": "boss.pin"}, "query.unknown_field"),
    ({"sort": "posts"}, "query.sort"),
    ({"sort": "posts.title"}, "query.sort"),
    ({"sort": "name.x"}, "query.sort"),
    ({"sort": "boss.boss.boss.boss.boss.boss.name"}, "query.sort"),
    ({"expand": "pin"}, "query.unknown_field"),
    ({"expand": "name"}, "query.expand"),
    ({"expand": "posts.editor"}, "query.unknown_field"),
    ({"expand": "posts.notes"}, "query.unknown_field"),
    ({"expand": "boss.boss.boss.boss.boss.boss"}, "query.expand"),
    ({"expand": "boss,,posts"}, "query.expand"),
    ({"fields": "pin"}, "query.unknown_field"),
    ({"fields": "boss.name"}, "query.fields"),
    ({"fields": "posts"}, "query.fields"),
    ({"fields": "boss.pin", "expand": "boss"}, "query.unknown_field"),
    ({"filters": ("pin == 'x'",)}, "filter.unknown_field"),
    ({"filters": ("name == ",)}, "filter.syntax"),
    ({"filters": ("(name == 'a'", "true)")}, "filter.syntax"),
    ({"q": "ab"}, "query.q"),
]


@pytest.mark.parametrize(("query", "code"), REFUSED)
def test_refusal(query: dict[str, Any], code: str) -> None:
    with pytest.raises(BadRequest) as caught:
        plan("users", **query)
    assert caught.value.code == code
    for hidden in ("pin", "editor"):
        assert f"'{hidden}'" not in (caught.value.hint or "")
        assert f" {hidden}" not in (caught.value.hint or "")


def test_relation_through_a_hidden_field_does_not_exist() -> None:
    assert "notes" not in Names(SCHEMA, profile(ANN))._relations(POSTS)
    with pytest.raises(BadRequest, match="notes"):
        plan("posts", expand="notes")
    assert isinstance(plan("posts", SYSTEM, expand="notes").body.shown[-1], ShownMany)


@pytest.mark.parametrize(("actor", "kind"), [(ANONYMOUS, Unauthorized), (ANN, Forbidden)])
def test_closed_collection_refuses_before_any_name_is_told(
    actor: Actor, kind: type[Problem]
) -> None:
    for query in ({}, {"sort": "txt"}, {"fields": "txt"}, {"filters": ("txt == 'x'",)}):
        with pytest.raises(kind):
            plan("secrets", actor, **query)
    with pytest.raises(kind):
        plan_aggregate(AggregateQuery("secrets", sum="txt"), SCHEMA, profile(actor))
    assert visible_fields(SCHEMA, profile(actor), SECRETS) == {}
    assert list(visible_fields(SCHEMA, profile(SYSTEM), SECRETS)) == ["id", "text"]


def test_syntax_is_judged_before_the_rule() -> None:
    with pytest.raises(BadRequest):
        plan("secrets", ANONYMOUS, filters=("text ==",))


STAGES = [
    ("filters", ("title ==",), "filter.syntax"),
    ("expand", "nobody", "`expand` names `nobody`"),
    ("fields", "nothing", "`fields` names `nothing`"),
    ("filters", ("nix == 1",), "filter.unknown_field"),
    ("q", "ab", "query.q"),
    ("sort", "nowhere", "`sort` names `nowhere`"),
]


@pytest.mark.parametrize("first", range(len(STAGES)))
def test_of_several_mistakes_the_first_stage_tells_its_own(first: int) -> None:
    wrong = {name: value for name, value, _ in reversed(STAGES[first:])}
    with pytest.raises(BadRequest, match=STAGES[first][2]):
        plan("posts", **wrong)


def test_plan_depends_on_no_value() -> None:
    """Equal shapes with other literals make equal plans, so the first one serves all."""
    one = plan("posts", filters=("title == 'a' && open",))
    other = plan("posts", filters=("title == 'b' && open",))
    assert one.where == other.where


def test_callers_of_one_kind_share_a_profile() -> None:
    bob = Actor("user", {"id": "01900000-0000-7000-8000-000000000002", "boss": None})
    assert profile(ANN) is profile(bob)
    led = Actor("user", {**(bob.record or {}), "boss": "01900000-0000-7000-8000-000000000001"})
    assert profile(led) is not profile(bob), "a null of auth equals nothing: another plan"


def test_rule_about_a_caller_that_is_not_there_can_never_hold() -> None:
    own = Collection(
        "own",
        "Own",
        (key(), field("owner", UuidType(), reference=Reference("users"))),
        rules=Rules(read=RuleText("record.owner == auth.id")),
    )
    either = replace(
        own, name="either", rules=Rules(read=RuleText("record.owner == auth.id || true"))
    )
    none = replace(own, name="none", rules=Rules(read=RuleText("auth == null")))
    schema = Schema("x", (USERS, own, either, none))
    policy = compile_policy(schema)
    anonymous, user = policy.profile(Actor("anonymous")), policy.profile(replace_actor(ANN))
    assert anonymous.refused("own", "read") and not user.refused("own", "read")
    assert not anonymous.refused("either", "read")
    assert anonymous.row("none") == TRUE and user.row("none") == FALSE


def test_groups_and_sums() -> None:
    asked = AggregateQuery("posts", group="open,author.name", count=True)
    found = plan_aggregate(asked, SCHEMA, profile(ANN))
    assert [key.word for key in found.group] == ["open", "author.name"]
    for query, code in (
        ({}, "query.aggregate"),
        ({"group": "open"}, "query.aggregate"),
        ({"group": "extra", "count": True}, "query.group"),
        ({"sum": "title"}, "query.sum"),
        ({"sum": "author.pin"}, "query.unknown_field"),
        ({"sum": "notes"}, "query.unknown_field"),
    ):
        with pytest.raises(BadRequest) as caught:
            plan_aggregate(AggregateQuery("posts", **query), SCHEMA, profile(ANN))
        assert caught.value.code == code


def test_shown_field_says_when() -> None:
    salary = next(
        s for s in plan("users").body.shown if isinstance(s, Shown) and s.field.name == "salary"
    )
    assert salary.when not in (TRUE, FALSE)
