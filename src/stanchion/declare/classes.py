"""Read one record class into a `Collection` and its `Binding`.

In: a registered class.   Out: schema values.
Refuses: what a class or one of its fields can get wrong, as `DeclarationError`.
Called by model, for one class after the other, when all of them are known.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pydantic
from pydantic_core import PydanticUndefined

from ..errors import DeclarationError, Origin, did_you_mean
from ..schema import (
    NO_DEFAULT,
    RESERVED_NAMES,
    SYSTEM_FIELDS,
    BackReference,
    Collection,
    Field,
    Index,
    OnDelete,
    Reference,
    RuleConst,
)  # fmt: skip
from ..types import IntType, ListType, TextType, WireError
from .annotations import Place, Read, read_annotation
from .binding import Binding
from .fields import Back, ManyOf, Options, Through
from .limits import Limits
from .record import Record, UserRecord
from .rules import Rules

INDEX_BYTES = 2400
"""Of texts in an entry of an index. PostgreSQL's B-trees take 2,704 bytes with the key and what
else stands there; SQLite would take more, but an app is the same on both."""


@dataclass(slots=True)
class Declared:
    """A class as it was registered: under which name, and where in the app."""

    name: str
    record: type[Record]
    origin: Origin | None


class ClassReader:
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
        self.links: dict[str, Through] = {}  # the relations that go through links, as written

    def collection(self) -> Collection:
        fields: list[Field] = []
        relations: list[BackReference] = []
        self._refuse_class()
        for attribute, info in self.record.model_fields.items():
            marker = next((m for m in info.metadata if isinstance(m, (Back, Through))), None)
            if marker is not None:
                relations.append(self._relation(attribute, info, marker))
            else:
                fields.append(self._field(attribute, info))
        self._refuse_same_names(fields, relations)
        collection = Collection(
            name=self.entry.name,
            title=self.record.__name__,
            fields=_system_last(fields),
            back_references=tuple(relations),
            indexes=self._indexes({f.name: f for f in fields}),
            rules=self.record.rules.value,
            limits=self.record.limits.value,
            users=issubclass(self.record, UserRecord),
            doc=_own_doc(self.record),
            origin=self.entry.origin,
        )
        return replace(collection, fields=_fitting(collection))

    def binding(self, collection: Collection, others: Mapping[str, Binding]) -> Binding:
        self.record._wire_forms = tuple(
            (f.name, f.attribute, f.type) for f in collection.fields if _has_own_form(f)
        )
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
        check_name(name, "field", origin)
        self._refuse_pydantic(info, where, origin)
        read = read_annotation(info.annotation, info.metadata, Place(where, origin, options.big))
        self.reads[name] = read
        refers = read.target is not None and name != "id"
        self._refuse_options(options, read, name, where)
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

    def _refuse_class(self) -> None:
        """What a class may not redefine."""
        name = self.record.__name__
        if not isinstance(self.record.rules, Rules):
            raise DeclarationError(
                "rule.type",
                f"{name}.rules is {self.record.rules!r}",
                origin=self.entry.origin,
                hint='rules = Rules(read=public, write=role("owner"))',
            )
        if not isinstance(self.record.limits, Limits):
            raise DeclarationError(
                "limit.type",
                f"{name}.limits is {self.record.limits!r}",
                origin=self.entry.origin,
                hint='limits = Limits(create="10/min")',
            )
        for attribute, info in self.record.model_fields.items():
            own = _defined_by(self.record, attribute)
            if attribute in ("rules", "limits", "unique", "indexes"):
                raise DeclarationError(
                    "field.name",
                    f"{name}.{attribute} cannot be a field: it says something of the whole class",
                    origin=self.entry.origin,
                    hint=f'{attribute}_: … = Field(name="{attribute}") gives a field that name',
                )
            if hasattr(pydantic.BaseModel, attribute):
                raise DeclarationError(
                    "field.name",
                    f"{name}.{attribute} hides a method that every pydantic model has",
                    origin=_origin_of(info) or self.entry.origin,
                    hint=f'{attribute}_: … = Field(name="{attribute}") keeps the name on the wire',
                )
            if own not in (Record, UserRecord) and _is_system(attribute, self.record):
                raise DeclarationError(
                    "field.system",
                    f"{name}.{attribute} is a system field and cannot be declared again",
                    origin=_origin_of(info) or self.entry.origin,
                    hint="leave it out: every record has it",
                )

    def _refuse_pydantic(self, info: Any, where: str, origin: Origin | None) -> None:
        """Options of pydantic's own Field that would not hold on every path."""
        if info.alias or info.validation_alias:
            wrong, hint = "an alias", 'Field(name="…") gives a field another name on the wire'
        elif info.default_factory is not None and info.default_factory_takes_validated_data:
            wrong, hint = "a default_factory that takes data", "a model_validator can do it"
        else:
            return
        raise DeclarationError(
            "field.option", f"{where} has {wrong}, which is not supported", origin=origin, hint=hint
        )

    def _refuse_options(self, options: Options, read: Read, name: str, where: str) -> None:
        wrong: str | None = None
        conditional = not isinstance(options.read, RuleConst) and "record" in repr(options.read)
        if options.search and read.type.kind != "text":
            wrong = "search=True is for text fields"
        elif options.search and conditional:
            wrong = "a field whose read rule depends on the record cannot be search=True"
        elif options.search and name.lower() in ("rank", "rowid"):
            wrong = f'a searched field cannot be named {name} on the wire: Field(name="…")'
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
        found: type[Record] | None = self.classes.get(name) if isinstance(name, str) else target
        if found is not None and found in self.names:
            return found
        shown = name if isinstance(name, str) else getattr(target, "__name__", repr(target))
        raise DeclarationError(
            "field.unknown_class",
            f"{where} refers to {shown}, which is no collection",
            origin=origin or self.entry.origin,
            hint=did_you_mean(str(shown), self.classes)
            or "declare it with @app.collection, or include its Module",
        )

    def _relation(self, attribute: str, info: Any, marker: Back | Through) -> BackReference:
        """A to-many relation. `model` completes one that goes through links: they may not have been
        read yet."""
        where = f"{self.record.__name__}.{attribute}"
        origin = self.entry.origin
        said, sample = "back", "…"
        if isinstance(marker, Through):
            origin, said, sample = marker.origin or origin, "through", "pizza_sizes"
            self.links[attribute] = marker
        target = next((m.target for m in info.metadata if isinstance(m, ManyOf)), None)
        if target is None:
            raise DeclarationError(
                "relation.type",
                f"{where}: {said}() belongs to Many: "
                f'`{attribute}: Many["Size"] = {said}("{sample}")`',
                origin=origin,
            )
        other = self._target(target, where, origin)
        check_name(attribute, "field", origin)
        found = BackReference(attribute, attribute, self.names[other], "", info.description or "")
        if isinstance(marker, Back):
            return replace(found, field=marker.field)
        return replace(found, link=marker.link, field=marker.by, reach=marker.to)

    def _indexes(self, known: Mapping[str, Field]) -> tuple[Index, ...]:
        listed: list[Index] = []
        for attribute, unique in (("unique", True), ("indexes", False)):
            groups = getattr(self.record, attribute)
            if isinstance(groups, str) or any(isinstance(group, str) for group in groups):
                raise DeclarationError(
                    "index.form",
                    f"{self.record.__name__}.{attribute} is a list of sets of fields",
                    origin=self.entry.origin,
                    hint=f'{attribute} = [("pizza", "size")]; of one field: Field(unique=True)',
                )
            for group in groups:
                names = tuple(self._wire_name(name) for name in group)
                self._refuse_index(attribute, names, known)
                listed.append(Index(names, unique))
        return tuple(listed)

    def _refuse_index(
        self, attribute: str, names: tuple[str, ...], known: Mapping[str, Field]
    ) -> None:
        where = f"{self.record.__name__}.{attribute}"
        for name in names:
            if name not in known:
                raise DeclarationError(
                    "index.unknown_field",
                    f"{where} names `{name}`, which is no field",
                    origin=self.entry.origin,
                    hint=did_you_mean(name, known) or f"fields: {', '.join(known)}",
                )
            if not known[name].type.sortable or names.count(name) > 1:
                why = "twice" if names.count(name) > 1 else "and lists and JSON have no order"
                raise DeclarationError(
                    "index.form", f"{where} names `{name}` {why}", origin=self.entry.origin
                )

    def _wire_name(self, attribute: str) -> str:
        info = self.record.model_fields.get(attribute)
        options = [m for m in info.metadata if isinstance(m, Options)] if info else []
        return options[0].name or attribute if options else attribute

    def _refuse_same_names(self, fields: list[Field], relations: list[BackReference]) -> None:
        seen: set[str] = set()
        for name in [f.name for f in fields] + [r.name for r in relations]:
            if name.lower() in seen:
                raise DeclarationError(
                    "field.twice",
                    f"{self.record.__name__} has two fields named `{name}`",
                    origin=self.entry.origin,
                    hint="databases do not tell capital letters in names apart",
                )
            seen.add(name.lower())


def _defined_by(record: type[Record], attribute: str) -> type:
    """The class that declares a field."""
    own = (c for c in record.__mro__ if attribute in inspect.get_annotations(c))
    return next(own, record)


def _is_system(attribute: str, record: type[Record]) -> bool:
    names = set(Record.model_fields)
    if issubclass(record, UserRecord):
        names |= set(UserRecord.model_fields)
    return attribute in names


def _origin_of(info: Any) -> Origin | None:
    return next((m.origin for m in info.metadata if isinstance(m, Options)), None)


def _system_last(fields: list[Field]) -> tuple[Field, ...]:
    """`id` first, then what the app declared, then the other system fields."""
    last = {name: position for position, name in enumerate(SYSTEM_FIELDS[1:])}
    own = [f for f in fields if f.name not in SYSTEM_FIELDS]
    key = [f for f in fields if f.name == "id"]
    system = sorted((f for f in fields if f.name in last), key=lambda f: last[f.name])
    return tuple(key + own + system)


def _fitting(collection: Collection) -> tuple[Field, ...]:
    """The fields, where texts of an index have room for as much as it can hold together."""
    room: dict[str, int] = {}
    for index in collection.all_indexes:
        texts = [n for n in index.fields if isinstance(collection.field[n].type, TextType)]
        for name in texts:
            room[name] = min(INDEX_BYTES // len(texts), room.get(name, INDEX_BYTES))
    return tuple(
        replace(field, type=replace(field.type, index_bytes=room[field.name]))
        if field.name in room and isinstance(field.type, TextType)
        else field
        for field in collection.fields
    )


def _own_doc(record: type[Record]) -> str:
    doc = record.__doc__
    inherited = any(doc == base.__doc__ for base in record.__mro__[1:])
    return "" if doc is None or inherited else " ".join(doc.split())


def check_name(name: str, what: str, origin: Origin | None) -> None:
    """Refuse a name that a collection or field cannot have, on the wire or on disk."""
    if not isinstance(name, str):
        detail = f"a {what} is named by a text, not by {name!r}"
        hint = '@app.collection("pizzas")'
        raise DeclarationError(f"{what}.name", detail, origin=origin, hint=hint)
    if not name.isidentifier() or not name.isascii() or len(name) > 60:
        detail = f"`{name}` cannot name a {what}: letters, digits and _ (60 at most)"
    elif name.startswith("_"):
        detail = f"`{name}` cannot name a {what}: a leading _ is reserved"
    elif what == "collection" and name.lower().startswith("sqlite_"):
        detail = f"`{name}` cannot name a collection: sqlite_ is reserved by the database"
    elif name in RESERVED_NAMES or (what == "field" and name in ("true", "false", "null", "in")):
        detail = f"`{name}` cannot name a {what}: it is a word of the expression language"
    else:
        return
    hint = 'Field(name="…") gives a field another name on the wire' if what == "field" else None
    raise DeclarationError(f"{what}.name", detail, origin=origin, hint=hint)


def _has_own_form(field: Field) -> bool:
    """Whether pydantic would write the JSON of this field otherwise than the data API does."""
    kind = field.type.item if isinstance(field.type, ListType) else field.type
    return kind.kind in ("datetime", "decimal") or (isinstance(kind, IntType) and kind.big)
