"""`stanchion openapi`: the OpenAPI document, for other tools."""

from __future__ import annotations

import click

from .target import argument, find_target, load_app


@click.command(short_help="Print the OpenAPI document of an app.")
@argument
def openapi(target: str) -> None:
    """Print the OpenAPI 3.1 document of TARGET (a file or module:app; app.py unless said): its
    data API and its own routes. No server and no database is needed.

    \b
    Example
      stanchion openapi > openapi.json
    """
    import json

    app = load_app(find_target(target))
    click.echo(json.dumps(app.openapi(), indent=2, ensure_ascii=False))
