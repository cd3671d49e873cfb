"""Who is meant by a name: a user by id or e-mail address, or one of the callers without a record.

In: what a person typed, an open database.   Out: the `Actor` that a request of theirs has.
Called by the command line and by the route for admins.
"""

from __future__ import annotations

from ..query import ANONYMOUS, SYSTEM, Actor
from ..records import Records
from ..types import WireError
from .rows import Loaded

NAMED = ("anonymous", "admin", "system")


async def find_who(records: Records, who: str) -> Actor | None:
    """The caller of this name; None where there is no such user."""
    if who in NAMED:
        return {"anonymous": ANONYMOUS, "system": SYSTEM, "admin": Actor("admin")}[who]
    users = records.schema.users
    if users is None:
        return None
    rows = Loaded(records.schema, records.engine, records.dialect)
    for field in ("email", users.key[0]):
        try:
            value = users.field[field].type.parse(who.lower() if field == "email" else who)
        except WireError:
            continue
        found = list(await rows.settle(lambda f=field, v=value: rows.many(users.name, f, v)))  # type: ignore[misc]  # bound at once
        if found:
            return Actor("admin" if found[0].get("admin") else "user", found[0])
    return None
