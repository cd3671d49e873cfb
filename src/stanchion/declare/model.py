"""From record classes to the schema.

In: what an app registered, in `Declarations`.   Out: `Model`: the frozen `Schema`, the jobs, and
for each collection a `Binding` that carries records between Python and plain values.
Refuses: everything a declaration can get wrong, as `DeclarationError`, before anything runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import pydantic
from pydantic_core import SchemaError

from ..errors import DeclarationError, did_you_mean
from ..schema import Collection, Schema
from .binding import Binding
from .classes import ClassReader, Declared, check_name
from .jobs import JobBook, JobKind, JobList, build_jobs
from .record import Record, UserRecord, class_error
from .relations import check_back_references, complete_links
from .rules import caller_origin
from .sign_in import SignIn

R = TypeVar("R", bound=Record)


class Declarations:
    """Collects what is declared until the app is frozen. `App` and `Module` each hold one."""

    def __init__(self) -> None:
        self.declared: list[Declared] = []
        self.jobs = JobList()

    def include(self, other: Declarations) -> None:
        """Take over what a module has declared."""
        self.declared += other.declared
        self.jobs.declared += other.jobs.declared

    def collection(self, name: str) -> Callable[[type[R]], type[R]]:
        """A class decorator that makes `name` a collection of the decorated record class."""
        origin = caller_origin()
        check_name(name, "collection", origin)

        def register(record: type[R]) -> type[R]:
            if not (isinstance(record, type) and issubclass(record, Record)):
                raise DeclarationError(
                    "collection.class",
                    f"`{name}` is declared by {record!r}, which is no Record",
                    origin=origin,
                    hint="class Pizza(Record): ...",
                )
            self.declared.append(Declared(name, record, origin))
            record._declared = True
            return record

        return register


@dataclass(frozen=True, eq=False)
class Model:
    """The schema, its bindings and the jobs: everything an app declared, frozen."""

    schema: Schema
    bindings: Mapping[str, Binding]
    jobs: JobBook = field(default_factory=JobBook)

    @cached_property
    def sign_in(self) -> SignIn | None:
        """How people come in; None where the app has no users."""
        users = self.schema.users
        record = None if users is None else self.bindings[users.name].record
        return record.sign_in if record is not None and issubclass(record, UserRecord) else None

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
                f"{getattr(record, '__name__', repr(record))} is no collection of this app",
                hint='declare it with @app.collection("…"), or include its Module',
            ) from None


def build_model(title: str, declared: list[Declared], jobs: Iterable[JobKind] = ()) -> Model:
    """Freeze what was declared; raises `DeclarationError`."""
    _refuse_twice(declared)
    names = {entry.record: entry.name for entry in declared}
    classes = {entry.record.__name__: entry.record for entry in declared}
    readers: dict[str, ClassReader] = {}
    read: dict[str, Collection] = {}
    for entry in declared:
        _complete(entry, classes)
        readers[entry.name] = ClassReader(entry, names, classes)
        read[entry.name] = readers[entry.name].collection()
    schema = Schema(
        title, tuple(complete_links(read[name], readers[name].links, read) for name in read)
    )
    check_back_references(schema)
    bindings: dict[str, Binding] = {}
    for collection in schema.collections:
        bindings[collection.name] = readers[collection.name].binding(collection, bindings)
    return Model(schema, bindings, build_jobs(jobs))


def _complete(entry: Declared, classes: Mapping[str, type[Record]]) -> None:
    try:
        entry.record.model_rebuild(_types_namespace={**classes, "Self": entry.record})
    except (pydantic.PydanticSchemaGenerationError, SchemaError, TypeError) as error:
        raise class_error(entry.record.__name__, error, entry.origin) from error
    except (pydantic.PydanticUndefinedAnnotation, NameError) as error:
        missing = str(getattr(error, "name", None) or error)
        raise DeclarationError(
            "field.unknown_class",
            f"{entry.record.__name__} names a class that is no collection: {missing}",
            origin=entry.origin,
            hint=did_you_mean(missing, classes) or "declare it with @app.collection, or import it",
        ) from None


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
            f"`{users[0].name}` and `{users[1].name}` both hold users; one collection does",
            origin=users[1].origin,
        )
