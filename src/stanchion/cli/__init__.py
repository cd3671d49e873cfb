"""The command line: one file per command, listed below in the order in which people need them.

They load FastAPI and the engines only when they run, so that `--help` answers at once. Results go
to stdout, errors to stderr, and every failure has an exit code:

    0  done          2  wrong usage, setting or declaration    4  the address cannot be used
    1  failed, or `check` found a mistake      3  the database does not match the code
"""

from __future__ import annotations

import os
import sys

import click

from ..version import __version__
from .access import access
from .admin import admin
from .check import check
from .console import USAGE, CommandFailed, print_error
from .copy import copy
from .dev import dev
from .explain import explain
from .jobs import jobs
from .new import new
from .openapi import openapi
from .schema import schema
from .serve import serve
from .work import work

EPILOG = """\b
Exit codes
  0  done
  1  failed while running, or `check` found a mistake
  2  wrong usage, setting or declaration
  3  the database does not match the code
  4  the address is taken or cannot be used

\b
Example
  stanchion new shop && cd shop && stanchion dev
"""


class _InOrder(click.Group):
    """Lists the commands in the order in which people need them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(
    cls=_InOrder,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
)
@click.version_option(__version__, "--version", message="Stanchion %(version)s")
@click.pass_context
def stanchion(context: click.Context) -> None:
    """The whole back end of a product as one Python library."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for _command in (new, dev, serve, work, jobs, schema, openapi, explain, check, access, admin, copy):
    stanchion.add_command(_command)


def main() -> None:
    """Run the command line and end the process."""
    try:
        code = stanchion.main(prog_name="stanchion", standalone_mode=False)
        sys.stdout.flush()
    except CommandFailed as failed:
        print_error(failed.text)
        code = failed.exit_code
    except click.UsageError as wrong:
        asked = wrong.ctx.command_path if wrong.ctx else "stanchion"
        print_error(f"error[usage.wrong]: {wrong.format_message()}\nhint: {asked} --help")
        code = USAGE
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code if isinstance(code, int) else 0)
