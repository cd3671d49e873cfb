"""Many-to-many relations show what the caller may read: of the link and of the record behind."""

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
    UserRecord,
    public,
    through,
)
from tests.conformance.engines import url

from .asking import Asking


def make_app(database: Path) -> App:
    """Tags are hidden by name, links by a flag, posts where they are not open."""
    app = App("Posts", settings=Settings(database_url=url(database)))
    app.runtime.change_schema = True

    @app.collection("users")
    class User(UserRecord):
        rules = Rules(read=public)

    @app.collection("tags")
    class Tag(Record):
        name: str
        weight: int = Field(default=0, read=False)
        posts: Many[Post] = through("links")
        rules = Rules(read="record.name != 'hidden'")

    @app.collection("posts")
    class Post(Record):
        title: str
        open: bool = True
        tags: Many[Tag] = through("links")
        rules = Rules(read="record.open")

    @app.collection("links")
    class Link(Record):
        post: Ref[Post]
        tag: Ref[Tag]
        secret: bool = False
        rules = Rules(read="!record.secret")

    @app.seed
    async def plant(tx: Transaction) -> None:
        tags = [await tx.create(Tag(name=name)) for name in ("seen", "hidden", "linked")]
        for title in ("open", "shut"):
            post = await tx.create(Post(title=title, open=title == "open"))
            for tag in tags:
                secret = tag.name == "linked"  # behind a link that nobody may read
                await tx.create(Link(post=post.id, tag=tag.id, secret=secret))

    return app


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    opened = Asking(make_app(tmp_path_factory.mktemp("through") / "posts.db"))
    yield opened
    opened.close()


def test_an_expanded_set_holds_neither_hidden_records_nor_those_behind_hidden_links(
    asking: Asking,
) -> None:
    query = {"expand": "tags", "fields": "title,tags.name"}
    posts = asking.ask("anonymous", "GET", "/api/posts", query).json["items"]
    assert posts == [{"title": "open", "tags": {"items": [{"name": "seen"}], "more": False}}]
    query = {"expand": "posts", "fields": "name,posts.title", "sort": "name"}
    tags = asking.ask("anonymous", "GET", "/api/tags", query).json["items"]
    assert tags == [
        {"name": "linked", "posts": {"items": [], "more": False}},
        {"name": "seen", "posts": {"items": [{"title": "open"}], "more": False}},
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("tags.exists(t, t.name == 'seen')", True),
        ("tags.exists(t, t.name == 'hidden')", False),
        ("tags.exists(t, t.name == 'linked')", False),
        ("tags.all(t, t.name == 'seen')", True),
        ("tags.exists_one(t, t.name != '')", True),
        ("size(tags) == 1", True),
        ("size(tags) > 1", False),
    ],
)
def test_a_filter_over_a_set_sees_no_more_than_its_caller(
    asking: Asking, text: str, found: bool
) -> None:
    answer = asking.ask("anonymous", "GET", "/api/posts", {"filter": text, "total": "true"})
    assert answer.json["total"] == int(found)


def test_a_hidden_field_behind_a_set_does_not_exist(asking: Asking) -> None:
    for query in ({"filter": "tags.exists(t, t.weight == 0)"},
                  {"expand": "tags", "fields": "tags.weight"}):  # fmt: skip
        assert asking.ask("anonymous", "GET", "/api/posts", query).status == 400
