"""`stanchion check`: what stands open, what can never be reached, what costs too much.

Ends with exit code 1 only for what is certainly a mistake: a rule that lets nobody in although it
does not say `nobody` (or `False`, of a field). What stands open is told, not judged: a menu is
meant to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from .console import FAILED, count
from .target import Target, argument, find_target, load_app

if TYPE_CHECKING:
    from .exposure import Exposure, NeverTrue, Opened
    from .findings import Finding


@click.command(short_help="Tell what is open to everyone, and find rules that cannot work.")
@argument
@click.option("--strict", is_flag=True, help="End with exit code 1 for warnings, too.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def check(target: str, strict: bool, as_json: bool) -> None:
    """Check TARGET (a file or module:app; app.py unless said): its declarations and rules, what
    everyone may read and write, its open routes, lists that an index would make quick, and
    middleware that slows every request.

    Exit code 1 means a mistake: a rule that can never be true. Warnings leave it at 0
    unless --strict; a declaration that cannot be used is 2, as with every command. It needs no
    database.

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
    warned = bool(findings or exposure.slow_middleware)
    if exposure.never_true or (strict and warned):
        raise SystemExit(FAILED)


def _as_data(title: str, exposure: Exposure, findings: tuple[Finding, ...]) -> dict[str, object]:
    return {
        "title": title,
        "collections": {
            c.name: {"everyone": c.by_operation, "closed": c.closed} for c in exposure.collections
        },
        "never_true": [asdict(rule) for rule in exposure.never_true],
        "open_routes": list(exposure.routes),
        "slow_middleware": list(exposure.slow_middleware),
        "mistakes": len(exposure.never_true),
        "findings": [asdict(finding) for finding in findings],
        "warnings": len(exposure.slow_middleware) + len(findings),
    }


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
    for name in exposure.slow_middleware:
        yield from _slow(name)
    for finding in findings:
        yield from _finding(finding)
    for rule in exposure.never_true:
        yield from _never(rule)
    mistakes = count(len(exposure.never_true), "mistake")
    yield f"\n{mistakes}, {count(len(exposure.slow_middleware) + len(findings), 'warning')}"


def _section(title: str, collections: list[Opened], say: Callable[[Opened], str]) -> Iterator[str]:
    if not collections:
        yield f"\n{title.partition(',')[0].partition(':')[0]}: none"
        return
    yield f"\n{title}"
    width = max(len(c.name) for c in collections)
    for collection in collections:
        yield f"  {collection.name:{width}}  {say(collection)}".rstrip()


def _routes(routes: tuple[str, ...]) -> Iterator[str]:
    if not routes:
        yield "\nRoutes of the app: none"
        return
    yield (
        f"\n{count(len(routes), 'route')} of the app, open to everyone (data stays closed: "
        "a transaction carries the caller's rules)"
    )
    for route in routes:
        method, _, path = route.partition(" ")
        yield f"  {method:6}  {path}"


def _slow(name: str) -> Iterator[str]:
    yield (
        f"\nwarning[middleware.slow]: `{name}` makes every request about 0.3 ms slower, those of "
        "the data API too"
    )
    yield (
        'hint: @app.middleware("http") and BaseHTTPMiddleware start a task for each request; '
        "write it as a plain ASGI class: app.add_middleware(MyMiddleware)"
    )


def _finding(finding: Finding) -> Iterator[str]:
    yield f"\nwarning[{finding.code}]: {finding.detail}"
    if finding.file:
        yield f"  --> {finding.file}:{finding.line}"
    yield f"hint: {finding.mend}"


def _never(rule: NeverTrue) -> Iterator[str]:
    whose = f"{rule.collection}.{rule.field}" if rule.field else rule.collection
    which = f"{', '.join(rule.operations)} of `{whose}`"
    yield f"\nerror[rule.never_true]: {which} can never be true: {rule.text}"
    if rule.file:
        yield f"  --> {rule.file}:{rule.line}"
    yield f"hint: write `{'False' if rule.field else 'nobody'}` if that is meant"
