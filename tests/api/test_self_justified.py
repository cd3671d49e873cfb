"""No record is what lets itself in: a rule that asks the records of its own collection is asked of
those that were there, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from stanchion import App, Field, Many, Record, Ref, Rules, UserRecord, back, public, through
from stanchion.cli.explain import read_request
from stanchion.errors import Forbidden
from stanchion.explain import explain_request
from stanchion.explain.said import Explanation
from stanchion.http.rehearse import answer_with
from stanchion.query import Actor
from stanchion.testing import Client, as_actor, client

ANN, BOB, EVE = (f"0190a000-0000-7000-8000-00000000000{n}" for n in (1, 2, 3))
RED, BLUE = (f"0190b000-0000-7000-8000-00000000000{n}" for n in (1, 2))
SHELF, NEW, NEWER = (f"0190c000-0000-7000-8000-00000000000{n}" for n in (1, 2, 3))
LEADS = "record.team.members.exists(m, m.user == auth.id && m.level == 'lead')"


def make_app() -> App:
    app = App("Club")

    @app.collection("users")
    class User(UserRecord):
        rules = Rules(read=public)

    @app.collection("teams")
    class Team(Record):
        members: Many[Member] = back("team")
        users: Many[User] = through("badges")
        rules = Rules(read=public)

    @app.collection("members")
    class Member(Record):
        team: Ref[Team]
        user: Ref[User]
        level: str = Field(default="guest", write=LEADS)
        rules = Rules(
            read=public,
            create="record.team.members.exists(m, m.user == auth.id)"
            " && size(record.team.members) < 4",
            update="record.team.members.exists(m, m.user == auth.id)",
        )

    @app.collection("badges")
    class Badge(Record):
        team: Ref[Team]
        user: Ref[User]
        rules = Rules(read=public, create="record.team.users.exists(u, u.id == auth.id)")

    @app.collection("rooms")
    class Room(Record):
        seats: Many[Seat] = back("room")
        rules = Rules(read="record.seats.exists(s, s.user == auth.id)")

    @app.collection("seats")
    class Seat(Record):
        room: Ref[Room]
        user: Ref[User]
        rules = Rules(read=public, write="record.user == auth.id || record.user == null")

    @app.collection("shelves")
    class Shelf(Record):
        owner: Ref[User]
        parent: Ref[Shelf] | None = None
        rules = Rules(read=public, write="record.parent.owner == auth.id")

    @app.seed
    async def fill(tx: Any) -> None:
        for key in (ANN, BOB, EVE):
            await tx.create(User(id=key, email=f"{key[-1]}@club.example"))
        await tx.create(Team(id=RED))
        await tx.create(Team(id=BLUE))
        await tx.create(Member(id=ANN, team=RED, user=ANN, level="lead"))
        await tx.create(Member(id=BOB, team=BLUE, user=BOB))
        await tx.create(Shelf(id=SHELF, owner=ANN))
        for key, user in ((RED, ANN), (BLUE, BOB)):
            await tx.create(Room(id=key))
            await tx.create(Seat(id=user, room=key, user=user))

    return app


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app()) as caller:
        yield caller


def actor(who: str) -> Actor:
    return Actor("user", {"id": who, "email": f"{who[-1]}@club.example"})


def status(http: Client, who: str, method: str, path: str, body: Any = None) -> int:
    with as_actor(http.app, actor(who)):
        return http.request(method, f"/api/{path}", body).status


def test_nobody_becomes_a_member_by_being_the_new_member(http: Client) -> None:
    mine = {"team": RED, "user": EVE}
    assert status(http, EVE, "POST", "members", mine) == 403
    assert status(http, EVE, "PUT", f"members/{NEW}", mine) == 403
    steps = {"steps": [{"method": "POST", "path": "/api/members", "body": mine}]}
    assert status(http, EVE, "POST", "_batch", steps) == 403
    assert status(http, ANN, "POST", "members", mine) == 201, "a member brings others in"


def test_two_of_one_array_do_not_let_each_other_in(http: Client) -> None:
    assert status(http, EVE, "POST", "members", [{"team": RED, "user": EVE}] * 2) == 403


def test_a_later_one_of_an_array_may_ask_for_an_earlier_one(http: Client) -> None:
    sub = {"id": NEW, "owner": ANN, "parent": SHELF}
    below = {"id": NEWER, "owner": EVE, "parent": NEW}
    assert status(http, ANN, "POST", "shelves", [sub, below]) == 201


def test_nobody_moves_a_membership_to_where_it_would_let_itself_in(http: Client) -> None:
    assert status(http, BOB, "PATCH", f"members/{BOB}", {"team": RED}) == 403
    assert status(http, BOB, "PUT", f"members/{BOB}", {"team": RED, "user": BOB}) == 403
    assert status(http, ANN, "PATCH", f"members/{ANN}", {"team": RED}) == 200


def test_a_conditional_update_moves_nothing_there_either(http: Client) -> None:
    async def move(team: str) -> int:
        member = http.app.runtime.model.bindings["members"].record
        async with http.app.transaction(actor=actor(BOB)) as tx:
            return await tx.update_where(member, "id == $id", {"team": team}, id=BOB)

    with pytest.raises(Forbidden):
        http.run(move(RED))
    assert http.run(move(BLUE)) == 1


def test_a_field_is_not_set_by_what_the_record_becomes_with_it(http: Client) -> None:
    assert status(http, BOB, "PATCH", f"members/{BOB}", {"level": "lead"}) == 403
    lead = {"team": BLUE, "user": BOB, "level": "lead"}
    assert status(http, BOB, "POST", "members", lead) == 403
    assert status(http, BOB, "POST", "members", {"team": BLUE, "user": BOB}) == 201


def test_a_link_is_not_its_own_ground(http: Client) -> None:
    assert status(http, EVE, "POST", "badges", {"team": RED, "user": EVE}) == 403


def test_a_record_is_not_its_own_parent(http: Client) -> None:
    own = {"id": NEW, "owner": EVE, "parent": NEW}
    assert status(http, EVE, "POST", "shelves", own) == 403
    ring = [{"id": NEW, "owner": EVE, "parent": NEWER}, {"id": NEWER, "owner": EVE, "parent": NEW}]
    assert status(http, EVE, "POST", "shelves", ring) == 403


def test_nobody_refers_to_a_record_that_is_seen_by_that_reference_alone(http: Client) -> None:
    mine = {"room": RED, "user": EVE}
    assert status(http, EVE, "POST", "seats", mine) == 409
    assert status(http, EVE, "POST", "seats", [mine, mine]) == 409
    assert status(http, EVE, "PUT", f"seats/{NEW}", mine) == 409
    assert status(http, BOB, "PATCH", f"seats/{BOB}", {"room": RED}) == 409
    assert status(http, EVE, "GET", f"rooms/{RED}") == 404
    assert status(http, ANN, "POST", "seats", {"room": RED, "user": ANN}) == 201


def test_what_the_write_makes_counts_as_well(http: Client) -> None:
    guests = [{"team": RED, "user": BOB} for _ in range(3)]
    assert status(http, ANN, "POST", "members", guests) == 403, "there would be four"
    assert status(http, ANN, "POST", "members", guests[:2]) == 201


def test_it_is_explained_which_of_the_two_refused(http: Client) -> None:
    runtime = http.app.runtime

    def said(who: str, bodies: Any) -> list[tuple[str, str | None]]:
        async def explain() -> Explanation:
            records = await runtime.records()
            request = read_request("POST", "/api/members", json.dumps(bodies), ())
            answer = answer_with(request, runtime)
            return await explain_request(request, records, actor(who), answer)

        return [(rule.on, rule.outcome) for rule in http.run(explain()).rules]

    mine = {"id": NEW, "team": RED, "user": EVE}
    assert said(EVE, mine) == [("the new record", "does not hold")]
    assert said(ANN, mine) == [("the new record", "holds")]
    many = [{"team": RED, "user": BOB} for _ in range(3)]
    told = said(ANN, many)
    assert ("the new record", "holds") in told
    assert ("the new record, as one of the others", "does not hold") in told
