"""What the server acknowledged, kept outside of it, and what the file must therefore hold.

Each request is one line: 2xx is `ack` and must be there, once and whole; 4xx and 507 are `no` and
must be absent; another 5xx or no answer is `unknown` and may be either, but never half. Where the
ledger is `certain`, a 503 is `no` too, unless it says `server.uncertain`. A 2xx that arrives when
the power is gone already is `late`, and may be either as well.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol
from uuid import UUID

import apsw

from .connection import Answer, Closed, Connection, Cut, Refused
from .outcome import Figure, none
from .threads import Going, Work

Kind = Literal["note", "pack", "order", "batch", "keyed"]
Verdict = Literal["ack", "no", "unknown", "late"]
KINDS: tuple[Kind, ...] = ("note", "pack", "order", "batch", "keyed")


@dataclass(frozen=True, slots=True)
class Write:
    """A write of the drills' app; everything in it follows from `kind` and `key`.

    A note is a record, a pack an array, an order a route's transaction. A batch is a note and its
    pack in one `_batch`. `keyed` is a pack under an `Idempotency-Key`, as an array or in a batch.
    """

    kind: Kind
    key: str

    @property
    def size(self) -> int:
        """Records of a pack, or lines of an order."""
        return 2 + int(self.key[0], 16) % 7

    @property
    def text(self) -> str:
        return hashlib.sha256(self.key.encode()).hexdigest() * (1 + int(self.key[1], 16))

    @property
    def amounts(self) -> list[int]:
        return [int(self.key[n], 16) + 1 for n in range(self.size)]

    def send(self, connection: Connection) -> Answer:
        note = {"id": self.key, "text": self.text}
        pack = [{"pack": self.key, "of": self.size}] * self.size
        made = {"method": "POST", "path": "/api/notes", "body": note}
        packed = {"method": "POST", "path": "/api/parts", "body": pack}
        match self.kind:
            case "note":
                return connection.ask("POST", "/api/notes", note)
            case "pack":
                return connection.ask("POST", "/api/parts", pack)
            case "order":
                return connection.ask("POST", f"/order/{self.key}", {"amounts": self.amounts})
            case "batch":
                return connection.ask("POST", "/api/_batch", {"steps": [made, packed]})
            case "keyed" if int(self.key[2], 16) % 2:
                return connection.ask("POST", "/api/parts", pack, idempotency_key=self.key)
            case "keyed":
                steps = {"steps": [packed]}
                return connection.ask("POST", "/api/_batch", steps, idempotency_key=self.key)


@dataclass
class Ledger:
    """The lines so far. `wrote` is set at each acknowledgement, for who waits for one; `dark` while
    the power is gone."""

    path: Path
    lines: dict[Write, Verdict] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    wrote: threading.Event = field(default_factory=threading.Event)
    dark: bool = False
    certain: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, write: Write, verdict: Verdict, status: int) -> None:
        with self._lock:
            if verdict == "ack" and self.dark:
                verdict = "late"
            self.lines[write] = verdict
            self.statuses[status] += 1
            with self.path.open("a") as file:
                file.write(f"{verdict} {write.kind} {write.key}\n")
        if verdict == "ack":
            self.wrote.set()

    def darken(self, dark: bool) -> None:
        """The power goes, or is back; what is noted under the same lock is before it or after."""
        with self._lock:
            self.dark = dark

    def all(self, verdict: Verdict) -> list[Write]:
        return [write for write, found in self.lines.items() if found == verdict]

    def _is_certain(self, answer: Answer) -> bool:
        told = self.certain and answer.status == 503
        return bool(told and answer.json()["code"] != "server.uncertain")

    def write(self, connection: Connection, write: Write) -> Answer:
        """Send a write and note what became of it; raises what the connection raises."""
        try:
            answer = write.send(connection)
        except Refused:
            raise
        except (Closed, Cut):
            self.note(write, "unknown", 0)
            raise
        verdict: Verdict = "unknown"
        if answer.status < 300:
            verdict = "ack"
        elif answer.status < 500 or answer.status == 507 or self._is_certain(answer):
            verdict = "no"
        self.note(write, verdict, answer.status)
        return answer


class Call(NamedTuple):
    """A request that was answered."""

    begun: float
    ended: float
    status: int


@dataclass
class Writers(Going):
    """Threads that write until they are told to stop, or until the server is gone."""

    ledger: Ledger
    connect: Callable[[], Connection]
    seed: int
    count: int = 8
    kinds: tuple[Kind, ...] = KINDS
    lasting: bool = False  # go on after a connection was closed, until stopped
    pause: float = 0.0
    each: Counter[int] = field(default_factory=Counter)  # acknowledgements of each thread
    slowest: float = 0.0
    calls: list[Call] = field(default_factory=list)

    def works(self) -> list[Work]:
        return [partial(self._run, number) for number in range(self.count)]

    def _run(self, number: int) -> None:
        rng = random.Random(f"{self.seed}/{number}")
        connection = self.connect()
        while not self._stop.is_set():
            write = Write(rng.choice(self.kinds), str(UUID(int=rng.getrandbits(128), version=4)))
            begun = time.monotonic()
            try:
                answer = self.ledger.write(connection, write)
                self.each[number] += answer.status < 300
                self.calls.append(Call(begun, time.monotonic(), answer.status))
            except (Refused, Closed, Cut):
                if not self.lasting:
                    break
                time.sleep(0.02)
            self.slowest = max(self.slowest, time.monotonic() - begun)
            if self.pause:
                time.sleep(self.pause)
        connection.close()


@dataclass(frozen=True, slots=True)
class Damage:
    """How the file differs from the ledger."""

    acknowledged: int
    lost: int
    late: int
    late_lost: int
    doubled: int
    half: int
    unwanted: int
    integrity: str

    def figures(self) -> list[Figure]:
        return [
            none("acknowledged writes lost", self.lost, self.acknowledged),
            none("written twice", self.doubled),
            none("half written", self.half),
            none("refused, yet there", self.unwanted),
            Figure("integrity_check", self.integrity, "ok", self.integrity == "ok"),
        ]


class Stored(Protocol):
    """What is in a database, for who only reads."""

    def rows(self, text: str) -> list[Any]: ...

    def integrity(self) -> tuple[str, int]:
        """What its own check says, and how many references lead nowhere."""
        ...

    def close(self) -> None: ...


class InFile:
    """A SQLite file, through a connection of our own."""

    def __init__(self, database: Path) -> None:
        self._file = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
        self._file.set_busy_timeout(10_000)

    def rows(self, text: str) -> list[Any]:
        return self._file.execute(text).fetchall()

    def integrity(self) -> tuple[str, int]:
        ((found,), *_) = self.rows("pragma integrity_check")
        return str(found), len(self.rows("pragma foreign_key_check"))

    def close(self) -> None:
        self._file.close()


def compare(database: Path, ledger: Ledger) -> Damage:
    """Hold the file against the ledger."""
    with closing(InFile(database)) as stored:
        return compare_stored(stored, ledger)


def compare_stored(file: Stored, ledger: Ledger) -> Damage:
    """Hold what is stored against the ledger."""
    notes = dict(file.rows("select cast(id as text),text from notes"))
    packs = dict(file.rows('select pack,count(*) from parts where "of">0 group by pack'))
    sums = (
        'select cast("order" as text),count(*),cast(sum(amount) as bigint) from lines '
        'group by "order"'
    )
    lines = {key: (count, total) for key, count, total in file.rows(sums)}
    orders = dict(file.rows("select cast(id as text),total from orders"))
    counted = _number(file, "select total from counters")
    log = (
        "select count(*) from (select 1 from _changes where operation='create' "
        "group by collection,key having count(*)>1) t"
    )
    logged_twice = _number(file, log)
    unlogged = sum(_unlogged(file, table) for table in ("notes", "parts", "orders", "lines"))
    integrity, faults = file.integrity()
    both = notes.keys() & packs.keys()
    there: dict[Kind, Collection[str]] = {
        "note": notes, "pack": packs, "order": orders, "batch": both, "keyed": packs
    }  # fmt: skip
    batches = {write.key for write in ledger.lines if write.kind == "batch"}
    half = len(batches & (notes.keys() ^ packs.keys()))
    half += sum(notes[key] != Write("note", key).text for key in notes)
    half += sum(count < Write("pack", key).size for key, count in packs.items())
    half += sum(
        (total, lines.get(key)) != _whole(Write("order", key)) for key, total in orders.items()
    )
    half += len(set(lines) - set(orders)) + max(0, len(orders) - counted)
    half += faults + unlogged
    doubled = logged_twice + max(0, counted - len(orders))
    doubled += sum(count > Write("pack", key).size for key, count in packs.items())

    def lost(writes: Collection[Write]) -> int:
        return sum(write.key not in there[write.kind] for write in writes)

    acknowledged, late = ledger.all("ack"), ledger.all("late")
    return Damage(
        acknowledged=len(acknowledged),
        lost=lost(acknowledged),
        late=len(late),
        late_lost=lost(late),
        doubled=doubled,
        half=half,
        unwanted=sum(write.key in there[write.kind] for write in ledger.all("no")),
        integrity=str(integrity),
    )


def _whole(write: Write) -> tuple[int, tuple[int, int]]:
    total = sum(write.amounts)
    return total, (write.size, total)


def _unlogged(file: Stored, table: str) -> int:
    """Records without a row of their creation in the change log."""
    logged = f"select key from _changes where collection='{table}' and operation='create'"
    ids = f"select cast(id as text) from {table} except {logged}"
    return _number(file, f"select count(*) from ({ids}) t")


def _number(file: Stored, text: str) -> int:
    ((number,),) = file.rows(text)
    assert isinstance(number, int)
    return number
