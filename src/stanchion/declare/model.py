"""From record classes to the schema.

In: the classes an app registered, in `Declarations`.   Out: `Model`: the frozen `Schema`, and
for each collection a `Binding` that carries records between Python and plain values.
Refuses: everything a declaration can get wrong, as `DeclarationError`, before anything runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import pydantic
from pydantic_core import PydanticUndefined

from ..errors import DeclarationError, FieldError, Origin, did_you_mean
from ..schema import (
    NO_DEFAULT, RESERVED_NAMES, SYSTEM_FIELDS, BackReference, Collection, Field, Index,
    OnDelete, Reference, RuleConst, Schema,
)  # fmt: skip
from ..types import WireError
from .annotations import Read, read_annotation
from .fields import Back, Many, ManyOf, Options, Ref
from .record import Record, UserRecord
from .rules import caller_origin

R = TypeVar("R", bound=Record)


@dataclass(slots=True)
class Declared:
    """A class as it was registered: under which name, and where in the app."""

    name: str
    record: type[Record]
    origin: Origin | None


class Declarations:
    """Collects record classes until the app is frozen. `App` and `Module` each hold one."""

    def __init__(self) -> None:
        self.declared: list[Declared] = []

    def collection(self, name: str) -> Callable[[type[R]], type[R]]:
        """A class decorator that makes `name` a collection of the decorated record class."""
        origin = caller_origin()
        _check_name(name, "collection", origin)

        def register(record: type[R]) -> type[R]:
            if not (isinstance(record, type) and issubclass(record, Record)):
                raise DeclarationError(
                    "collection.class",
                    f"`{name}` is declared by {record!r}, which is no Record",
                    origin=origin,
                    hint="class Pizza(Record): ...",
                )
            self.declared.append(Declared(name, record, origin))
            return record

        return register


@dataclass(frozen=True, eq=False)
class Binding:
    """Carries records of one collection between Python objects and plain values by field name."""

    record: type[Record]
    collection: Collection
    attributes: Mapping[str, str]  # wire name -> attribute
    reads: Mapping[str, Read]  # wire name -> how a value looks in Python
    targets: Mapping[str, str]  # reference field -> collection
    factories: Mapping[str, Callable[[], Any]]
    validated: bool  # the app added pydantic validators
    others: Mapping[str, Binding] = field(repr=False)

    def values_of(self, record: Record) -> tuple[dict[str, Any], list[FieldError]]:
        """The stored values of an instance by field name, and what is wrong with them."""
        values: dict[str, Any] = {}
        errors: list[FieldError] = []
        for stored in self.collection.fields:
            given = getattr(record, stored.attribute, None)
            if given is None:
                if not stored.nullable:
                    errors.append(FieldError(f"/{stored.name}", "missing", "Must not be null."))
                values[stored.name] = None
                continue
            try:
                values[stored.name] = stored.type.accept(given)
            except WireError as error:
                errors.append(FieldError(f"/{stored.name}", error.code, error.detail))
        return values, errors

    def changes_of(self, changes: Mapping[str, Any]) -> tuple[dict[str, Any], list[FieldError]]:
        """The values of keyword changes by attribute or field name, and what is wrong."""
        values: dict[str, Any] = {}
        errors: list[FieldError] = []
        by_attribute = {attribute: name for name, attribute in self.attributes.items()}
        for key, given in changes.items():
            name = by_attribute.get(key, key)
            stored = self.collection.field.get(name)
            if stored is None:
                hint = did_you_mean(key, by_attribute) or ""
                errors.append(FieldError(f"/{key}", "extra_forbidden", f"No such field. {hint}"))
            elif given is None:
                if not stored.nullable:
                    errors.append(FieldError(f"/{name}", "missing", "Must not be null."))
                values[name] = None
            else:
                try:
                    values[name] = stored.type.accept(given)
                except WireError as error:
                    errors.append(FieldError(f"/{name}", error.code, error.detail))
        return values, errors

    def build(self, values: Mapping[str, Any]) -> Record:
        """An instance of plain values; nothing is checked again."""
        shown: dict[str, Any] = {}
        for name, value in values.items():
            attribute = self.attributes[name]
            shown[attribute] = None if value is None else self.reads[name].to_python(value)
        return self._constructed(shown)

    def load(self, wire: Mapping[str, Any]) -> Record:
        """An instance of a record's JSON, expanded records and relations included."""
        shown: dict[str, Any] = {}
        for name, value in wire.items():
            if name in self.attributes:
                shown[self.attributes[name]] = self._load_field(name, value)
            else:
                relation = self.collection.back_reference[name]
                other = self.others[relation.collection]
                items = [other.load(item) for item in value["items"]]
                shown[relation.attribute] = Many(items, value["more"])
        return self._constructed(shown)

    def _load_field(self, name: str, value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, dict) and name in self.targets:
            target = self.others[self.targets[name]]
            reference: Ref[Any] = Ref(value[target.collection.key[0]])
            reference._record = target.load(value)
            return reference
        return self.reads[name].to_python(self.collection.field[name].type.parse(value))

    def _constructed(self, shown: dict[str, Any]) -> Record:
        record = self.record.model_construct(_fields_set=set(shown))
        held = record.__dict__
        held.clear()
        held.update(shown)
        for relation in self.collection.back_references:
            held.setdefault(relation.attribute, Many())
        return record

    def validate(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], list[FieldError]]:
        """Run the app's own pydantic validators; the values they leave, and what they refuse."""
        if not self.validated:
            return dict(values), []
        system = {f.attribute for f in self.collection.fields if f.system}
        shown = {
            self.attributes[name]: None if value is None else self.reads[name].to_python(value)
            for name, value in values.items()
            if self.attributes[name] not in system
        }
        try:
            record = self.record.model_validate(shown)
        except pydantic.ValidationError as error:
            return dict(values), [self._field_error(e) for e in error.errors()]
        left, errors = self.values_of(record)
        return {name: left[name] if name in left else values[name] for name in values}, errors

    def _field_error(self, error: Any) -> FieldError:
        names = {attribute: name for name, attribute in self.attributes.items()}
        parts = [str(names.get(part, part)) for part in error["loc"]]
        pointer = "/" + "/".join(parts) if parts else None
        return FieldError(pointer, error["type"], error["msg"])


@dataclass(frozen=True, eq=False)
class Model:
    """The schema and its bindings: everything an app declared, frozen."""

    schema: Schema
    bindings: Mapping[str, Binding]

    @cached_property
    def by_class(self) -> Mapping[type[Record], Binding]:
        """The bindings by record class."""
        return {binding.record: binding for binding in self.bindings.values()}

    def of(self, record: type[Record]) -> Binding:
        """The binding of a record class; raises `DeclarationError` if it is no collection."""
        try:
            return self.by_class[record]
        except KeyError:
            raise DeclarationError(
                "collection.unknown",
                f"{record.__name__} is no collection of this app",
                hint='declare it with @app.collection("…"), or include its Module',
            ) from None


def build_model(title: str, declared: list[Declared]) -> Model:
    """Freeze what was declared; raises `DeclarationError`."""
    _refuse_twice(declared)
    names = {entry.record: entry.name for entry in declared}
    classes = {entry.record.__name__: entry.record for entry in declared}
    collections: list[Collection] = []
    bindings: dict[str, Binding] = {}
    for entry in declared:
        _complete(entry, classes)
        reader = _ClassReader(entry, names, classes)
        collection = reader.collection()
        collections.append(collection)
        bindings[entry.name] = reader.binding(collection, bindings)
    schema = Schema(title, tuple(collections))
    _check_relations(schema)
    return Model(schema, bindings)


def _complete(entry: Declared, classes: Mapping[str, type[Record]]) -> None:
    try:
        entry.record.model_rebuild(_types_namespace={**classes, "Self": entry.record})
    except (pydantic.PydanticUndefinedAnnotation, NameError) as error:
        missing = str(getattr(error, "name", None) or error)
        raise DeclarationError(
            "field.unknown_class",
            f"{entry.record.__name__} names a class that is no collection: {missing}",
            origin=entry.origin,
            hint=did_you_mean(missing, classes) or "declare it with @app.collection, or import it",
        ) from None


class _ClassReader:
    """Reads one record class into a `Collection` and its `Binding`."""

    def __init__(
        self,
        entry: Declared,
        names: Mapping[type[Record], str],
        classes: Mapping[str, type[Record]],
    ) -> None:
        self.entry = entry
        self.record = entry.record
        self.names = names
        self.classes = classes
        self.reads: dict[str, Read] = {}
        self.factories: dict[str, Callable[[], Any]] = {}

    def collection(self) -> Collection:
        fields: list[Field] = []
        relations: list[BackReference] = []
        for attribute, info in self.record.model_fields.items():
            marker = next((m for m in info.metadata if isinstance(m, Back)), None)
            if marker is not None:
                relations.append(self._relation(attribute, info, marker))
            else:
                fields.append(self._field(attribute, info))
        self._refuse_same_names(fields, relations)
        return Collection(
            name=self.entry.name,
            title=self.record.__name__,
            fields=_system_last(fields),
            back_references=tuple(relations),
            indexes=self._indexes({f.name for f in fields}),
            rules=self.record.rules.value,
            users=issubclass(self.record, UserRecord),
            doc=_own_doc(self.record),
            origin=self.entry.origin,
        )

    def binding(self, collection: Collection, others: Mapping[str, Binding]) -> Binding:
        decorators = self.record.__pydantic_decorators__
        validated = bool(
            decorators.field_validators or decorators.model_validators or decorators.validators
        )
        return Binding(
            record=self.record,
            collection=collection,
            attributes={f.name: f.attribute for f in collection.fields},
            reads=self.reads,
            targets={f.name: f.reference.collection for f in collection.fields if f.reference},
            factories=self.factories,
            validated=validated or not all(read.plain for read in self.reads.values()),
            others=others,
        )

    def _field(self, attribute: str, info: Any) -> Field:
        options = next((m for m in info.metadata if isinstance(m, Options)), Options())
        origin = options.origin or self.entry.origin
        where = f"{self.record.__name__}.{attribute}"
        name = options.name or attribute
        _check_name(name, "field", origin)
        read = read_annotation(
            info.annotation, info.metadata, big=options.big, where=where, origin=origin
        )
        self.reads[name] = read
        refers = read.target is not None and name != "id"
        self._refuse_options(options, read, where)
        default = NO_DEFAULT
        if info.default_factory is not None:
            self.factories[name] = info.default_factory
        elif info.default is not PydanticUndefined:
            default = self._default(info.default, read, where, origin)
        return Field(
            name=name,
            attribute=attribute,
            type=read.type,
            nullable=read.nullable,
            default=default,
            computed_default=name in self.factories and not options.system,
            reference=self._reference(read, options, where) if refers else None,
            unique=options.unique or name == "id",
            index=options.index,
            search=options.search,
            frozen=options.frozen or name == "id",
            system=options.system,
            read=options.read,
            write=options.write,
            doc=info.description or "",
        )

    def _refuse_options(self, options: Options, read: Read, where: str) -> None:
        wrong: str | None = None
        if options.search and read.type.kind != "text":
            wrong = "search=True is for text fields"
        elif options.search and read.type.kind == "text" and not isinstance(
            options.read, RuleConst
        ) and "record" in repr(options.read):
            wrong = "a field whose read rule depends on the record cannot be search=True"
        elif options.on_delete is not None and read.target is None:
            wrong = "on_delete is for references (Ref)"
        elif options.on_delete == "set null" and not read.nullable:
            wrong = 'on_delete="set null" needs an optional reference: Ref[...] | None'
        elif (options.unique or options.index) and not read.type.sortable:
            wrong = "lists and JSON cannot be unique or indexed"
        elif options.big and read.type.kind not in ("int", "list"):
            wrong = "big=True is for int fields"
        if wrong:
            raise DeclarationError("field.option", f"{where}: {wrong}", origin=options.origin)

    def _default(self, default: Any, read: Read, where: str, origin: Origin | None) -> Any:
        if default is None:
            if read.nullable:
                return None
            raise DeclarationError(
                "field.default",
                f"{where} is None by default, and its type does not allow None",
                origin=origin,
                hint="write `X | None`",
            )
        try:
            return read.type.wire(read.type.accept(default))
        except WireError as error:
            raise DeclarationError(
                "field.default", f"{where}: the default is refused: {error.detail}", origin=origin
            ) from None

    def _reference(self, read: Read, options: Options, where: str) -> Reference:
        target = self._target(read.target, where, options.origin)
        on_delete: OnDelete = options.on_delete or "restrict"
        return Reference(self.names[target], on_delete)

    def _target(self, target: Any, where: str, origin: Origin | None) -> type[Record]:
        name = getattr(target, "__forward_arg__", target)
        if getattr(target, "__name__", None) == "Self" or name == "Self":
            return self.record
        found = self.classes.get(name) if isinstance(name, str) else target
        if found in self.names:
            return found  # type: ignore[no-any-return]  # a key of names is a record class
        shown = name if isinstance(name, str) else getattr(target, "__name__", repr(target))
        raise DeclarationError(
            "field.unknown_class",
            f"{where} refers to {shown}, which is no collection",
            origin=origin or self.entry.origin,
            hint=did_you_mean(str(shown), self.classes)
            or "declare it with @app.collection, or include its Module",
        )

    def _relation(self, attribute: str, info: Any, marker: Back) -> BackReference:
        where = f"{self.record.__name__}.{attribute}"
        target = next((m.target for m in info.metadata if isinstance(m, ManyOf)), None)
        if target is None:
            raise DeclarationError(
                "relation.type",
                f'{where}: back() belongs to Many: `{attribute}: Many["Size"] = back("…")`',
                origin=self.entry.origin,
            )
        other = self._target(target, where, self.entry.origin)
        _check_name(attribute, "field", self.entry.origin)
        return BackReference(
            attribute, attribute, self.names[other], marker.field, info.description or ""
        )

    def _indexes(self, known: set[str]) -> tuple[Index, ...]:
        listed: list[Index] = []
        for attribute, unique in (("unique", True), ("indexes", False)):
            for group in getattr(self.record, attribute):
                if isinstance(group, str):
                    group = (group,)
                names = tuple(self._wire_name(name) for name in group)
                for name in names:
                    if name not in known:
                        raise DeclarationError(
                            "index.unknown_field",
                            f"{self.record.__name__}.{attribute} names `{name}`, which is no field",
                            origin=self.entry.origin,
                            hint=did_you_mean(name, known),
                        )
                listed.append(Index(names, unique))
        return tuple(listed)

    def _wire_name(self, attribute: str) -> str:
        info = self.record.model_fields.get(attribute)
        options = [m for m in info.metadata if isinstance(m, Options)] if info else []
        return options[0].name or attribute if options else attribute

    def _refuse_same_names(self, fields: list[Field], relations: list[BackReference]) -> None:
        seen: set[str] = set()
        for name in [f.name for f in fields] + [r.name for r in relations]:
            if name in seen:
                raise DeclarationError(
                    "field.twice",
                    f"{self.record.__name__} has two fields named `{name}`",
                    origin=self.entry.origin,
                )
            seen.add(name)


def _system_last(fields: list[Field]) -> tuple[Field, ...]:
    """`id` first, then what the app declared, then the other system fields."""
    last = {name: position for position, name in enumerate(SYSTEM_FIELDS[1:])}
    own = [f for f in fields if f.name not in SYSTEM_FIELDS]
    key = [f for f in fields if f.name == "id"]
    system = sorted((f for f in fields if f.name in last), key=lambda f: last[f.name])
    return tuple(key + own + system)


def _own_doc(record: type[Record]) -> str:
    doc = record.__doc__
    inherited = any(doc == base.__doc__ for base in record.__mro__[1:])
    return "" if doc is None or inherited else " ".join(doc.split())


def _check_name(name: str, what: str, origin: Origin | None) -> None:
    if not name.isidentifier() or not name.isascii() or len(name) > 60:
        detail = f"`{name}` cannot name a {what}: letters, digits and _ (60 at most)"
    elif name.startswith("_"):
        detail = f"`{name}` cannot name a {what}: a leading _ is reserved"
    elif name in RESERVED_NAMES or (what == "field" and name in ("true", "false", "null", "in")):
        detail = f"`{name}` cannot name a {what}: it is a word of the expression language"
    else:
        return
    hint = 'Field(name="…") gives a field another name on the wire' if what == "field" else None
    raise DeclarationError(f"{what}.name", detail, origin=origin, hint=hint)


def _refuse_twice(declared: list[Declared]) -> None:
    names: dict[str, Declared] = {}
    classes: dict[str, Declared] = {}
    for entry in declared:
        if entry.name.lower() in names:
            raise DeclarationError(
                "collection.twice",
                f"two collections are named `{entry.name}`",
                origin=entry.origin,
            )
        if entry.record.__name__ in classes:
            raise DeclarationError(
                "collection.class_twice",
                f"two collections are declared by a class named {entry.record.__name__}",
                origin=entry.origin,
                hint='references go by class name: Ref["…"] could mean either',
            )
        names[entry.name.lower()] = entry
        classes[entry.record.__name__] = entry
    users = [e for e in declared if issubclass(e.record, UserRecord)]
    if len(users) > 1:
        raise DeclarationError(
            "collection.users_twice",
            f"`{users[0].name}` and `{users[1].name}` both hold users; there is one such collection",
            origin=users[1].origin,
        )


def _check_relations(schema: Schema) -> None:
    for collection in schema.collections:
        for relation in collection.back_references:
            other = schema.collection[relation.collection]
            field = other.field.get(relation.field)
            if field is None or field.reference is None:
                raise DeclarationError(
                    "relation.unknown_field",
                    f"{collection.title}.{relation.name}: `{relation.field}` is no reference of "
                    f"{other.title}",
                    origin=collection.origin,
                    hint=did_you_mean(
                        relation.field, [f.name for f in other.fields if f.reference]
                    ),
                )
            if field.reference.collection != collection.name:
                raise DeclarationError(
                    "relation.other_target",
                    f"{collection.title}.{relation.name}: {other.title}.{relation.field} refers to "
                    f"{field.reference.collection}, not to {collection.name}",
                    origin=collection.origin,
                )
