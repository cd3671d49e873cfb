"""`Idempotency-Key`: a request that is sent again has one effect and one answer."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import apsw
import pytest

from stanchion import App, Field, Record, Rules, UserRecord, clock, public
from stanchion.engines import ConstraintFailed
from stanchion.errors import Conflict
from stanchion.records import Records
from stanchion.store import idempotency
from stanchion.testing import Client, Response, as_actor, client

A = "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"


def make_app() -> App:
    app = App("Keys")

    @app.collection("users")
    class User(UserRecord):
        role: str = "customer"
        rules = Rules(read=public)

    @app.collection("notes")
    class Note(Record):
        title: str = Field(default="", max_length=20)
        rules = Rules(read=public, write=public)

    app.state.user = User
    return app


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app()) as http:
        yield http


def rows(http: Client, table: str = "notes") -> int:
    async def fetch() -> int:
        found = await http.app.runtime.engine.fetch(f"select count(*) from {table}", ())
        return int(found[0][0])

    return http.run(fetch())


def send(http: Client, method: str, path: str, body: Any, key: str) -> Response:
    return http.request(method, path, body, headers={"idempotency-key": key})


def assert_replayed(first: Response, again: Response) -> None:
    assert again.status == first.status and again.body == first.body
    for name in ("etag", "location", "content-type"):
        assert again.headers.get(name) == first.headers.get(name)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"


def test_create_again_answers_the_first_record(http: Client) -> None:
    key = str(uuid4())
    first = send(http, "POST", "/api/notes", {"title": "x"}, key)
    again = send(http, "POST", "/api/notes", {"title": "x"}, key)
    assert first.status == 201 and rows(http) == 1 and rows(http, "_changes") == 1
    assert_replayed(first, again)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", f"/api/notes/{A}", {"title": "y"}),
        ("PATCH", f"/api/notes/{A}", {"title": "y"}),
        ("DELETE", f"/api/notes/{A}", None),
        ("POST", "/api/notes", [{"title": "1"}, {"title": "2"}]),
        ("POST", "/api/_batch", {"steps": [{"method": "POST", "path": "/api/notes", "body": {}}]}),
    ],
)
def test_every_generated_write_takes_a_key(http: Client, method: str, path: str, body: Any) -> None:
    http.put(f"/api/notes/{A}", {"title": "x"})
    key = str(uuid4())
    first = send(http, method, path, body, key)
    logged = rows(http, "_changes")
    again = send(http, method, path, body, key)
    assert first.status < 300, first.text
    assert_replayed(first, again)
    assert rows(http, "_changes") == logged, "one effect"


def test_the_first_answer_stays_though_the_record_has_changed(http: Client) -> None:
    key = str(uuid4())
    first = send(http, "PUT", f"/api/notes/{A}", {"title": "x"}, key)
    http.patch(f"/api/notes/{A}", {"title": "later"})
    assert_replayed(first, send(http, "PUT", f"/api/notes/{A}", {"title": "x"}, key))
    assert http.get(f"/api/notes/{A}").json()["title"] == "later"


def test_another_body_is_refused(http: Client) -> None:
    key = str(uuid4())
    send(http, "POST", "/api/notes", {"title": "x"}, key)
    answer = send(http, "POST", "/api/notes", {"title": "y"}, key)
    assert (answer.status, answer.json()["code"]) == (422, "idempotency.reused")
    assert rows(http) == 1


def test_the_same_json_in_another_order_is_the_same_body(http: Client) -> None:
    headers = {"idempotency-key": A, "content-type": "application/json"}
    bodies = (b'{"title":"x","id":"%s"}' % A.encode(), b'{"id": "%s", "title": "x"}' % A.encode())
    first, again = (
        http.request("POST", "/api/notes", content=body, headers=headers) for body in bodies
    )
    assert_replayed(first, again)


def test_a_key_belongs_to_its_route(http: Client) -> None:
    key = str(uuid4())
    send(http, "PUT", f"/api/notes/{A}", {"title": "x"}, key)
    assert send(http, "PATCH", f"/api/notes/{A}", {"title": "y"}, key).status == 200
    assert send(http, "POST", "/api/notes", {"title": "x"}, key).status == 201
    assert rows(http, "_idempotency") == 3


def test_a_key_belongs_to_its_caller(http: Client) -> None:
    async def make(name: str) -> Any:
        async with http.app.transaction(actor=http.app.system()) as tx:
            return await tx.create(http.app.state.user(email=f"{name}@a.example"))

    one, two = http.run(make("one")), http.run(make("two"))
    answers = []
    for user in (one, two, one):
        with as_actor(http.app, user):
            answers.append(send(http, "POST", "/api/notes", {"title": "x"}, "key-1"))
    assert [answer.status for answer in answers] == [201, 201, 201]
    assert answers[0].body == answers[2].body != answers[1].body
    assert rows(http) == 2


def test_what_is_refused_keeps_no_key(http: Client) -> None:
    key = str(uuid4())
    assert send(http, "POST", "/api/notes", {"title": 5}, key).status == 422
    assert send(http, "PATCH", f"/api/notes/{A}", {"title": "x"}, key).status == 404
    assert rows(http, "_idempotency") == 0
    assert send(http, "POST", "/api/notes", {"title": "x"}, key).status == 201


def test_a_key_is_written_plain_or_quoted(http: Client) -> None:
    first = send(http, "POST", "/api/notes", {}, A)
    assert_replayed(first, send(http, "POST", "/api/notes", {}, f'"{A}"'))


@pytest.mark.parametrize(
    "key",
    [
        "", '""', "not-a-uuid", '"x', f'"{A}";a=1', A + "0", "é" * 36, "k" * 256, A[:-1] + "\t",
        "g" + A[1:], A.replace("-", "_"),
    ],
)  # fmt: skip
def test_an_anonymous_key_is_a_uuid(http: Client, key: str) -> None:
    answer = send(http, "POST", "/api/notes", {}, key)
    assert (answer.status, answer.json()["code"]) == (400, "idempotency.key")
    assert rows(http) == 0


def test_signed_in_callers_use_any_key_of_up_to_255_characters(http: Client) -> None:
    async def make() -> Any:
        async with http.app.transaction(actor=http.app.system()) as tx:
            return await tx.create(http.app.state.user(email="a@a.example"))

    with as_actor(http.app, http.run(make())):
        for key, status in (("k" * 255, 201), ("k" * 256, 400), ("order 7", 201), ("", 400)):
            assert send(http, "POST", "/api/notes", {}, key).status == status


async def twins(http: Client, key: str) -> list[Response]:
    """Two hundred times the same request at once."""
    loop = asyncio.get_running_loop()
    calls = [
        loop.run_in_executor(None, send, http, "POST", "/api/notes", {"title": "x"}, key)
        for _ in range(200)
    ]
    return await asyncio.gather(*calls)


@pytest.mark.unordered
@pytest.mark.parametrize("round_", range(3))
def test_two_hundred_twins_have_one_effect(http: Client, round_: int) -> None:
    answers = asyncio.run(twins(http, str(uuid4())))
    assert {(a.status, a.body) for a in answers} == {(201, answers[0].body)}
    assert sum("idempotent-replayed" not in a.headers for a in answers) == 1
    assert rows(http) == 1 and rows(http, "_changes") == 1


SERVED = """
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_idempotency import make_app
from stanchion.records import Records
from stanchion.testing import Client
import asyncio
from dataclasses import replace

if {apart!r}:
    from test_idempotency import keep_apart
    Records.write_once = keep_apart

async def main():
    app = make_app()
    app.runtime.change_schema = True
    app.runtime._settings = replace(app.runtime.settings, database_url="sqlite:///" + {path!r})
    records = await app.runtime.records()
    die = {die!r}
    inner = records.engine.write
    async def write(job):
        result = await inner(job)
        if die:
            os.kill(os.getpid(), 9)
        return result
    records.engine.write = write
    client = Client(app, asyncio.get_running_loop())
    answer = await asyncio.to_thread(
        client.post, "/api/notes", {{"title": "x"}}, headers={{"idempotency-key": {key!r}}}
    )
    sys.stdout.write(answer.text)
    await app.runtime.close()

asyncio.run(main())
"""


async def keep_apart(
    self: Records, ask: Any, actor: Any, request: str, once: idempotency.Once, reply: Any
) -> idempotency.Reply:
    """A fault: the key is kept in another transaction than the effect."""
    first = await self.first_answer(once)
    if first is not None:
        return first
    answer: idempotency.Reply = reply(await self.write(ask, actor, request))
    await asyncio.sleep(0.2)  # longer than a busy machine takes to send the next one
    await self.engine.write(partial(idempotency.keep, once, answer))
    return answer


def killed_and_sent_again(folder: Path, *, apart: bool = False) -> tuple[list[str], list[str]]:
    """A server is killed after the first commit of a write; the write is sent twice more. What the
    two were answered, and the ids that are stored then."""

    def serve(*, die: bool) -> subprocess.CompletedProcess[str]:
        told = {"tests": str(Path(__file__).parent), "path": str(folder / "keys.db")}
        program = SERVED.format(die=die, key=A, apart=apart, **told)
        return subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
        )

    killed = serve(die=True)
    assert (killed.returncode, killed.stdout) == (-9, ""), killed.stderr
    answered = [serve(die=False) for _ in range(2)]
    assert [each.returncode for each in answered] == [0, 0], answered[0].stderr
    found = apsw.Connection(str(folder / "keys.db")).execute("select id from notes").fetchall()
    return [each.stdout for each in answered], [row[0] for row in found]


def test_a_retry_after_a_kill_between_effect_and_reply_answers_the_same_record(
    tmp_path: Path,
) -> None:
    (first, again), stored = killed_and_sent_again(tmp_path)
    assert '"title":"x"' in first and first == again
    assert stored == [json.loads(first)["id"]]


@pytest.mark.unordered
def test_a_key_that_is_kept_apart_from_its_effect_would_be_seen(
    http: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, stored = killed_and_sent_again(tmp_path, apart=True)
    assert len(stored) == 2, "a kill between the two leaves an effect without its key"
    monkeypatch.setattr(Records, "write_once", keep_apart)
    answers = asyncio.run(twins(http, str(uuid4())))
    assert {a.status for a in answers} <= {201, 409} and rows(http) > 1


def test_keys_are_forgotten_after_a_day_and_not_before(http: Client) -> None:
    start = clock.now()
    try:
        for hours in (0, 1, 23):
            at = int((start + timedelta(hours=hours)).timestamp() * 1e9)
            clock.use(lambda at=at: at)  # type: ignore[misc]  # the moment of this round
            send(http, "POST", "/api/notes", {}, str(uuid4()))
        assert rows(http, "_idempotency") == 3
        at = int((start + timedelta(hours=24, minutes=1)).timestamp() * 1e9)
        clock.use(lambda: at)
        send(http, "POST", "/api/notes", {}, str(uuid4()))
        assert rows(http, "_idempotency") == 3
    finally:
        clock.use(None)


def test_a_twin_on_an_engine_whose_writers_do_not_wait_is_told_so() -> None:
    once = idempotency.Once("anonymous", "POST /api/notes", A, "digest")
    steps = idempotency.keep(once, idempotency.Reply(201, (), b"{}"))
    next(steps)  # the keys of yesterday
    steps.send([])
    with pytest.raises(Conflict) as told:
        steps.throw(ConstraintFailed("unique", "_idempotency"))
    assert told.value.code == "idempotency.running"
