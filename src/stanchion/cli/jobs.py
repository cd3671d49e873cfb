"""`stanchion jobs`: what waits, runs, is done or dead; `jobs retry`: let dead ones begin anew."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar

import click

from .console import FAILED, CommandFailed, count, failure, paint
from .target import DEFAULT, argument, find_target, load_app

if TYPE_CHECKING:
    from ..engines import Engine
    from ..jobs import JobRow

T = TypeVar("T")
STATES = ("waiting", "running", "done", "dead")
COLOURS = {"running": "cyan", "dead": "red", "done": "dim"}
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class _ListFirst(click.Group):
    """A group whose command `list` need not be said."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else ["list", *args])


@click.group(cls=_ListFirst, short_help="List jobs, and let dead ones begin anew.")
def jobs() -> None:
    """The jobs of an app: `stanchion jobs [TARGET]` lists them, the newest first.

    \b
    Example
      stanchion jobs --state dead
      stanchion jobs retry 0190c2f3-5b1e-7c7a-9d0b-8f3b6a1c2d4e
      stanchion jobs retry --all
    """


@jobs.command("list", short_help="List jobs, the newest first.")
@argument
@click.option("--state", "states", multiple=True, type=click.Choice(STATES),
              help="Jobs in this state only; may be said more than once.")  # fmt: skip
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000),
              help="Jobs that are listed at most.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def list_jobs(target: str, states: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List the jobs of TARGET (a file or module:app; app.py unless said), the newest first."""
    from ..jobs import JobRow, read_jobs

    ask = read_jobs(states or STATES, limit)

    async def read(engine: Engine) -> list[JobRow]:
        return [JobRow(*row) for row in await engine.fetch(ask.text, ask.params)]

    found = on_database(target, read)
    if as_json:
        rows = [{**asdict(job), "arguments": json.loads(job.arguments)} for job in found]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(render(found)) if found else "No jobs.")


@jobs.command("retry", short_help="Let dead jobs begin anew.")
@click.argument("words", nargs=-1, metavar="[ID]... [TARGET]")
@click.option("--all", "every", is_flag=True, help="All dead jobs.")
def retry(words: tuple[str, ...], every: bool) -> None:
    """Let dead jobs begin anew, with all their tries, under the same id.

    Not one whose unique key belongs to another that waits or runs.
    """
    from ..jobs import retry_all, retry_one

    ids = [word for word in words if ID.fullmatch(word)]
    targets = [word for word in words if word not in ids]
    if bool(ids) == every or len(targets) > 1:
        raise click.UsageError("name the jobs by their ids, or say --all")

    async def again(engine: Engine) -> tuple[int, int]:
        if every:
            return await engine.claim(retry_all)
        begun = 0
        for id in ids:
            begun += await engine.claim(lambda id=id: retry_one(id))  # type: ignore[misc]  # the default binds it
        return begun, len(ids) - begun

    begun, left = on_database(targets[0] if targets else DEFAULT, again)
    click.echo(f"{count(begun, 'job')} will run again.")
    if left:
        raise failure(
            "jobs.left", f"{count(left, 'job')} did not begin anew",
            hint="only dead ones do, and only while none with the same unique key waits or runs: "
            "stanchion jobs",
            exit_code=FAILED,
        )  # fmt: skip


def on_database(target: str, work: Callable[[Engine], Awaitable[T]]) -> T:
    """What `work` finds in the database of an app, as it is: nothing is made or changed there."""
    from ..errors import DatabaseUnusable, StanchionError

    runtime = load_app(find_target(target)).runtime
    path = runtime.database.path
    if path is not None and not path.exists():
        raise failure(
            "database.missing", f"there is no database at {path}",
            hint="stanchion dev makes it; STANCHION_DATABASE_URL names another", exit_code=FAILED,
        )  # fmt: skip

    async def run() -> T:
        try:
            await runtime.engine.open()
            return await work(runtime.engine)
        finally:
            await runtime.close()

    try:
        return asyncio.run(run())
    except DatabaseUnusable as unusable:
        raise CommandFailed(str(unusable), FAILED) from None
    except StanchionError as error:
        raise failure("jobs.failed", str(error), exit_code=FAILED) from None


def render(found: list[JobRow]) -> Iterator[str]:
    """The jobs as a table, each error below its job."""
    names = max(len(job.name) for job in found)
    for job in found:
        moment = (job.ended or job.due)[:19].replace("T", " ")
        state = paint(f"{job.state:7}", COLOURS[job.state]) if job.state in COLOURS else job.state
        tries = count(job.tries, "try", "tries")
        yield f"{job.id}  {job.name:{names}}  {state}  {moment}  {tries}"
        if job.error:
            yield f"    {job.error}"
