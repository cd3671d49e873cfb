"""The schema: collections, fields, relations, indexes and rules as frozen plain data.

`declare/` makes it from Python classes; every later room reads it and none changes it. The
fingerprint covers what a database must look like, so rules and documentation may change freely.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from .errors import Origin
from .types import FieldType, Wire

OnDelete = Literal["restrict", "cascade", "set null"]
SYSTEM_FIELDS = ("id", "created", "updated", "version")
RESERVED_NAMES = frozenset({"auth", "record", "old", "now"})


# rules, as they were written: a tree of plain values that expr/ checks against the schema


class _Composable:
    """Rules combine with `&`, `|` and `~`."""

    __slots__ = ()

    def __and__(self, other: Rule) -> RuleAll:
        return RuleAll((self, other))  # type: ignore[arg-type]  # only Rules derive from this

    def __or__(self, other: Rule) -> RuleAny:
        return RuleAny((self, other))  # type: ignore[arg-type]  # as above

    def __invert__(self) -> RuleNot:
        return RuleNot(self)  # type: ignore[arg-type]  # as above


@dataclass(frozen=True, slots=True)
class RuleText(_Composable):
    """A rule in the expression language, and where its text stands in the app."""

    text: str
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class RuleConst(_Composable):
    """Always or never: `public` and `nobody`."""

    value: bool


@dataclass(frozen=True, slots=True)
class RuleSignedIn(_Composable):
    """Whoever is signed in."""


@dataclass(frozen=True, slots=True)
class RuleRole(_Composable):
    """`auth.role` is, or as a list holds, this name."""

    name: str
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class RuleOwner(_Composable):
    """The path from the record leads to the caller's own id."""

    path: str
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class RuleAll(_Composable):
    """Every part holds."""

    parts: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class RuleAny(_Composable):
    """At least one part holds."""

    parts: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class RuleNot(_Composable):
    """The part certainly does not hold."""

    part: Rule


Rule = RuleText | RuleConst | RuleSignedIn | RuleRole | RuleOwner | RuleAll | RuleAny | RuleNot

ALWAYS = RuleConst(True)
NEVER = RuleConst(False)


@dataclass(frozen=True, slots=True)
class Rules:
    """The row rules of a collection. What is not said is closed."""

    read: Rule = NEVER
    create: Rule = NEVER
    update: Rule = NEVER
    delete: Rule = NEVER


# limits, as they were written


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests of one caller within so many seconds."""

    count: int
    seconds: int

    def __str__(self) -> str:
        return f"{self.count}/{self.seconds}s"


@dataclass(frozen=True, slots=True)
class WriteLimits:
    """How many writes of a collection one caller may make: of one kind, and of all kinds together.
    What is not said has no limit."""

    create: tuple[Limit, ...] = ()
    update: tuple[Limit, ...] = ()
    delete: tuple[Limit, ...] = ()
    write: tuple[Limit, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.create or self.update or self.delete or self.write)


# collections


@dataclass(frozen=True, slots=True)
class Reference:
    """A field that holds the key of a record of `collection`."""

    collection: str
    on_delete: OnDelete = "restrict"


class _NoDefault:
    def __repr__(self) -> str:
        return "NO_DEFAULT"


NO_DEFAULT = _NoDefault()


@dataclass(frozen=True, slots=True)
class Field:
    """A stored field. `name` is its wire and column name, `attribute` its name in Python.

    `default` is a wire value or NO_DEFAULT; `computed_default` says that Python code makes one.
    """

    name: str
    attribute: str
    type: FieldType
    nullable: bool = False
    default: Wire = NO_DEFAULT
    computed_default: bool = False
    reference: Reference | None = None
    unique: bool = False
    index: bool = False
    search: bool = False
    frozen: bool = False
    system: bool = False
    read: Rule = ALWAYS
    write: Rule = ALWAYS
    doc: str = ""

    @property
    def required(self) -> bool:
        """Whether a create must name it."""
        return self.default is NO_DEFAULT and not self.computed_default and not self.system


@dataclass(frozen=True, slots=True)
class BackReference:
    """A to-many relation: the records of `collection` whose `field` refers here.

    With `link` it goes through a collection of pairs: `field` of a link refers here, `reach` to the
    records of `collection`. However many links lead to a record, it is one of them once.
    """

    name: str
    attribute: str
    collection: str
    field: str
    doc: str = ""
    link: str | None = None
    reach: str = ""

    @property
    def holder(self) -> str:
        """The collection whose `field` refers here."""
        return self.link or self.collection


@dataclass(frozen=True, slots=True)
class Index:
    """An index over fields, in order; `unique` makes it a key that no two records share."""

    fields: tuple[str, ...]
    unique: bool = False


@dataclass(frozen=True, eq=False)
class Collection:
    """A collection of records: one table."""

    name: str
    title: str
    fields: tuple[Field, ...]
    back_references: tuple[BackReference, ...] = ()
    key: tuple[str, ...] = ("id",)
    indexes: tuple[Index, ...] = ()
    rules: Rules = Rules()
    limits: WriteLimits = WriteLimits()
    users: bool = False
    doc: str = ""
    origin: Origin | None = None

    @cached_property
    def field(self) -> Mapping[str, Field]:
        """The fields by name."""
        return {field.name: field for field in self.fields}

    @cached_property
    def back_reference(self) -> Mapping[str, BackReference]:
        """The to-many relations by name."""
        return {relation.name: relation for relation in self.back_references}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every name an expression may select: fields, then relations."""
        return tuple(self.field) + tuple(self.back_reference)

    @cached_property
    def search_fields(self) -> tuple[Field, ...]:
        """The fields that `q` looks into."""
        return tuple(field for field in self.fields if field.search)

    @cached_property
    def key_field(self) -> Field:
        """The key, where it is one field; references point at it."""
        return self.field[self.key[0]]

    @cached_property
    def all_indexes(self) -> tuple[Index, ...]:
        """Declared indexes, those of single fields, and one for each reference."""
        listed = list(self.indexes)
        for field in self.fields:
            if field.unique:
                listed.append(Index((field.name,), unique=True))
            elif field.index or field.reference is not None:
                listed.append(Index((field.name,)))
        return tuple(dict.fromkeys(listed))


@dataclass(frozen=True, eq=False)
class Schema:
    """Everything an app declared about its data."""

    title: str
    collections: tuple[Collection, ...]

    @cached_property
    def collection(self) -> Mapping[str, Collection]:
        """The collections by name."""
        return {collection.name: collection for collection in self.collections}

    @cached_property
    def users(self) -> Collection | None:
        """The collection that `auth` is a record of, or None."""
        return next((c for c in self.collections if c.users), None)

    @cached_property
    def incoming(self) -> Mapping[str, tuple[tuple[Collection, Field], ...]]:
        """For each collection, the fields anywhere that refer to it."""
        found: dict[str, list[tuple[Collection, Field]]] = {c.name: [] for c in self.collections}
        for collection in self.collections:
            for field in collection.fields:
                if field.reference is not None:
                    found[field.reference.collection].append((collection, field))
        return {name: tuple(pairs) for name, pairs in found.items()}

    @cached_property
    def beside_users(self) -> frozenset[str]:
        """The collections whose writes may change a user: that of the users, and those whose
        deletes reach it through references."""
        found = {self.users.name} if self.users is not None else set()
        waiting = list(found)
        for name in waiting:
            for field in self.collection[name].fields:
                refers = field.reference
                if refers is None or refers.on_delete == "restrict" or refers.collection in found:
                    continue
                found.add(refers.collection)
                waiting.append(refers.collection)
        return frozenset(found)

    def target(self, field: Field) -> Collection:
        """The collection that a reference field points at."""
        assert field.reference is not None
        return self.collection[field.reference.collection]

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits over what a database must look like for this schema."""
        stored = {name: stored_form(c) for name, c in sorted(self.collection.items())}
        text = json.dumps(stored, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def stored_form(collection: Collection) -> dict[str, Any]:
    """What the database must know of a collection, as JSON-ready data."""
    return {
        "key": list(collection.key),
        "fields": {field.name: _stored_field(field) for field in collection.fields},
        "indexes": sorted(
            [{"fields": list(i.fields), "unique": i.unique} for i in collection.all_indexes],
            key=lambda i: (i["fields"], i["unique"]),
        ),
    }


def _stored_field(field: Field) -> dict[str, Any]:
    stored: dict[str, Any] = {**field.type.describe(), "nullable": field.nullable}
    if field.reference is not None:
        stored["reference"] = field.reference.collection
    if field.search:
        stored["search"] = True
    return stored


def describe(schema: Schema) -> dict[str, Any]:
    """The whole schema as JSON-ready data: what `stanchion schema --json` prints."""
    return {
        "title": schema.title,
        "fingerprint": schema.fingerprint,
        "collections": {c.name: _describe_collection(c) for c in schema.collections},
    }


def _describe_collection(collection: Collection) -> dict[str, Any]:
    described = stored_form(collection)
    for field in collection.fields:
        more = described["fields"][field.name]
        if field.default is not NO_DEFAULT:
            more["default"] = field.default
        if field.reference is not None:
            more["on_delete"] = field.reference.on_delete
        for flag in ("frozen", "system", "computed_default"):
            if getattr(field, flag):
                more[flag] = True
        for side in ("read", "write"):
            if getattr(field, side) != ALWAYS:
                more[side] = rule_text(getattr(field, side))
        if field.doc:
            more["doc"] = field.doc
    described["relations"] = {r.name: _describe_relation(r) for r in collection.back_references}
    described["rules"] = {
        name: rule_text(getattr(collection.rules, name))
        for name in ("read", "create", "update", "delete")
    }
    limits = {
        name: [str(limit) for limit in getattr(collection.limits, name)]
        for name in ("create", "update", "delete", "write")
    }
    if collection.limits:
        described["limits"] = {name: said for name, said in limits.items() if said}
    described["doc"] = collection.doc
    return described


def _describe_relation(relation: BackReference) -> dict[str, Any]:
    described = {"collection": relation.collection, "field": relation.field}
    if relation.link is not None:
        described |= {"through": relation.link, "to": relation.reach}
    return described


def rule_text(rule: Rule) -> str:
    """A rule as one line of text, the way a person would say it."""
    match rule:
        case RuleText(text=text):
            return text
        case RuleConst(value=value):
            return "public" if value else "nobody"
        case RuleSignedIn():
            return "signed_in"
        case RuleRole(name=name):
            return f'role("{name}")'
        case RuleOwner(path=path):
            return f'owner("{path}")'
        case RuleAll(parts=parts):
            return " & ".join(_grouped(part) for part in parts)
        case RuleAny(parts=parts):
            return " | ".join(_grouped(part) for part in parts)
        case RuleNot(part=part):
            return f"~{_grouped(part)}"


def _grouped(rule: Rule) -> str:
    text = rule_text(rule)
    return f"({text})" if isinstance(rule, (RuleText, RuleAll, RuleAny)) else text
