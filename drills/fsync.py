"""F4: each acknowledged batch is synced first, and a failed sync is never answered with 2xx.

The server runs under strace. One connection gives the order of things: between a POST and its 201
the WAL is written and then synced, with success. Many connections give the
count: the header of a WAL frame says whether it ends a transaction, so each commit of each batch is
seen, and a sync must follow before the next begins. Each connection waits for its answer before it
writes again, so there were at least as many commits as one of them got answers. Then strace makes
one sync fail (EIO), and then every one: nobody is answered 2xx, the worker ends, and a new server
has what was acknowledged.
"""

from __future__ import annotations

import random
import re
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .connection import Closed, Cut, Refused
from .ledger import Damage, Ledger, Write, Writers, compare
from .outcome import Figure, Outcome, at_least, missing, none
from .server import Server, serving

NAME = "fsync"
WRITES, SHORT_WRITES = 200, 30
SECONDS, SHORT_SECONDS = 10.0, 1.0
WRITERS = 16
FAILS_AT = 20
PATIENCE_S = 5.0
CALLS = "fsync,fdatasync,pwrite64,recvfrom,read,sendto,sendmsg,write,writev"


def why_not() -> str:
    return missing("strace")


def run(seed: int, *, short: bool = False, plant: str = "") -> Outcome:
    with tempfile.TemporaryDirectory(prefix="drill-fsync-", dir="/var/tmp") as name:
        folder = Path(name)
        figures = [
            *one_by_one(_in(folder, "one"), seed, SHORT_WRITES if short else WRITES, plant),
            *many(_in(folder, "many"), seed, SHORT_SECONDS if short else SECONDS, plant),
            *failing(_in(folder, "once"), seed, plant, for_ever=False),
            *failing(_in(folder, "ever"), seed, plant, for_ever=True),
        ]
    return Outcome(
        NAME, f"{SHORT_WRITES if short else WRITES} writes in order", seed, tuple(figures)
    )


def _in(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


def strace(log: Path, calls: str, *more: str) -> tuple[str, ...]:
    """The command that runs a server under strace and writes down `calls`."""
    return (
        "strace", "-f", "--seccomp-bpf", "-qq", "-y", "-s", "16", "-o", str(log),
        "-e", f"trace={calls}", "-e", "signal=none", *more,
    )  # fmt: skip


def one_by_one(folder: Path, seed: int, writes: int, plant: str) -> list[Figure]:
    log = folder / "strace.log"
    rng = random.Random(seed)
    ledger = Ledger(folder / "ledger.txt")
    with serving(folder, folder, plant=plant, before=strace(log, CALLS)) as server:
        _write(server, ledger, rng, writes)
        acknowledged = len(ledger.all("ack"))
        order = _read_whole_order(log, acknowledged)
    return [
        none("answered 201 before the WAL was synced", order.unsynced, order.answers),
        Figure(
            "answers that strace saw", f"{order.answers}", f"{writes}",
            order.answers == acknowledged == writes,
        ),
        at_least("syncs of the WAL, one connection", order.syncs, writes),
    ]  # fmt: skip


def _read_whole_order(log: Path, answers: int) -> Order:
    """The order, once strace has noted `answers`: it notes a call only after the client may have
    read what was sent."""
    until = time.monotonic() + PATIENCE_S
    while True:
        order = read_order(log.read_text())
        if order.answers >= answers or time.monotonic() > until:
            return order
        time.sleep(0.02)


def _write(server: Server, ledger: Ledger, rng: random.Random, writes: int) -> None:
    """Notes, one after the other, on one connection."""
    with server.connect() as connection:
        for _ in range(writes):
            key = f"00000000-0000-4000-8000-{rng.getrandbits(48):012x}"
            try:
                ledger.write(connection, Write("note", key))
            except (Refused, Closed, Cut):
                if server.process.poll() is not None:
                    return
                time.sleep(0.1)  # a worker that ended is being replaced


def many(folder: Path, seed: int, seconds: float, plant: str) -> list[Figure]:
    log = folder / "strace.log"
    per_thread: Counter[int] = Counter()
    ledger = Ledger(folder / "ledger.txt")
    calls = "fsync,fdatasync,pwrite64"
    with serving(folder, folder, plant=plant, before=strace(log, calls)) as server:
        before = log.stat().st_size
        with Writers(ledger, server.connect, seed, WRITERS, each=per_thread):
            time.sleep(seconds)
        with log.open() as text:
            text.seek(before)
            commits = read_commits(text.read())
    acknowledged = len(ledger.all("ack"))
    of = f"for {acknowledged} writes of {WRITERS} connections"
    return [
        at_least(f"commits {of}", commits.made, max(per_thread.values())),
        none("commits without a sync of their own", commits.unsynced, commits.made),
    ]


@dataclass
class Commits:
    """What strace saw of the commits of a server, whoever asked for them."""

    made: int = 0
    unsynced: int = 0


# the header of a frame: the page, then the size of the file if the frame ends a transaction, else 0
_FRAME = re.compile(r'pwrite64\(\d+<[^>]*-wal>, "((?:[^"\\]|\\.)*)"\.*, 24,')


def read_commits(text: str) -> Commits:
    """Count the commits in a log of strace, and those that the next one overtook unsynced."""
    commits = Commits()
    waiting: set[str] = set()  # the threads whose last commit is not on disk
    begun: dict[str, str] = {}
    for line in text.splitlines():
        pid, _, call = line.partition(" ")
        call = call.lstrip()
        if call.endswith("<unfinished ...>"):
            begun[pid] = call
            continue
        if call.startswith("<... "):
            call = begun.pop(pid, "") + call
        frame = _FRAME.match(call)
        if frame is not None and _ends_transaction(frame[1]):
            commits.made += 1
            commits.unsynced += pid in waiting
            waiting.add(pid)
        elif call.startswith(("fsync", "fdatasync")) and "-wal>" in call and call.endswith("= 0"):
            waiting.discard(pid)
    return commits


def _ends_transaction(told: str) -> bool:
    """Whether the bytes 4 to 7 of a frame, in the spelling of strace, are not zero."""
    return any(_bytes(told)[4:8])


def _bytes(told: str) -> bytes:
    plain = {b"n": 10, b"t": 9, b"r": 13, b"v": 11, b"f": 12}
    found = bytearray()
    for octal, letter, other in re.findall(
        rb"\\([0-7]{1,3})|\\(.)|(.)", told.encode("latin-1"), re.DOTALL
    ):
        if octal:
            found.append(int(octal, 8))
        elif letter:
            found.append(plain.get(letter, letter[0]))
        else:
            found.append(other[0])
    return bytes(found)


def failing(folder: Path, seed: int, plant: str, *, for_ever: bool) -> list[Figure]:
    """One failed sync, or every one from then on, in each process."""
    log = folder / "strace.log"
    how = "EIO for ever" if for_ever else "EIO once"
    when = f"{FAILS_AT}+" if for_ever else f"{FAILS_AT}"
    inject = ("-e", f"inject=fsync,fdatasync:error=EIO:when={when}")
    rng = random.Random(seed)
    ledger = Ledger(folder / "ledger.txt")
    with serving(folder, folder, plant=plant, before=strace(log, CALLS, *inject)) as server:
        _write(server, ledger, rng, 3 * FAILS_AT)
        ended = _wait_for(server, "worker.died", "server.crashes")
        server.kill()
        text = log.read_text()
        order = read_order(text)
    with serving(folder, folder) as server:
        damage = compare(server.database, ledger)
    return [
        at_least(f"{how}: failed syncs", order.failed, 1),
        none(f"{how}: answered 201 before the WAL was synced", order.unsynced, order.answers),
        Figure(f"{how}: the worker", "ended" if ended else "went on", "ended", ended),
        *_named(how, damage),
    ]


def _wait_for(server: Server, *texts: str) -> bool:
    """Whether the server said one of `texts`, or does so within seconds."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        said = server.err.read_text()
        if any(text in said for text in texts):
            return True
        time.sleep(0.05)
    return False


def _named(how: str, damage: Damage) -> list[Figure]:
    return [Figure(f"{how}: {f.what}", f.value, f.bar, f.kept) for f in damage.figures()]


@dataclass
class Order:
    """What strace saw of one connection."""

    answers: int = 0
    unsynced: int = 0
    syncs: int = 0
    failed: int = 0


def read_order(text: str) -> Order:
    """Follow one connection through a log of strace: of each POST, was the WAL written and then
    synced before its 201 was sent?"""
    order = Order()
    state: Literal["idle", "written", "synced"] = "idle"
    begun: dict[str, str] = {}
    for line in text.splitlines():
        pid, _, call = line.partition(" ")
        call = call.lstrip()
        if call.endswith("<unfinished ...>"):
            begun[pid] = call
            if not call.startswith("pwrite64"):
                continue
        if call.startswith("<... "):
            call = begun.pop(pid, "") + call
        if '"POST ' in call:
            state = "idle"
        elif call.startswith("pwrite64") and "-wal>" in call:
            state = "written"
        elif call.startswith(("fsync", "fdatasync")) and "-wal>" in call:
            succeeded = re.search(r"= 0$", call) is not None
            order.syncs += succeeded
            order.failed += not succeeded
            if succeeded and state == "written":
                state = "synced"
        elif '"HTTP/1.1 201' in call:
            order.answers += 1
            order.unsynced += state != "synced"
    return order
