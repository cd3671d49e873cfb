"""What happened to the world before anybody asked: transactions that end where they began.

In: the rows that are planted.   Out: every change that its log holds, with the whole world on both
sides of its transaction; and the same transactions, written to an app by the system.
Each record is made, goes with everything and comes back; each of its fields is changed by itself,
and beside a change of every record that decides who may read it. No transaction changes a record
twice.
"""

from __future__ import annotations

import copy
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
    """What the transaction with this number did to a record, in the worlds before and after it."""

    number: int
    collection: str
    key: str
    worlds: tuple[Rows, Rows]

    @property
    def rows(self) -> tuple[Row | None, Row | None]:
        """The record before and after."""
        before, after = self.worlds
        return before[self.collection].get(self.key), after[self.collection].get(self.key)


DECIDING = {
    "projects": ("owner", "open", "state"), "tasks": ("project",),
    "seats": ("room", "user", "level"), "marks": ("project", "tag"),
}  # fmt: skip
"""Collection, fields: what decides about records that are not these."""


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
    word = next(f.name for f in FIELDS[name] if f.kind in ("text", "bool"))
    value = not row[word] if isinstance(row[word], bool) else "changed"
    for far, decider in deciders(name, row):
        for found in FIELDS[far]:
            for other in other_values(found, decider) if found.name in DECIDING[far] else ():
                deciding = (far, decider, found.name, other)
                yield from _there_and_back([deciding, (name, row, word, value)])


def _goes_and_comes(name: str, row: Row) -> Iterator[list[Step]]:
    """A record goes with all that hangs on it, and everything is as it was; not where others
    restrict it."""
    verdict = Oracle(ROWS, "system", None).delete(name, row["id"])
    if verdict.status == 204:
        yield [Step("delete", name, row["id"], {})]
        yield list(_restored(verdict.rows))


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


def _worlds() -> Iterator[Rows]:
    """What is stored after each transaction, from nothing on."""
    rows: Rows = {name: {} for name in FIELDS}
    for steps in ([], _all_comes(), *transactions()):
        rows = copy.copy(rows)
        for step in steps:
            rows = _after(rows, step)
        yield rows


def _after(rows: Rows, step: Step) -> Rows:
    if step.method == "delete":
        return Oracle(rows, "system", None).delete(step.collection, step.key).rows
    here = rows[step.collection]
    row = {**here.get(step.key, {}), **step.values}
    return {**rows, step.collection: {**here, step.key: row}}


def _changes() -> Iterator[Change]:
    before, *later = _worlds()
    for number, after in enumerate(later):
        for name in FIELDS:
            for key in {**before[name], **after[name]}:
                change = Change(number, name, key, (before, after))
                if change.rows[0] != change.rows[1]:
                    yield change
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
