"""A code, or a ticket, that comes to several processes at once is good for one of them; on each
engine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.cli.processes import environment
from tests.conformance.engines import url

PATIENCE_S = 90
PROCESSES, TRIES = 3, 4
KEY = "0123456789abcdef-of-a-test-0123456789"
PROGRAM = f"""
import asyncio, json, multiprocessing, sys
import mintotp
from stanchion import App, SignIn, UserRecord, clock
from stanchion.auth import Program, factors, tickets
from stanchion.errors import Problem

app = App("Together")
app.runtime.change_schema = True
moment = clock.now_ns()
clock.use(lambda: moment)

@app.collection("users")
class User(UserRecord):
    sign_in = SignIn(register="open", totp=True)

if sys.argv[1] == "careless":
    factors._USE = "update _factors set step=?2 where user_id=?1 and created=?3 returning user_id"
    tickets._TAKE = "select user_id from _tickets where id=?1 and ends>?2"
    factors._USE_CODE = "select user_id from _recovery where user_id=?1 and digest=?2"

async def enrol():
    await app.runtime.records()
    gate = app.runtime.gate
    body = {{"email": "ann@example.com", "password": "zebra fox lamp"}}
    actor = (await gate.accounts.register(body, Program(), "")).actor
    begun = await gate.factors.begin(actor)
    code = mintotp.hotp(begun.secret, moment // 30_000_000_000)
    recovery = await gate.factors.confirm(actor, begun.ticket, code)
    later = mintotp.hotp(begun.secret, moment // 30_000_000_000 + 1)
    ticket = (await gate.factors.begin(actor)).ticket
    await app.runtime.close()
    return actor.name, [later, recovery[0], ticket]

async def use(user, codes, barrier, told):
    await app.runtime.records()
    gate, passed = app.runtime.gate, []
    for code in codes:
        if code.startswith("tk_"):
            found = await tickets.find_ticket(app.runtime.engine, "totp", code)
            jobs = [lambda: tickets.take_ticket(found)] * {TRIES}
        else:
            jobs = [(await gate.factors.judge(user, code)).steps for _ in range({TRIES})]
        barrier.wait(40)  # each was judged before any is used up
        used = await asyncio.gather(
            *(app.runtime.engine.write(job) for job in jobs), return_exceptions=True
        )
        assert all(each is None or isinstance(each, Problem) for each in used), used
        passed.append(sum(each is None for each in used))
    await app.runtime.close()
    told.put(passed)

fork = multiprocessing.get_context("fork")
first = fork.Queue()
maker = fork.Process(target=lambda: first.put(asyncio.run(enrol())))
maker.start()
user, codes = first.get(timeout=60)
maker.join(10)
barrier, told = fork.Barrier({PROCESSES}), fork.Queue()
started = [
    fork.Process(target=lambda: asyncio.run(use(user, codes, barrier, told)), daemon=True)
    for _ in range({PROCESSES})
]
for process in started:
    process.start()
passed = [told.get(timeout=60) for _ in started]
for process in started:
    process.join(10)
print(json.dumps([sum(each) for each in zip(*passed)]))
"""


def passed_together(way: str, database: str) -> list[int]:
    """How many of all tries a code of the authenticator let pass, how many a recovery code, and how
    many a ticket."""
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM, way], text=True, capture_output=True, timeout=PATIENCE_S,
        env=environment(STANCHION_DATABASE_URL=database, STANCHION_SECRET_KEY=KEY),
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    passed: list[int] = json.loads(told.stdout)
    return passed


def test_a_code_passes_once_whichever_processes_it_comes_to(tmp_path: Path) -> None:
    assert passed_together("careful", url(tmp_path / "codes.db")) == [1, 1, 1]


def test_processes_that_do_not_use_a_code_up_are_found(tmp_path: Path) -> None:
    every = PROCESSES * TRIES
    assert passed_together("careless", url(tmp_path / "codes.db")) == [every] * 3
