"""Many-to-many: what links join, as each caller may see it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stanchion import (
    App,
    Field,
    Many,
    Record,
    Ref,
    Rules,
    Settings,
    Transaction,
    back,
    public,
    through,
)
from stanchion.query import ANONYMOUS, SYSTEM
from tests.conformance.engines import url

from .conftest import Api


def key(kind: int, number: int) -> str:
    return f"0190{kind:04x}-0000-7000-8000-{number:012x}"


@pytest.fixture(scope="module")
def blog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Post 1 has tags 1 (twice), 2 (hidden), 3 (by a hidden link); post 2 has 101 tags."""
    path: Path = tmp_path_factory.mktemp("blog") / "blog.db"
    app = App("Blog", settings=Settings(database_url=url(path)))
    app.runtime.change_schema = True

    @app.collection("posts")
    class Post(Record):
        title: str
        tags: Many[Tag] = through("post_tags")
        quiet: Many[Tag] = through("quiet_tags")
        near: Many[Post] = through("near_posts", by="one", to="other")
        half: Many[Tag] = through("half_tags")
        halves: Many[HalfTag] = back("post")
        rules = Rules(read=public)

    @app.collection("tags")
    class Tag(Record):
        name: str
        shown: bool = True
        posts: Many[Post] = through("post_tags")
        rules = Rules(read="record.shown")

    @app.collection("post_tags")
    class PostTag(Record):
        post: Ref[Post] = Field(on_delete="cascade")
        tag: Ref[Tag]
        open: bool = True
        rules = Rules(read="record.open")

    @app.collection("quiet_tags")
    class QuietTag(Record):
        post: Ref[Post]
        tag: Ref[Tag] = Field(read=False)
        rules = Rules(read=public)

    @app.collection("half_tags")
    class HalfTag(Record):
        post: Ref[Post] = Field(read="record.post_told")
        tag: Ref[Tag] = Field(read="record.tag_told")
        post_told: bool = True
        tag_told: bool = True
        rules = Rules(read=public)

    @app.collection("near_posts")
    class NearPost(Record):
        one: Ref[Post]
        other: Ref[Post]
        rules = Rules(read=public)

    @app.seed
    async def plant(tx: Transaction) -> None:
        for number in (1, 2, 3):
            await tx.create(Post(id=key(1, number), title=f"Post {number}"))
        for number in range(1, 105):
            await tx.create(Tag(id=key(2, number), name=f"tag {number}", shown=number != 2))
        for tag, shown in ((1, True), (1, True), (2, True), (3, False)):
            await tx.create(PostTag(post=key(1, 1), tag=key(2, tag), open=shown))
        for number in range(4, 105):
            await tx.create(PostTag(post=key(1, 2), tag=key(2, number)))
        await tx.create(QuietTag(post=key(1, 1), tag=key(2, 1)))
        await tx.create(NearPost(one=key(1, 1), other=key(1, 2)))
        for tag, post_told, tag_told in ((4, False, True), (5, True, False), (6, True, True)):
            await tx.create(
                HalfTag(post=key(1, 3), tag=key(2, tag), post_told=post_told, tag_told=tag_told)
            )

    @app.get("/tags-of-first")
    async def tags_of_first() -> list[str]:
        async with app.transaction(actor=app.system()) as tx:
            post = await tx.get(Post, key(1, 1), expand="tags")
            return [tag.name for tag in post.tags]

    api = Api(app, {"anonymous": ANONYMOUS, "system": SYSTEM})
    yield api
    api.close()


def names(blog: Api, caller: str, number: int, relation: str = "tags") -> list[str]:
    found = blog.get(f"/api/posts/{key(1, number)}", caller, expand=relation).json[relation]
    return [item.get("name", item.get("title")) for item in found["items"]]


def test_caller_sees_what_a_readable_link_joins_once_and_may_read(blog: Api) -> None:
    assert names(blog, "anonymous", 1) == ["tag 1"]
    assert names(blog, "system", 1) == ["tag 1", "tag 2", "tag 3"]
    assert names(blog, "anonymous", 3) == []


def test_relation_is_seen_from_either_side(blog: Api) -> None:
    found = blog.get(
        f"/api/tags/{key(2, 1)}", expand="posts.tags", fields="posts.title,posts.tags.name"
    )
    assert found.json == {
        "posts": {
            "items": [
                {"title": "Post 1", "tags": {"items": [{"name": "tag 1"}], "more": False}}
            ],
            "more": False,
        }
    }  # fmt: skip
    assert names(blog, "anonymous", 1, "near") == ["Post 2"]
    assert names(blog, "anonymous", 2, "near") == [], "a link has a direction"


def test_link_joins_nothing_for_a_caller_who_may_not_read_both_of_its_ends(blog: Api) -> None:
    """A field rule hides one of them in some links: `expand` leaves those out."""
    assert names(blog, "anonymous", 3, "half") == ["tag 6"]
    assert names(blog, "system", 3, "half") == ["tag 4", "tag 5", "tag 6"]
    asked = {"filter": "half.exists(t, t.name == 'tag 6')"}
    assert blog.get("/api/posts", **asked).code == "filter.unknown_field"
    assert blog.get("/api/posts", "system", **asked).column("id") == [key(1, 3)]


def test_record_that_hides_where_it_belongs_is_not_among_those_that_belong_there(
    blog: Api,
) -> None:
    for caller, seen in (("anonymous", 2), ("system", 3)):
        found = blog.get(f"/api/posts/{key(1, 3)}", caller, expand="halves").json["halves"]
        assert len(found["items"]) == seen


def test_at_most_a_hundred_and_then_more(blog: Api) -> None:
    tags = blog.get(f"/api/posts/{key(1, 2)}", expand="tags").json["tags"]
    assert (len(tags["items"]), tags["more"]) == (100, True)
    assert [item["id"] for item in tags["items"]] == [key(2, n) for n in range(4, 104)]


MACROS = [
    ("size(tags) == 1", "anonymous", [1]),
    ("size(tags) == 3", "system", [1]),
    ("size(tags) == 0", "anonymous", [3]),
    ("tags.exists(t, t.name == 'tag 2')", "anonymous", []),
    ("tags.exists(t, t.name == 'tag 2')", "system", [1]),
    ("tags.exists(t, t.name == 'tag 3')", "anonymous", []),
    ("tags.all(t, t.name == 'tag 1')", "anonymous", [1, 3]),
    ("tags.exists_one(t, t.shown)", "anonymous", [1]),
    (f"tags.exists(t, t.id == '{key(2, 3)}')", "anonymous", []),
    (f"tags.exists(t, t.id == '{key(2, 3)}')", "system", [1]),
    ("near.exists(p, p.tags.exists(t, t.name == 'tag 9'))", "anonymous", [1]),
]


@pytest.mark.parametrize(("text", "caller", "posts"), MACROS)
def test_macro_of_a_caller_sees_visible_links_and_records(
    blog: Api, text: str, caller: str, posts: list[int]
) -> None:
    assert blog.get("/api/posts", caller, filter=text).column("id") == [key(1, n) for n in posts]


def test_relation_through_a_hidden_reference_does_not_exist(blog: Api) -> None:
    for query in ({"expand": "quiet"}, {"filter": "size(quiet) == 0"}, {"fields": "quiet"}):
        answer = blog.get("/api/posts", **query)
        assert (answer.status, answer.code.rpartition(".")[2]) == (400, "unknown_field")
        assert "'quiet'?" not in answer.hint


def test_transaction_reads_records_of_the_other_side(blog: Api) -> None:
    assert blog.get("/tags-of-first").json == ["tag 1", "tag 2", "tag 3"]
