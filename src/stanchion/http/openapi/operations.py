"""The generated routes as operations: parameters, bodies, answers, every status that can come.

In: schema.Collection, and the names of its schemas.   Out: path items of OpenAPI.
Parameters come from the lists that `http/parameters` reads by, so that none is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...declare.once import KEY_PARAMETER
from ...errors import (
    BadRequest,
    Conflict,
    Forbidden,
    InternalError,
    Invalid,
    MethodNotAllowed,
    NotFound,
    PreconditionFailed,
    Problem,
    RequestTimeout,
    StorageFull,
    TooLarge,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
)
from ...schema import ALWAYS, NEVER, Collection, Rule, Schema
from ..limited import KINDS
from ..parameters import AGGREGATE, LIST, MOST, ONE
from .problems import UNCHANGED, problem_ref
from .records import Names, expandable, one_of, readable, ref, settable, summable, written
from .values import JSONSchema, example_of, wire_schema

Operation = dict[str, Any]
Kinds = Sequence[type[Problem]]

ALWAYS_POSSIBLE: Kinds = (BadRequest, TooLarge, InternalError, Unavailable)
OF_WRITES: Kinds = (StorageFull,)
OF_BODIES: Kinds = (RequestTimeout, UnsupportedMediaType, Invalid)
CONDITIONS = ("if_match", "if_none_match")
OF_KEYS: Kinds = (Conflict, Invalid)  # an `Idempotency-Key` in use, or used for another body


def path_items(schema: Schema, collection: Collection, names: Names) -> dict[str, Any]:
    """The paths of a collection with their operations."""
    base = f"/api/{collection.name}"
    one = f"{base}/{{{collection.key[0]}}}"
    about = _About(schema, collection, names)
    return {
        base: {"get": about.list(), "post": about.create()},
        one: {
            "get": about.one(),
            "put": about.put(),
            "patch": about.update(),
            "delete": about.delete(),
        },
        f"{base}/_aggregate": {"get": about.aggregate()},
    }


def shared_parameters() -> dict[str, Any]:
    """The parameters that are the same for every collection."""
    return {
        "limit": _query(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": MOST, "default": 50},
            "How many records a page holds at most.",
        ),
        "after": _query(
            "after",
            {"type": "string"},
            "The `next` of the page before; everything else stays as it was.",
        ),
        "total": _query(
            "total", {"type": "boolean", "default": False}, "Count all records, not the page alone."
        ),
        "count": _query("count", {"type": "boolean", "default": False}, "Count the records."),
        "groups": _query(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": MOST, "default": MOST},
            "How many groups are answered at most.",
        ),
        "sort_groups": _query(
            "sort",
            {"type": "string"},
            "The order of the groups: places in their items with commas between them, a minus "
            "before those that descend: `-count,sum.price,category`. Each must be asked for. "
            "Groups that are equal are in the order of their values.",
        ),
        "if_match": {
            "name": "If-Match",
            "in": "header",
            "required": False,
            "description": "The `ETag` of the record as it was read: 412 if it has changed since.",
            "schema": {"type": "string"},
        },
        "if_none_match": {
            "name": "If-None-Match",
            "in": "header",
            "required": False,
            "description": "`ETag`s that the record must not have, or `*`: 412 if it has. A PUT "
            "with `*` creates only.",
            "schema": {"type": "string"},
        },
        "if_changed": {
            "name": "If-None-Match",
            "in": "header",
            "required": False,
            "description": "The `ETag` of the answer that the client has: 304 if it is the same.",
            "schema": {"type": "string"},
        },
        "idempotency_key": KEY_PARAMETER,
    }


def batch_item(collections: Sequence[Collection]) -> dict[str, Any]:
    """The path of several writes at once."""
    paths = "|".join(c.name for c in collections)
    step = {
        "type": "object",
        "additionalProperties": False,
        "required": ["method", "path"],
        "properties": {
            "method": {"enum": ["POST", "PUT", "PATCH", "DELETE"]},
            "path": {"type": "string", "pattern": f"^/api/({paths})(/[^/?#]+)?$"},
            "body": {"description": "As of the request that the step stands for."},
            "if_match": {"type": ["string", "null"]},
        },
    }
    done = {
        "type": "object",
        "required": ["status", "etag", "body"],
        "properties": {
            "status": {"type": "integer"},
            "etag": {"type": ["string", "null"]},
            "body": {"description": "What the request alone would answer; null of a DELETE."},
        },
    }
    every: Kinds = (
        *ALWAYS_POSSIBLE, *OF_BODIES, *OF_WRITES, Unauthorized, Forbidden, NotFound, Conflict,
        MethodNotAllowed, PreconditionFailed,
        *((TooManyRequests,) if any(c.limits for c in collections) else ()),
    )  # fmt: skip
    kinds = sorted(every, key=lambda kind: kind.status)
    asked = {"type": "array", "minItems": 1, "items": step}
    told = {"type": "array", "items": done}
    return {
        "post": {
            "tags": ["batch"],
            "summary": "Write several records at once",
            "description": "All steps or none, in order, in one transaction. A later step may name "
            "the id that the client gave an earlier one. A refusal answers the status of the step "
            "that was refused, with pointers from `/steps/2/body`.",
            "operationId": "batch",
            "parameters": [_shared("idempotency_key")],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": _object("steps", asked)}},
            },
            "responses": {
                "200": _json("What each step answered.", _object("items", told)),
                **{str(k.status): problem_ref(k) for k in kinds},
            },
        }
    }


def _object(name: str, schema: JSONSchema) -> JSONSchema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [name],
        "properties": {name: schema},
    }


def shared_headers() -> dict[str, Any]:
    """The headers of answers."""
    return {
        "ETag": {
            "description": "The version of this record, for `If-Match`; missing where the caller "
            "may not read it. Of a list and of groups a digest. For `If-None-Match` either.",
            "schema": {"type": "string"},
        },
        "Location": {
            "description": "Where the new record is.",
            "schema": {"type": "string", "format": "uri-reference"},
        },
    }


class _About:
    """The operations of one collection."""

    def __init__(self, schema: Schema, collection: Collection, names: Names) -> None:
        self.schema = schema
        self.collection = collection
        self.names = names
        self.parameters: dict[str, Callable[[], dict[str, Any] | None]] = {
            "filter": self._filter,
            "q": self._q,
            "sort": self._sort,
            "expand": self._expand,
            "fields": self._fields,
            "group": self._group,
            "sum": lambda: self._measured("sum", "to add up"),
            "avg": lambda: self._measured("avg", "whose average is computed"),
            "min": lambda: self._extreme("min", "least"),
            "max": lambda: self._extreme("max", "greatest"),
        }

    # the operations

    def list(self) -> Operation:
        return self._operation(
            "list",
            f"List {self.collection.name}",
            "One page of the records that the caller may read.",
            self.collection.rules.read,
            {"200": _json("One page.", ref(self.names.page), headers=("ETag",)), **UNCHANGED},
            parameters=[*self._listed(LIST), _shared("if_changed")],
        )

    def one(self) -> Operation:
        answer = _json("The record.", ref(self.names.record), headers=("ETag",))
        return self._operation(
            "read",
            f"Read one of {self.collection.name}",
            "The record with this key.",
            self.collection.rules.read,
            {"200": answer, **UNCHANGED},
            (NotFound,),
            parameters=[self._key(), *self._listed(ONE), _shared("if_changed")],
        )

    def create(self) -> Operation:
        body = ref(self.names.create)
        many = {"type": "array", "items": body, "minItems": 1}
        answers = [*written(self.collection, self.names), ref(self.names.items)]
        headers = ("Location", "ETag")
        return self._operation(
            "create",
            f"Create {self.collection.name}",
            "Stores one record, or all or none of an array. An array answers without `Location` "
            "and `ETag`.",
            self.collection.rules.create,
            {"201": _json("What was stored.", {"anyOf": answers}, headers=headers)},
            (*OF_KEYS, *OF_BODIES, *OF_WRITES),
            parameters=[_shared("idempotency_key")],
            body={"application/json": {"schema": {"anyOf": [body, many]}}},
            guarded=self._has_field_rules(),
        )

    def update(self) -> Operation:
        body = {"schema": ref(self.names.update)}
        answer = one_of(written(self.collection, self.names))
        return self._operation(
            "update",
            f"Change one of {self.collection.name}",
            "Changes the fields that are named (JSON merge patch) and leaves the others.",
            self.collection.rules.update,
            {"200": _json("The record as it is now.", answer, headers=("ETag",))},
            (NotFound, PreconditionFailed, *OF_KEYS, *OF_BODIES, *OF_WRITES),
            parameters=self._written(),
            body={"application/json": body, "application/merge-patch+json": body},
            guarded=self._has_field_rules(),
        )

    def put(self) -> Operation:
        answers = one_of(written(self.collection, self.names))
        return self._operation(
            "put",
            f"Create or replace one of {self.collection.name}",
            "Stores the whole record under this key: every field that may be set becomes what is "
            "given, or its default.",
            self.collection.rules.update,
            {
                "200": _json("The record as it is now.", answers, headers=("ETag",)),
                "201": _json("It was not there before.", answers, headers=("Location", "ETag")),
            },
            (PreconditionFailed, *OF_KEYS, *OF_BODIES, *OF_WRITES),
            parameters=self._written(),
            body={"application/json": {"schema": ref(self.names.create)}},
            guarded=self._has_field_rules() or self.collection.rules.create != ALWAYS,
        )

    def delete(self) -> Operation:
        return self._operation(
            "delete",
            f"Delete one of {self.collection.name}",
            "Deletes the record, and does what the references to it were declared to do.",
            self.collection.rules.delete,
            {"204": {"description": "It is gone."}},
            (NotFound, PreconditionFailed, *OF_KEYS, *OF_WRITES),
            parameters=self._written(),
        )

    def aggregate(self) -> Operation:
        return self._operation(
            "aggregate",
            f"Count and add up {self.collection.name}",
            "Groups of records, and what they come to. Without `group` there is one item.",
            self.collection.rules.read,
            {"200": _json("The groups.", ref(self.names.groups), headers=("ETag",)), **UNCHANGED},
            parameters=[
                *self._listed(AGGREGATE, limit="groups", sort="sort_groups"),
                _shared("if_changed"),
            ],
        )

    def _operation(
        self,
        verb: str,
        summary: str,
        description: str,
        rule: Rule,
        answers: dict[str, Any],
        problems: Kinds = (),
        *,
        parameters: Sequence[dict[str, Any]] = (),
        body: dict[str, Any] | None = None,
        guarded: bool = False,
    ) -> Operation:
        refusals: Kinds = () if rule == ALWAYS else (Unauthorized, Forbidden)
        if guarded and not refusals:
            refusals = (Forbidden,)
        if any(getattr(self.collection.limits, kind) for kind in KINDS.get(verb, ())):
            refusals = (*refusals, TooManyRequests)
        kinds = sorted({*ALWAYS_POSSIBLE, *refusals, *problems}, key=lambda kind: kind.status)
        found: Operation = {
            "tags": [self.collection.name],
            "summary": summary,
            "description": f"{description} {_said(rule)}",
            "operationId": f"{verb}_{self.collection.name}",
        }
        if parameters:
            found["parameters"] = list(parameters)
        if body is not None:
            found["requestBody"] = {"required": True, "content": body}
        found["responses"] = {**answers, **{str(k.status): problem_ref(k) for k in kinds}}
        return found

    def _has_field_rules(self) -> bool:
        return any(f.write != ALWAYS for f in settable(self.collection, create=True))

    # the parameters

    def _key(self) -> dict[str, Any]:
        field = self.collection.key_field
        return {
            "name": field.name,
            "in": "path",
            "required": True,
            "description": f"The key of one of {self.collection.name}.",
            "schema": wire_schema(field.type),
        }

    def _written(self) -> Sequence[dict[str, Any]]:
        """What a write of one record takes."""
        return [self._key(), *map(_shared, CONDITIONS), _shared("idempotency_key")]

    def _listed(self, names: Sequence[str], **shared: str) -> Sequence[dict[str, Any]]:
        found = []
        for name in names:
            make = None if name in shared else self.parameters.get(name)
            parameter = _shared(shared.get(name, name)) if make is None else make()
            if parameter is not None:
                found.append(parameter)
        return found

    def _filter(self) -> dict[str, Any]:
        example = self._example()
        way = f" For example `{example}`." if example else ""
        return {
            **_query(
                "filter",
                {"type": "array", "items": {"type": "string", "maxLength": 4096}},
                "A condition in the expression language; repeated, all of them must hold." + way,
            ),
            "style": "form",
            "explode": True,
        }

    def _example(self) -> str | None:
        for field in readable(self.collection):
            plain = not field.system and field.reference is None and field.type.sortable
            example = example_of(field) if plain and field.name not in self.collection.key else None
            match field.type.kind, example:
                case ("text", str()):
                    return f'{field.name} == "{example}"'
                case ("int" | "float" | "decimal", int() | float() | str()):
                    return f"{field.name} >= {example}"
                case ("bool", bool()):
                    return f"{field.name} == {'true' if example else 'false'}"
        return None

    def _q(self) -> dict[str, Any] | None:
        fields = [f.name for f in readable(self.collection) if f.search]
        if not fields:
            return None
        return _query(
            "q",
            {"type": "string"},
            f"Words to search for in {', '.join(fields)}; all must occur, each at least as the "
            "beginning of a word (2 characters or more).",
        )

    def _sort(self) -> dict[str, Any]:
        names = [f.name for f in readable(self.collection) if f.type.sortable]
        return _query(
            "sort",
            {"type": "string"},
            f"Fields with commas between them, a minus before those that descend: "
            f"`-{names[-1]},{names[0]}`. Of {', '.join(names)}.",
        )

    def _expand(self) -> dict[str, Any] | None:
        names = expandable(self.schema, self.collection)
        if not names:
            return None
        return _query(
            "expand",
            {"type": "string"},
            f"Relations whose records are answered too, with commas between them, nested with "
            f"points. Of {', '.join(names)}.",
        )

    def _fields(self) -> dict[str, Any]:
        names = [f.name for f in readable(self.collection)]
        return _query(
            "fields",
            {"type": "string"},
            f"Answer these fields only, with commas between them: `{','.join(names[:2])}`. What "
            "the schema requires is left out then too.",
        )

    def _group(self) -> dict[str, Any]:
        names = [f.name for f in readable(self.collection) if f.type.sortable]
        return _query(
            "group",
            {"type": "string"},
            f"Fields with commas between them; records that share their values form one group. "
            f"Of {', '.join(names)}.",
        )

    def _measured(self, function: str, what: str) -> dict[str, Any] | None:
        names = [f.name for f in summable(self.collection)]
        if not names:
            return None
        return _query(
            function,
            {"type": "string"},
            f"Fields {what}, with commas between them. Of {', '.join(names)}.",
        )

    def _extreme(self, function: str, what: str) -> dict[str, Any]:
        names = [f.name for f in readable(self.collection) if f.type.sortable]
        return _query(
            function,
            {"type": "string"},
            f"Fields whose {what} value is told, with commas between them. Of {', '.join(names)}.",
        )


def _said(rule: Rule) -> str:
    """Who may, in a sentence. The text of a rule is nobody's business here."""
    if rule == ALWAYS:
        return "Open to everyone."
    if rule == NEVER:
        return "Closed: no rule opens it to callers."
    return "Guarded by a rule."


def _query(name: str, schema: JSONSchema, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema,
    }


def _shared(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/parameters/{name}"}


def _json(description: str, schema: JSONSchema, headers: Sequence[str] = ()) -> dict[str, Any]:
    found: dict[str, Any] = {"description": description}
    if headers:
        found["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
    return {**found, "content": {"application/json": {"schema": schema}}}
