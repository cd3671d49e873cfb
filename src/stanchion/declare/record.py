"""`Record`: the base of every collection's class; an instance is one stored record."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self, dataclass_transform

import pydantic
from pydantic import BaseModel, ConfigDict
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError
from pydantic_core import SchemaError

from .. import clock
from ..errors import DeclarationError, Origin
from ..relay import is_address
from ..types import FieldType
from .annotations import HINT
from .fields import Field, Ref, back, system, through
from .limits import Limits
from .rules import Rules, caller_origin
from .sign_in import SignIn

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass as _ModelMetaclass
else:
    _ModelMetaclass = type(BaseModel)


@dataclass_transform(
    kw_only_default=True,
    field_specifiers=(Field, system, back, through, pydantic.Field, pydantic.PrivateAttr),
)
class RecordMeta(_ModelMetaclass):
    """Tells type checkers that a record's fields are the arguments of its constructor, and turns
    what pydantic refuses about a class into a `DeclarationError`."""

    if not TYPE_CHECKING:

        def __new__(mcls, name: str, bases: Any, namespace: dict[str, Any], **more: Any) -> Any:
            with warnings.catch_warnings():
                # what it warns of is an error of ours, see model.py: a field that hides a method
                warnings.filterwarnings("ignore", "Field name .* shadows an attribute")
                try:
                    return super().__new__(mcls, name, bases, namespace, **more)
                except (PydanticUserError, SchemaError, ValueError, TypeError) as error:
                    raise class_error(name, error, caller_origin()) from error


def class_error(name: str, error: Exception, origin: Origin | None) -> DeclarationError:
    """What pydantic says of a class, in our form."""
    said = str(error).partition("\n\nFor further information")[0]
    hint: str | None = None
    if isinstance(error, PydanticSchemaGenerationError):
        said = said.partition(". Set `arbitrary_types_allowed")[0].replace("Unable to", "cannot")
        hint = HINT
    elif "annotation" in said:
        meant = next((n for n in ("Rules", "Limits") if f"{n} object" in said), None)
        named = f"{meant.lower()} = {meant}(...), under this name" if meant else None
        hint = named or "name: str = Field(...)"
    detail = f"{name}: {' '.join(said.split())}"
    return DeclarationError("record.class", detail, origin=origin, hint=hint)


class Record(BaseModel, metaclass=RecordMeta):
    """One record of a collection.

    Subclasses declare fields; these class variables say the rest:

        rules: who may do what (closed unless said)
        limits: how often one caller may write (as often as he likes unless said)
        unique: sets of fields that no two records share, such as [("pizza", "size")]
        indexes: fields that are kept sorted together, such as [("state", "created")]

    `id` is made when an instance is made and may be given; `created`, `updated` and `version` are
    set by the server.

    Pydantic's validators work on it. They see every value that is written, by whichever way, and
    on an update the whole record as it would be; so one that changes a value must leave alone
    what it has changed before.
    """

    model_config = ConfigDict(extra="forbid", validate_default=False, regex_engine="python-re")

    id: Ref[Self] = Field(default_factory=lambda: Ref(clock.uuid7()))
    created: datetime = system(default_factory=clock.now)
    updated: datetime = system(default_factory=clock.now)
    version: int = system(default_factory=lambda: 1)

    rules: ClassVar[Rules] = Rules()
    limits: ClassVar[Limits] = Limits()
    unique: ClassVar[Sequence[tuple[str, ...]]] = ()
    indexes: ClassVar[Sequence[tuple[str, ...]]] = ()

    # whether this class, or one above it, was made a collection of an app
    _declared: ClassVar[bool] = False

    # (wire name, attribute, type) of the fields whose JSON pydantic would write otherwise; set
    # when the app is frozen
    _wire_forms: ClassVar[tuple[tuple[str, str, FieldType], ...]] = ()

    def __copy__(self) -> Self:
        """A copy. It was given its id, which another record has already: so the versions of a
        record that is made of it go on where those of the other one ended."""
        copied = super().__copy__()
        copied.model_fields_set.add("id")
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A deep copy; see `__copy__`."""
        copied = super().__deepcopy__(memo)
        copied.model_fields_set.add("id")
        return copied

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """An instance from a pickle; see `__copy__`."""
        super().__setstate__(state)
        self.model_fields_set.add("id")

    @pydantic.model_serializer(mode="wrap")
    def _in_wire_form(self, inner: Any, info: pydantic.SerializationInfo):  # type: ignore[no-untyped-def]  # a return type would replace the JSON schema
        """A record that a route returns has the data API's form: six digits of a second, big
        integers in strings, decimals with all their places."""
        shown = inner(self)
        if info.mode == "json":
            for name, attribute, kind in self._wire_forms:
                key = name if name in shown else attribute
                if shown.get(key) is not None:
                    shown[key] = kind.wire(self.__dict__[attribute])
        return shown


_EMAIL_WRITE = "old == null || record.email == old.email || auth.admin"
"""Whoever may make a user says its address; later the address proves who somebody is."""


class KeyHold:
    """What the API key is for that a user called with. It is nothing of the user's: two copies of
    one user are equal, whichever of them came with a key."""

    __slots__ = ("scopes",)

    def __init__(self, scopes: frozenset[str]) -> None:
        self.scopes = scopes

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, KeyHold)


class UserRecord(Record):
    """The base of the collection that `auth` is a record of.

    `sign_in` says how people come in. What proves who they are is no field: passwords, sessions and
    keys lie where no rule, filter or log reaches them.
    """

    sign_in: ClassVar[SignIn] = SignIn()

    email: str = Field(max_length=254, unique=True, write=_EMAIL_WRITE)
    verified: bool = system(default_factory=lambda: False)
    admin: bool = system(default_factory=lambda: False)
    disabled: bool = system(default_factory=lambda: False)

    # whatever is done as this very record is held to it; None where no API key came
    _held_to: KeyHold | None = pydantic.PrivateAttr(default=None)

    @pydantic.field_validator("email")
    @classmethod
    def _as_it_is_stored(cls, given: str) -> str:
        """An address in small letters; nothing that a mail server could take for two of them."""
        text = given.strip().lower()
        if not is_address(text):
            raise ValueError("is no e-mail address")
        return text
