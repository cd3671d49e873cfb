"""Field types, one file each. See `base.FieldType` for what a type knows."""

from collections.abc import Mapping
from typing import Any

from .base import FieldType, Kind, Wire, WireError
from .bool import BoolType
from .date import DateType
from .datetime import DatetimeType
from .decimal import DecimalType
from .enum import EnumType
from .float import FloatType
from .int import IntType
from .json import JsonType
from .list import ListType
from .text import TextType
from .uuid import UuidType

__all__ = [
    "BoolType", "DateType", "DatetimeType", "DecimalType", "EnumType", "FieldType", "FloatType",
    "IntType", "JsonType", "Kind", "ListType", "TextType", "UuidType", "Wire", "WireError",
    "type_from",
]  # fmt: skip


def type_from(described: Mapping[str, Any]) -> FieldType:
    """The type that `FieldType.describe` described, of a schema that a database keeps."""
    parameters = dict(described)
    kind = parameters.pop("type")
    return _BY_NAME[kind].from_description(parameters)


_BY_NAME: dict[str, type[FieldType]] = {
    kind.__name__.lower().removesuffix("type"): kind
    for kind in (
        BoolType, DateType, DatetimeType, DecimalType, EnumType, FloatType, IntType, JsonType,
        ListType, TextType, UuidType,
    )
}  # fmt: skip
