"""`stanchion schema`: what an app declares, as a table for people or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from .target import argument, find_target, load_app

if TYPE_CHECKING:
    from ..schema import BackReference, Collection, Field, Schema


@click.command(short_help="Print the schema of an app.")
@argument
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def schema(target: str, as_json: bool) -> None:
    """Print the collections of TARGET (a file or module:app; app.py unless said): fields,
    relations, indexes, rules, and the fingerprint that a database is compared with.

    \b
    Example
      stanchion schema --json | jq '.collections | keys'
    """
    import json

    from ..schema import describe

    declared = load_app(find_target(target)).runtime.model.schema
    if as_json:
        click.echo(json.dumps(describe(declared), indent=2, ensure_ascii=False))
    else:
        click.echo(render_schema(declared))


def render_schema(schema: Schema) -> str:
    """The schema as text."""
    parts = ["\n".join(_render_collection(collection)) for collection in schema.collections]
    parts.append(f"{schema.title}  fingerprint {schema.fingerprint}")
    return "\n\n".join(parts)


def _render_collection(collection: Collection) -> Iterator[str]:
    from ..schema import rule_text

    doc = collection.doc.partition("\n")[0]
    yield collection.name + (f"  {doc}" if doc else "")
    rows = [(field.name, _type(field), _notes(field)) for field in collection.fields]
    rows += [
        (relation.name, f"many {relation.collection}", _way(relation))
        for relation in collection.back_references
    ]
    names, types = (max(len(row[column]) for row in rows) for column in (0, 1))
    for name, kind, notes in rows:
        yield f"  {name:{names}}  {kind:{types}}  {notes}".rstrip()
    for index in collection.all_indexes:
        if len(index.fields) > 1:
            kind = "unique" if index.unique else "index"
            yield f"  {kind} ({', '.join(index.fields)})"
    for operation in ("read", "create", "update", "delete"):
        yield f"  may {operation:6}  {rule_text(getattr(collection.rules, operation))}"


def _way(relation: BackReference) -> str:
    if relation.link is None:
        return f"by {relation.collection}.{relation.field}"
    return f"through {relation.link} ({relation.field}, {relation.reach})"


def _type(field: Field) -> str:
    described = dict(field.type.describe())
    kind = str(described.pop("type"))
    if field.reference is not None:
        kind = f"ref {field.reference.collection}"
    return kind + (" or null" if field.nullable else "")


def _notes(field: Field) -> str:
    from ..schema import ALWAYS, NO_DEFAULT, rule_text

    notes = [
        f"one of {', '.join(said)}" if what == "values" else f"{what} {said}"
        for what, said in field.type.describe().items()
        if what != "type"
    ]
    if field.default is not NO_DEFAULT:
        notes.append(f"default {field.default!r}")
    if field.required:
        notes.append("required")
    if field.reference is not None:
        notes.append(f"on delete {field.reference.on_delete}")
    notes += [
        flag for flag in ("unique", "index", "search", "frozen", "system") if getattr(field, flag)
    ]
    for side in ("read", "write"):
        if getattr(field, side) != ALWAYS:
            notes.append(f"{side}: {rule_text(getattr(field, side))}")
    return ", ".join(notes)
