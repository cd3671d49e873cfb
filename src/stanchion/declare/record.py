"""`Record`: the base of every collection's class; an instance is one stored record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

import pydantic
from pydantic import BaseModel, ConfigDict
from typing_extensions import Self, dataclass_transform

from .. import clock
from .fields import Field, Ref, back, system
from .rules import Rules

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass as _ModelMetaclass
else:
    _ModelMetaclass = type(BaseModel)


@dataclass_transform(
    kw_only_default=True,
    field_specifiers=(Field, system, back, pydantic.Field, pydantic.PrivateAttr),
)
class RecordMeta(_ModelMetaclass):
    """Tells type checkers that a record's fields are the arguments of its constructor."""


class Record(BaseModel, metaclass=RecordMeta):
    """One record of a collection.

    Subclasses declare fields; these class variables say the rest:

        rules: who may do what (closed unless said)
        unique: sets of fields that no two records share, such as [("pizza", "size")]
        indexes: fields that are kept sorted together, such as [("state", "created")]

    `id` is made when an instance is made and may be given; `created`, `updated` and `version` are
    set by the server.
    """

    model_config = ConfigDict(extra="forbid", validate_default=False)

    id: Ref[Self] = Field(default_factory=lambda: Ref(clock.uuid7()))
    created: datetime = system(default_factory=clock.now)
    updated: datetime = system(default_factory=clock.now)
    version: int = system(default_factory=lambda: 1)

    rules: ClassVar[Rules] = Rules()
    unique: ClassVar[Sequence[tuple[str, ...]]] = ()
    indexes: ClassVar[Sequence[tuple[str, ...]]] = ()


class UserRecord(Record):
    """The base of the collection that `auth` is a record of."""

    email: str = Field(max_length=254, unique=True)
    verified: bool = system(default_factory=lambda: False)
    admin: bool = system(default_factory=lambda: False)
    disabled: bool = system(default_factory=lambda: False)

