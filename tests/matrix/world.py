"""The model and the rows of the matrix: every kind of rule, in one small world of projects.

In: replacements of single atoms of rules.   Out: an app on its own database, and its rows.
Atoms stand in braces in `RULES`, so that a test can put `true` or `false` in the place of one and
see that cells turn red. The oracle does not read this text: it says the rules again, in Python.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from stanchion import (
    App,
    Field,
    Many,
    Record,
    Ref,
    Rules,
    Settings,
    SignIn,
    Transaction,
    UserRecord,
    back,
    public,
    through,
)
from stanchion.query import ANONYMOUS, SYSTEM, Actor
from tests.conformance.engines import url

Rows = dict[str, dict[str, dict[str, Any]]]
"""Collection, id, field: what is stored, in wire form."""

RULES = {
    "teams.motto.read": "{auth != null}",
    "users.read": "{record.id == auth.id} || {record.team == auth.team}"
    " || {record.role == 'manager'}",
    "users.create": "{record.role == 'member'} && {record.team == null}",
    "users.update": "{record.id == auth.id}",
    "users.role.write": "{auth.role == 'manager'}",
    "users.team.write": "{auth.role == 'manager'}",
    "users.phone.read": "{record.id == auth.id} || {auth.role == 'manager'}",
    "users.badge.read": "{auth.role == 'auditor'}",
    "projects.read": "{record.open} || {record.owner == auth.id}"
    " || ({record.team == auth.team} && {record.state != 'draft'})",
    "projects.create": "{record.owner == auth.id} && {record.state == 'draft'}",
    "projects.update": "{record.owner == auth.id} && {old.state != 'closed'}",
    "projects.delete": "{record.owner == auth.id} && {record.state == 'draft'}",
    "projects.code.read": "{record.owner == auth.id}",
    "projects.budget.read": "{record.owner == auth.id} || {record.team == auth.team}",
    "projects.budget.write": "{record.state == 'draft'} || {auth.role == 'manager'}",
    "tasks.read": "{record.project.owner == auth.id} || {record.assignee == auth.id}"
    " || {record.project.open}",
    "tasks.create": "{record.project.owner == auth.id}",
    "tasks.update": "{record.project.owner == auth.id}"
    " || ({record.assignee == auth.id} && {record.project.state == 'active'})",
    "tasks.delete": "{record.project.owner == auth.id}",
    "tasks.reviewer.read": "{record.project.owner == auth.id} || {record.reviewer == auth.id}",
    "tasks.points.write": "{record.project.owner == auth.id}",
    "tasks.label.read": "{auth.role == 'manager'}",
    "comments.read": "!{record.private} || {record.author == auth.id}"
    " || {record.task.project.owner == auth.id}",
    "comments.create": "{record.author == auth.id}",
    "comments.update": "{record.author == auth.id}",
    "comments.delete": "{record.author == auth.id} || {record.task.project.owner == auth.id}",
    "rooms.read": "record.seats.exists(s, {s.user == auth.id})",
    "rooms.create": "{auth != null}",
    "rooms.update": "record.seats.exists(s, {s.user == auth.id} && {s.level == 'lead'})",
    "rooms.delete": "{auth != null} && record.seats.all(s, {s.user == auth.id})",
    "rooms.topic.read": "record.seats.exists_one(s, {s.level == 'lead'})",
    "seats.read": "{record.user == auth.id} || {auth.role == 'manager'}",
    "seats.create": "record.room.seats.exists(s, {s.user == auth.id} && {s.level == 'lead'})",
    "notices.write": "{auth.role == 'manager'}",
    "reports.read": "{auth.role == 'auditor'} || {auth.role == 'manager'}",
    "plans.read": "{record.team == auth.team}",
    "tags.read": "{record.shown} || record.projects.exists(p, {p.owner == auth.id})",
    "tags.update": "{auth != null} && record.projects.all(p, {p.owner == auth.id})",
    "tags.weight.read": "{auth != null}",
    "marks.read": "!{record.hidden} || {record.project.owner == auth.id}",
    "marks.write": "{record.project.owner == auth.id}",
}
"""Every rule that is neither public nor closed."""

ATOM = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Atom:
    """One part of a rule: the `number`th of the rule `rule`."""

    rule: str
    number: int
    text: str


def atoms() -> list[Atom]:
    """Every atom of every rule."""
    return [
        Atom(rule, number, text)
        for rule, whole in RULES.items()
        for number, text in enumerate(ATOM.findall(whole))
    ]


def rule_texts(replaced: Mapping[tuple[str, int], str] | None = None) -> dict[str, str]:
    """The rules as the app writes them; `replaced` says what stands in the place of an atom."""
    texts = {}
    for rule, whole in RULES.items():
        numbers = iter(range(100))

        def put(found: re.Match[str], rule: str = rule, numbers: Any = numbers) -> str:
            return (replaced or {}).get((rule, next(numbers)), found[1])

        texts[rule] = ATOM.sub(put, whole)
    return texts


@dataclass(frozen=True, slots=True)
class F:
    """What cells are made of a field: its name, its kind, and where a reference leads."""

    name: str
    kind: str
    to: str = ""
    search: bool = False


FIELDS: dict[str, tuple[F, ...]] = {
    "teams": (F("id", "key"), F("name", "text"), F("motto", "text")),
    "users": (
        F("id", "key"), F("email", "text"), F("admin", "bool"), F("name", "text", search=True),
        F("role", "text"), F("team", "ref", "teams"), F("phone", "text"), F("badge", "text"),
        F("pin", "text"),
    ),
    "projects": (
        F("id", "key"), F("title", "text", search=True), F("owner", "ref", "users"),
        F("team", "ref", "teams"), F("open", "bool"), F("state", "text"), F("code", "text"),
        F("budget", "int"), F("secret", "int"), F("grade", "int"),
    ),
    "tasks": (
        F("id", "key"), F("project", "ref", "projects"), F("assignee", "ref", "users"),
        F("reviewer", "ref", "users"), F("title", "text", search=True), F("points", "int"),
        F("label", "text", search=True),
    ),
    "comments": (
        F("id", "key"), F("task", "ref", "tasks"), F("author", "ref", "users"),
        F("text", "text", search=True), F("private", "bool"),
    ),
    "rooms": (F("id", "key"), F("name", "text"), F("topic", "text")),
    "seats": (
        F("id", "key"), F("room", "ref", "rooms"), F("user", "ref", "users"), F("level", "text"),
    ),
    "notices": (F("id", "key"), F("title", "text")),
    "reports": (F("id", "key"), F("subject", "text"), F("project", "ref", "projects"),
                F("amount", "int")),
    "plans": (F("id", "key"), F("name", "text"), F("team", "ref", "teams")),
    "vault": (F("id", "key"), F("label", "text"), F("user", "ref", "users")),
    "tags": (F("id", "key"), F("name", "text"), F("shown", "bool"), F("weight", "int")),
    "marks": (F("id", "key"), F("project", "ref", "projects"), F("tag", "ref", "tags"),
              F("hidden", "bool")),
}  # fmt: skip

BACKS = {
    "teams": {"members": ("users", "team")},
    "users": {"reviews": ("tasks", "reviewer"), "owned": ("projects", "owner")},
    "projects": {"tasks": ("tasks", "project"), "reports": ("reports", "project")},
    "tasks": {"comments": ("comments", "task")},
    "rooms": {"seats": ("seats", "room")},
}
"""Collection, relation: the collection and field that refer back."""

THROUGH = {
    "projects": {"tags": ("tags", "marks", "project", "tag")},
    "tags": {"projects": ("projects", "marks", "tag", "project")},
}
"""Collection, relation: the collection on the far side, the links, and their two references."""

ON_DELETE = {("tasks", "project"): "cascade", ("comments", "task"): "cascade",
             ("comments", "author"): "set null", ("seats", "room"): "cascade",
             ("marks", "project"): "cascade"}  # fmt: skip
"""Every other reference restricts."""

UNIQUE = {"users": ("email", "badge", "pin"), "projects": ("code",), "rooms": ("name",)}
REQUIRED = {
    "teams": ("name",), "users": ("email", "name"), "projects": ("title", "owner"),
    "tasks": ("project", "title"), "comments": ("task", "text"), "rooms": ("name",),
    "seats": ("room", "user"), "notices": ("title",), "reports": ("subject", "amount"),
    "plans": ("name",), "vault": ("label",), "tags": ("name",), "marks": ("project", "tag"),
}  # fmt: skip
DEFAULTS: dict[str, dict[str, Any]] = {
    "users": {"role": "member", "admin": False},
    "projects": {"open": False, "state": "draft", "grade": 0},
    "tasks": {"points": 0},
    "comments": {"private": False},
    "seats": {"level": "guest"},
    "tags": {"shown": False, "weight": 0},
    "marks": {"hidden": False},
}


def make_id(kind: int, number: int) -> str:
    """The id of the `number`th record of a kind, as in `FIELDS`."""
    return f"0190{kind:04x}-0000-7000-8000-{number:012x}"


KINDS = {name: number for number, name in enumerate(FIELDS, 1)}
TABLES: dict[str, str] = {
    "teams": "Red winning | Blue losing | Grey -",
    "users": """
        ann@x no Ann member 1 111 b1 p1 | ben@x no Ben member 2 222 b2 p2
        | cat@x no Cat manager - 333 b3 p3 | dan@x no Dan auditor 1 - b4 p4
        | eve@x no Eve member - 555 - p5 | adm@x yes Ada member 3 666 b6 -
        | gus@x no Gus manager 2 777 b7 p7""",
    "projects": """
        oak 1 1 yes active c1 10 7 1 | elm 1 1 no draft c2 20 8 1 | fir 1 2 no active - 30 9 2
        | ash 2 2 no draft c4 40 - 2 | yew 2 1 no active c5 - 5 3 | box 3 - no draft c6 60 4 3
        | bay 3 - yes active - 70 3 4 | ivy 2 - no closed c8 80 2 4 | fig 5 - no draft c9 5 1 5
        | nut 1 3 no closed ca 15 6 5""",
    "tasks": """
        1 1 2 alpha 1 lime | 1 2 - beta 2 lime | 2 1 3 gamma 3 plum | 2 - 1 delta 4 -
        | 3 2 2 epsilon 5 plum | 4 1 1 zeta 6 lime | 4 - - eta 7 - | 5 3 1 theta 8 plum
        | 6 5 3 iota 9 lime | 7 5 5 kappa 10 - | 8 1 - lambda 11 plum | 9 - 2 sigma 12 lime
        | 5 2 3 rho 13 - | 10 2 4 tau 14 plum""",
    "comments": """
        1 1 good no | 1 2 better yes | 2 - best yes | 3 1 good no | 3 2 bad yes | 5 3 worse no
        | 6 2 good yes | 6 1 odd yes | 8 - even no | 9 5 good yes | 10 3 bad yes | 11 1 best no
        | 12 5 odd no | 9 3 even yes""",
    "rooms": "hall big | lab small | loft - | den warm | attic cold",
    "seats": """
        1 1 lead | 1 2 guest | 2 1 guest | 2 3 lead | 4 5 lead | 4 2 lead | 5 2 lead | 2 2 lead""",
    "notices": "welcome | closing",
    "reports": "audit 1 100 | audit 2 200 | cash 5 300 | misc - 50",
    "plans": "north 1 | south 2 | west - | east 1",
    "vault": "gold 1",
    "tags": "red yes 1 | blue no 2 | gold no 3 | dusk yes 4 | lone no 5 | ours no 6",
    "marks": """
        1 1 no | 1 2 no | 1 1 no | 1 3 yes | 7 1 yes | 7 2 no | 4 3 no | 3 1 no | 6 2 yes
        | 9 3 no | 2 6 no | 3 6 yes | 2 4 no""",
}
"""One row for each record, its fields in the order of `FIELDS` without the key; `-` is null."""


def make_rows() -> Rows:
    """What is stored."""
    rows: Rows = {}
    for name, table in TABLES.items():
        rows[name] = {}
        for number, line in enumerate(table.split("|"), 1):
            key = make_id(KINDS[name], number)
            values = zip(FIELDS[name][1:], line.split(), strict=True)
            rows[name][key] = {"id": key, **{f.name: _value(f, word) for f, word in values}}
    return rows


def _value(field: F, word: str) -> Any:
    if word == "-":
        return None
    match field.kind:
        case "ref":
            return make_id(KINDS[field.to], int(word))
        case "int":
            return int(word)
        case "bool":
            return word == "yes"
    return word


ROWS = make_rows()


def other_values(found: F, row: Mapping[str, Any]) -> list[Any]:
    """Values that the field of this row does not hold, and that no other row has to itself."""
    match found.kind:
        case "key":
            return []
        case "ref":
            others = [k for k in ROWS[found.to] if k != row[found.name]]
            at = int(row["id"][-2:], 16)
            return [others[at % len(others)]]
        case "int":
            return [(row[found.name] or 0) + 1]
        case "bool":
            return [not row[found.name]]
    choices = {"role": ("member", "manager"), "level": ("guest", "lead"),
               "state": ("draft", "active", "closed"),
               "email": ("changed@x",)}.get(found.name, ("changed",))  # fmt: skip
    return [v for v in choices if v != row[found.name]]


def unlike(collection: str, text: str) -> dict[str, str]:
    """A value that no record has, for each unique field."""
    names = UNIQUE.get(collection, ())
    return {name: f"{text}@x" if name == "email" else text for name in names}


CALLERS = ("anonymous", "ann", "ben", "cat", "dan", "eve", "admin", "system")
_NUMBERS = {"ann": 1, "ben": 2, "cat": 3, "dan": 4, "eve": 5, "admin": 6}


def later_rows() -> Rows:
    """The rows after some people were given other rights."""
    rows = copy.deepcopy(ROWS)
    for name, changed in LATER.items():
        rows["users"][user_id(name)] |= changed
    return rows


def user_id(caller: str) -> str:
    return make_id(KINDS["users"], _NUMBERS[caller])


LATER: dict[str, dict[str, Any]] = {
    "ann": {"team": make_id(KINDS["teams"], 2)},
    "cat": {"role": "member"},
    "eve": {"role": "manager", "team": make_id(KINDS["teams"], 1)},
    "admin": {"admin": False},
}
"""Caller, field: the rights that they are given while they are signed in."""
LATER_ROWS = later_rows()


def auth_of(caller: str, rows: Rows = ROWS) -> dict[str, Any] | None:
    """The user's row that a caller is."""
    return rows["users"][user_id(caller)] if caller in _NUMBERS else None


def actor_of(caller: str) -> Actor:
    """A caller as the app sees it."""
    record = auth_of(caller)
    if record is None:
        return SYSTEM if caller == "system" else ANONYMOUS
    kind = "admin" if record["admin"] else "user"
    values = {**copy.copy(record), "verified": False, "disabled": False, "version": 1}
    return Actor(cast(Any, kind), values)


def make_app(database: Path, replaced: Mapping[tuple[str, int], str] | None = None) -> App:
    """The world on its own database; the rows are planted where it is new."""
    rule = rule_texts(replaced)
    # a busy machine is not what is asked here: it would be told with 503
    patient = Settings(database_url=url(database), overload_ms=60_000, transaction_ms=60_000)
    app = App("World", settings=patient)
    app.runtime.change_schema = True

    @app.collection("teams")
    class Team(Record):
        name: str
        motto: str | None = Field(default=None, read=rule["teams.motto.read"])
        members: Many[User] = back("team")
        rules = Rules(read=public)

    @app.collection("users")
    class User(UserRecord):
        name: str = Field(search=True)
        role: Literal["member", "manager", "auditor"] = Field(
            default="member", write=rule["users.role.write"]
        )
        team: Ref[Team] | None = Field(default=None, write=rule["users.team.write"])
        phone: str | None = Field(default=None, read=rule["users.phone.read"])
        badge: str | None = Field(default=None, unique=True, read=rule["users.badge.read"])
        pin: str | None = Field(default=None, unique=True, read=False)
        reviews: Many[Task] = back("reviewer")
        owned: Many[Project] = back("owner")
        sign_in = SignIn(keys=True)
        rules = Rules(
            read=rule["users.read"], create=rule["users.create"], update=rule["users.update"]
        )

    @app.collection("projects")
    class Project(Record):
        title: str = Field(search=True)
        owner: Ref[User]
        team: Ref[Team] | None = None
        open: bool = False
        state: Literal["draft", "active", "closed"] = "draft"
        code: str | None = Field(default=None, unique=True, read=rule["projects.code.read"])
        budget: int | None = Field(
            default=None, read=rule["projects.budget.read"], write=rule["projects.budget.write"]
        )
        secret: int | None = Field(default=None, read=False)
        grade: int = Field(default=0, write=False)
        tasks: Many[Task] = back("project")
        reports: Many[Report] = back("project")
        tags: Many[Tag] = through("marks")
        rules = Rules(
            read=rule["projects.read"], create=rule["projects.create"],
            update=rule["projects.update"], delete=rule["projects.delete"],
        )  # fmt: skip

    @app.collection("tasks")
    class Task(Record):
        project: Ref[Project] = Field(on_delete="cascade")
        assignee: Ref[User] | None = None
        reviewer: Ref[User] | None = Field(default=None, read=rule["tasks.reviewer.read"])
        title: str = Field(search=True)
        points: int = Field(default=0, write=rule["tasks.points.write"])
        label: str | None = Field(default=None, search=True, read=rule["tasks.label.read"])
        comments: Many[Comment] = back("task")
        rules = Rules(
            read=rule["tasks.read"], create=rule["tasks.create"],
            update=rule["tasks.update"], delete=rule["tasks.delete"],
        )  # fmt: skip

    @app.collection("comments")
    class Comment(Record):
        task: Ref[Task] = Field(on_delete="cascade")
        author: Ref[User] | None = Field(default=None, on_delete="set null")
        text: str = Field(search=True)
        private: bool = False
        rules = Rules(
            read=rule["comments.read"], create=rule["comments.create"],
            update=rule["comments.update"], delete=rule["comments.delete"],
        )  # fmt: skip

    @app.collection("rooms")
    class Room(Record):
        name: str = Field(unique=True)
        topic: str | None = Field(default=None, read=rule["rooms.topic.read"])
        seats: Many[Seat] = back("room")
        rules = Rules(
            read=rule["rooms.read"], create=rule["rooms.create"],
            update=rule["rooms.update"], delete=rule["rooms.delete"],
        )  # fmt: skip

    @app.collection("seats")
    class Seat(Record):
        room: Ref[Room] = Field(on_delete="cascade")
        user: Ref[User]
        level: Literal["guest", "lead"] = "guest"
        rules = Rules(read=rule["seats.read"], create=rule["seats.create"])

    @app.collection("notices")
    class Notice(Record):
        title: str
        rules = Rules(read=public, write=rule["notices.write"])

    @app.collection("reports")
    class Report(Record):
        subject: str
        project: Ref[Project] | None = None
        amount: int
        rules = Rules(read=rule["reports.read"])

    @app.collection("plans")
    class Plan(Record):
        name: str
        team: Ref[Team] | None = None
        rules = Rules(read=rule["plans.read"])

    @app.collection("vault")
    class Vault(Record):
        label: str
        user: Ref[User] | None = None
        rules = Rules()

    @app.collection("tags")
    class Tag(Record):
        name: str
        shown: bool = False
        weight: int = Field(default=0, read=rule["tags.weight.read"])
        projects: Many[Project] = through("marks")
        rules = Rules(read=rule["tags.read"], update=rule["tags.update"])

    @app.collection("marks")
    class Mark(Record):
        project: Ref[Project] = Field(on_delete="cascade")
        tag: Ref[Tag]
        hidden: bool = False
        rules = Rules(read=rule["marks.read"], write=rule["marks.write"])

    @app.seed
    async def plant(tx: Transaction) -> None:
        for record in (
            Team, User, Project, Task, Comment, Room, Seat, Notice, Report, Plan, Vault, Tag, Mark,
        ):  # fmt: skip
            name = app.runtime.model.of(record).collection.name
            for row in ROWS[name].values():
                await tx.create(record(**row))

    return app
