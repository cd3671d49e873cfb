"""`make bench`: the whole speed table in one run, written to results.md as it is measured.

In: options.   Out: results.md, results.svg, and the figures as JSON in .build.
One contestant that fails does not stop the rest; everything that was started is stopped.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import SubprocessError

from benchmarks import (
    far_rule,
    http_rows,
    judge,
    machine_rows,
    picture,
    postgres_rows,
    report,
    scale_rows,
)
from benchmarks.contestants import ALL, Contestant, NotInstalled
from benchmarks.contestants.base import BUILD
from benchmarks.contestants.own import NobodySignedIn, SignedIn, Stanchion, TwoWorkers
from benchmarks.contestants.pocketbase_driver import PocketBase
from benchmarks.data import make
from benchmarks.http_rows import Entrant
from benchmarks.load import middle
from benchmarks.processes import BadAnswer, NotStarted, Server, free_port, memory, start
from benchmarks.results import Cell, Results, cell, machine

HERE = Path(__file__).resolve().parent
ROWS = (*http_rows.WORK, "P6", "P7", "P8", "P9", "P10", "P11", "P12")
SIGNED_IN_ROWS = (*http_rows.WORK, "P6")
PEOPLE = 200
FAILURES = (
    BadAnswer,
    NotStarted,
    NotInstalled,
    SubprocessError,
    OSError,
    LookupError,
    ValueError,
    AssertionError,
)
NOT_HERE = (
    ("TrailBase", "of its server the registries have an old release only (crate 0.2.0), which "
     "says little of today's; its share of the limit in P2 is an earlier measurement of that one"),
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What is measured, how often and how long."""

    rows: tuple[str, ...]
    contestants: tuple[str, ...]
    rounds: int
    seconds: float
    items: int
    sizes: tuple[int, ...]
    documents: int
    cases: int  # of P6
    overload: float
    pages: int
    install: bool
    people: int  # who sign in; 0: the caller is a stand-in
    out: Path


@dataclass
class Bench:
    """One run: the plan, the figures so far, and the folder of its databases."""

    plan: Plan
    results: Results
    folder: Path
    ready: dict[str, tuple[Contestant, Path]]

    def write(self) -> None:
        plan = self.plan
        image = plan.out.with_suffix(".svg")
        plan.out.write_text(
            report.page(
                self.results, plan.rounds, plan.seconds, plan.items, image.name, plan.people
            )
        )
        if self.results.work:
            image.write_text(picture.svg(self.results.work))
        self.results.save(BUILD / f"{plan.out.stem}.json")

    def step(self, name: str, act: Callable[[Bench], None]) -> None:
        """One part of the run; what goes wrong in it is written down, and the run goes on."""
        begun = time.monotonic()
        try:
            act(self)
        except FAILURES as reason:
            self.results.missing.append((name, f"{type(reason).__name__}: {str(reason)[:300]}"))
        self.write()
        print(f"{time.strftime('%H:%M:%S')} {name}: {time.monotonic() - begun:.0f} s", flush=True)

    def weigh(self, row: str, server: Server) -> None:
        """Note what a worker of ours holds now that its row is over."""
        worker, _ = memory(server.process.pid)
        self.results.weights[row] = max(worker, self.results.weights.get(row, 0.0))

    def asks(self, *rows: str) -> bool:
        return any(row in self.plan.rows for row in rows)


def prepare(bench: Bench) -> None:
    """Install the contestants and fill their databases; who cannot be had is left out."""
    source = bench.folder / "source.db"
    make(source, bench.plan.items)
    for kind in ALL:
        if bench.plan.contestants and kind.name not in bench.plan.contestants:
            bench.results.missing.append((kind.name, "not asked for (--contestants)"))
            continue
        signed_in = kind is Stanchion and bench.plan.people
        who = SignedIn(bench.plan.people) if signed_in else kind()
        folder = bench.folder / kind.name.replace(" ", "-")
        folder.mkdir()
        try:
            if not who.installed() and not bench.plan.install:
                raise NotInstalled("not installed, and this short run installs nothing")
            if bench.plan.install:
                who.install()
            bench.results.versions[who.name] = who.version()
            bench.results.notes[who.name] = who.note
            who.prepare(source, folder)
        except FAILURES as reason:
            bench.results.missing.append((who.name, str(reason)[:400]))
            continue
        bench.ready[who.name] = (who, folder)


def open_entrants(bench: Bench, servers: list[Server]) -> list[Entrant]:
    """Everybody's server, started; PocketBase enters a second time without a token."""
    found: list[Entrant] = []
    for who, folder in bench.ready.values():
        port = free_port()
        try:
            server = start(who.command(folder, port), port, who.probe(), folder / "server.log")
            servers.append(server)
            who.sign_in(server)
            entrant = Entrant(who.name, who, server, who.token)
            if found:
                http_rows.check_bodies([found[0], entrant], bench.plan.items)
        except FAILURES as reason:
            bench.results.missing.append((who.name, str(reason)[:400]))
            continue
        found.append(entrant)
        if isinstance(who, SignedIn):
            found += _beside_people(bench, entrant, who)
        if isinstance(who, PocketBase):
            label = f"{who.name}, no token"
            found.append(Entrant(label, who, server, "", ("P1", "P2", "P3", "P4"), True))
            bench.results.notes[label] = "all cores, nobody signed in"
    return found


def _beside_people(bench: Bench, entrant: Entrant, who: SignedIn) -> list[Entrant]:
    """The same server, asked by nobody; of its rows both ask for those that anybody may see."""
    entrant.callers, entrant.active_only = who.callers, True
    bench.results.notes[entrant.label] += f", {who.many} sessions in turn"
    bench.results.notes[judge.NOBODY] = "the same server, open to anybody"
    return [Entrant(judge.NOBODY, NobodySignedIn(), entrant.server, "", active_only=True)]


def same_work(bench: Bench) -> None:
    """P1 to P5, and the memory of everybody afterwards."""
    servers: list[Server] = []
    try:
        entrants = open_entrants(bench, servers)
        for row in http_rows.WORK:
            if row in bench.plan.rows:
                bench.step(f"{row} {http_rows.WORK[row]}", _one_work(entrants, row))
        for entrant in entrants:
            if entrant.label == entrant.contestant.name:
                pid = entrant.server.process.pid
                bench.results.memory[entrant.label] = memory(pid)
            if entrant.label == Stanchion.name:
                bench.weigh("P1 to P5", entrant.server)
    finally:
        for server in servers:
            server.stop()


def _one_work(entrants: list[Entrant], row: str) -> Callable[[Bench], None]:
    def act(bench: Bench) -> None:
        plan, files = bench.plan, {}
        for entrant in entrants:
            if row in entrant.rows:
                try:
                    files[entrant.label] = http_rows.write_requests(
                        entrant, row, plan.items, bench.folder, plan.pages
                    )
                except BadAnswer as reason:
                    bench.results.missing.append((f"{entrant.label}, {row}", str(reason)))
        runs = http_rows.measure(entrants, files, plan.rounds, plan.seconds)
        cells = {name: cell(found) for name, found in runs.items()}
        bench.results.work[row] = cells
        _note_errors(bench, row, cells)
        judge.judge_work(bench.results, row)
        judge.judge_people(bench.results, row, http_rows.WORK[row], cells)

    return act


def _note_errors(bench: Bench, row: str, cells: dict[str, Cell]) -> None:
    bench.results.void += [
        f"{row}, {name}: {one.errors} answers were errors"
        for name, one in cells.items()
        if one.errors
    ]


def starts(bench: Bench) -> None:
    for who, folder in bench.ready.values():
        bench.results.starts[who.name] = machine_rows.starts(who, folder, min(3, bench.plan.rounds))
    judge.judge_start(bench.results)


def weigh_all(bench: Bench) -> None:
    """What each row left behind in its own server is judged when all of them are done."""
    judge.judge_memory(bench.results)


def far(bench: Bench) -> None:
    plan = bench.plan
    found = far_rule.measure(
        bench.folder / "far", plan.documents, plan.rounds, plan.seconds,
        cases=far_rule.CASES[: plan.cases], theirs=PocketBase.name in bench.ready,
        people=plan.people,
    )  # fmt: skip
    judge.judge_far_rule(bench.results, found.rates, plan.documents)
    for case, runs in found.runs.items():
        cells = {name: cell(made) for name, made in runs.items()}
        bench.results.scale[f"P6 {plan.documents:,} documents, caller in {case}"] = cells
        _note_errors(bench, f"P6, caller in {case}", cells)
        judge.judge_people(bench.results, "P6", f"caller in {case}", cells)


def scale(bench: Bench) -> None:
    """P7 on all sizes, then P8 on the largest."""
    servers: list[Server] = []
    plan = bench.plan
    sizes = plan.sizes if "P7" in plan.rows else plan.sizes[-1:]
    try:
        sized = scale_rows.open_sizes(bench.folder / "sizes", sizes, servers)
        if "P7" in plan.rows:
            runs = scale_rows.measure_pages(sized, plan.rounds, min(3, plan.seconds))
            cells = {
                f"{name}, {rows:,} rows, {which}": cell(found)
                for (name, rows, which), found in runs.items()
            }
            bench.results.scale["P7 list 30 at growing sizes"] = cells
            judge.judge_pages(bench.results, cells)
        if "P8" in plan.rows:
            one = [s for s in sized if s.entrant.label == Stanchion.name][-1]
            found = scale_rows.beside_scans(one, bench.folder, plan.rounds, plan.seconds)
            judge.judge_beside(bench.results, found, one.rows)
        for each in sized:
            if each.entrant.label == Stanchion.name:
                bench.weigh("P7 and P8", each.entrant.server)
    finally:
        for server in servers:
            server.stop()


def overload(bench: Bench) -> None:
    binary = machine_rows.oha_binary(bench.plan.install)
    bench.results.machine["oha"] = machine_rows.installed_oha(binary)
    entrant = _ours(bench, Stanchion())
    try:
        requests = http_rows.write_requests(
            entrant, "P2", bench.plan.items, bench.folder, bench.plan.pages
        )
        found = machine_rows.overload(entrant, requests, binary, bench.plan.overload)
        judge.judge_overload(bench.results, found, bench.plan.overload)
        bench.weigh("P9", entrant.server)
    finally:
        entrant.server.stop()


def workers(bench: Bench) -> None:
    one = _ours(bench, Stanchion())
    entrants = [one]
    try:
        entrants.append(_ours(bench, TwoWorkers()))
        for row in ("P1", "P2"):
            files = {
                e.label: http_rows.write_requests(
                    e, row, bench.plan.items, bench.folder, bench.plan.pages
                )
                for e in entrants
            }
            runs = http_rows.measure(entrants, files, bench.plan.rounds, min(4, bench.plan.seconds))
            title = f"P12 {http_rows.WORK[row]}, two workers against one"
            bench.results.scale[title] = {name: cell(found) for name, found in runs.items()}
            seen, freed = machine_rows.scaling(*runs.values())
            judge.judge_workers(bench.results, http_rows.WORK[row], seen, freed)
            share = middle(runs[TwoWorkers.name], "generator_cores")
            for entrant in entrants:
                bench.weigh("P12", entrant.server)
            bench.results.fact("P12", "cores that wrk took beside two workers", f"{share:.2f}")
    finally:
        for entrant in entrants:
            entrant.server.stop()


def on_postgres(bench: Bench) -> None:
    """P11: the same five works on PostgreSQL."""
    plan = bench.plan
    folder = bench.folder / "postgres"
    folder.mkdir()
    with postgres_rows.entrants(folder, plan.items, plan.install) as (entrants, version):
        bench.results.machine["PostgreSQL"] = version
        for entrant in entrants:
            bench.results.versions[entrant.label] = entrant.contestant.version()
        for row, work in http_rows.WORK.items():
            files = {
                e.label: http_rows.write_requests(e, row, plan.items, folder, plan.pages)
                for e in entrants
            }
            runs = http_rows.measure(entrants, files, plan.rounds, plan.seconds)
            cells = {name: cell(found) for name, found in runs.items()}
            bench.results.scale[f"P11 {work}, on PostgreSQL"] = cells
            _note_errors(bench, f"P11 {work}", cells)
            judge.judge_postgres(bench.results, row, work, cells)
            bench.write()
        bench.weigh("P11", entrants[0].server)


def _ours(bench: Bench, who: Stanchion) -> Entrant:
    """Ours on a fresh copy of the rows."""
    folder = Path(tempfile.mkdtemp(prefix="ours-", dir=bench.folder))
    who.prepare(bench.folder / "source.db", folder)
    port = free_port()
    server = start(who.command(folder, port), port, who.probe(), folder / "server.log")
    return Entrant(who.name, who, server, "")


def run(plan: Plan, command: str) -> int:
    """The whole table, row by row."""
    with tempfile.TemporaryDirectory(prefix="stanchion-bench-", dir="/var/tmp") as name:
        folder = Path(name)
        bench = Bench(plan, Results(machine(folder, command)), folder, {})
        bench.results.missing += NOT_HERE
        left = [row for row in ROWS if row not in plan.rows]
        if left:
            bench.results.missing.append((", ".join(left), "not asked for (--rows)"))
        bench.step("install and fill", prepare)
        if bench.asks(*http_rows.WORK, "P10"):
            bench.step("P1 to P5", same_work)
        if bench.asks("P10"):
            bench.step("P10 start", starts)
        if bench.asks("P12"):
            bench.step("P12 two workers", workers)
        if bench.asks("P11"):
            bench.step("P11 PostgreSQL", on_postgres)
        if bench.asks("P6"):
            bench.step("P6 far rule", far)
        if bench.asks("P7", "P8"):
            bench.step("P7 and P8 sizes and scans", scale)
        if bench.asks("P9"):
            bench.step("P9 overload", overload)
        if bench.asks("P10"):
            bench.step("P10 memory", weigh_all)
    print(f"written: {plan.out}")
    for one in bench.results.void:
        print(f"void: {one}", file=sys.stderr)
    return 1 if bench.results.void else 0


def parse(argv: list[str]) -> Plan:
    parser = argparse.ArgumentParser(prog="make bench ARGS=", description=__doc__)
    parser.add_argument("--rows", default="", help="P1,P2,…; all, if none are named")
    parser.add_argument(
        "--signed-in", action="store_true",
        help=f"P1 to P6 with {PEOPLE} people who signed in, beside the same work that nobody has "
        "to sign in for; writes results-signed-in.md",
    )  # fmt: skip
    parser.add_argument("--contestants", default="", help="names, separated by commas; ours always")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--items", type=int, default=5_000)
    parser.add_argument("--sizes", default="10000,100000,1000000", help="of P7")
    parser.add_argument("--overload", type=float, default=60, help="seconds of P9")
    parser.add_argument("--out", type=Path)
    parser.add_argument(
        "--smoke", action="store_true",
        help="a minute with what is installed: does it work; writes .build/smoke.md",
    )  # fmt: skip
    given = parser.parse_args(argv)
    there = SIGNED_IN_ROWS if given.signed_in else ROWS
    rows = tuple(name.strip().upper() for name in given.rows.split(",") if name.strip()) or there
    unknown = [name for name in rows if name not in there]
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)} (there are {', '.join(there)})")
    names = tuple(name.strip() for name in given.contestants.split(",") if name.strip())
    strange = set(names) - {kind.name for kind in ALL}
    if strange:
        parser.error(f"no such contestant: {', '.join(sorted(strange))}")
    if names:
        names = (Stanchion.name, *names)
    page = "results-signed-in.md" if given.signed_in else "results.md"
    out = given.out or (BUILD / "smoke.md" if given.smoke else HERE / page)
    if given.smoke:
        people = 6 if given.signed_in else 0
        return Plan(rows, names, 1, 1, 200, (200, 400), 1_000, 1, 2, 10, False, people, out)
    sizes = tuple(int(size) for size in given.sizes.split(","))
    return Plan(
        rows, names, given.rounds, given.seconds, given.items, sizes, 100_000, 2, given.overload,
        200, True, PEOPLE if given.signed_in else 0, out,
    )  # fmt: skip


def main(argv: list[str]) -> int:
    plan = parse(argv)
    if shutil.which("wrk") is None:
        print("wrk is not installed (Debian: apt-get install wrk)", file=sys.stderr)
        return 2
    BUILD.mkdir(exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what runs is stopped
    return run(plan, " ".join(["make bench", *([f'ARGS="{shlex.join(argv)}"'] if argv else [])]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
