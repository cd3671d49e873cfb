"""`app.transaction()` as the caller is one more way in: what it reads, what it may write."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stanchion.errors import Problem

from .asking import Asking
from .sending import Outcome
from .told import told_too_much
from .ways import Cell, cells_of
from .world import CALLERS, REQUIRED, ROWS

LISTED = {"filter", "path in filter", "macro in filter", "many-to-many in filter", "search"}
EVERY_READ, EVERY_WRITE = 4, 5


def reads_of(caller: str) -> list[Cell]:
    """Some of the reads of one caller that a transaction can be asked for."""
    ways = {*LISTED, "by id"}
    return [cell for cell in cells_of(caller) if cell.way in ways][::EVERY_READ]


def writes_of(caller: str) -> list[Cell]:
    """Some of the writes of one caller; a transaction knows no PUT, and a record that lacks a
    field cannot be made in Python."""

    def fits(cell: Cell) -> bool:
        sent = cell.sent
        if sent is None or sent.method == "PUT":
            return False
        return sent.method != "POST" or set(REQUIRED[cell.collection]) <= set(sent.body)

    return [cell for cell in cells_of(caller) if fits(cell)][2::EVERY_WRITE]


async def read(asking: Asking, cell: Cell) -> Outcome:
    """The keys that a transaction of this caller finds."""
    record = asking.app.runtime.model.bindings[cell.collection].record
    query = cell.query or {}
    async with asking.app.transaction(actor=asking.actor(cell.caller)) as tx:
        try:
            if cell.way == "by id":
                key = next(
                    k for k in (*ROWS[cell.collection], _no_key(cell)) if k[-2:] == cell.about
                )
                one = await tx.get(record, key)
                return (404, None) if one is None else (200, one.id)
            page = await tx.list(record, query.get("filter", ""), q=query.get("q"), fields="id")
        except Problem as refused:
            return refused.status, None
    return 200, [str(one.id) for one in page]


def _no_key(cell: Cell) -> str:
    """A key that no record has."""
    return f"{next(iter(ROWS[cell.collection]))[:-3]}3{cell.about}"


async def write(asking: Asking, cell: Cell) -> Outcome:
    """The same write by a method of a transaction, and what its refusal tells."""
    record = asking.app.runtime.model.bindings[cell.collection].record
    assert cell.sent is not None
    key = cell.sent.path.rpartition("/")[2]
    async with asking.app.transaction(actor=asking.actor(cell.caller)) as tx:
        try:
            match cell.sent.method:
                case "POST":
                    await tx.create(record(**cell.sent.body))
                    return 201, None
                case "PATCH":
                    await tx.update(record, key, cell.sent.body)
                    return 200, None
            await tx.delete(record, key)
            return 204, None
        except Problem as refused:
            spoken = told_too_much(cell.caller, repr(cell.sent), [str(refused)])
            assert not spoken, f"{cell} tells of {spoken}: {refused}"
            shape = refused.status == 422
            errors = frozenset((e.pointer or "", "" if shape else e.code) for e in refused.errors)
            return refused.status, (refused.code, errors)


def differing(asking: Asking, cells: list[Cell]) -> Iterator[str]:
    """The cells in which a transaction and the oracle differ."""
    for cell in cells:
        status, told = cell.expected
        if cell.writes:
            (shown, then) = told
            expected = (status, shown if status >= 400 else None), then
            found = asking.run(asking.tried(lambda cell=cell: write(asking, cell)))
            if found != expected:
                yield f"{cell}\n  expected {expected[0]}\n  found    {found[0]}"
        else:
            expected = status, told["id"] if cell.way == "by id" and status == 200 else told
            found = asking.run(read(asking, cell))
            if found != expected:
                yield f"{cell}\n  expected {expected}\n  found    {found}"


@pytest.mark.parametrize("caller", CALLERS)
def test_a_transaction_as_the_caller_reads_and_writes_no_more_than_its_requests(
    asking: Asking, caller: str
) -> None:
    reads, writes = reads_of(caller), writes_of(caller)
    print(f"{caller}: {len(reads)} reads and {len(writes)} writes in a transaction")
    wrong = list(differing(asking, [*reads, *writes]))
    assert not wrong, f"{len(wrong)} wrong\n" + "\n".join(wrong[:8])
    assert asking.stored() == ROWS
