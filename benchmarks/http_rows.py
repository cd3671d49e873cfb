"""P1 to P5: the same work asked of every contestant, alternating, in one run.

In: running contestants.   Out: per work and contestant the runs, and the memory afterwards.
Refuses: a contestant whose bodies differ from ours (`BadAnswer`) before anything is measured.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contestants import Contestant, Page
from benchmarks.data import canonical
from benchmarks.load import Run, wrk
from benchmarks.processes import BadAnswer, Server, call

WORK = {
    "P1": "by id",
    "P2": "list 30",
    "P3": "list 200",
    "P4": "list 30 + expand",
    "P5": "create",
}
PAGES = {
    "P2": Page(0),
    "P3": Page(0, limit=200),
    "P4": Page(0, expand=True),
}


@dataclass
class Entrant:
    """A contestant with its running server; `label` is its name in the tables."""

    label: str
    contestant: Contestant
    server: Server
    token: str
    rows: tuple[str, ...] = tuple(WORK)
    active_only: bool = False
    callers: Path | None = None  # who take turns, in place of the one with the token

    def get(self, path: str) -> Any:
        return call(self.server.port, "GET", path, token=self.token)


def check_bodies(entrants: list[Entrant], rows: int) -> None:
    """Everybody answers the same records, or the comparison means nothing."""
    wanted = answers(entrants[0], rows)
    for entrant in entrants[1:]:
        found = answers(entrant, rows)
        for name, body in wanted.items():
            if found[name] != body:
                raise BadAnswer(f"{entrant.label} answers another {name} than {entrants[0].label}")


def answers(entrant: Entrant, rows: int) -> dict[str, object]:
    """One answer of each kind, in the form in which they are compared."""
    who = entrant.contestant
    found: dict[str, object] = {"record": canonical(entrant.get(who.one(min(7, rows - 1))))}
    for name, page in PAGES.items():
        ask = Page(5_000, page.limit, page.expand)
        answer = entrant.get(who.page(ask))
        found[f"first page ({WORK[name]})"] = [canonical(row) for row in who.items(answer)]
        following = who.following(ask, answer)
        if following:
            answer = entrant.get(who.page(following))
            found[f"second page ({WORK[name]})"] = [canonical(row) for row in who.items(answer)]
    return found


def write_requests(entrant: Entrant, row: str, rows: int, folder: Path, many: int) -> Path:
    """Some hundred or thousand different requests of one kind of work."""
    rng = random.Random(20_260_101)
    path = folder / f"{entrant.label.replace(' ', '-')}-{row}.txt"
    path.write_text("\n".join(_lines(entrant, row, rows, rng, many)) + "\n")
    return path


def _lines(entrant: Entrant, row: str, rows: int, rng: random.Random, many: int) -> list[str]:
    who = entrant.contestant
    if row == "P1":
        numbers = [rng.randrange(rows) for _ in range(2_000)]
        if entrant.active_only:
            numbers = [n for n in numbers if n % 10]
        return [f"GET {who.one(n)}" for n in numbers]
    if row == "P5":
        asked = [who.create_in_turn(n, rng.randrange(10_000)) for n in range(2_000)]
        return [f"POST {path} {json.dumps(body)}" for path, body in asked]
    page, lines = PAGES[row], []
    for _ in range(many):
        ask = Page(rng.randrange(1_000, 10_000), page.limit, page.expand)
        path = who.page(ask)
        lines.append(f"GET {path}")
        following = who.following(ask, entrant.get(path))
        if following:
            lines.append(f"GET {who.page(following)}")
    return lines


def measure(
    entrants: list[Entrant], files: dict[str, Path], rounds: int, seconds: float
) -> dict[str, list[Run]]:
    """Warm up, then the rounds, turning the order round each time. Who has no file of requests
    does not take part."""
    taking = [entrant for entrant in entrants if entrant.label in files]
    runs: dict[str, list[Run]] = {entrant.label: [] for entrant in taking}
    for entrant in taking:
        _run(entrant, files, 1)
    for turn in range(rounds):
        for entrant in taking if turn % 2 == 0 else taking[::-1]:
            runs[entrant.label].append(_run(entrant, files, seconds))
    return runs


def _run(entrant: Entrant, files: dict[str, Path], seconds: float) -> Run:
    requests = files[entrant.label]
    return wrk(entrant.server, requests, seconds, entrant.token, callers=entrant.callers)
