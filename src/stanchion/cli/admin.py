"""`stanchion admin`: who may step past the rules of an app."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from .console import failure
from .database import on_database
from .target import argument, find_target, load_app

if TYPE_CHECKING:
    from ..app import App


@click.group(short_help="Make admins, who step past the rules.")
def admin() -> None:
    """Admins of an app: users who step past its rules. What they do is logged as theirs.

    \b
    Example
      stanchion admin create ann@example.com
    """


@admin.command(short_help="Make somebody an admin.")
@click.argument("email")
@argument
@click.option(
    "--set", "fields", multiple=True, metavar="FIELD=VALUE",
    help="A field that the app's users must have; as often as needed.",
)  # fmt: skip
def create(email: str, target: str, fields: tuple[str, ...]) -> None:
    """Make EMAIL an admin of TARGET (a file or module:app; app.py unless said), with a password
    that is asked for, or read from the first line of stdin.

    A user of this address becomes an admin with that password, and is signed out everywhere;
    without one a user is made.

    \b
    Example
      stanchion admin create ann@example.com
    """
    app = load_app(find_target(target))
    if app.runtime.model.sign_in is None:
        raise failure(
            "admin.no_users",
            "this app has no users",
            hint='class User(UserRecord): ... under @app.collection("users")',
        )
    work = _create(app, email, _pairs(fields), _password())
    created = on_database(work, "admin.failed")
    click.echo(f"{email} is {'a new' if created else 'now an'} admin of {app.title}.")


def _pairs(fields: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for each in fields:
        name, equals, value = each.partition("=")
        if not equals:
            raise click.UsageError(f"--set takes FIELD=VALUE, not {each!r}")
        found[name] = value
    return found


def _password() -> str:
    """Asked twice of a person, read once from a pipe."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    text: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return text


async def _create(app: App, email: str, fields: dict[str, str], password: str) -> bool:
    try:
        await app.runtime.records()
        assert app.runtime.gate is not None
        return await app.runtime.gate.accounts.make_admin(email, password, fields)
    finally:
        await app.runtime.close()
