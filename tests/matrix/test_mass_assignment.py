"""A body that also names what its sender may not set is refused, and nothing of it is kept.

Each body would be accepted without the field in question; the test shows that too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .asking import Answer, Asking
from .world import CALLERS, KINDS, ROWS, auth_of, make_id

NEW = make_id(KINDS["projects"], 901)
NEW_USER = make_id(KINDS["users"], 901)
FOREIGN = make_id(KINDS["teams"], 1)

SYSTEM_FIELDS: dict[str, Any] = {
    "created": "2020-01-01T00:00:00.000000Z", "updated": "2020-01-01T00:00:00.000000Z",
    "version": 99,
}  # fmt: skip
NO_FIELDS: dict[str, Any] = {
    "_n": 1, "auth": None, "record": {}, "__class__": "x", "owner.role": "manager",
    "tasks": [], "items": [], "$set": {"grade": 1},
}  # fmt: skip
FORBIDDEN: dict[str, dict[str, Any]] = {
    "projects": {**SYSTEM_FIELDS, **NO_FIELDS, "grade": 9},
    "users": {
        **SYSTEM_FIELDS, **NO_FIELDS, "admin": True, "verified": True, "disabled": True,
        "role": "manager", "team": FOREIGN,
    },
}  # fmt: skip
USERS = ("ann", "ben", "eve")


def own_project(caller: str) -> str:
    """A project that the caller may change."""
    me = auth_of(caller)
    assert me is not None
    return next(
        key
        for key, row in ROWS["projects"].items()
        if row["owner"] == me["id"] and row["state"] != "closed"
    )


def bodies(caller: str) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Collection, method, path and a body that is accepted as it is."""
    me = auth_of(caller)
    if me is not None:
        fresh = {"id": NEW, "title": "mine", "owner": me["id"]}
        yield "projects", "POST", "/api/projects", fresh
        yield "projects", "PUT", f"/api/projects/{NEW}", fresh
        key = own_project(caller)
        yield "projects", "PATCH", f"/api/projects/{key}", {"title": "changed"}
        whole = {"title": "changed", "owner": me["id"]}
        yield "projects", "PUT", f"/api/projects/{key}", whole
        yield "users", "PATCH", f"/api/users/{me['id']}", {"name": "changed"}
    fresh = {"id": NEW_USER, "email": "new@x", "name": "New"}
    yield "users", "POST", "/api/users", fresh


async def sent(asking: Asking, caller: str, method: str, path: str, body: Any) -> Answer:
    return await asking.send(caller, method, path, None, body)


def system_columns(asking: Asking) -> Any:
    text = "select id,version,created from projects union all select id,version,created from users"
    return asking.run(asking.app.runtime.engine.fetch(text, ()))


@pytest.mark.parametrize("caller", ["anonymous", *USERS])
def test_no_field_that_a_caller_may_not_set_is_kept(asking: Asking, caller: str) -> None:
    before = system_columns(asking)
    tried = 0
    for collection, method, path, body in bodies(caller):
        (fine, rows) = asking.run(
            asking.tried(lambda m=method, p=path, b=body: sent(asking, caller, m, p, b))
        )
        assert fine.status in (200, 201) and rows != ROWS, "the body itself is accepted"
        for name, value in FORBIDDEN[collection].items():
            worse: Any = {**body, name: value}
            sendings = [worse]
            if method == "POST":
                sendings += [[worse], [body, {**worse, "id": make_id(KINDS[collection], 902)}]]
            for sending in sendings:
                answer = asking.ask(caller, method, path, None, sending)
                tried += 1
                refused = (403, 422) if name in ("role", "team") else (422,)
                assert answer.status in refused, (method, path, name)
                assert answer.status == 403 or f"/{name}".encode() in answer.body
                assert asking.stored() == ROWS, (method, path, name)
            step = {"method": method, "path": path, "body": worse}
            batch = asking.ask(caller, "POST", "/api/_batch", None, {"steps": [step]})
            assert batch.status in refused and asking.stored() == ROWS, (method, path, name)
    assert system_columns(asking) == before
    assert tried >= 40


@pytest.mark.parametrize("caller", CALLERS)
def test_a_field_that_is_the_servers_is_set_by_no_caller_but_the_system(
    asking: Asking, caller: str
) -> None:
    """`write=False`: only code that steps past the rules sets it, admins do not."""
    key = make_id(KINDS["projects"], 1)
    path = f"/api/projects/{key}"
    (answer, rows) = asking.run(
        asking.tried(lambda: sent(asking, caller, "PATCH", path, {"grade": 9}))
    )
    kept = rows["projects"][key]["grade"]
    assert (answer.status, kept) == ((200, 9) if caller == "system" else (answer.status, 1))
    assert answer.status in ((200,) if caller == "system" else (401, 404, 422))


def test_a_hidden_field_that_may_be_written_is_kept_and_not_answered(asking: Asking) -> None:
    """`read=False` alone is how a password is declared: set, and never given back."""
    me = make_id(KINDS["users"], 1)
    (answer, rows) = asking.run(
        asking.tried(lambda: sent(asking, "ann", "PATCH", f"/api/users/{me}", {"pin": "9999"}))
    )
    assert answer.status == 200
    assert rows["users"][me]["pin"] == "9999"
    assert b"9999" not in answer.body and b"pin" not in answer.body


def test_the_rows_of_the_world_are_as_they_were(asking: Asking) -> None:
    assert asking.stored() == ROWS
