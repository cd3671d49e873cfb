"""What happened to the world before anybody asked: transactions that end where they began.

In: the rows that are planted.   Out: every change that its log holds, with the whole world on both
sides of its transaction; and the same transactions, written to an app by the system.
Each record is made, goes with everything and comes back; each of its fields is changed by itself,
beside a change of every record that decides who may read it, and while the record is for a moment,
inside the transaction, what others may read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from stanchion import App
from stanchion.query import SYSTEM

from .oracle import Oracle, Row
from .world import FIELDS, REQUIRED, ROWS, Rows, other_values


@dataclass(frozen=True, slots=True)
class Step:
    """One write: the values of a new record, or those that change."""

    method: Literal["create", "update", "delete"]
    collection: str
    key: str
    values: Row


@dataclass(frozen=True, slots=True)
class Change:
    """What the transaction with this number did to a record: what it was before and after each
    step that changed it, and the worlds before and after all of them."""

    number: int
    collection: str
    key: str
    rows: tuple[Row | None, ...]
    worlds: tuple[Rows, Rows]


DECIDING = {
    "projects": ("owner", "open", "state"), "tasks": ("project",),
    "seats": ("room", "user", "level"), "marks": ("project", "tag"),
}  # fmt: skip
"""Collection, fields: what decides about records that are not these."""
OWN = {
    "users": ("team", "role"), "projects": ("owner", "open"), "tasks": ("project", "assignee"),
    "comments": ("author", "private"), "seats": ("user",), "tags": ("shown",),
    "marks": ("project",), "plans": ("team",),
}  # fmt: skip
"""Collection, fields: what decides about the record itself."""


def deciders(collection: str, row: Row) -> Iterator[tuple[str, Row]]:
    """The records, each with its collection, that may decide who reads this one."""
    match collection:
        case "tasks" | "marks":
            near = [("projects", row["project"])]
        case "comments":
            near = [("tasks", row["task"]), ("projects", ROWS["tasks"][row["task"]]["project"])]
        case "rooms":
            near = [("seats", key) for key, s in ROWS["seats"].items() if s["room"] == row["id"]]
        case "tags":
            marks = [m for m in ROWS["marks"].values() if m["tag"] == row["id"]]
            near = [("marks", m["id"]) for m in marks]
            near += [("projects", key) for key in {m["project"]: None for m in marks}]
        case _:
            near = []
    return ((name, ROWS[name][key]) for name, key in near)


def transactions() -> Iterator[list[Step]]:
    """Everything after the planting; the last change is one that everybody is told."""
    for name, rows in ROWS.items():
        for row in rows.values():
            yield from _fields_change(name, row)
            yield from _beside_a_decider(name, row)
            yield from _goes_and_comes(name, row)
            yield from _passes_through(name, row)
    yield [Step("delete", s.collection, s.key, {}) for s in reversed(_all_comes())]
    yield _all_comes()
    yield from _there_and_back([("teams", next(iter(ROWS["teams"].values())), "name", "last")])


def _there_and_back(changed: list[tuple[str, Row, str, Any]]) -> Iterator[list[Step]]:
    """Values that records get in one transaction and lose in the next, in which what decided
    changes last."""
    yield [Step("update", name, row["id"], {word: value}) for name, row, word, value in changed]
    back = [Step("update", name, row["id"], {word: row[word]}) for name, row, word, _ in changed]
    yield back[::-1]


def _fields_change(name: str, row: Row) -> Iterator[list[Step]]:
    for found in FIELDS[name]:
        none = [None] if found.kind == "ref" and found.name not in REQUIRED[name] else []
        for value in [*other_values(found, row), *none]:
            if value != row[found.name]:
                yield from _there_and_back([(name, row, found.name, value)])


def _beside_a_decider(name: str, row: Row) -> Iterator[list[Step]]:
    word, value = _plain_change(name, row)
    for far, decider in deciders(name, row):
        for found in FIELDS[far]:
            for other in other_values(found, decider) if found.name in DECIDING[far] else ():
                deciding = (far, decider, found.name, other)
                yield from _there_and_back([deciding, (name, row, word, value)])


def _goes_and_comes(name: str, row: Row) -> Iterator[list[Step]]:
    """A record goes with all that hangs on it, and everything is as it was: in two transactions,
    and in one. Not where others restrict it."""
    verdict = Oracle(ROWS, "system", None).delete(name, row["id"])
    if verdict.status == 204:
        goes, comes = [Step("delete", name, row["id"], {})], list(_restored(verdict.rows))
        yield goes
        yield comes
        yield goes + comes


def _passes_through(name: str, row: Row) -> Iterator[list[Step]]:
    """Inside a transaction that changes something else, a record is others' for a moment."""
    word, value = _plain_change(name, row)
    for found in FIELDS[name]:
        for other in other_values(found, row) if found.name in OWN.get(name, ()) else ():
            yield [
                Step("update", name, row["id"], {found.name: other, word: value}),
                Step("update", name, row["id"], {found.name: row[found.name]}),
            ]
            yield [Step("update", name, row["id"], {word: row[word]})]


def _plain_change(name: str, row: Row) -> tuple[str, Any]:
    """A field that decides nothing, and another value for it."""
    found = next(f for f in FIELDS[name] if f.kind in ("text", "bool"))
    return found.name, other_values(found, row)[0]


def _restored(rows: Rows) -> Iterator[Step]:
    for step in _all_comes():
        stored = rows[step.collection].get(step.key)
        if stored is None:
            yield step
        elif stored != step.values:
            yield Step("update", step.collection, step.key, step.values)


def _all_comes() -> list[Step]:
    return [
        Step("create", name, key, row) for name, rows in ROWS.items() for key, row in rows.items()
    ]


# the worlds


def _after(rows: Rows, step: Step) -> Rows:
    if step.method == "delete":
        return Oracle(rows, "system", None).delete(step.collection, step.key).rows
    here = rows[step.collection]
    row = {**here.get(step.key, {}), **step.values}
    return {**rows, step.collection: {**here, step.key: row}}


def _differing(before: Rows, after: Rows) -> Iterator[tuple[str, str]]:
    for name in FIELDS:
        for key in {**before[name], **after[name]}:
            if before[name].get(key) != after[name].get(key):
                yield name, key


def _changes() -> Iterator[Change]:
    before: Rows = {name: {} for name in FIELDS}
    for number, steps in enumerate([_all_comes(), *transactions()]):
        after = before
        rows: dict[tuple[str, str], list[Row | None]] = {}
        for step in steps:
            then = _after(after, step)
            for name, key in _differing(after, then):
                here = rows.setdefault((name, key), [after[name].get(key)])
                here.append(then[name].get(key))
            after = then
        for (name, key), states in rows.items():
            yield Change(number, name, key, tuple(states), (before, after))
        before = after
    assert before == ROWS, "it ends where it began"


CHANGES = tuple(_changes())


async def write_history(app: App) -> None:
    """Do it all, after the planting, which is the first of the transactions."""
    records = {name: app.runtime.model.bindings[name].record for name in FIELDS}
    for steps in transactions():
        async with app.transaction(actor=SYSTEM) as tx:
            for step in steps:
                record = records[step.collection]
                match step.method:
                    case "create":
                        await tx.create(record(**step.values))
                    case "update":
                        await tx.update(record, step.key, step.values)
                    case "delete":
                        await tx.delete(record, step.key)
