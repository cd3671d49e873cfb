"""Field types, one file each. See `base.FieldType` for what a type knows."""

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
]  # fmt: skip
