"""P6's app: members of granted groups may read a document, through two to-many relations.

`python benchmarks/relations.py` makes the empty tables; the rows are written by far_rule.py.
"""

import asyncio

from stanchion import App, Field, Many, Record, Ref, Rules, UserRecord, back, signed_in
from stanchion.query import Actor

app = App("Relations")
CALLER = "00000000-0000-7000-8000-000000000001"


@app.collection("users")
class User(UserRecord):
    name: str = Field(max_length=80)
    rules = Rules(read=signed_in)


@app.collection("groups")
class Group(Record):
    name: str = Field(max_length=80)
    members: Many["Membership"] = back("group")
    rules = Rules(read=signed_in)


@app.collection("memberships")
class Membership(Record):
    group: Ref[Group]
    user: Ref[User]
    rules = Rules(read=signed_in)


@app.collection("documents")
class Document(Record):
    title: str = Field(max_length=120)
    number: int = Field(ge=0, index=True)
    grants: Many["Grant"] = back("document")
    rules = Rules(read="record.grants.exists(g, g.group.members.exists(m, m.user == auth.id))")


@app.collection("grants")
class Grant(Record):
    document: Ref[Document]
    group: Ref[Group]
    rules = Rules(read=signed_in)


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
