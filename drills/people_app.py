"""The app of the drills of sign-in: people with passwords, and notes that anybody reads.

What a drill changes in it stands in the environment: `DRILL_TRIES` (how often a password may be
tried for one account in a day, from anywhere) and `DRILL_ALIKE` (nothing is limited, and accounts
are made by mail, so that answers to thousands of requests can be compared).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from stanchion import App, Field, Record, Rules, Settings, SignIn, UserRecord, public
from stanchion.auth.accounts import set_password
from stanchion.auth.passwords import Hasher
from stanchion.engines import AskAll, Steps

T = TypeVar("T")
AT_ONCE = 100
MANY = "1000000/h"
UNLIMITED: dict[str, Any] = {
    "register": "verified", "codes_by_mail": True, "attempts": MANY, "attempts_of_client": MANY,
    "attempts_from_anywhere": MANY, "registrations": MANY, "mails": MANY, "mails_of_client": MANY,
}  # fmt: skip
NOTE = "00000000-0000-4000-8000-{:012x}"


def make_app(settings: Settings | None = None) -> App:
    app = App("People", settings=settings)
    policy: dict[str, Any] = {"register": "open"}
    if tries := os.environ.get("DRILL_TRIES"):
        policy["attempts_from_anywhere"] = f"{tries}/day"
    if os.environ.get("DRILL_ALIKE"):
        policy = UNLIMITED

    @app.collection("users")
    class User(UserRecord):
        sign_in = SignIn(**policy)
        rules = Rules(read="record.id == auth.id")

    @app.collection("notes")
    class Note(Record):
        text: str = Field(max_length=4000)
        rules = Rules(read=public)

    app.state.user, app.state.note = User, Note
    return app


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of this size, which a transaction has time for."""
    left = iter(items)
    while some := list(islice(left, size)):
        yield some


async def fill(url: str, people: dict[str, dict[str, Any]], password: str, notes: int = 0) -> None:
    """Make the users of these addresses, with further fields; a password for all that are not said
    to have none (`password=False`), of one hash, because hashing thousands would take minutes."""
    patient = Settings(database_url=url, transaction_ms=60_000, write_deadline_ms=60_000)
    app = make_app(patient)
    app.runtime.change_schema = True
    hasher = Hasher()
    try:
        await app.runtime.records()
        hashed = await hasher.hash(password)
        ids = []
        for some in batched(people.items(), AT_ONCE):
            async with app.transaction(actor=app.system()) as tx:
                for email, fields in some:
                    kept = dict(fields)
                    has_one = kept.pop("password", True)
                    user = await tx.create(app.state.user(email=email, **kept))
                    ids += [user.id] if has_one else []
        for numbers in batched(range(notes), AT_ONCE):
            async with app.transaction(actor=app.system()) as tx:
                for number in numbers:
                    await tx.create(app.state.note(id=NOTE.format(number), text="a note " * 8))

        def steps() -> Steps[None]:
            yield AskAll([set_password(str(user), hashed) for user in ids])

        await app.runtime.engine.write(steps)
    finally:
        hasher.close()
        await app.runtime.close()


app = make_app()
