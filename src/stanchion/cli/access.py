"""`stanchion access`: who may do what with which field, and what a change of the code changed.

Ends with exit code 1 where `--fail-on` asks for it and there is such a change; 2 where what is
compared with cannot be used.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .console import FAILED, CommandFailed, count, failure
from .database import on_database
from .revision import matrix_at
from .target import argument, find_target, load_app

if TYPE_CHECKING:
    from ..access import AccessChange, AccessMatrix, AccessSample
    from ..app import App


@click.command(short_help="Print who may do what with which field, and what changed in it.")
@argument
@click.option("--collection", "only", multiple=True, metavar="NAME",
              help="Print these collections only.")  # fmt: skip
@click.option("--diff", "against", metavar="REV|FILE",
              help="Tell what changed since a git revision, or a file of --write.")  # fmt: skip
@click.option("--fail-on", type=click.Choice(("wider", "any")),
              help="With --diff: exit code 1 if somebody may do more, or any change.")  # fmt: skip
@click.option("--write", "file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
              help="Store it in FILE, for --diff and for tests.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def access(
    target: str, only: tuple[str, ...], against: str | None, fail_on: str | None,
    file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Print the access matrix of TARGET (a file or module:app; app.py unless said): for each kind
    of caller that its rules tell apart, what they may do with each collection and field. `yes`,
    `-` for no, or a mark whose condition stands below.

    With --diff REV it tells what a commit changed in it, who may do more and who less, and where
    there is a database a record that shows it. The revision is taken out of git into a folder of
    its own; the working tree stays as it is.

    \b
    Example
      stanchion access --diff main --fail-on wider
      stanchion access --write access.json
    """
    from ..access import find_access, render_matrix, render_snapshot

    if fail_on is not None and against is None:
        raise failure("usage.wrong", "--fail-on goes with --diff")
    found = find_target(target)
    app = load_app(found)
    matrix = find_access(app.runtime.policy)
    for name in only:
        if name not in app.runtime.model.schema.collection:
            raise failure("access.collection", f"{app.title} has no collection `{name}`")
    if file is not None:
        _store(file, render_snapshot(matrix))
    if against is not None:
        before = _before(against, found.file, target)
        _tell_changes(app, before, matrix, against, as_json, only, fail_on)
    elif as_json:
        click.echo(render_snapshot(matrix), nl=False)
    elif file is None:
        click.echo(render_matrix(matrix, only))


def _store(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise failure("access.write", f"{file}: {error.strerror}", exit_code=FAILED) from None
    click.echo(f"Stored in {file.resolve()}", err=True)


def _before(against: str, file: Path, target: str) -> AccessMatrix:
    """The matrix that a file holds, or that of a revision."""
    from ..access import SnapshotUnusable, parse_snapshot

    if not Path(against).is_file():
        return matrix_at(against, file, target)
    try:
        return parse_snapshot(Path(against).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, SnapshotUnusable) as error:
        hint = f"stanchion access --write {against} makes it anew"
        raise failure("access.snapshot", f"{against}: {error}", hint=hint) from None


def _tell_changes(
    app: App, before: AccessMatrix, after: AccessMatrix, against: str, as_json: bool,
    only: tuple[str, ...], fail_on: str | None,
) -> None:  # fmt: skip
    from ..access import compare, render_changes
    from ..access.text import count_ways

    changes = [c for c in compare(before, after) if not only or c.place.collection in only]
    samples, unlooked = _samples(app, changes, before, after)
    ways = count_ways(changes)
    if as_json:
        data = [{**_data(change), "sample": _sample(samples.get(change))} for change in changes]
        click.echo(json.dumps({"changes": data, **ways}, indent=2, ensure_ascii=False))
    else:
        for line in render_changes(changes, after.callers, samples):
            click.echo(line)
        if unlooked:
            click.echo(f"No records are shown: {unlooked}\n")
        said = ", ".join(count(n, way, way) for way, n in ways.items() if n)
        click.echo(said or f"Nothing changed since {against}")
    if (fail_on == "wider" and ways["wider"] + ways["other"]) or (fail_on == "any" and changes):
        raise SystemExit(FAILED)


def _data(change: AccessChange) -> dict[str, Any]:
    return {**change.place._asdict(), "caller": change.caller,
            "before": change.before, "after": change.after, "way": change.way}  # fmt: skip


def _sample(sample: AccessSample | None) -> dict[str, Any] | None:
    return None if sample is None else {**asdict(sample), "shown": dict(sample.shown)}


# records that show it


def _samples(
    app: App, changes: list[AccessChange], before: AccessMatrix, after: AccessMatrix
) -> tuple[dict[AccessChange, AccessSample], str]:
    """Samples from the app's database, or why there are none."""
    database = app.runtime.database
    if not changes:
        return {}, ""
    if database.path is not None and not database.path.exists():
        return {}, f"there is no database at {database.path}"
    try:
        return on_database(_look(app, changes, before, after), "access.failed"), ""
    except CommandFailed as failed:
        return {}, failed.text.partition("\n")[0].rpartition("]: ")[2]


async def _look(
    app: App, changes: list[AccessChange], before: AccessMatrix, after: AccessMatrix
) -> dict[AccessChange, AccessSample]:
    from ..access import find_samples

    try:
        return await find_samples(changes, before, after, await app.runtime.records())
    finally:
        await app.runtime.close()
