"""The rules of the world once more, in plain Python on plain rows.

Imports nothing of the product, and none of the rules' text: it was written from what the design
says and from what the rules are meant to say. `Oracle(rows, caller)` answers what this caller may
do, see and name; a word that does not exist for the caller raises `Unknown`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .world import BACKS, DEFAULTS, FIELDS, ON_DELETE, REQUIRED, THROUGH, UNIQUE, F, Rows

Row = Mapping[str, Any]
Told = tuple[str, Row | None, Row | None]
"""What a reader of the change log is told: an operation, and the record before and after it."""
Errors = frozenset[tuple[str, str]]
"""Pointer (empty where none is told) and code of what a refusal tells; no code for a 422."""
NOTHING: Errors = frozenset()
ERROR = object()
"""What selecting from null gives in a condition: neither true nor false."""


class Unknown(Exception):
    """A name that does not exist for this caller."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The status of a write, the rows after it, and what a refusal points at."""

    status: int
    rows: Rows
    errors: Errors = NOTHING
    code: str = ""

    @property
    def refusal(self) -> tuple[str, Errors] | None:
        """The code of the problem and its errors."""
        if self.status < 400:
            return None
        codes = {401: "access.sign_in", 403: "access.refused", 404: "record.not_found",
                 409: "record.conflict", 422: "body.invalid"}  # fmt: skip
        code = self.code or codes[self.status]
        if self.errors and self.status == 403:
            code = "access.field_refused"
        if not self.errors and self.status == 409:
            code = "delete.restricted"
        return code, self.errors


class Oracle:
    """What one caller may do with these rows."""

    def __init__(self, rows: Rows, kind: str, me: Row | None) -> None:
        self.rows = rows
        self.kind = kind
        self.me: Any = me["id"] if me else None
        self.team = me["team"] if me else None
        self.role = me["role"] if me else None
        self.past = kind in ("admin", "system")
        self.signed_in = me is not None

    # the rules, as one would tell them

    def mine(self, user: Any) -> bool:
        return user is not None and user == self.me

    def my_team(self, team: Any) -> bool:
        return team is not None and team == self.team

    def row(self, collection: str, key: Any) -> Row | None:
        return self.rows[collection].get(key)

    def owns_project(self, key: Any) -> bool:
        project = self.row("projects", key)
        return project is not None and self.mine(project["owner"])

    def owns_task(self, key: Any) -> bool:
        task = self.row("tasks", key)
        return task is not None and self.owns_project(task["project"])

    def seats(self, room: Row) -> list[Row]:
        return [s for s in self.rows["seats"].values() if s["room"] == room["id"]]

    def leads(self, room: Row) -> bool:
        return any(self.mine(s["user"]) and s["level"] == "lead" for s in self.seats(room))

    def marked(self, tag: Row) -> list[bool]:
        """Whether each project that bears a tag is mine."""
        marks = [m for m in self.rows["marks"].values() if m["tag"] == tag["id"]]
        return [self.owns_project(m["project"]) for m in marks]

    def holds(self, rule: str, row: Row, old: Row | None = None) -> bool:
        """Whether a row rule or field rule holds for a row."""
        return self.past or self._holds(rule, row, old)

    def _holds(self, rule: str, r: Row, old: Row | None) -> bool:
        match rule:
            case "users.read":
                return self.mine(r["id"]) or self.my_team(r["team"]) or r["role"] == "manager"
            case "users.create":
                return r["role"] == "member" and r["team"] is None
            case "users.update":
                return self.mine(r["id"])
            case "users.role.write" | "users.team.write":
                return bool(self.role == "manager")
            case "users.email.write":
                return old is None or r["email"] == old["email"]
            case "users.phone.read":
                return self.mine(r["id"]) or self.role == "manager"
            case "projects.read":
                team = self.my_team(r["team"]) and r["state"] != "draft"
                return r["open"] or self.mine(r["owner"]) or team
            case "projects.create" | "projects.delete":
                return self.mine(r["owner"]) and r["state"] == "draft"
            case "projects.update":
                return self.mine(r["owner"]) and old is not None and old["state"] != "closed"
            case "projects.code.read":
                return self.mine(r["owner"])
            case "projects.budget.read":
                return self.mine(r["owner"]) or self.my_team(r["team"])
            case "projects.budget.write":
                return r["state"] == "draft" or self.role == "manager"
            case "tasks.read":
                project = self.row("projects", r["project"])
                opened = project is not None and project["open"]
                return self.owns_project(r["project"]) or self.mine(r["assignee"]) or bool(opened)
            case "tasks.create" | "tasks.delete" | "tasks.points.write":
                return self.owns_project(r["project"])
            case "tasks.update":
                project = self.row("projects", r["project"])
                active = project is not None and project["state"] == "active"
                return self.owns_project(r["project"]) or (self.mine(r["assignee"]) and active)
            case "tasks.reviewer.read":
                return self.owns_project(r["project"]) or self.mine(r["reviewer"])
            case "comments.read":
                return not r["private"] or self.mine(r["author"]) or self.owns_task(r["task"])
            case "comments.create" | "comments.update":
                return self.mine(r["author"])
            case "comments.delete":
                return self.mine(r["author"]) or self.owns_task(r["task"])
            case "rooms.read":
                return any(self.mine(s["user"]) for s in self.seats(r))
            case "rooms.update":
                return self.leads(r)
            case "rooms.delete":
                return self.signed_in and all(self.mine(s["user"]) for s in self.seats(r))
            case "rooms.topic.read":
                return sum(s["level"] == "lead" for s in self.seats(r)) == 1
            case "seats.read":
                return self.mine(r["user"]) or self.role == "manager"
            case "seats.create":
                room = self.row("rooms", r["room"])
                return room is not None and self.leads(room)
            case "notices.create" | "notices.update" | "notices.delete":
                return bool(self.role == "manager")
            case "reports.read":
                return self.role in ("auditor", "manager")
            case "plans.read":
                return self.my_team(r["team"])
            case "tags.read":
                return r["shown"] or any(self.marked(r))
            case "tags.update":
                return self.signed_in and all(self.marked(r))
            case "marks.read":
                return not r["hidden"] or self.owns_project(r["project"])
            case "marks.create" | "marks.update" | "marks.delete":
                return self.owns_project(r["project"])
            case "rooms.create" | "teams.motto.read" | "tags.weight.read":
                return self.signed_in
            case "users.badge.read" | "tasks.label.read":
                wanted = "auditor" if rule == "users.badge.read" else "manager"
                return bool(self.role == wanted)
            case "teams.read" | "notices.read":
                return True
        return rule not in _RULED_FIELDS and rule.count(".") == 2  # a field without a rule

    def possible(self, rule: str) -> bool:
        """Whether a rule can be true for this caller at all, as far as `auth` alone tells."""
        if rule in _SECRET:
            return self.kind == "system"
        if rule == "projects.grade.write":
            return self.kind == "system"
        if self.past:
            return True
        if rule in _OPEN_TO_ALL or (rule.count(".") == 2 and rule not in _RULED_FIELDS):
            return True
        if rule in _BY_ROLE:
            return self.role in _BY_ROLE[rule]
        if rule in _CLOSED or rule.split(".")[0] == "vault":
            return False
        if rule == "plans.read":
            return self.team is not None
        return self.signed_in

    # reading

    def sees(self, collection: str, row: Row) -> bool:
        return self.holds(f"{collection}.read", row) and self.possible(f"{collection}.read")

    def has(self, collection: str, word: str) -> bool:
        """Whether a field exists for this caller."""
        return self.possible(f"{collection}.{word}.read")

    def sees_field(self, collection: str, row: Row, word: str) -> bool:
        rule = f"{collection}.{word}.read"
        return self.has(collection, word) and self.holds(rule, row)

    def told(
        self, collection: str, rows: tuple[Row | None, ...], worlds: tuple[Rows, Rows]
    ) -> list[Told]:
        """What the change log tells of what a transaction made of a record: to the system each
        step, to others the whole; what the record was before in the world before."""
        ends = (rows[0], rows[-1])
        pairs = pairwise(rows) if self.kind == "system" else [ends]
        return [told for pair in pairs for told in self._told(collection, pair, worlds)]

    def _told(
        self, collection: str, pair: tuple[Row | None, Row | None], worlds: tuple[Rows, Rows]
    ) -> list[Told]:
        before, after = (
            self._on(world)._logged(collection, row)
            for row, world in zip(pair, worlds, strict=True)
        )
        if before is None:
            return [] if after is None else [("create", None, after)]
        return [("delete" if after is None else "update", before, after)]

    def _logged(self, collection: str, row: Row | None) -> Row | None:
        if row is None or not self.sees(collection, row):
            return None
        kept = {w: v for w, v in row.items() if f"{collection}.{w}.read" not in _SECRET}
        return {w: v for w, v in kept.items() if self.sees_field(collection, row, w)}

    def masks(self, collection: str, word: str) -> bool:
        """Whether a rule hides the field in some rows only."""
        return f"{collection}.{word}.read" in _BY_ROW and not self.past

    def visible(self, collection: str) -> list[Row]:
        """The rows of a list, in the order of their keys."""
        rows = self.rows[collection]
        return [rows[key] for key in sorted(rows) if self.sees(collection, rows[key])]

    def body(self, collection: str, row: Row, expand: str = "") -> dict[str, Any]:
        """A record as the caller gets it; `expand` is one path of relations."""
        shown: dict[str, Any] = {}
        first, _, rest = expand.partition(".")
        for field in FIELDS[collection]:
            if not self.sees_field(collection, row, field.name):
                continue
            shown[field.name] = row[field.name]
            if field.name == first:
                target = self.row(field.to, row[first])
                if target is not None and self.sees(field.to, target):
                    shown[first] = self.body(field.to, target, rest)
        if first in far_of(collection):
            child, _links = far_of(collection)[first]
            items = [self.body(child, r, rest) for r in self.children(collection, row, first)]
            shown[first] = {"items": items, "more": False}
        return shown

    def children(self, collection: str, row: Row, relation: str) -> list[Row]:
        """The rows behind a to-many relation that this caller may know of."""
        child, links = far_of(collection)[relation]
        if not all(self.has(*link) for link in links):
            raise Unknown(relation)
        if relation in THROUGH.get(collection, {}):
            reached = self._reached(row, *THROUGH[collection][relation][1:])
            return [r for r in self.visible(child) if r["id"] in reached]
        ((_, link),) = links
        return [
            r
            for r in self.visible(child)
            if r[link] == row["id"] and self.sees_field(child, r, link)
        ]

    def _reached(self, row: Row, link: str, by: str, to: str) -> set[Any]:
        """Where the links of a row lead, those that this caller may know of."""
        return {
            r[to]
            for r in self.visible(link)
            if r[by] == row["id"] and self.sees_field(link, r, by) and self.sees_field(link, r, to)
        }

    def resolve(self, collection: str, path: str) -> tuple[str, F]:
        """Where a path leads, or `Unknown`."""
        here = collection
        *steps, leaf = path.split(".")
        for step in steps:
            here = self._field(here, step).to
        return here, self._field(here, leaf)

    def _field(self, collection: str, word: str) -> F:
        for field in FIELDS[collection]:
            if field.name == word and self.has(collection, word):
                return field
        raise Unknown(word)

    def value(self, collection: str, row: Row, path: str, broken: Any = None) -> Any:
        """What a path of this caller finds; `broken` where it ends before its last name."""
        *steps, leaf = path.split(".")
        here: Row | None = row
        for step in steps:
            assert here is not None
            if not self.sees_field(collection, here, step):
                return broken
            field = self._field(collection, step)
            here = self.row(field.to, here[step])
            collection = field.to
            if here is None or not self.sees(collection, here):
                return broken
        assert here is not None
        return here[leaf] if self.sees_field(collection, here, leaf) else None

    def passing(self, collection: str, test: Callable[[Row], bool | None]) -> list[str]:
        """The keys of visible rows for which a condition is certainly true."""
        return [r["id"] for r in self.visible(collection) if test(r) is True]

    def compare(self, collection: str, path: str, op: str, value: Any) -> Callable[[Row], Any]:
        """A comparison as a condition: true, false, or None for an error."""

        def test(row: Row) -> bool | None:
            found = self.value(collection, row, path, ERROR)
            if found is ERROR:
                return None
            if op in ("==", "!="):
                return bool((found == value) is (op == "=="))
            if found is None or value is None:
                return None
            return bool(found < value if op == "<" else found >= value)

        return test

    # writing

    def settable(self, collection: str, word: str) -> str:
        """`yes`, or the refusal of a body that names the field: `422`, `403`."""
        if self.kind == "system":
            return "yes"
        fields = {f.name for f in FIELDS[collection]}
        if word not in fields or word == "admin" or (collection, word) == ("projects", "grade"):
            return "422"
        if self.possible(f"{collection}.{word}.write"):
            return "yes"
        return "403" if self.has(collection, word) else "422"

    def _closed(self, rule: str) -> int | None:
        if self.possible(rule):
            return None
        return 403 if self.signed_in else 401

    def _guarded(self, collection: str, row: Row, old: Row | None, named: Any) -> bool:
        """Whether the rules of all named fields hold."""
        return not self._refused_fields(collection, row, old, named)

    def _refused_fields(self, collection: str, row: Row, old: Row | None, named: Any) -> list[str]:
        if self.kind == "system":
            return []
        rules = {f.name: f"{collection}.{f.name}.write" for f in FIELDS[collection]}
        return [w for w in rules if w in named and not self.holds(rules[w], row, old)]

    def _refusal(
        self, collection: str, rule: str, row: Row, old: Row | None, named: Any
    ) -> Errors | None:
        """What a 403 of a row tells: of its rule nothing; else the first refused field."""
        if not self.holds(rule, row, old):
            return NOTHING
        refused = self._refused_fields(collection, row, old, named)
        return _at(refused[:1], "access.field_refused") if refused else None

    def _dangling(self, collection: str, row: Row, named: Any) -> list[str]:
        """The named references that lead to nothing that the caller may read."""
        found = []
        for field in FIELDS[collection]:
            if field.kind == "ref" and field.name in named and row[field.name] is not None:
                target = self.row(field.to, row[field.name])
                if target is None or not self.sees(field.to, target):
                    found.append(field.name)
        return found

    def _clashes(self, collection: str, row: Row, old: Row | None) -> Errors:
        """The taken values, told at their fields where the caller knows of these."""
        found: set[tuple[str, str]] = set()
        for word in ("id", *UNIQUE.get(collection, ())):
            others = [r for r in self.rows[collection].values() if r is not old]
            if row[word] is not None and any(o[word] == row[word] for o in others):
                found.add((f"/{word}" if self.has(collection, word) else "", "unique"))
        return frozenset(found)

    def after(self, collection: str, row: Row) -> Oracle:
        """The same caller, when a row has been written."""
        rows = copy.copy(self.rows)
        rows[collection] = {**rows[collection], row["id"]: dict(row)}
        return self._on(rows)

    def _on(self, rows: Rows) -> Oracle:
        other = copy.copy(self)
        other.rows = rows
        return other

    def create(self, collection: str, sent: Row) -> Verdict:
        """What a create comes to."""
        closed = self._closed(f"{collection}.create")
        if closed:
            return self._no(closed)
        blank: dict[str, Any] = {f.name: None for f in FIELDS[collection]}
        row = {**blank, **DEFAULTS.get(collection, {}), **sent}
        missing = [word for word in REQUIRED[collection] if row[word] is None]
        if missing or self._unsettable(collection, sent):
            return self._no(422, _at([*missing, *self._unsettable(collection, sent)], ""))
        taken = sent["id"] in self.rows[collection]
        then = self if taken else self.after(collection, row)
        return then._settle(self, collection, row, None, sent, row)

    def _settle(
        self, before: Oracle, collection: str, row: Row, old: Row | None, named: Any, moved: Any
    ) -> Verdict:
        """What becomes of a row that is as it would be, where it is judged together with others:
        the references come first, because a rule may read what they lead to."""
        unseen = self._dangling(collection, row, moved)
        unseen += [word for word in before._dangling(collection, row, moved) if word not in unseen]
        dangling = _at(unseen, "reference.not_found")
        if dangling and not self.past:
            return before._no(409, dangling)
        rule = f"{collection}.{'create' if old is None else 'update'}"
        # among the rows that were there, too: nobody is let in by what the write itself brings
        refused = before._refusal(collection, rule, row, old, named)
        if refused is None:
            refused = self._refusal(collection, rule, row, old, named)
        if refused is not None and not dangling:
            return before._no(403, refused)
        conflicts = dangling | before._clashes(collection, row, old)
        return (
            before._no(409, conflicts)
            if conflicts
            else Verdict(201 if old is None else 200, self.rows)
        )

    def _no(self, status: int, errors: Errors = NOTHING) -> Verdict:
        return Verdict(status, self.rows, errors)

    def _unsettable(self, collection: str, sent: Row) -> list[str]:
        return [word for word in sent if self.settable(collection, word) == "422"]

    def update(self, collection: str, key: str, sent: Row, missing: Any = ()) -> Verdict:
        """What a patch comes to."""
        closed = self._closed(f"{collection}.update")
        if closed:
            return self._no(closed)
        old = self.row(collection, key)
        if old is None or not self.sees(collection, old):
            return self._no(404)
        wrong = [*missing, *self._unsettable(collection, sent)]
        if wrong:
            return self._no(422, _at(wrong, ""))
        refused = self._refusal(collection, f"{collection}.update", old, old, sent)
        if refused is not None:
            return self._no(403, refused)
        row = {**old, **sent}
        moved = [w for w in sent if self._moves(collection, old, sent, w)]
        return self.after(collection, row)._settle(self, collection, row, old, sent, moved)

    def _moves(self, collection: str, old: Row, sent: Row, word: str) -> bool:
        """Whether a field counts as changed: one that may be hidden does so whatever it held."""
        unseen = self.masks(collection, word) or not self.has(collection, word)
        return unseen or sent[word] != old[word]

    def put(self, collection: str, key: str, sent: Row) -> Verdict:
        """What a put comes to."""
        updating = self._closed(f"{collection}.update")
        creating = self._closed(f"{collection}.create")
        if updating and creating:
            return self._no(updating)
        old = self.row(collection, key)
        if old is None or not self.sees(collection, old):
            return self._no(creating) if creating else self.create(collection, sent)
        if updating:
            return self._no(updating)
        values: dict[str, Any] = dict(sent)
        missing = []
        for word in (f.name for f in FIELDS[collection][1:]):
            if word in sent or word == "admin":
                continue
            if not self.sees_field(collection, old, word):
                continue  # who reads a record and puts it back takes nothing from it
            if word in REQUIRED[collection]:
                missing.append(word)
            elif self.settable(collection, word) == "yes" and self._guarded(
                collection, old, old, [word]
            ):
                values[word] = DEFAULTS.get(collection, {}).get(word)
        values.pop("id", None)
        return self.update(collection, key, values, missing)

    def delete(self, collection: str, key: str) -> Verdict:
        """What a delete comes to, with everything that hung on the row."""
        closed = self._closed(f"{collection}.delete")
        if closed:
            return self._no(closed)
        row = self.row(collection, key)
        if row is None or not self.sees(collection, row):
            return self._no(404)
        if not self.holds(f"{collection}.delete", row):
            return self._no(403)
        rows = {name: {k: dict(r) for k, r in here.items()} for name, here in self.rows.items()}
        going = _closure(rows, collection, key)
        for name, fields in FIELDS.items():
            for field in fields:
                for child in rows[name].values():
                    if (field.to, child[field.name]) not in going or (name, child["id"]) in going:
                        continue
                    if ON_DELETE.get((name, field.name)) != "set null":
                        return self._no(409)
                    child[field.name] = None
        for name, gone in going:
            del rows[name][gone]
        return Verdict(204, rows)


def _at(words: Any, code: str) -> Errors:
    return frozenset((f"/{word}", code) for word in words)


def far_of(collection: str) -> dict[str, tuple[str, tuple[tuple[str, str], ...]]]:
    """The to-many relations: where each leads, and the references that must be known for it."""
    backs = BACKS.get(collection, {}).items()
    through = THROUGH.get(collection, {}).items()
    return {
        **{name: (child, ((child, link),)) for name, (child, link) in backs},
        **{name: (far, ((link, by), (link, to))) for name, (far, link, by, to) in through},
    }


def _closure(rows: Rows, collection: str, key: str) -> set[tuple[str, str]]:
    """The row and what goes with it."""
    going = {(collection, key)}
    grown = True
    while grown:
        more = {
            (name, child["id"])
            for (name, word), action in ON_DELETE.items()
            if action == "cascade"
            for to in [next(f.to for f in FIELDS[name] if f.name == word)]
            for child in rows[name].values()
            if (to, child[word]) in going
        }
        grown = not more <= going
        going |= more
    return going


_SECRET = {"projects.secret.read", "users.pin.read"}
_BY_ROW = {
    "users.phone.read", "projects.code.read", "projects.budget.read", "tasks.reviewer.read",
    "rooms.topic.read",
}  # fmt: skip
_RULED_FIELDS = {
    *_BY_ROW, "teams.motto.read", "users.badge.read", "users.pin.read", "projects.secret.read",
    "tags.weight.read", "tasks.label.read", "users.role.write", "users.team.write",
    "users.email.write",
    "projects.budget.write", "projects.grade.write", "tasks.points.write",
}  # fmt: skip
_OPEN_TO_ALL = {
    "teams.read", "notices.read", "users.read", "users.create", "projects.read", "tasks.read",
    "comments.read", "rooms.topic.read", "projects.budget.write", "users.email.write",
    "tags.read", "marks.read",
}  # fmt: skip
_BY_ROLE: dict[str, tuple[str, ...]] = {
    "users.role.write": ("manager",), "users.team.write": ("manager",),
    "users.badge.read": ("auditor",), "tasks.label.read": ("manager",),
    "notices.create": ("manager",), "notices.update": ("manager",),
    "notices.delete": ("manager",), "reports.read": ("auditor", "manager"),
}  # fmt: skip
_CLOSED = {
    "teams.create", "teams.update", "teams.delete", "users.delete", "seats.update", "seats.delete",
    "reports.create", "reports.update", "reports.delete", "plans.create", "plans.update",
    "plans.delete", "tags.create", "tags.delete",
}  # fmt: skip
