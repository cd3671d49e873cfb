"""`stanchion admin`: who may step past the rules of an app, and help for those who are locked out.

In: an address.   Out: a line that says what was done.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import click

from .console import failure
from .database import on_database
from .target import argument, find_target, load_app

if TYPE_CHECKING:
    from ..app import App
    from ..auth.caretaker import Caretaker

T = TypeVar("T")


@click.group(short_help="Make admins, help users who are locked out.")
def admin() -> None:
    """Admins of an app: users who step past its rules. What they do is logged as theirs. And what
    only who runs the app does to accounts: each of it is audited, and told to the account's owner.

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
    app = _with_users(target)
    work = _create(app, email, _pairs(fields), _password(email))
    if on_database(work, "admin.failed"):
        click.echo(f"{email} is a new admin of {app.title}.")
    else:
        click.echo(
            f"{email} is now an admin of {app.title}, has this password, and is signed out "
            "everywhere."
        )


@admin.command("remove-factors", short_help="Take a lost second factor away.")
@click.argument("email")
@argument
@click.option("--passkeys", is_flag=True, help="Take the passkeys away, too.")
def remove_factors(email: str, target: str, passkeys: bool) -> None:
    """Take the authenticator and the recovery codes of EMAIL away, so that a password is enough
    again; for somebody who has lost both. Every session of theirs ends.

    Whoever asks for it says to be them: have them show who they are at least as well as when the
    account was made.

    \b
    Example
      stanchion admin remove-factors ann@example.com
    """
    app = _with_users(target)
    removed, ended = _operate(app, lambda who: who.remove_factors(email, passkeys=passkeys))
    click.echo(f"{email}: {_many(removed, 'factor')} removed, {_many(ended, 'session')} ended.")


@admin.command("sign-out", short_help="End the sessions of somebody, or of everybody.")
@click.argument("email")
@argument
def sign_out(email: str, target: str) -> None:
    """End every session of EMAIL; of everybody where that is `everybody`. API keys stay.

    \b
    Example
      stanchion admin sign-out ann@example.com
    """
    app = _with_users(target)
    if email == "everybody":
        ended = _operate(app, lambda who: who.sign_everybody_out())
    else:
        ended = _operate(app, lambda who: who.sign_out(email))
    click.echo(f"{email}: {_many(ended, 'session')} ended.")


def _with_users(target: str) -> App:
    app = load_app(find_target(target))
    if app.runtime.model.sign_in is None:
        raise failure(
            "admin.no_users",
            "this app has no users",
            hint='class User(UserRecord): ... under @app.collection("users")',
        )
    app.runtime.in_dev = True  # it reads nothing that the key of a server has sealed
    return app


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _operate(app: App, work: Callable[[Caretaker], Awaitable[T]]) -> T:
    """What somebody does who runs the app."""
    from ..auth.caretaker import Caretaker

    async def act() -> T:
        try:
            records, gate = await app.runtime.records(), app.runtime.gate
            assert gate is not None
            return await work(Caretaker(records, gate.sessions, gate.accounts))
        finally:
            await app.runtime.close()

    return on_database(act(), "admin.failed")


def _pairs(fields: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for each in fields:
        name, equals, value = each.partition("=")
        if not equals:
            raise click.UsageError(f"--set takes FIELD=VALUE, not {each!r}")
        found[name] = value
    return found


def _password(email: str) -> str:
    """Asked twice of a person, read once from a pipe."""
    if not sys.stdin.isatty():
        if line := sys.stdin.readline().rstrip("\r\n"):
            return line
        raise failure(
            "admin.no_password",
            "no password came in: nobody can be asked, and the first line of stdin is empty",
            hint=f"printf '%s' \"$PASSWORD\" | stanchion admin create {email}",
        )
    text: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return text


async def _create(app: App, email: str, fields: dict[str, str], password: str) -> bool:
    try:
        await app.runtime.records()
        assert app.runtime.gate is not None
        return await app.runtime.gate.accounts.make_admin(email, password, fields)
    finally:
        await app.runtime.close()
