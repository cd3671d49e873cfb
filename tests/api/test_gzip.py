"""Large answers are packed for whoever takes gzip, and told apart by what they vary with."""

from __future__ import annotations

import asyncio
import gzip
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi.responses import StreamingResponse
from starlette.middleware.gzip import GZipMiddleware

from stanchion import App, Field, Record, Rules, public
from stanchion.http import packing
from stanchion.http.packing import MOST_ON_THREADS, ON_THREAD_FROM, PACKED_FROM, asks_for_gzip
from stanchion.testing import Client, Response, client

A = "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"
GZIP = {"accept-encoding": "gzip"}
ONE = f"/api/notes/{A}"
SIMPLE, VARIED = "Authorization, Cookie", "Authorization, Cookie, Accept-Encoding"


def make_app() -> App:
    app = App("Letters")

    @app.collection("notes")
    class Note(Record):
        text: str = Field(default="")
        number: int = 0
        rules = Rules(read=public, write=public)

    @app.collection("forms")
    class Form(Record):
        first: str = ""
        second: str = ""
        third: str = ""
        fourth: str = ""
        fifth: str = ""
        sixth: str = ""
        rules = Rules(read=public, write=public)

    @app.get("/large")
    async def large() -> str:
        return "lorem ipsum " * PACKED_FROM

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def events() -> AsyncIterator[str]:
            yield "data: " + "lorem ipsum " * PACKED_FROM + "\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    return app


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app()) as http:
        yield http


def fill(http: Client, size: int = PACKED_FROM) -> None:
    """One note, whose answers are a little larger than `size`."""
    http.put(ONE, {"text": "lorem ipsum " * (size // 12 + 1)})


def unpacked(answer: Response) -> bytes:
    """The body of a packed answer, after what holds for each of them."""
    assert answer.headers["content-encoding"] == "gzip", answer.headers
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert "Accept-Encoding" in answer.headers["vary"]
    return gzip.decompress(answer.body)


def headers_of(answer: Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "x-request-id"}


@pytest.mark.parametrize(
    "path", ["/api/notes", ONE, "/api/notes?fields=text&total=true", "/api/_schema"]
)
def test_who_takes_gzip_gets_the_same_answer_in_fewer_bytes(http: Client, path: str) -> None:
    fill(http)
    plain, packed = http.get(path), http.get(path, headers=GZIP)
    assert len(plain.body) >= PACKED_FROM, f"{path} is no large answer"
    assert unpacked(packed) == plain.body
    assert len(packed.body) < len(plain.body) / 2
    assert packed.headers["content-type"] == plain.headers["content-type"] == "application/json"
    assert http.get(path, headers=GZIP).body == packed.body, "equal bodies are packed alike"


def test_who_does_not_ask_gets_it_plain_and_caches_are_told(http: Client) -> None:
    fill(http)
    for path in ("/api/notes", ONE):
        plain = http.get(path)
        assert "content-encoding" not in plain.headers
        assert plain.headers["etag"].startswith('"')
        assert plain.headers["vary"] == VARIED
        assert int(plain.headers["content-length"]) == len(plain.body)


def test_small_answers_stay_as_they_are(http: Client) -> None:
    http.put(ONE, {"text": "x"})
    for path in ("/api/notes", ONE, "/api/notes?limit=0", "/api/notes/_aggregate?count=true"):
        plain, asked = http.get(path), http.get(path, headers=GZIP)
        assert asked.body == plain.body and headers_of(asked) == headers_of(plain)
        assert "Accept-Encoding" not in plain.headers.get("vary", "")


def test_the_bound_is_the_size_of_the_plain_answer(http: Client) -> None:
    http.put(ONE, {"text": ""})
    empty = len(http.get(ONE).body)
    for more, packs in ((PACKED_FROM - empty - 1, False), (PACKED_FROM - empty, True)):
        http.put(ONE, {"text": "x" * more})
        assert ("content-encoding" in http.get(ONE, headers=GZIP).headers) is packs
        assert ("Accept-Encoding" in http.get(ONE).headers["vary"]) is packs


@pytest.mark.parametrize(
    ("accepted", "packs"),
    [
        ("gzip", True), ("GZIP", True), ("gzip, deflate, br, zstd", True), ("x-gzip", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True), ("*", True), ("deflate, *;q=0.5", True),
        ("gzip;q=0.001", True), ("gzip ; q=0.5", True), ("identity;q=0, *", True),
        ("gzip, identity;q=0", True), ("gzip;q=1, identity;q=1", True), ("*;q=0, gzip", True),
        ("identity;q=0.5, gzip;q=0.6", True), ("gzip,gzip", True), (",,gzip,", True),
        ("", False), ("identity", False), ("br", False), ("deflate, br", False),
        ("gzip;q=0", False), ("gzip;q=0.0", False), ("gzip;q=0.000, *", False), ("*;q=0", False),
        ("identity, gzip;q=0.5", False), ("gzip;q=0.5, *", False), ("br, identity;q=0", False),
        ("x-gzip;q=0, *;q=0.5", False), ("gzip;q=high", False), ("gzip;q=-1", False),
        ("gzipped", False), ("notgzip", False), ("gzip;q=nan", False), ("q=1", False),
        ("gzip," * 200, False),
    ],
)  # fmt: skip
def test_what_a_caller_takes_is_read_with_its_weights(
    http: Client, accepted: str, packs: bool
) -> None:
    fill(http)
    answer = http.get(ONE, headers={"accept-encoding": accepted})
    assert ("content-encoding" in answer.headers) is packs
    assert answer.headers["vary"] == VARIED
    assert answer.headers["etag"].startswith("W/") is packs


def test_several_lines_of_what_is_taken_are_one() -> None:
    lines = [(b"accept-encoding", b"br"), (b"accept", b"*/*"), (b"accept-encoding", b"gzip")]
    assert asks_for_gzip({"headers": lines})
    assert not asks_for_gzip({"headers": [*lines, (b"accept-encoding", b"identity;q=1,gzip;q=0")]})
    assert not asks_for_gzip({"headers": []})


def test_the_packed_form_has_the_weak_form_of_the_tag(http: Client) -> None:
    fill(http)
    for path in ("/api/notes", ONE, f"{ONE}?fields=text"):
        plain, packed = http.get(path), http.get(path, headers=GZIP)
        assert packed.headers["etag"] == "W/" + plain.headers["etag"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_either_tag_answers_304_with_the_headers_of_its_200(http: Client, method: str) -> None:
    fill(http)
    for path in ("/api/notes", ONE):
        for asking in ({}, GZIP):
            whole = http.get(path, headers=asking)
            for tag in (whole.headers["etag"], http.get(path).headers["etag"]):
                answer = http.request(method, path, headers={**asking, "if-none-match": tag})
                assert (answer.status, answer.body) == (304, b"")
                said = headers_of(whole)
                assert (said["etag"], said["vary"]) == (whole.headers["etag"], VARIED)
                of_the_body = ("content-type", "content-length", "content-encoding")
                assert headers_of(answer) == {
                    name: value for name, value in said.items() if name not in of_the_body
                }


def test_a_weak_tag_is_good_for_if_match(http: Client) -> None:
    fill(http)
    tag = http.get(ONE, headers=GZIP).headers["etag"]
    changed = http.patch(ONE, {"number": 1}, headers={"if-match": tag, **GZIP})
    assert changed.status == 200 and changed.headers["etag"].startswith('W/"2-')
    stale = http.patch(ONE, {"number": 2}, headers={"if-match": tag})
    assert (stale.status, stale.json()["code"]) == (412, "record.stale")
    assert http.delete(ONE, headers={"if-match": changed.headers["etag"]}).status == 204


def test_head_has_the_headers_of_its_get(http: Client) -> None:
    for size in (1, PACKED_FROM, ON_THREAD_FROM):
        fill(http, size)
        for path in ("/api/notes", ONE, "/api/notes?limit=0", "/api/nothing"):
            for asking in ({}, GZIP):
                got = http.get(path, headers=asking)
                head = http.request("HEAD", path, headers=asking)
                assert (head.status, head.body) == (got.status, b"")
                assert headers_of(head) == headers_of(got)


def test_what_a_write_answers_is_packed_too(http: Client) -> None:
    text = "lorem ipsum " * PACKED_FROM
    made = http.post("/api/notes", {"id": A, "text": text}, headers=GZIP)
    assert made.status == 201 and made.headers["location"] == ONE
    assert unpacked(made) == http.get(ONE).body
    assert made.headers["etag"] == "W/" + http.get(ONE).headers["etag"]
    many = http.post("/api/notes", [{"text": text}, {"text": text}], headers=GZIP)
    assert many.status == 201 and len(unpacked(many)) > 2 * len(text)
    steps = {"steps": [{"method": "PATCH", "path": ONE, "body": {"number": 1}}]}
    batch = http.request("POST", "/api/_batch", steps, headers=GZIP)
    assert b'"etag":"\\"2-' in unpacked(batch), "the tags of steps stay what they are"
    gone = http.delete(ONE, headers=GZIP)
    assert (gone.status, gone.body) == (204, b"")
    assert gone.headers["vary"] == SIMPLE and "content-encoding" not in gone.headers


def test_large_problems_are_packed_too(http: Client) -> None:
    wrong = [{"text": number} for number in range(100)]
    plain, packed = http.post("/api/notes", wrong), http.post("/api/notes", wrong, headers=GZIP)
    assert plain.status == packed.status == 422
    assert unpacked(packed) == plain.body and len(plain.json()["errors"]) == 100
    assert packed.headers["content-type"] == "application/problem+json"
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert packed.headers["cache-control"] == "no-store"


def test_a_replay_is_the_first_answer_in_the_form_that_is_asked_for_now(http: Client) -> None:
    key = {"idempotency-key": str(uuid4())}
    body = {"text": "lorem ipsum " * PACKED_FROM}
    plain = http.post("/api/notes", body, headers=key)
    packed = http.post("/api/notes", body, headers={**key, **GZIP})
    assert packed.headers["idempotent-replayed"] == "true"
    assert unpacked(packed) == plain.body
    assert http.post("/api/notes", body, headers=key).body == plain.body


# the app's own routes


def test_routes_of_the_app_and_event_streams_are_left_alone(http: Client) -> None:
    for path in ("/large", "/stream"):
        plain, asked = http.get(path), http.get(path, headers=GZIP)
        assert plain.status == 200 and len(plain.body) >= PACKED_FROM
        assert asked.body == plain.body and headers_of(asked) == headers_of(plain)
        assert "content-encoding" not in asked.headers


def test_an_app_that_packs_its_routes_packs_the_data_api_only_once() -> None:
    app = make_app()
    app.add_middleware(GZipMiddleware)
    with client(app) as http:
        fill(http)
        for path in ("/large", "/api/notes", ONE):
            plain, packed = http.get(path), http.get(path, headers=GZIP)
            assert unpacked(packed) == plain.body
        assert "content-encoding" not in http.get("/stream", headers=GZIP).headers


# what is large leaves the event loop


class Packing:
    """Stands in the place of the packing itself: on which threads it ran, and how many at once."""

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.go_on = threading.Event()

    def __call__(self, body: bytes) -> bytes:
        self.threads.append(threading.current_thread().name)
        assert self.go_on.wait(20)
        return zlib.compress(body, packing.LEVEL, packing.GZIP_FORM)


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> Packing:
    found = Packing()
    monkeypatch.setattr(packing, "_packed", found)
    return found


def test_small_ones_are_packed_on_the_event_loop_and_large_ones_on_a_thread(
    http: Client, noted: Packing
) -> None:
    noted.go_on.set()
    fill(http, PACKED_FROM)
    assert unpacked(http.get(ONE, headers=GZIP)) == http.get(ONE).body
    fill(http, ON_THREAD_FROM)
    assert unpacked(http.get(ONE, headers=GZIP)) == http.get(ONE).body
    here, there = noted.threads
    assert here == "stanchion-test" != there


def test_others_are_served_while_large_answers_are_packed_and_too_many_go_plain(
    http: Client, noted: Packing
) -> None:
    fill(http, ON_THREAD_FROM)
    http.post("/api/notes", {"text": "small"})

    async def ask() -> tuple[list[Response], Response, Response]:
        loop = asyncio.get_running_loop()

        def get(path: str) -> Any:
            return loop.run_in_executor(None, lambda: http.get(path, headers=GZIP))

        waiting = [get(ONE) for _ in range(MOST_ON_THREADS)]
        async with asyncio.timeout(20):
            while len(noted.threads) < MOST_ON_THREADS:
                await asyncio.sleep(0.005)
            small, beyond = await get("/api/notes?fields=number"), await get(ONE)
        noted.go_on.set()
        return await asyncio.gather(*waiting), small, beyond

    packed, small, beyond = asyncio.run(ask())
    assert small.status == 200
    assert "content-encoding" not in beyond.headers
    assert beyond.headers["etag"].startswith('"') and beyond.headers["vary"] == VARIED
    assert {unpacked(answer) for answer in packed} == {beyond.body}
    assert unpacked(http.get(ONE, headers=GZIP)) == beyond.body, "and then it is packed again"


def test_a_failure_to_pack_leaves_no_place_taken(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(body: bytes) -> bytes:
        raise MemoryError

    fill(http, ON_THREAD_FROM)
    with monkeypatch.context() as planted:
        planted.setattr(packing, "_packed", fail)
        for _ in range(MOST_ON_THREADS + 1):
            assert http.get(ONE, headers=GZIP).status == 500
    assert "content-encoding" in http.get(ONE, headers=GZIP).headers
