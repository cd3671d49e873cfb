"""The result page, from what was measured so far.

In: Results.   Out: Markdown.
"""

from __future__ import annotations

from benchmarks.http_rows import WORK
from benchmarks.judge import LIMIT, OURS, POCKETBASE, ratio
from benchmarks.results import Cell, Results

ABOUT = """\
Every figure is the median of {rounds} round(s) of {seconds:g} s. The contestants take turns, and
the order is turned round each round. `wrk` asks over 32 connections and varies ids, literals,
cursors and bodies. Rows, indexes and JSON fields are the same for everybody (PocketBase adds two of
its own), and the answers were compared before anything was measured. Absolute figures move with the
machine: read the ratios and the CPU time. All contestants are at their defaults.
"""
STAND_IN = """\
The caller of Stanchion and of the Python applications is a stand-in, as in the tests; PocketBase
has no such thing and checks a token in each request. So that this can be told apart, "PocketBase,
no token" asks it without one, where the rule lets everybody read.
"""
PEOPLE = """\
The callers of Stanchion are {people} people who signed in and ask in turn, half of them with a
cookie and half with a bearer token, and its rules ask who they are. "Stanchion, nobody signed in"
does the same work without anybody: the same records of the same server, creates in a collection
that is open to all, and in P6 the condition of the rule as a filter that names the same people.
PocketBase checks one token in each request; the caller of the Python applications is a stand-in.
"""
SHORT = "**A short run: it shows that everything works. Its figures and verdicts mean nothing.**\n"
LEAST_SECONDS = 3


def page(
    results: Results, rounds: int, seconds: float, rows: int, image: str, people: int = 0
) -> str:
    parts = [
        "# Speed, measured", "",
        "`make bench` wrote this page; do not edit it. How it is measured is in "
        "[README.md](README.md).", "",
        ABOUT.format(rounds=rounds, seconds=seconds),
        PEOPLE.format(people=people) if people else STAND_IN,
    ]  # fmt: skip
    if seconds < LEAST_SECONDS:
        parts.append(SHORT)
    if results.work:
        parts.append(f"![Requests per second of each contestant]({image})\n")
    parts += _verdicts(results)
    parts += _work(results, rows)
    parts += _scale(results)
    parts += _facts(results)
    parts += _machines(results)
    parts += _missing(results)
    return "\n".join(parts).rstrip() + "\n"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def _verdicts(results: Results) -> list[str]:
    said = {True: "met", False: "**missed**", None: "not measured"}
    rows = [(v.row, v.bar, v.found, said[v.met]) for v in results.verdicts]
    return ["## The bars", "", *_table(("row", "bar", "found", ""), rows)] if rows else []


def _work(results: Results, rows: int) -> list[str]:
    if not results.work:
        return []
    lines = [f"## The same work, {rows:,} rows", ""]
    for row, cells in results.work.items():
        lines += [f"### {row} {WORK[row]}", ""]
        lines += _table(HEAD, [_line(name, cell, cells, results) for name, cell in cells.items()])
        if row == "P5":
            lines += [f"fsync of 4 KB on this disk, p50: {results.machine['fsync p50']}.", ""]
    return lines


HEAD = ("", "requests/s", "p50 ms", "p95 ms", "p99 ms", "CPU ms/request",
        "of the limit", "× PocketBase", "")  # fmt: skip


def _line(name: str, cell: Cell, cells: dict[str, Cell], results: Results) -> tuple[str, ...]:
    def against(other: str, form: str) -> str:
        if other not in cells or other == name:
            return ""
        return form.format(ratio(cell.rates, cells[other].rates))

    note = results.notes.get(name, "")
    if cell.errors:
        note = f"**void: {cell.errors:,} errors**"
    shown = f"**{name}**" if name == OURS else name
    return (
        shown, f"{cell.rate:,.0f}", f"{cell.p50:.1f}", f"{cell.p95:.1f}", f"{cell.p99:.1f}",
        f"{cell.cpu:.3f}", against(LIMIT, "{:.0%}"), against(POCKETBASE, "{:.1f}"), note,
    )  # fmt: skip


def _scale(results: Results) -> list[str]:
    if not results.scale:
        return []
    lines = []
    for title, cells in results.scale.items():
        rows = [
            (name, f"{c.rate:,.0f}", f"{c.p50:.1f}", f"{c.p99:.1f}", f"{c.cpu:.3f}",
             f"**{c.errors:,} errors**" if c.errors else "")
            for name, c in cells.items()
        ]  # fmt: skip
        lines += [f"### {title}", ""]
        lines += _table(("", "requests/s", "p50 ms", "p99 ms", "CPU ms/request", ""), rows)
    return lines


def _facts(results: Results) -> list[str]:
    return ["### Seen beside it", "", *_table(("row", "what", "figure"), results.facts)]


def _machines(results: Results) -> list[str]:
    rows = []
    for name, version in results.versions.items():
        begun = results.starts.get(name)
        worker, whole = results.memory.get(name, (None, None))
        rows.append(
            (name, version, "" if begun is None else f"{begun:.2f}",
             "" if worker is None else f"{worker:.0f}", "" if whole is None else f"{whole:.0f}")
        )  # fmt: skip
    head = ("", "versions", "start to first 200, s", "largest process, MB", "all processes, MB")
    told = [(name, value) for name, value in results.machine.items()]
    return [
        "## Contestants and machine", "",
        "Memory is PSS after the whole of P1 to P5; for P10 ours is weighed after every row.",
        "",
        *_table(head, rows), *_table(("", ""), told),
    ]  # fmt: skip


def _missing(results: Results) -> list[str]:
    lines = ["## What could not be measured", ""]
    lines += [f"* {what}: {why}" for what, why in results.missing]
    lines += [f"* void: {what}" for what in results.void]
    return lines
