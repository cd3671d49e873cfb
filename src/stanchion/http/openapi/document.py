"""FastAPI's document of an app's own routes, and the data API joined to it.

In: FastAPI's document, schema.Schema.   Out: one OpenAPI 3.1 document.
What FastAPI says is kept, with three exceptions: records, `Create` and `Update` bodies refer to
the schemas of the data API; its own error schema becomes our problem; a path that both have is
one path.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ...declare.bodies import BODY_MARK
from ...errors import Invalid, Problem, TooManyRequests
from ...schema import NEVER, Collection, Schema
from .model import schema_operation
from .operations import batch_item, path_items, shared_headers, shared_parameters
from .problems import problem_ref, problem_responses, problem_schemas
from .records import Names, choose_names, collection_schemas, ref
from .security import add_security, drop_security, for_anybody
from .values import JSONSchema

Document = dict[str, Any]
Replace = Callable[[dict[str, Any]], dict[str, Any] | None]
SCHEMAS = "#/components/schemas/"
FASTAPIS_ERROR = "HTTPValidationError"


def openapi_document(
    document: Document,
    schema: Schema,
    taking_anybody: Iterable[tuple[str, str]] = (),
    limited: Iterable[tuple[str, str]] = (),
    scopes: Iterable[tuple[str, str, str]] = (),
    *,
    keys: bool = False,
) -> Document:
    """FastAPI's document of the app's routes with the data API of `schema` added. Some routes know
    who calls, and take anybody; some have a limit; some let API keys in that have a scope: each by
    its path and method. `keys` says whether the app has API keys."""
    joined = copy.deepcopy(document)
    theirs: dict[str, JSONSchema] = joined.get("components", {}).get("schemas", {})
    records = _records_among(theirs, schema)
    used = {name for name in theirs if name not in records and name != FASTAPIS_ERROR}
    problem = _problem_names(used)
    names = choose_names(schema, {*used, *problem})
    _replace_errors(joined)
    _tell_limits(joined, limited)
    joined = _rewritten(joined, _references(records, names, schema))
    kept = _still_used(joined, records)
    _add_paths(joined, schema, names, keys=keys)
    joined["tags"] = _tags(joined, schema)
    components = joined.setdefault("components", {})
    components["schemas"] = {
        **kept,
        **problem_schemas(*problem),
        **{
            name: found
            for collection in schema.collections
            for name, found in collection_schemas(schema, collection, names).items()
        },
    }
    for section, ours in (
        ("responses", problem_responses(problem[0])),
        ("parameters", shared_parameters()),
        ("headers", shared_headers()),
    ):
        components[section] = {**components.get(section, {}), **ours}
    if schema.users is not None:
        add_security(joined, taking_anybody, scopes, keys=keys)
    else:
        drop_security(joined)
    return joined


def _problem_names(used: set[str]) -> tuple[str, str]:
    base = "Problem"
    while base in used or f"{base}Error" in used:
        base = f"Api{base}"
    return base, f"{base}Error"


# records and bodies in FastAPI's part


def _records_among(theirs: dict[str, JSONSchema], schema: Schema) -> dict[str, str]:
    """The component schemas that FastAPI made of record classes, and their collections."""
    return {
        name: collection.name
        for name, found in theirs.items()
        for collection in schema.collections
        if _is_record(found, collection)
    }


def _is_record(found: JSONSchema, collection: Collection) -> bool:
    """FastAPI names no class, so a record is known by its title and by its very fields."""
    names = set(found.get("properties", ()))
    open_fields = {f.name for f in collection.fields if f.read != NEVER}
    return (
        found.get("title") == collection.title
        and open_fields <= names
        and names <= set(collection.field)
    )


def _references(records: dict[str, str], names: dict[str, Names], schema: Schema) -> Replace:
    """What a part of the document is replaced by, or None where it stays."""
    by_title = {collection.title: names[collection.name] for collection in schema.collections}

    def replaced(part: dict[str, Any]) -> dict[str, Any] | None:
        target = part.get("$ref")
        if isinstance(target, str) and target.removeprefix(SCHEMAS) in records:
            return {**part, **ref(names[records[target.removeprefix(SCHEMAS)]].record)}
        mark = part.get(BODY_MARK)
        if mark is None:
            return None
        kind, _, title = mark.partition(" ")
        if title not in by_title:
            return {key: value for key, value in part.items() if key != BODY_MARK}
        return ref(getattr(by_title[title], kind))

    return replaced


def _rewritten(part: dict[str, Any], replaced: Replace) -> dict[str, Any]:
    instead = replaced(part)
    if instead is not None:
        return instead
    return {key: _rewritten_value(value, replaced) for key, value in part.items()}


def _rewritten_value(value: Any, replaced: Replace) -> Any:
    if isinstance(value, dict):
        return _rewritten(value, replaced)
    return [_rewritten_value(v, replaced) for v in value] if isinstance(value, list) else value


def _replace_errors(document: Document) -> None:
    """FastAPI's answer to what breaks a model becomes the one that is really given, and every
    route may answer a problem."""
    theirs = ref(FASTAPIS_ERROR)
    for operation in _operations(document):
        for status, response in operation.get("responses", {}).items():
            content = response.get("content", {}).get("application/json", {})
            if content.get("schema") == theirs:
                operation["responses"][status] = problem_ref(Invalid)
        # what the data API refuses inside a route, its caller is told too
        operation.setdefault("responses", {}).setdefault("default", problem_ref(Problem))


def _tell_limits(document: Document, limited: Iterable[tuple[str, str]]) -> None:
    paths = document.get("paths", {})
    for path, method in limited:
        operation = paths.get(path, {}).get(method.lower())
        if operation is not None:
            operation["responses"].setdefault("429", problem_ref(TooManyRequests))


def _operations(document: Document) -> Iterator[dict[str, Any]]:
    for group in ("paths", "webhooks"):
        for item in document.get(group, {}).values():
            yield from (found for found in item.values() if isinstance(found, dict))


def _still_used(document: Document, records: dict[str, str]) -> dict[str, JSONSchema]:
    """FastAPI's component schemas, without those that nothing refers to any more."""
    theirs = document.get("components", {}).pop("schemas", {})
    wanted, waiting = set(), list(_targets(document))
    while waiting:
        name = waiting.pop()
        if name in theirs and name not in records and name not in wanted:
            wanted.add(name)
            waiting += _targets(theirs[name])
    return {name: found for name, found in theirs.items() if name in wanted}


def _targets(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for value in part.values():
            yield from _targets(value)
    elif isinstance(part, list):
        for item in part:
            yield from _targets(item)
    elif isinstance(part, str) and part.startswith(SCHEMAS):
        yield part.removeprefix(SCHEMAS)


# the paths of both


def _add_paths(document: Document, schema: Schema, names: dict[str, Names], *, keys: bool) -> None:
    """Add the generated paths. One that an app's route has too, with other methods, is shared."""
    paths = document.setdefault("paths", {})
    shapes = {_shape(path): path for path in paths}
    taken = {found.get("operationId") for found in _operations(document)}
    for collection in schema.collections:
        for path, item in path_items(schema, collection, names[collection.name]).items():
            shared = shapes.get(_shape(path), path)
            item = for_anybody(item, collection.name, keys=keys) if schema.users else item
            _rename_parameters(item, path, shared)
            _rename_operations(item, taken)
            paths[shared] = {**item, **paths.get(shared, {})}
    if schema.collections:
        item = {"get": schema_operation()}
        item = for_anybody(item, keys=keys) if schema.users else item
        _rename_operations(item, taken)
        paths["/api/_schema"] = {**item, **paths.get("/api/_schema", {})}
        item = batch_item(schema.collections)
        item = for_anybody(item, keys=keys) if schema.users else item
        _rename_operations(item, taken)
        paths["/api/_batch"] = {**item, **paths.get("/api/_batch", {})}


def _shape(path: str) -> str:
    """A path without the names of its parameters: two of one shape are one path."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def _rename_parameters(item: dict[str, Any], path: str, shared: str) -> None:
    renamed = dict(
        zip(re.findall(r"\{(.*?)\}", path), re.findall(r"\{(.*?)\}", shared), strict=True)
    )
    for operation in item.values():
        for parameter in operation.get("parameters", ()):
            if parameter.get("in") == "path":
                parameter["name"] = renamed[parameter["name"]]


def _rename_operations(item: dict[str, Any], taken: set[Any]) -> None:
    for operation in item.values():
        while operation["operationId"] in taken:
            operation["operationId"] = f"api_{operation['operationId']}"
        taken.add(operation["operationId"])


def _tags(document: Document, schema: Schema) -> list[dict[str, Any]]:
    """A tag for each collection, before those of the app; one that the app describes stays its."""
    theirs = {tag["name"]: tag for tag in document.get("tags", ())}
    ours = [
        {"name": c.name, **({"description": c.doc} if c.doc else {})}
        for c in schema.collections
        if c.name not in theirs
    ]
    return [*ours, *theirs.values()]
