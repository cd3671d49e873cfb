"""The bars of the speed table, judged on what was measured.

In: Results with cells.   Out: verdicts. A ratio is the median of the ratios of single rounds.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.machine_rows import Overload
from benchmarks.results import Cell, Results
from benchmarks.scale_rows import Beside

OURS, LIMIT, POCKETBASE = "Stanchion", "the limit", "PocketBase"
NOBODY = "Stanchion, nobody signed in"
MOST_FOR_SIGNED_IN = 1.25
DEFAULT = "FastAPI + SQLAlchemy"
TRAILBASE_TO_LIMIT = 0.54  # measured once, of an old release; it cannot be had from a registry

LOST = (
    0.01  # of what was not served: neither refused nor answered, as the generator's last moment is
)

# row: share of the limit, times PocketBase
RATIOS = {
    "P1": (0.60, 2.5),
    "P2": (0.70, 3.5),
    "P3": (0.70, 3.8),
    "P4": (0.75, 4.5),
    "P5": (0.55, 1.6),
}


def ratio(a: Sequence[float], b: Sequence[float]) -> float:
    """The middle of the ratios of the rounds."""
    return statistics.median(x / max(y, 1e-9) for x, y in zip(a, b, strict=True))


def judge_work(results: Results, row: str) -> None:
    """P1 to P5 against the limit and PocketBase."""
    cells = results.work[row]
    ours, limit, other = cells.get(OURS), cells.get(LIMIT), cells.get(POCKETBASE)
    share, times = RATIOS[row]
    found = ratio(ours.rates, limit.rates) if ours and limit else None
    _judge(results, row, f"≥ {share:.0%} of the limit", found, share, "{:.0%}")
    found = ratio(ours.rates, other.rates) if ours and other else None
    _judge(results, row, f"≥ {times} × PocketBase", found, times, "{:.1f} ×")
    if row == "P1":
        found = ratio(other.cpus, ours.cpus) if ours and other else None
        _judge(results, row, "≥ 4 × PocketBase per core-second", found, 4, "{:.1f} ×")
    if row == "P2":
        found = ratio(ours.rates, limit.rates) if ours and limit else None
        text = f"ahead of TrailBase's share of the limit ({TRAILBASE_TO_LIMIT})"
        _judge(results, row, text, found, TRAILBASE_TO_LIMIT, "{:.2f}")


def judge_people(results: Results, row: str, work: str, cells: dict[str, Cell]) -> None:
    """What it costs that somebody is signed in: processor time, which other load moves least."""
    ours, nobody = cells.get(OURS), cells.get(NOBODY)
    if ours is None or nobody is None:
        return
    cost = ratio(ours.cpus, nobody.cpus)
    results.fact(
        row, f"{work}: signed in against nobody signed in",
        f"{cost:.2f} × the processor time, {ratio(ours.rates, nobody.rates):.2f} × the requests/s",
    )  # fmt: skip
    if row == "P1":
        bar = f"signed in: ≤ {MOST_FOR_SIGNED_IN} × the processor time of nobody"
        results.judge(row, bar, f"{cost:.2f} ×", cost <= MOST_FOR_SIGNED_IN)


def judge_postgres(results: Results, row: str, work: str, cells: dict[str, Cell]) -> None:
    """P11: one work of P1 to P5 on PostgreSQL."""
    ours, limit, default = (cells.get(f"{name} on PostgreSQL") for name in (OURS, LIMIT, DEFAULT))
    if row != "P5":
        found = ratio(ours.rates, limit.rates) if ours and limit else None
        _judge(results, "P11", f"{work}: ≥ 60% of the limit on PostgreSQL", found, 0.6, "{:.0%}")
    times = 1.5 if row == "P5" else 2.5
    found = ratio(ours.rates, default.rates) if ours and default else None
    text = f"{work}: ≥ {times} × the Python default on PostgreSQL"
    _judge(results, "P11", text, found, times, "{:.1f} ×")


def _judge(
    results: Results, row: str, bar: str, found: float | None, least: float, form: str
) -> None:
    if found is None:
        results.judge(row, bar, "not measured", None)
    else:
        results.judge(row, bar, form.format(found), found >= least)


def judge_far_rule(results: Results, found: dict[str, dict[str, float]], rows: int) -> None:
    for case, rates in found.items():
        told = ", ".join(f"{name} {rate:,.1f}/s" for name, rate in rates.items())
        results.fact("P6", f"{rows:,} documents, caller in {case}", told)
    few = next(iter(found.values()))
    times = few[OURS] / few[POCKETBASE] if POCKETBASE in few else None
    _judge(results, "P6", "≥ 100 × PocketBase", times, 100, "{:,.0f} ×")


def judge_pages(results: Results, cells: dict[str, Cell]) -> None:
    rates = [cell.rate for name, cell in cells.items() if name.startswith(OURS)]
    slowest = max(rates) / max(min(rates), 1e-9)
    results.judge("P7", "slowest ≤ 1.3 × fastest", f"{slowest:.2f} ×", slowest <= 1.3)


def judge_beside(results: Results, found: Beside, rows: int) -> None:
    results.fact(
        "P8", f"by id among {rows:,} rows, p99",
        f"{found.alone:.1f} ms alone, {found.beside:.1f} ms beside {found.scans} scans "
        f"of {found.scan_seconds * 1e3:.0f} ms each when alone",
    )  # fmt: skip
    if found.errors:
        results.void.append(f"P8: {found.errors} answers were errors")
    times = found.beside / max(found.alone, 1e-9)
    results.judge("P8", "p99 ≤ 2 × the p99 without scans", f"{times:.1f} ×", times <= 2)


def judge_overload(results: Results, found: Overload, seconds: float) -> None:
    share = found.goodput / found.peak
    results.fact(
        "P9", f"list 30, {found.offered:,}/s offered for {seconds:g} s, peak {found.peak:,.0f}/s",
        f"{found.goodput:,.0f}/s served (p99 {found.good_p99 * 1e3:,.0f} ms), "
        f"{found.refused:,} refused (p99 {found.refused_p99 * 1e3:,.0f} ms), "
        f"{found.lost:,} neither served nor refused (not sent in time, cut off or failed)",
    )  # fmt: skip
    results.judge("P9", "goodput ≥ 80 % of peak", f"{share:.0%}", share >= 0.8)
    rest = found.refused + found.lost
    quick = found.refused > 0 and found.refused_p99 <= 0.1
    told = f"p99 {found.refused_p99 * 1e3:,.0f} ms, {found.lost / max(rest, 1):.1%} not refused"
    results.judge(
        "P9", "the rest refused within 100 ms, but for 1 %",
        told if found.refused else f"nothing was refused, {found.lost:,} lost",
        quick and found.lost <= LOST * rest,
    )  # fmt: skip
    late = "not within 10 s" if found.recovered is None else f"{found.recovered:.1f} s"
    calm = found.recovered is not None and found.recovered <= 5
    results.judge("P9", "recovered ≤ 5 s after", late, calm)


def judge_start(results: Results) -> None:
    if OURS in results.starts:
        begun = results.starts[OURS]
        results.judge("P10", "start to first 200 ≤ 1.2 s", f"{begun:.2f} s", begun <= 1.2)


def judge_memory(results: Results) -> None:
    """After the whole run: the largest that any worker of ours had when its row ended."""
    bar = "≤ 110 MB per worker (PSS), after any row"
    if not results.weights:
        return results.judge("P10", bar, "not measured", None)
    for row, worker in results.weights.items():
        results.fact("P10", f"a worker's memory after {row}", f"{worker:.0f} MB")
    row, worker = max(results.weights.items(), key=lambda item: item[1])
    results.judge("P10", bar, f"{worker:.0f} MB after {row}", worker <= 110)


def judge_workers(results: Results, work: str, seen: float, freed: float) -> None:
    results.fact("P12", f"{work}, two workers against one, as seen", f"{seen:.2f} ×")
    results.judge(
        "P12", f"{work}: ≥ 1.5 ×, generator's share taken off", f"{freed:.2f} ×", freed >= 1.5
    )
