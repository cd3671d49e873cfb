"""Somebody who is signed in, with a session that is as real as any.

In: a client's app that runs, a user's record or the fields of a new one.   Out: the record as it is
stored, and the token of a session.
"""

from __future__ import annotations

from typing import Any

from ..auth.sessions import Program
from ..declare import Record, UserRecord
from ..engines import AskAll
from ..query import SYSTEM
from ..runtime import Runtime
from ..store.steps import Steps

PROGRAM = Program("stanchion.testing", "127.0.0.1")


async def sign_in(
    runtime: Runtime, user: Record | None, fields: dict[str, Any], address: str
) -> tuple[UserRecord, str]:
    """The user, made if it is not there, and the token of a new session. `address` is for a new one
    whose fields name none."""
    record = user if user is not None else _new_user(runtime, {"email": address, **fields})
    if not isinstance(record, UserRecord):
        raise TypeError(f"as_user() takes a user's record or fields, no {type(record).__name__}")
    async with runtime.transaction(SYSTEM) as tx:
        stored = await tx.get(type(record), record.id) or await tx.create(record)
    gate = runtime.gate
    assert gate is not None, "an app with users has one while it runs"
    token, asks = gate.sessions.start(str(stored.id), "test", PROGRAM, whole=True)

    def steps() -> Steps[None]:
        yield AskAll(asks)

    await gate.sessions.finish(steps)
    return stored, token


def _new_user(runtime: Runtime, fields: dict[str, Any]) -> Record:
    users = runtime.model.schema.users
    if users is None:
        raise TypeError("as_user() needs an app with users: class User(UserRecord)")
    return runtime.model.bindings[users.name].record(**fields)
