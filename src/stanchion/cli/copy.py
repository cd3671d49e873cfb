"""`stanchion copy`: a database to the other engine or to another place, and proof of it.

Ends with exit code 1 where something failed on the way, 2 where what was named cannot be copied,
130 where it was interrupted. Run again, it goes on where it ended.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .console import FAILED, USAGE, CommandFailed, count, failure, print_error

if TYPE_CHECKING:
    from ..copying import CopyReport, CopyStep
    from ..settings import DatabaseURL

LOOK_S = 5.0
"""Seconds between two lines about one table, where there is no terminal."""
LOG = "_changes"
WORDS = {"copy": "copying", "check": "checking", "index": "indexing"}


@click.command(short_help="Copy a database: SQLite to PostgreSQL, back, or to another place.")
@click.argument("source")
@click.argument("target")
def copy(source: str, target: str) -> None:
    """Copy the database SOURCE into TARGET, which must be empty: schema, records, change log, the
    places of its readers, and the keys of writes that may be sent again. Both are addresses as in
    STANCHION_DATABASE_URL; no app is needed. What was copied is read again and compared.

    Writes that the source takes meanwhile are not copied: stop its server first. Interrupted, or
    killed, the same command goes on where it ended.

    \b
    Example
      stanchion copy sqlite:///data/stanchion.db postgresql://shop:secret@db.example/shop
    """
    from ..copying import CopyRefused
    from ..engines.bulk import BulkFailed
    from ..errors import DatabaseUnusable, SettingError

    came, goes = _address(source, "SOURCE"), _address(target, "TARGET")
    if (came.path or came.url) == (goes.path or goes.url):
        raise failure("copy.same", "SOURCE and TARGET are the same database")
    again = f"stanchion copy {_shown(source, came)} {_shown(target, goes)}"
    begun = time.monotonic()
    try:
        with ExitStack() as stack:
            report = asyncio.run(_run(came, goes, stack.enter_context(_Progress())))
    except CopyRefused as refused:
        # what differs was found at the end of a copy, all else in what was named
        wrong = FAILED if refused.code in ("copy.differs", "copy.references") else USAGE
        raise failure(refused.code, refused.text, hint=refused.hint, exit_code=wrong) from None
    except (DatabaseUnusable, SettingError) as unusable:
        raise CommandFailed(str(unusable), USAGE) from None
    except BulkFailed as failed:
        hint = f"once that is mended, the same command goes on where it ended: {again}"
        raise failure("copy.failed", str(failed), hint=hint, exit_code=FAILED) from None
    except KeyboardInterrupt:
        hint = f"to go on where it ended: {again}"
        said = "the copy is not complete"
        raise failure("copy.interrupted", said, hint=hint, exit_code=130) from None
    _tell(report, goes, time.monotonic() - begun)


async def _run(source: DatabaseURL, target: DatabaseURL, progress: _Progress) -> CopyReport:
    from ..copying import Copying
    from ..engines.opening import open_source, open_target

    reading = await open_source(source)
    try:
        await Copying.check_source(reading)
        writing = await open_target(target)
        try:
            return await Copying(reading, writing, progress.tell).run()
        finally:
            await writing.close()
    finally:
        await reading.close()


def _address(text: str, which: str) -> DatabaseURL:
    from ..errors import SettingError
    from ..settings import DatabaseURL

    try:
        return DatabaseURL.parse(text, base=Path.cwd())
    except SettingError as wrong:
        hint = wrong.hint if "://" in text else f"a file is named sqlite:///{text}"
        raise failure("copy.address", f"{which}: {wrong.detail}", hint=hint) from None


def _shown(text: str, address: DatabaseURL) -> str:
    """An address as it was given, without its password."""
    return text if address.path is not None else address.shown


class _Progress:
    """Shows how far it is: a bar on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._step: tuple[str, str] | None = None
        self._bar: Any = None
        self._done = 0
        self._said = 0.0

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def tell(self, step: CopyStep) -> None:
        """A step has come so far."""
        if (step.doing, step.table) != self._step:
            self._close()
            self._step, self._done, self._said = (step.doing, step.table), 0, time.monotonic()
            if sys.stdout.isatty():
                self._open(step)
        if self._bar is not None:
            self._bar.update(step.done - self._done)
        elif time.monotonic() - self._said > LOOK_S or (step.done and step.done == step.total):
            self._said = time.monotonic()
            click.echo(f"{self._label(step)}  {step.done:,} of {count(step.total, 'row')}")
        self._done = step.done

    def _open(self, step: CopyStep) -> None:
        if not step.total:
            return
        self._bar = click.progressbar(
            length=step.total, label=self._label(step), show_pos=True, file=sys.stdout
        )
        self._bar.__enter__()

    def _label(self, step: CopyStep) -> str:
        return f"{WORDS[step.doing]:8} {_name(step.table):20}"

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None


def _name(table: str) -> str:
    return "the change log" if table == LOG else table


def _tell(report: CopyReport, target: DatabaseURL, seconds: float) -> None:
    names = {table: _name(table) for table in report.tables}
    wide = max(len(name) for name in names.values())
    rows = {table: f"{digest.rows:,}" for table, digest in report.tables.items()}
    many = max(4, *(len(text) for text in rows.values()))
    click.echo(f"{'':{wide}}  {'rows':>{many}}  checksum, of source and target")
    for table, digest in report.tables.items():
        click.echo(f"{names[table]:{wide}}  {rows[table]:>{many}}  {digest.text}")
    went_on = ", going on with an earlier copy" if report.went_on else ""
    click.echo(f"Copied and compared in {seconds:.1f} s{went_on}.")
    if report.readers:
        others = [name for name in report.readers if name not in report.gaps]
        if others:
            click.echo(f"Readers of the change log that go on: {', '.join(others)}")
        if report.gaps:
            click.echo(f"Readers that are told of a gap, as before: {', '.join(report.gaps)}")
    click.echo(f"To use it: STANCHION_DATABASE_URL names {target.shown}")
    if report.later:
        print_error(
            f"warning: the source took {count(report.later, 'change')} while it was copied, which "
            "the copy does not hold\nhint: stop the server of the source, empty the target and "
            "copy again"
        )
