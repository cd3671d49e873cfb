"""What is good once is good once, also when a hundred use it at the same moment (TRUST S25): links,
codes of mails, codes of authenticators, tickets, an address, a coupon, the last piece in stock.

Each case is a request that is sent a hundred times at once, of which one may succeed. The same with
the guard of each taken away: `tests/attacks/test_used_twice.py`.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import mintotp
import pytest
from fastapi import HTTPException

from stanchion import App, Field, Record, Rules, Settings, SignIn, UserRecord, public
from stanchion.auth import passwords, tickets
from stanchion.store.steps import Steps
from stanchion.testing import Client, Response, as_actor, client
from tests.together import together

ANN, GOOD = "ann@example.com", "zebra fox lamp"
AT_ONCE = 100
MANY = "100000/h"
PIECE = "0190a000-0000-7000-8000-000000000001"
PATIENT = Settings(transaction_ms=60_000, write_deadline_ms=60_000, read_deadline_ms=60_000)


def make_app() -> App:
    app = App("Once", settings=PATIENT)

    @app.collection("users")
    class User(UserRecord):
        sign_in = SignIn(
            register="open", codes_by_mail=True, totp=True, attempts=MANY, mails=MANY,
            attempts_from_anywhere=MANY, attempts_of_client=MANY, codes=MANY,
            codes_from_anywhere=MANY, registrations=MANY, mails_of_client=MANY,
        )  # fmt: skip
        rules = Rules(read="record.id == auth.id")

    @app.collection("pieces")
    class Piece(Record):
        left: int
        rules = Rules(read=public)

    @app.collection("coupons")
    class Coupon(Record):
        code: str = Field(max_length=20, unique=True)
        rules = Rules(read=public, create=public)

    @app.post("/buy")
    async def buy() -> int:
        async with app.transaction(actor=app.system()) as tx:
            piece = await tx.get(Piece, PIECE)
            assert piece is not None
            if piece.left < 1:
                raise HTTPException(409, "none is left")
            await tx.update(Piece, PIECE, left=piece.left - 1)
        return piece.left

    looked: list[int] = []
    two_looked = asyncio.Event()

    @app.post("/careless/buy")
    async def buy_carelessly() -> int:
        """A fault, planted: it looks in one transaction and takes in another."""
        async with app.transaction(actor=app.system()) as tx:
            piece = await tx.get(Piece, PIECE)
        assert piece is not None
        if piece.left < 1:
            raise HTTPException(409, "none is left")
        looked.append(piece.left)
        if len(looked) == 2:
            two_looked.set()
        await two_looked.wait()
        async with app.transaction(actor=app.system()) as tx:
            await tx.update(Piece, PIECE, left=piece.left - 1)
        return piece.left

    app.state.piece = Piece
    return app


@pytest.fixture(scope="module")
def http() -> Iterator[Client]:
    """As many hashes may wait as are asked for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "WAITING", AT_ONCE)
        with client(make_app()) as running:
            user = post(running, "/register", email=ANN, password=GOOD).json()["user"]["id"]
            with as_actor(running.app, running.app.system()):
                running.patch(f"/api/users/{user}", {"verified": True})
            yield running


def post(http: Client, path: str, headers: Any = None, **body: Any) -> Response:
    return http.post(f"/api/auth{path}", body, headers=headers)


def mailed(http: Client) -> str:
    """The text of the newest mail, after what is due was sent."""
    http.run_jobs()
    part = http.mails[-1].get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def token_in(text: str) -> str:
    return str(set(re.findall(r"\?token=([\w-]+)", text)).pop())


# what is used, and by which request


Use = Callable[[int], Response]


def a_reset_link(http: Client) -> Use:
    post(http, "/reset", email=ANN)
    token = token_in(mailed(http))
    return lambda n: post(http, "/reset/confirm", token=token, password=f"seven harbours {n}")


def a_link_that_signs_in(http: Client) -> Use:
    post(http, "/code", email=ANN)
    token = token_in(mailed(http))
    return lambda n: post(http, "/link", token=token)


def a_code_by_mail(http: Client) -> Use:
    request = post(http, "/code", email=ANN).json()["request"]
    found = re.search(r"^Your code: ([0-9]{6})$", mailed(http), re.MULTILINE)
    assert found is not None
    return lambda n: post(http, "/code/confirm", request=request, code=found[1])


def a_proof_of_an_address(http: Client) -> Use:
    email = f"new{time.time_ns()}@example.com"
    made = post(http, "/register", email=email, password=GOOD, **{"as": "token"})
    ann = {"authorization": f"Bearer {made.json()['token']}"}
    post(http, "/verification", ann)
    token = token_in(mailed(http))
    return lambda n: post(http, "/verify", token=token, password=f"seven harbours {n}")


@dataclass
class Enrolled:
    """Somebody new with an authenticator."""

    http: Client

    def __post_init__(self) -> None:
        self.email = f"totp{time.time_ns()}@example.com"
        body = {"email": self.email, "password": GOOD, "as": "token"}
        token = post(self.http, "/register", **body).json()["token"]
        ann = {"authorization": f"Bearer {token}"}
        begun = post(self.http, "/totp", ann).json()
        self.step = time.time_ns() // 30_000_000_000
        code = mintotp.hotp(begun["secret"], self.step)
        done = post(self.http, "/totp/confirm", ann, ticket=begun["ticket"], code=code)
        self.recovery = done.json()["recovery_codes"]
        self.code = mintotp.hotp(begun["secret"], self.step + 1)

        answer = self.http.get("/api/auth/me", headers=ann)
        self.user = str(answer.json()["user"]["id"])

    def begin(self, count: int) -> list[str]:
        """The tickets of so many sign-ins whose password was right."""
        made = [tickets.new_ticket("code", self.user, b"password") for _ in range(count)]

        def steps() -> Steps[None]:
            for _, asks in made:
                yield asks

        self.http.run(self.http.app.runtime.engine.write(steps))
        return [text for text, _ in made]

    def enter(self, ticket: str, code: str) -> Response:
        return post(self.http, "/login/code", ticket=ticket, code=code)


def a_code_of_an_authenticator(http: Client) -> Use:
    ann = Enrolled(http)
    begun = ann.begin(AT_ONCE)
    return lambda n: ann.enter(begun[n], ann.code)


def a_recovery_code(http: Client) -> Use:
    ann = Enrolled(http)
    begun = ann.begin(AT_ONCE)
    return lambda n: ann.enter(begun[n], ann.recovery[0])


def a_ticket(http: Client) -> Use:
    """With ten codes, each of which would be good."""
    ann = Enrolled(http)
    (ticket,) = ann.begin(1)
    return lambda n: ann.enter(ticket, ann.recovery[n % 10])


def an_address(http: Client) -> Use:
    email = f"new{time.time_ns()}@example.com"
    return lambda n: post(http, "/register", email=email, password=GOOD)


def a_coupon(http: Client) -> Use:
    code = f"c{time.time_ns() % 10**15}"
    return lambda n: http.post("/api/coupons", {"code": code})


def the_last_piece(http: Client, path: str = "/buy") -> Use:
    async def put() -> None:
        piece = http.app.state.piece
        async with http.app.transaction(actor=http.app.system()) as tx:
            if await tx.get(piece, PIECE) is None:
                await tx.create(piece(id=PIECE, left=1))
            else:
                await tx.update(piece, PIECE, left=1)

    http.run(put())
    return lambda n: http.post(path)


CASES = (
    a_reset_link, a_link_that_signs_in, a_code_by_mail, a_proof_of_an_address,
    a_code_of_an_authenticator, a_recovery_code, a_ticket, an_address, a_coupon, the_last_piece,
)  # fmt: skip


def succeeded(use: Use) -> int:
    """How many of a hundred did; the others are refused, and nothing breaks."""
    told = Counter(answer.status for answer in together(AT_ONCE, use))
    assert set(told) <= {200, 201, 204, 401, 403, 409}, told
    return sum(told[status] for status in (200, 201, 204))


@pytest.mark.unordered
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_of_a_hundred_at_once_one_succeeds(http: Client, case: Callable[[Client], Use]) -> None:
    assert succeeded(case(http)) == 1


@pytest.mark.unordered
def test_the_password_is_that_of_the_one_that_succeeded(http: Client) -> None:
    told = together(AT_ONCE, a_reset_link(http))
    (number,) = [n for n, answer in enumerate(told) if answer.status == 204]
    assert post(http, "/login", email=ANN, password=f"seven harbours {number}").status == 200
