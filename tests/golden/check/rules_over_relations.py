from __future__ import annotations

from stanchion import App, Field, Many, Record, Ref, Rules, UserRecord, back, owner, rule

app = App("Relations")
MEMBER = rule("record.members.exists(m, m.user == auth.id)")


@app.collection("users")
class User(UserRecord):
    rules = Rules(read=owner("id"))


@app.collection("projects")
class Project(Record):
    plan: str = ""
    budget: int = Field(default=0, index=True, read=MEMBER)
    members: Many[Member] = back("project")
    rules = Rules(read=MEMBER, write="record.members.exists(m, m.user == auth.id && m.lead)")


@app.collection("members")
class Member(Record):
    project: Ref[Project] = Field(on_delete="cascade")
    user: Ref[User]
    lead: bool = False
    # indexes
    rules = Rules(read=owner("user"))
