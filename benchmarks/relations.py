"""P6's app: members of granted groups may read a document, through two to-many relations.

`python benchmarks/relations.py` makes the empty tables; the rows are written by far_rule.py.
BENCHMARK_CALLERS says who they are, as in app.py; with `nobody` anybody may read, so that the same
condition can be asked as a filter that names a user.
"""

import asyncio
import os

from stanchion import App, Field, Many, Record, Ref, Rules, SignIn, UserRecord, back, public
from stanchion.query import Actor

app = App("Relations")
CALLER = "00000000-0000-7000-8000-000000000001"
CALLERS = os.environ.get("BENCHMARK_CALLERS", "stand-in")
MINE = "record.grants.exists(g, g.group.members.exists(m, m.user == auth.id))"


@app.collection("users")
class User(UserRecord):
    name: str = Field(max_length=80)
    sign_in = SignIn(register="open", registrations="100000/h")
    rules = Rules(read=public)


@app.collection("groups")
class Group(Record):
    name: str = Field(max_length=80)
    members: Many["Membership"] = back("group")
    rules = Rules(read=public)


@app.collection("memberships")
class Membership(Record):
    group: Ref[Group]
    user: Ref[User]
    rules = Rules(read=public)


@app.collection("documents")
class Document(Record):
    title: str = Field(max_length=120)
    number: int = Field(ge=0, index=True)
    grants: Many["Grant"] = back("document")
    rules = Rules(read=public if CALLERS == "nobody" else MINE)


@app.collection("grants")
class Grant(Record):
    document: Ref[Document]
    group: Ref[Group]
    rules = Rules(read=public)


if CALLERS == "stand-in":
    app.runtime.test_actor = Actor(
        "user",
        {
            "id": CALLER, "email": "bench@localhost", "name": "Bench", "verified": True,
            "admin": False, "disabled": False,
        },
    )  # fmt: skip


async def make_tables() -> None:
    async with app.transaction(actor=app.system()) as tx:
        await tx.create(User(id=Ref(CALLER), email="bench@localhost", name="Bench"))
    await app.runtime.close()


if __name__ == "__main__":
    asyncio.run(make_tables())
