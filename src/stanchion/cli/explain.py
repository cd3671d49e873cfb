"""`stanchion explain`: why a request is answered as it is, and at what cost."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import click

from .console import FAILED, failure
from .database import on_database
from .target import DEFAULT, Target, find_target, load_app

if TYPE_CHECKING:
    from .. import events
    from ..app import App
    from ..explain import Explanation, Request
    from ..query import Actor
    from ..records import Records

METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS")


@click.command(short_help="Tell why a request is answered as it is, and at what cost.")
@click.argument("method", type=click.Choice(METHODS, case_sensitive=False))
@click.argument("url")
@click.option("--as", "who", default="anonymous", metavar="WHO", show_default=True,
              help="A user's id or e-mail, or: anonymous, admin, system.")  # fmt: skip
@click.option("--body", metavar="JSON", help="The body of a write; @FILE reads it from a file.")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'",
              help="A header, such as 'If-Match: \"3-…\"'.")  # fmt: skip
@click.option("--target", default="app.py", metavar="TARGET", show_default=True,
              help="A file or module:app.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def explain(
    method: str, url: str, who: str, body: str | None, headers: tuple[str, ...], target: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Explain METHOD URL, a request of the generated API: who asks, each rule and each part of it
    with its verdict, what is hidden, the answer, the SQL, how the database runs it, and which
    index would help.

    It asks the app's own database, and changes nothing: a write is tried in a transaction that is
    taken back. Exit code 0 whatever the answer is; 2 for a request that is none of the data API.

    \b
    Example
      stanchion explain GET '/api/orders?sort=-total'
      stanchion explain PATCH /api/orders/0190… --as ann@example.com --body '{"state": "paid"}'
    """
    from ..explain import as_data, render

    request = read_request(method.upper(), url, body, headers)
    app = load_app(find_target(target))
    found = explain_on_database(app, request, who)
    if as_json:
        click.echo(json.dumps(as_data(found), indent=2, ensure_ascii=False))
    else:
        click.echo(render(found))


def read_request(method: str, url: str, body: str | None, headers: tuple[str, ...]) -> Request:
    from ..explain import Request

    # as a browser does: what a URL cannot hold is encoded, what is encoded stays
    parts = urlsplit(url)
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    given = {"content-type": "application/json"}
    for header in headers:
        name, colon, value = header.partition(":")
        if not colon:
            raise failure("usage.wrong", f"{header!r} is no header", hint="-H 'If-Match: \"3-x\"'")
        given[name.strip().lower()] = value.strip()
    if body is None:
        return Request(method, path, query, headers=given)
    return Request(method, path, query, _decoded(body), True, given)


def _decoded(text: str) -> Any:
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text("utf-8")
        except OSError as error:
            raise failure("usage.wrong", f"{text[1:]}: {error.strerror}") from None
    try:
        return json.loads(text)
    except ValueError as error:
        hint = '--body \'{"name": "Ann"}\''
        if "…" in text:  # as `dev` prints the command
            hint = f"write the body that was sent in the place of {text}, or --body @file"
        raise failure("usage.wrong", f"the body is no JSON: {error}", hint=hint) from None


def explain_on_database(app: App, request: Request, who: str) -> Explanation:
    """Open the app's database, explain, and close it again."""
    path = app.runtime.database.path
    if path is not None and not path.exists():
        raise failure(
            "database.missing",
            f"there is no database at {path}",
            hint="stanchion dev makes it; STANCHION_DATABASE_URL names another",
            exit_code=FAILED,
        )
    return on_database(_explain(app, request, who), "explain.failed")


async def _explain(app: App, request: Request, who: str) -> Explanation:
    from ..explain import explain_request
    from ..http.rehearse import answer_with, is_generated

    runtime = app.runtime
    runtime.in_dev = True  # it reads nothing that the key of a server has sealed
    try:
        records = await runtime.records()
        if not is_generated(request.path, runtime):
            raise failure(
                "explain.route",
                f"{request.method} {request.path} is no route of the data API",
                hint="explain knows /api/{collection} and what is below it; routes of the app are "
                "open as in FastAPI: stanchion check lists them",
            )
        actor = await find_actor(records, who)
        return await explain_request(request, records, actor, answer_with(request, runtime))
    finally:
        await runtime.close()


async def find_actor(records: Records, who: str) -> Actor:
    """The caller that `--as` names; raises `CommandFailed`."""
    from ..explain.who import find_who

    actor = await find_who(records, who)
    if actor is not None:
        return actor
    users = records.schema.users
    if users is None:
        raise failure("explain.who", "the app has no users collection (class User(UserRecord))",
                      hint="--as anonymous, admin or system")  # fmt: skip
    raise failure("explain.who", f"{users.name} holds nobody with the id or e-mail {who!r}",
                  hint="--as anonymous, admin or system need no record")  # fmt: skip


def explains(app: App, target: Target) -> Callable[[events.RequestDone], str]:
    """For the log of `dev`: the command that explains a refused request of the data API."""
    from ..http.rehearse import is_generated

    named = target_option(target)

    def command(done: events.RequestDone) -> str:
        if not is_generated(done.path, app.runtime):
            return ""
        query = done.query.decode("latin-1")
        return command_for(done.method, done.path, query, done.user) + named

    return command


def target_option(target: Target) -> str:
    """` --target …`, unless it is what explain takes by itself in this folder."""
    if target.file == Path.cwd() / DEFAULT and target.attribute is None:
        return ""
    attribute = f":{target.attribute}" if target.attribute else ""
    return f" --target {shlex.quote(os.path.relpath(target.file) + attribute)}"


def command_for(method: str, path: str, query: str, user: str = "") -> str:
    """The command that explains a request, to be pasted into a shell: a caller wrote the path and
    the query, so they are quoted. `user` is the id of who asked, if anybody was signed in. A log
    knows no body, so its place is left open."""
    url = shlex.quote(quote(path, safe="/~-._:@") + (f"?{query}" if query else ""))
    body = " --body '{…}'" if method in ("POST", "PATCH", "PUT") else ""
    who = f" --as {shlex.quote(user)}" if user else ""
    return f"stanchion explain {method} {url}{who}{body}"
