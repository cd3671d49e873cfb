"""`stanchion check`: what stands open, what can never be reached, what costs too much.

Ends with exit code 1 only for what is certainly a mistake: a rule that lets nobody in although it
does not say `nobody` (or `False`, of a field), middleware that cannot run. What stands open is
told, not judged: a menu is meant to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from .console import FAILED, count
from .target import Target, argument, find_target, load_app

if TYPE_CHECKING:
    from .exposure import AppRoute, Exposure, Opened
    from .findings import Finding, Level


@click.command(short_help="Tell what is open to everyone, and find rules that cannot work.")
@argument
@click.option("--strict", is_flag=True, help="End with exit code 1 for warnings, too.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def check(target: str, strict: bool, as_json: bool) -> None:
    """Check TARGET (a file or module:app; app.py unless said): its declarations and rules, what
    everyone may read and write, its open routes, lists and rules that an index would make quick,
    and middleware that slows every request.

    Exit code 1 means a mistake, such as a rule that can never be true. Warnings leave it at 0
    unless --strict, notes always; a declaration that cannot be used is 2, as with every command.
    It needs no database.

    \b
    Example
      stanchion check && pytest
    """
    import json

    from .exposure import find_exposure
    from .findings import find_findings

    found = find_target(target)
    app = load_app(found)
    exposure, findings = find_exposure(app), find_findings(app)
    if as_json:
        click.echo(
            json.dumps(_as_data(app.title, exposure, findings), indent=2, ensure_ascii=False)
        )
    else:
        click.echo("\n".join(render_check(app.title, found, exposure, findings)))
        if app.runtime.database.engine == "postgresql":
            click.echo(f"\n{JUDGED}")
    worst = {finding.level for finding in findings}
    if "mistake" in worst or (strict and "warning" in worst):
        raise SystemExit(FAILED)


JUDGED = (
    "Slow lists were judged as SQLite would run them on an empty copy; what PostgreSQL does hangs "
    "on its rows:\nstanchion explain asks PostgreSQL itself"
)


def _as_data(title: str, exposure: Exposure, findings: tuple[Finding, ...]) -> dict[str, object]:
    return {
        "title": title,
        "collections": {
            c.name: {"everyone": c.by_operation, "closed": c.closed} for c in exposure.collections
        },
        "routes": {route.name: route.who for route in exposure.routes},
        "open_routes": list(exposure.open_routes),
        "findings": [asdict(finding) for finding in findings],
        **{f"{level}s": number for level, number in _counted(findings)},
    }


def _counted(findings: tuple[Finding, ...]) -> list[tuple[Level, int]]:
    from .findings import LEVELS

    return [(level, sum(f.level == level for f in findings)) for level in LEVELS]


def render_check(
    title: str, target: Target, exposure: Exposure, findings: tuple[Finding, ...]
) -> Iterator[str]:
    """The findings as lines; the result is the last one."""
    collections = exposure.collections
    yield f"{title}  {target.file}  {count(len(collections), 'collection')}"
    yield from _section(
        "Readable by everyone, signed in or not",
        [c for c in collections if c.read != "none"],
        lambda c: "every record" if c.read == "all" else "some records",
    )
    yield from _section(
        "Writable by everyone, signed in or not",
        [c for c in collections if c.writes],
        lambda c: ", ".join(
            f"{o}{'' if c.by_operation[o] == 'all' else ' (some records)'}" for o in c.writes
        ),
    )
    yield from _section(
        "Closed: no rule lets a caller in, only admins and app.system() come past",
        [c for c in collections if c.closed],
        lambda c: "",
    )
    yield from _routes(exposure.routes)
    for finding in findings:
        yield from _finding(finding)
    yield "\n" + ", ".join(count(number, level) for level, number in _counted(findings))


def _section(title: str, collections: list[Opened], say: Callable[[Opened], str]) -> Iterator[str]:
    if not collections:
        yield f"\n{title.partition(',')[0].partition(':')[0]}: none"
        return
    yield f"\n{title}"
    width = max(len(c.name) for c in collections)
    for collection in collections:
        yield f"  {collection.name:{width}}  {say(collection)}".rstrip()


def _routes(routes: tuple[AppRoute, ...]) -> Iterator[str]:
    if not routes:
        yield "\nRoutes of the app: none"
        return
    yield (
        f"\n{count(len(routes), 'route')} of the app, and who may call it (data keeps its rules: a "
        "transaction carries its caller)"
    )
    names = [route.name.partition(" ")[::2] for route in routes]
    verbs, paths = (max(6, *map(len, column)) for column in zip(*names, strict=True))
    for route, (verb, path) in zip(routes, names, strict=True):
        who = "everybody: it says nothing" if route.who is None else route.who
        yield f"  {verb:{verbs}}  {path:{paths}}  {who}".rstrip()


WORDS: dict[Level, str] = {"mistake": "error", "warning": "warning", "note": "note"}


def _finding(finding: Finding) -> Iterator[str]:
    yield f"\n{WORDS[finding.level]}[{finding.code}]: {finding.detail}"
    if finding.file:
        yield f"  --> {finding.file}:{finding.line}"
    yield f"hint: {finding.way_out}"
