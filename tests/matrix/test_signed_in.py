"""The matrix with people who signed in: by cookie, by bearer token, by API key; and what is left
when a session has ended, its user is disabled, or has other rights than at sign-in.

The cells are those of `test_matrix`; of them `part` chooses a sample, and all are asked with
`STANCHION_MATRIX=deep`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import quote

import pytest

from stanchion import clock
from stanchion.auth import sessions
from stanchion.plan import policy
from stanchion.query import SYSTEM
from tests.conformance import engines

from .asking import Answer
from .oracle import NOTHING
from .part import sample
from .people import HOWS, KEYS, PEOPLE, WHOLE, People
from .sending import OTHER_SENDERS
from .ways import (
    WIRE_WAYS,
    Cell,
    by_id,
    cells_of,
    expands,
    filters,
    lists,
    outcome,
    patches,
    puts,
    sent_otherwise,
    wrong_cells,
)
from .world import LATER, LATER_ROWS, ROWS, auth_of, make_app, user_id

FEWEST = 5_000
NOBODY = "nobody"  # sends no headers but those that are named
MADE_UP = {"cookie": "__Host-session=st_" + "x" * 43}
DECIDED = {"ann": "plans", "cat": "reports", "eve": "reports", "admin": "vault"}
"""Caller, collection: a list that is another one with their later rights."""


@cache
def cells_by(caller: str) -> list[Cell]:
    """The cells of a caller that are requests, writes in batches and under keys too; a sample."""
    cells = cells_of(caller, ways=WIRE_WAYS)
    cells += [cell for sender in OTHER_SENDERS for cell in sent_otherwise(cells, sender)]
    return cells if engines.WHOLE else list(sample(cells, 10 if caller in PEOPLE else 16))


def asked(caller: str, every: int = 1) -> list[Cell]:
    """What is asked of them here: one in so many of the sample, a sixth of that elsewhere than on
    SQLite."""
    cells = cells_by(caller)
    if engines.WHOLE:
        return cells
    return cells[:: every if engines.current() == engines.SQLITE else 6 * every]


def shares(caller: str, every: int = 1) -> Iterator[tuple[str, list[Cell]]]:
    """How a caller comes, and what is asked then: of a sample each cell once."""
    cells = asked(caller, every)
    hows = HOWS[:2] if caller == "admin" else HOWS  # a key takes an address from admins
    for number, by in enumerate(hows):
        yield by, cells if engines.WHOLE else cells[number :: len(hows)]


def refused(cells: list[Cell], status: int, code: str) -> list[Cell]:
    """The same questions, to none of which there is another answer than this one."""
    written = status, ((code, NOTHING), ROWS)
    return [replace(c, expected=written if c.writes else (status, None)) for c in cells]


def check(people: People, by: str, cells: list[Cell]) -> None:
    """Ask all of them in one way."""
    people.by = by
    wrong = people.run(wrong_cells(people, cells))
    print(f"{len(cells):,} cells by {by or 'nothing'} on {engines.current().name}")
    assert not wrong, f"{len(wrong)} wrong cells by {by}\n" + "\n".join(wrong[:10])


# people, keys, nobody


@pytest.mark.parametrize("caller", PEOPLE)
def test_no_cell_of_who_signed_in_is_wrong(people: People, caller: str) -> None:
    for by, cells in shares(caller):
        check(people, by, cells)
    assert people.stored() == ROWS, "what was tried was taken back"


@pytest.mark.parametrize("caller", KEYS)
def test_no_cell_of_a_key_is_wrong(people: People, caller: str) -> None:
    check(people, "key", asked(caller, 2))
    assert people.stored() == ROWS


def test_no_key_leads_an_address_elsewhere(people: People) -> None:
    """Not even an admin's key that opens everything, and by no way to write a user."""
    cells = cells_of(KEYS[0], ["users"], [patches, puts])
    cells += sent_otherwise(cells, "batch")
    check(people, "key", [cell for cell in cells if "email" in str(cell.sent)])


def test_who_shows_nothing_that_opens_is_nobody(people: People) -> None:
    check(people, "", asked("anonymous", 2))
    people.headers["anonymous by invention"] = MADE_UP
    check(people, "invention", asked("anonymous", 4))


def test_a_page_of_another_site_writes_nothing(people: People) -> None:
    cells = asked("cat", 4)
    other = {**people.headers["cat by cookie"], "sec-fetch-site": "cross-site"}
    people.headers["cat by another site"] = other
    check(people, "another site", [c for c in cells if not c.writes])
    check(people, "another site", refused([c for c in cells if c.writes], 403, "auth.other_site"))


# what ends


def end(people: People) -> None:
    session = people.headers["cat by bearer"]
    (key,) = [
        key["id"]
        for key in people.ask(NOBODY, "GET", "/api/auth/keys", **session).json["items"]
        if key["scopes"] == [WHOLE]
    ]
    for method, path, headers in (
        ("DELETE", f"/api/auth/keys/{key}", session),
        ("POST", "/api/auth/logout", people.headers["cat by cookie"]),
        ("POST", "/api/auth/logout", session),
    ):
        assert people.ask(NOBODY, method, path, **headers).status == 204


def disable(people: People) -> None:
    change_users(people, {"cat": {"disabled": True}})


def expire(people: People) -> None:
    moment = clock.now_ns() + timedelta(days=91) // timedelta(microseconds=1) * 1000
    clock.use(lambda: moment)


def change_users(people: People, changes: dict[str, dict[str, Any]]) -> None:
    """Change users past all rules, at one moment."""
    record = people.app.runtime.model.bindings["users"].record

    async def change() -> None:
        async with people.app.transaction(actor=SYSTEM) as tx:
            for name, values in changes.items():
                await tx.update(record, user_id(name), values)

    people.run(change())


@pytest.fixture
def clock_that_is_moved() -> Iterator[None]:
    yield
    clock.use(None)


@pytest.mark.usefixtures("clock_that_is_moved")
@pytest.mark.parametrize("over", [end, disable, expire])
def test_what_is_over_opens_nothing(own_people: People, over: Callable[[People], None]) -> None:
    people = own_people
    (known,) = cells_of("cat", ["reports"], [lists])
    for by in HOWS:
        people.headers[f"anonymous by {by}"] = people.headers[f"cat by {by}"]
        people.by = by
        assert people.run(outcome(people, known)) == known.expected, "and is remembered"
    over(people)
    cells = asked("anonymous", 8)
    for by in reversed(HOWS):
        people.by = by
        answer = people.ask("anonymous", "GET", "/api/reports")
        assert answer.status == 401, f"the next request by {by}"
    check(people, "cookie", cells)
    check(people, "bearer", refused(cells, 401, "auth.session_ended"))
    check(people, f"key {WHOLE}", refused(cells, 401, "auth.key_ended"))


# other rights than at sign-in


def list_of(caller: str, by: str, later: str = "") -> Cell:
    """The list that tells which rights somebody has."""
    key = f" by {by}" if by.startswith("key") else ""
    (cell,) = cells_of(f"{caller}{later}{key}", [DECIDED[caller]], [lists])
    return cell


def sees(people: People, cell: Cell, by: str) -> bool:
    people.by = by
    return people.run(outcome(people, cell)) == cell.expected


@pytest.fixture
def two(own_people: People) -> Iterator[tuple[People, People]]:
    """Two processes of one app, as far as their memory goes; both remember everybody."""
    database = own_people.app.runtime.settings.database_url
    other = People(make_app(database), own_people.headers)
    for people in (own_people, other):
        for caller in DECIDED:
            for by in HOWS:
                assert sees(people, list_of(caller, by), by)
    yield own_people, other
    other.close()


def test_other_rights_count_from_the_next_request_everywhere_within_a_second(
    two: tuple[People, People],
) -> None:
    people, other = two
    change_users(people, LATER)
    done = time.monotonic()
    for caller in DECIDED:
        for by in HOWS:
            cell = list_of(caller, by, " later")
            assert sees(people, cell, by), f"{cell} in the process that changed it"
    for caller in DECIDED:
        for by in HOWS:
            cell, begun = list_of(caller, by, " later"), time.monotonic()
            while not sees(other, cell, by):
                assert begun - done < 1, f"{cell} in another process"
                begun = time.monotonic()
    for caller in (*DECIDED, "ben"):
        for by, cells in shares(f"{caller} later", 8):
            check(people, by, cells[::2])
            check(other, by, cells[1::2])
    assert people.stored() == LATER_ROWS


# explanations


class Explaining(People):
    """Nobody asks themselves: an admin asks why they would be answered as they are."""

    async def send(
        self, caller: Any, method: str, path: str, query: dict[str, str] | None = None,
        body: Any = None, **headers: str,
    ) -> Answer:  # fmt: skip
        row = auth_of(caller)
        pairs = "&".join(f"{k}={quote(v)}" for k, v in (query or {}).items())
        asked = {"path": f"{path}?{pairs}", "as": caller if row is None else row["email"]}
        found = await super().send("admin", "GET", EXPLAIN, asked)
        answer = found.json["answer"]
        return Answer(answer["status"], {}, json.dumps(answer["document"]).encode())


EXPLAIN = "/api/_explain"
EXPLAINED = (by_id, lists, filters, expands)


@pytest.mark.parametrize("caller", ["anonymous", "ann", "cat"])
def test_an_explanation_tells_what_would_be_answered(explaining: Explaining, caller: str) -> None:
    cells = list(sample(cells_of(caller, ways=EXPLAINED)))
    check(explaining, "bearer", cells[:: 1 if engines.WHOLE else 10])


@pytest.fixture
def explaining(own_people: People) -> Iterator[Explaining]:
    database = own_people.app.runtime.settings.database_url
    opened = Explaining(make_app(database), own_people.headers)
    yield opened
    opened.close()


def test_explanations_are_for_admins_and_for_no_key(people: People) -> None:
    asked = {"path": "/api/vault", "as": "admin"}
    for by in ("cookie", "bearer"):
        people.by = by
        told = {name: people.ask(name, "GET", EXPLAIN, asked).status for name in PEOPLE}
        assert told == {**dict.fromkeys(PEOPLE, 403), "admin": 200}
    for caller in KEYS:
        refusal = people.ask(caller, "GET", EXPLAIN, asked)
        assert (refusal.status, refusal.json["code"]) == (403, "auth.no_key_here")
    assert people.ask("anonymous", "GET", EXPLAIN, asked).status == 401


# what would be seen


def test_scopes_that_nobody_asks_turn_cells_red(
    own_people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy.Profile, "in_scope", lambda *_: True)
    for caller in KEYS[1:4]:
        assert own_people.run(wrong_cells(own_people, asked(caller, 8))), caller


def test_a_process_that_asks_for_nothing_that_ended_turns_cells_red(
    two: tuple[People, People], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "FRESH_S", 1e9)
    people, other = two
    change_users(people, LATER)
    for caller in DECIDED:
        for by in HOWS:
            assert not sees(other, list_of(caller, by, " later"), by)


def test_what_was_asked_is_as_much_as_promised() -> None:
    counts = {caller: sum(len(cells) for _, cells in shares(caller)) for caller in PEOPLE}
    counts |= {caller: len(asked(caller, 2)) for caller in KEYS}
    counts["anonymous"] = len(asked("anonymous", 2)) + len(asked("anonymous", 4))
    counts["over"] = 3 * len(HOWS) * len(asked("anonymous", 8))
    later = (f"{caller} later" for caller in (*DECIDED, "ben"))
    counts["later"] = sum(len(cells) for caller in later for _, cells in shares(caller, 8))
    total = sum(counts.values())
    print("\n".join(f"{n:7,} {name}" for name, n in counts.items()), f"\n{total:7,} cells")
    assert total >= FEWEST or engines.current() != engines.SQLITE
