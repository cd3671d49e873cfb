"""Starting an app: its database made ready in a process of its own, and the lines that say so.

In: a loaded `App`.   Out: `Prepared`, or `CommandFailed` with exit code 3 where the database does
not match the code. Called by `serve` before it forks, and by each server process of `dev`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..version import __version__
from .address import Address
from .console import DIFFERS, FAILED, CommandFailed, clock_time, count
from .mail import mail_lines
from .sign_in import sign_in_lines
from .target import Target, describe_crash, own_frames

if TYPE_CHECKING:
    from ..app import App
    from ..engines import Engine
    from ..migrate import Difference


ANOTHER = {
    "sqlite": "sqlite:///data/new.db",
    "postgresql": "postgresql://user:password@host/new",
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of the database."""

    path: str
    created: bool
    changes: tuple[str, ...]  # what was applied to one that was there
    took_us: int
    room: int | None = None
    """Connections that the database has for all who use it; None if nobody counts them."""
    first_users: bool = False
    """Whether the collection of users is new in it."""


def prepare_database(app: App, target: Target, *, change: bool) -> Prepared:
    """Open, create or change the database, seed it, and close it again."""
    from .. import events
    from ..errors import StanchionError
    from ..migrate.apply import SchemaDiffers

    took: list[int] = []

    def watch(event: events.Event) -> None:
        if isinstance(event, events.SchemaApplied):
            took.append(event.duration_us)
        elif isinstance(event, events.SeedRuns):
            told = f"the seed `{event.seed}` runs; nothing is served before it ends"
            click.echo(f"{clock_time()}  {told}", err=True)

    async def run() -> Prepared:
        runtime = app.runtime
        try:
            await runtime.records()
            new = len(runtime.applied) == len(runtime.model.schema.collections) > 0
            new = new and all(each.kind == "new collection" for each in runtime.applied)
            created = bool(getattr(runtime.engine, "created", new))  # a file says it of itself
            changes = () if created else tuple(map(say_difference, runtime.applied))
            room = getattr(runtime.engine, "room", None)
            users = runtime.model.schema.users
            first = any(
                users is not None and each.kind == "new collection"
                and each.collection == users.name
                for each in runtime.applied
            )  # fmt: skip
            return Prepared(runtime.database.shown, created, changes, sum(took), room, first)
        except SchemaDiffers as differs:
            text = await _say_differs(differs, runtime.engine)
            raise CommandFailed(text, DIFFERS) from None
        finally:
            await runtime.close()

    app.runtime.change_schema = change
    forget = events.subscribe(watch)
    try:
        return asyncio.run(run())
    except CommandFailed:
        raise
    except (StanchionError, OSError) as error:
        if own_frames(error) and not str(error).startswith("error["):  # a seed was refused
            raise CommandFailed(describe_crash(error, target), FAILED) from None
        raise CommandFailed(_say_unopened(error, app), FAILED) from None
    except Exception as error:  # a seed of the app
        raise CommandFailed(describe_crash(error, target), FAILED) from None
    finally:
        forget()


def _say_unopened(error: Exception, app: App) -> str:
    text = str(error)
    if text.startswith("error["):
        return text
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.strerror}: {error.filename}"
    also = "; the folder must be writable" if app.runtime.database.path else ""
    return (
        f"error[database.unusable]: {app.runtime.database.shown}: {text}\n"
        f"hint: STANCHION_DATABASE_URL names the database{also}"
    )


def in_child(work: Callable[[], Prepared], meanwhile: Callable[[], None]) -> Prepared:
    """Run `work` in a forked process, so that this one never touches the database; `meanwhile`
    is done here while it runs."""
    import multiprocessing

    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)

    def run() -> None:
        try:
            send.send((work(), None))
        except CommandFailed as failed:
            send.send((None, (failed.text, failed.exit_code)))
        except KeyboardInterrupt:
            pass  # the parent was told too

    child = context.Process(target=run, name="stanchion-prepare")
    child.start()
    send.close()
    meanwhile()
    try:
        done, failed = receive.recv()
    except EOFError:
        done, failed = None, ("error[database.unusable]: opening the database ended the process", 1)
    child.join()
    if failed is not None:
        raise CommandFailed(*failed)
    prepared: Prepared = done
    return prepared


# the plan, for people


def say_difference(difference: Difference) -> str:
    """`orders + field `note` (text, optional)`."""
    sign = difference.detail[:1]
    return f"{difference.collection}{' ' if sign in '+-' else ': '}{difference.detail}"


async def _say_differs(differs: Any, engine: Engine) -> str:
    lines = ["error[schema.differs]: the database does not match the code"]
    for difference in differs.differences:
        lost = await _say_at_stake(difference, engine)
        lines.append(f"  {difference.collection}: {difference.detail}{lost}")
    if all(difference.safe for difference in differs.differences):
        hint = "nothing stored is lost by this: `stanchion dev` applies it, then serve again"
    else:
        hint = (
            "nothing was changed. Take the change back in the code, or move the data out of the "
            f"way: STANCHION_DATABASE_URL={ANOTHER[engine.name]} starts with an empty database"
        )
    return "\n".join([*lines, f"hint: {hint}"])


async def _say_at_stake(difference: Difference, engine: Engine) -> str:
    """How many records hold what would be lost, or lack what would be needed."""
    from ..sql.dialect import quoted

    table = quoted(difference.collection)
    match difference.kind:
        case "drop field":
            where, one, more = f"where {quoted(difference.name)} is not null", "holds", "hold"
        case "drop collection" | "new field" if not difference.safe:
            where, one, more = "", "is there", "are there"
        case _:
            return ""
    found = (await engine.fetch(f"select count(*) from {table} {where}", ()))[0][0]
    value = " a value" if where else ""
    return f" ({count(found, 'row')} {one if found == 1 else more}{value})"


# the first lines


def start_lines(
    app: App, prepared: Prepared, address: Address, seconds: float, workers: int = 0
) -> str:
    """What a server says when it is ready."""
    from .exposure import find_exposure, say_readable

    exposure = find_exposure(app)
    many = f"{count(workers, 'worker')} " if workers else ""
    created = "created, " if prepared.created else ""
    collections = count(len(exposure.collections), "collection")
    return "\n".join(
        [
            f"Stanchion {__version__}  {app.title}  {many}ready in {seconds:.2f} s",
            f"  App       {address.url}",
            f"  API docs  {address.url}docs",
            f"  Database  {prepared.path}  ({created}{collections})",
            f"  Open      {say_readable(exposure)}",
            *sign_in_lines(app, address),
            *mail_lines(app, address.url),
        ]
    )


def process_started() -> float:
    """When this process began, on the clock of `time.monotonic`, so that imports count too."""
    import time

    try:
        ticks = int(Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()[19])
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic() - (now - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, AttributeError, ValueError):
        return time.monotonic()
