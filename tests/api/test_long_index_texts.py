"""A text that an index holds has room for as much as every engine's index can hold."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from stanchion import App, Field, Record, Rules, public
from stanchion.testing import Client, client


def make_app() -> App:
    app = App("Names")

    @app.collection("names")
    class Name(Record):
        alone: str | None = Field(default=None, unique=True)
        sorted_: str | None = Field(default=None, index=True, name="sorted")
        first: str | None = None
        second: str | None = None
        free: str | None = None
        unique = (("first", "second"),)
        rules = Rules(read=public, create=public, update=public)

    return app


@pytest.fixture(scope="module")
def http() -> Iterator[Client]:
    with client(make_app()) as caller:
        yield caller


def noise(length: int, seed: str) -> str:
    """A text that no engine makes much smaller, the same on each."""
    return random.Random(seed).randbytes(length).hex()[:length]


@pytest.mark.parametrize("field", ["alone", "sorted"])
@pytest.mark.parametrize("letter", ["", "é", "😀"])
def test_an_indexed_text_has_2400_bytes(http: Client, field: str, letter: str) -> None:
    text = letter * (2400 // len(letter.encode())) if letter else noise(2400, field)
    made = http.post("/api/names", {field: text})
    assert made.status == 201 and made.json()[field] == text
    for refused in (
        http.post("/api/names", {field: text + "."}),
        http.request("PATCH", f"/api/names/{made.json()['id']}", {field: text + "."}),
    ):
        assert refused.status == 422
        (told,) = refused.json()["errors"]
        assert (told["pointer"], told["code"]) == (f"/{field}", "string_too_long")
        assert told["detail"] == "Must have 2,400 or fewer bytes, because an index holds it."


def test_texts_of_one_index_share_the_room(http: Client) -> None:
    made = http.post("/api/names", {"first": noise(1200, "1"), "second": noise(1200, "2")})
    assert made.status == 201
    refused = http.post("/api/names", {"first": "a" * 1201, "second": "b" * 1201})
    assert [told["pointer"] for told in refused.json()["errors"]] == ["/first", "/second"]


def test_a_text_outside_of_indexes_and_a_question_may_be_longer(http: Client) -> None:
    text = noise(20_000, "free")
    assert http.post("/api/names", {"free": text}).json()["free"] == text
    asked = http.get("/api/names", params={"filter": f'alone == "{text[:3000]}"'})
    assert asked.status == 200 and asked.json()["items"] == []


def test_the_room_is_no_part_of_the_stored_schema() -> None:
    names = make_app().runtime.model.schema.collection["names"]
    assert names.field["alone"].type.describe() == names.field["free"].type.describe()
