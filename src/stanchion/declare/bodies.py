"""`Create[X]` and `Update[X]`: request bodies of app routes.

A record is not a request body: it has fields that callers may not set. `Create[Pizza]` takes what
`POST /api/pizzas` takes and arrives as a `Pizza`; `Update[Pizza]` takes what `PATCH` takes and
arrives as the changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError, core_schema

from ..errors import DeclarationError, FieldError
from .record import Record

R = TypeVar("R", bound=Record)

BODY_MARK = "x-stanchion-body"
"""Stands in FastAPI's JSON Schema of a body, with "create" or "update" and the record class. The
OpenAPI document has the true schema in its place."""


class NewRecord:
    """Marks a body that creates a record. `bodies` of the app's model reads it."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return core_schema.no_info_plain_validator_function(_ReadNew(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        record = schema["function"]["function"].record
        return {"type": "object", BODY_MARK: f"create {record.__name__}"}


@dataclass(frozen=True, slots=True)
class _ReadNew:
    """The validator of a `Create` body; it remembers the class that the body is of."""

    record: Any

    def __call__(self, wire: Any) -> Record:
        return _bodies_of(self.record).create(self.record, wire)


Create = Annotated[R, NewRecord()]
"""A body that makes a new record: type-checks and arrives as the record, not yet stored."""


@dataclass
class Update(Generic[R]):
    """A body that changes a record: `changes` holds the fields that were sent, by name."""

    # NOTE: FastAPI takes a parameter for a body where its class is a model or a dataclass; of any
    # other class it would look for it in the query string.
    record: type[R]
    changes: dict[str, Any]

    if not TYPE_CHECKING:

        def __class_getitem__(cls, record: Any) -> Any:
            if isinstance(record, TypeVar):
                return super().__class_getitem__(record)
            return Annotated[Update, _Changes(record)]


class _Changes:
    def __init__(self, record: Any) -> None:
        self.record = record

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return core_schema.no_info_plain_validator_function(
            lambda wire: _bodies_of(self.record).update(self.record, wire)
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        return {"type": "object", BODY_MARK: f"update {self.record.__name__}"}


class Bodies:
    """What `Create` and `Update` ask; the app sets itself as the answer when it is frozen."""

    def create(self, record: type[Record], wire: Any) -> Record:
        """The record of a create body; raises pydantic's ValidationError."""
        raise NotImplementedError

    def update(self, record: type[Record], wire: Any) -> Update[Any]:
        """The changes of an update body; raises pydantic's ValidationError."""
        raise NotImplementedError


_bodies: dict[type[Record], Bodies] = {}


def bind_bodies(record: type[Record], bodies: Bodies) -> None:
    """Let `bodies` read the request bodies of `record`."""
    _bodies[record] = bodies


def _bodies_of(record: Any) -> Bodies:
    try:
        return _bodies[record]
    except KeyError:
        raise DeclarationError(
            "body.no_collection", f"{record!r} is no collection of a running app"
        ) from None


def body_error(title: str, errors: list[FieldError], wire: Any) -> ValidationError:
    """Our field errors as the ValidationError that FastAPI knows how to report."""
    details: list[InitErrorDetails] = []
    for error in errors:
        parts = tuple(_encodable(error.pointer or "").split("/")[1:])
        kind = PydanticCustomError(error.code, "{detail}", {"detail": _encodable(error.detail)})
        details.append(InitErrorDetails(type=kind, loc=parts, input=None))
    return ValidationError.from_exception_data(title, details)


def _encodable(text: str) -> str:
    """A text that a caller's JSON may have put half a surrogate pair into, which no answer can."""
    return text.encode("utf-8", "backslashreplace").decode()
