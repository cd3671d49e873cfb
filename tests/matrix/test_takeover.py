"""Nobody takes a record over, or gets to records through one: every way to write, as a stranger.

The documents are public to read and `record.owner == auth.id` to write; folders are their owner's
alone, and whoever owns a folder may do anything with the sheets in it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stanchion import App, Field, Record, Ref, Rules, Settings, Transaction, UserRecord, public
from stanchion.errors import Problem
from stanchion.query import ANONYMOUS, Actor
from tests.conformance.engines import url

from .asking import Asking

OWNED = "record.owner == auth.id"
BY_FOLDER = "record.folder.owner == auth.id"


def make_id(kind: int, number: int) -> str:
    return f"0190{kind:04x}-0000-7000-8000-{number:012x}"


USER, FOLDER, DOC, SHEET = range(1, 5)
ANN, EVE = make_id(USER, 1), make_id(USER, 2)
ANNS_FOLDER, EVES_FOLDER = make_id(FOLDER, 1), make_id(FOLDER, 2)
ANNS_DOC, EVES_DOC = make_id(DOC, 1), make_id(DOC, 2)
ANNS_SHEET, EVES_SHEET = make_id(SHEET, 1), make_id(SHEET, 2)
NEW, NOWHERE = make_id(DOC, 9), make_id(FOLDER, 99)
TABLES = ("users", "folders", "documents", "sheets", "_changes")


def make_app(database: Path) -> App:
    app = App("Documents", settings=Settings(database_url=url(database)))
    app.runtime.change_schema = True

    @app.collection("users")
    class User(UserRecord):
        rules = Rules(read=public)

    @app.collection("folders")
    class Folder(Record):
        owner: Ref[User]
        name: str = ""
        rules = Rules(read=OWNED, create=OWNED, update=OWNED, delete=OWNED)

    @app.collection("documents")
    class Document(Record):
        owner: Ref[User]
        folder: Ref[Folder] | None = None
        title: str = Field(default="", unique=True)
        rules = Rules(read=public, create=OWNED, update=OWNED, delete=OWNED)

    @app.collection("sheets")
    class Sheet(Record):
        folder: Ref[Folder] = Field(on_delete="cascade")
        text: str = ""
        rules = Rules(read=BY_FOLDER, create=BY_FOLDER, update=BY_FOLDER, delete=BY_FOLDER)

    @app.seed
    async def plant(tx: Transaction) -> None:
        for n in (1, 2):
            user, folder = make_id(USER, n), make_id(FOLDER, n)
            await tx.create(User(id=user, email=f"{n}@x"))
            await tx.create(Folder(id=folder, owner=user, name=f"folder {n}"))
            doc = Document(id=make_id(DOC, n), owner=user, folder=folder, title=f"doc {n}")
            await tx.create(doc)
            await tx.create(Sheet(id=make_id(SHEET, n), folder=folder, text=f"sheet {n}"))

    app.state.records = {"documents": Document, "folders": Folder, "sheets": Sheet}
    return app


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    opened = Asking(make_app(tmp_path_factory.mktemp("takeover") / "documents.db"))
    yield opened
    opened.close()


def everything(asking: Asking) -> list[Any]:
    """All that is stored, the change log included."""

    async def rows() -> list[Any]:
        fetch = asking.app.runtime.engine.fetch
        return [await fetch(f'select * from "{table}"', ()) for table in TABLES]

    return asking.run(rows())


def user(key: str) -> Actor:
    values = {"id": key, "email": "x@x", "verified": False, "admin": False, "disabled": False}
    return Actor("user", {**values, "version": 1})


CALLERS = {"eve": user(EVE), "anonymous": ANONYMOUS}
Attempt = tuple[str, str, dict[str, Any] | None]  # method, path, body
Way = Callable[[Asking, Actor, Attempt], Awaitable[int]]

TAKEOVERS: dict[str, Attempt] = {
    "name oneself the owner": ("PATCH", f"documents/{ANNS_DOC}", {"owner": EVE}),
    "with a change beside it": (
        "PATCH", f"documents/{ANNS_DOC}", {"owner": EVE, "title": "mine", "folder": EVES_FOLDER},
    ),
    "change it without a claim": ("PATCH", f"documents/{ANNS_DOC}", {"title": "mine"}),
    "an empty patch": ("PATCH", f"documents/{ANNS_DOC}", {}),
    "the value it has": ("PATCH", f"documents/{ANNS_DOC}", {"owner": ANN}),
    "move it to another key": ("PATCH", f"documents/{EVES_DOC}", {"id": ANNS_DOC}),
    "replace it": ("PUT", f"documents/{ANNS_DOC}", {"owner": EVE, "title": "mine"}),
    "replace it, the key given": (
        "PUT", f"documents/{ANNS_DOC}", {"id": ANNS_DOC, "owner": EVE, "title": "mine"},
    ),
    "replace it as it is": ("PUT", f"documents/{ANNS_DOC}", {"owner": ANN, "title": "doc 1"}),
    "create it again": ("POST", "documents", {"id": ANNS_DOC, "owner": EVE, "title": "mine"}),
    "create for another": ("POST", "documents", {"id": NEW, "owner": ANN, "title": "hers"}),
    "put for another": ("PUT", f"documents/{NEW}", {"owner": ANN, "title": "hers"}),
    "give one's own away": ("PATCH", f"documents/{EVES_DOC}", {"owner": ANN}),
    "put one's own away": ("PUT", f"documents/{EVES_DOC}", {"owner": ANN, "title": "doc 2"}),
    "delete it": ("DELETE", f"documents/{ANNS_DOC}", None),
    "link to a hidden folder": ("PATCH", f"documents/{EVES_DOC}", {"folder": ANNS_FOLDER}),
    "create in a hidden folder": (
        "POST", "documents", {"id": NEW, "owner": EVE, "folder": ANNS_FOLDER, "title": "in"},
    ),
    "put into a hidden folder": (
        "PUT", f"documents/{NEW}", {"owner": EVE, "folder": ANNS_FOLDER, "title": "in"},
    ),
    "a sheet for another's folder": ("POST", "sheets", {"folder": ANNS_FOLDER, "text": "x"}),
    "move one's sheet there": ("PATCH", f"sheets/{EVES_SHEET}", {"folder": ANNS_FOLDER}),
    "put one's sheet there": ("PUT", f"sheets/{EVES_SHEET}", {"folder": ANNS_FOLDER}),
    "draw a sheet over": ("PATCH", f"sheets/{ANNS_SHEET}", {"folder": EVES_FOLDER}),
    "put over a hidden sheet": ("PUT", f"sheets/{ANNS_SHEET}", {"folder": EVES_FOLDER}),
    "create over a hidden sheet": (
        "POST", "sheets", {"id": ANNS_SHEET, "folder": EVES_FOLDER},
    ),
    "take the folder": ("PATCH", f"folders/{ANNS_FOLDER}", {"owner": EVE}),
    "put the folder": ("PUT", f"folders/{ANNS_FOLDER}", {"owner": EVE}),
    "create the folder again": ("POST", "folders", {"id": ANNS_FOLDER, "owner": EVE}),
    "give one's folder away": ("PATCH", f"folders/{EVES_FOLDER}", {"owner": ANN}),
    "delete the folder with its sheets": ("DELETE", f"folders/{ANNS_FOLDER}", None),
    "delete a hidden sheet": ("DELETE", f"sheets/{ANNS_SHEET}", None),
}  # fmt: skip


async def alone(asking: Asking, caller: Actor, attempt: Attempt) -> int:
    method, path, body = attempt
    return (await asking.send(caller, method, f"/api/{path}", None, body)).status


async def in_an_array(asking: Asking, caller: Actor, attempt: Attempt) -> int:
    """A create among others that are fine: all or none."""
    method, path, body = attempt
    if method != "POST" or body is None:
        return 404
    own = {"documents": {"owner": EVE, "title": "fine"}, "sheets": {"folder": EVES_FOLDER},
           "folders": {"owner": EVE}}[path]  # fmt: skip
    return (await asking.send(caller, "POST", f"/api/{path}", None, [own, body])).status


async def in_a_batch(asking: Asking, caller: Actor, attempt: Attempt) -> int:
    """After a step that is fine: all or none."""
    method, path, body = attempt
    fine = {"method": "PATCH", "path": f"/api/documents/{EVES_DOC}", "body": {"title": "fine"}}
    step = {"method": method, "path": f"/api/{path}"}
    steps = [fine, step if body is None else {**step, "body": body}]
    return (await asking.send(caller, "POST", "/api/_batch", None, {"steps": steps})).status


async def in_python(asking: Asking, caller: Actor, attempt: Attempt) -> int:
    """The same step in a transaction of the app's own code, as the caller."""
    method, path, body = attempt
    collection, _, key = path.partition("/")
    record = asking.app.state.records[collection]
    try:
        async with asking.app.runtime.transaction(caller) as tx:
            if method == "DELETE":
                await tx.delete(record, key)
            elif method == "PATCH":
                await tx.update(record, key, body or {})
            else:
                await tx.create(record(**({"id": key} if key else {}), **(body or {})))
    except Problem as problem:
        return problem.status
    except TypeError:  # a PUT whose body holds the key that the path holds
        return 404
    return 200


async def in_python_where(asking: Asking, caller: Actor, attempt: Attempt) -> int:
    """A conditional update that names the record; it says how many records it changed."""
    method, path, body = attempt
    collection, _, key = path.partition("/")
    if method != "PATCH" or not body:
        return 404
    record = asking.app.state.records[collection]
    try:
        async with asking.app.runtime.transaction(caller) as tx:
            count = await tx.update_where(record, "id == $id", body, id=key)
    except Problem as problem:
        return problem.status
    return 200 if count else 404


WAYS: tuple[Way, ...] = (alone, in_an_array, in_a_batch, in_python, in_python_where)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("caller", CALLERS)
def test_no_way_to_write_takes_a_record_over(asking: Asking, caller: str, way: Way) -> None:
    before = everything(asking)
    for name, attempt in TAKEOVERS.items():
        status = asking.run(way(asking, CALLERS[caller], attempt))
        assert 400 <= status < 500, name
        assert everything(asking) == before, name


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE", "GET"])
@pytest.mark.parametrize("collection", ["folders", "sheets"])
def test_what_is_hidden_answers_as_what_is_not_there(
    asking: Asking, method: str, collection: str
) -> None:
    """For PUT the answers part: a key that is taken cannot be created, whoever sees it."""
    there = {"folders": ANNS_FOLDER, "sheets": ANNS_SHEET}[collection]
    body = {"folders": {"owner": EVE}, "sheets": {"folder": EVES_FOLDER}}[collection]
    if method in ("PUT", "GET", "DELETE"):
        body_sent: Any = body if method == "PUT" else None
    else:
        body_sent = body
    hidden = asking.ask(CALLERS["eve"], method, f"/api/{collection}/{there}", None, body_sent)
    if method == "PUT":
        assert hidden.status == 409
        return
    absent = asking.ask(CALLERS["eve"], method, f"/api/{collection}/{NOWHERE}", None, body_sent)
    assert hidden.status == absent.status == 404
    assert hidden.body.replace(there.encode(), b"") == absent.body.replace(NOWHERE.encode(), b"")


@pytest.mark.parametrize("headers", [{"if_match": '"1"'}, {"if_match": '"7"'}, {"if_match": "*"}])
def test_a_precondition_tells_nothing_of_what_is_hidden(
    asking: Asking, headers: dict[str, str]
) -> None:
    said = set()
    for key in (ANNS_SHEET, NOWHERE):
        path = f"/api/sheets/{key}"
        for method, body in (("PATCH", {"text": "x"}), ("DELETE", None)):
            answer = asking.ask(CALLERS["eve"], method, path, None, body, **headers)
            said.add((answer.status, answer.body.replace(key.encode(), b"")))
    assert len(said) == 1 and {status for status, _ in said} == {404}


def test_a_reference_to_a_hidden_record_answers_as_one_to_nothing(asking: Asking) -> None:
    for method, path, body in (
        ("POST", "documents", {"owner": EVE, "title": "x"}),
        ("PATCH", f"documents/{EVES_DOC}", {}),
        ("POST", "sheets", {}),
        ("PATCH", f"sheets/{EVES_SHEET}", {}),
        ("PUT", f"sheets/{EVES_SHEET}", {}),
    ):
        answers = [
            asking.ask(CALLERS["eve"], method, f"/api/{path}", None, {**body, "folder": folder})
            for folder in (ANNS_FOLDER, NOWHERE)
        ]
        assert {answer.status for answer in answers} == {409}
        assert answers[0].body == answers[1].body


@pytest.mark.parametrize("way", [alone, in_python], ids=lambda way: way.__name__)
def test_the_owner_may_do_by_each_way_what_a_stranger_may_not(asking: Asking, way: Way) -> None:
    ann = user(ANN)
    title = f"by {way.__name__}"
    for attempt in (
        ("POST", "documents", {"id": NEW, "owner": ANN, "folder": ANNS_FOLDER, "title": title}),
        ("PATCH", f"documents/{NEW}", {"title": f"{title} again", "folder": None}),
        ("DELETE", f"documents/{NEW}", None),
        ("PATCH", f"sheets/{ANNS_SHEET}", {"text": title}),
    ):
        assert 200 <= asking.run(way(asking, ann, attempt)) < 300
