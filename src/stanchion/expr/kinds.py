"""Which types go together: what compares with what, what adds to what, what a literal can be."""

from __future__ import annotations

from ..types import DecimalType, EnumType, FieldType, ListType
from . import tree

NUMBERS = frozenset({"int", "decimal"})
ORDERED = frozenset(
    {"text", "int", "float", "decimal", "date", "datetime", "duration", "uuid"}
)  # fmt: skip
LITERAL_KINDS = {
    "int": frozenset({"int", "decimal", "float"}),
    "float": frozenset({"int", "decimal", "float"}),
    "text": frozenset({"text", "uuid", "date", "datetime", "duration"}),
}

_ARTICLES = {
    "int": "a whole number", "uuid": "a UUID", "list": "a list", "null": "null", "json": "JSON",
    "text": "text", "bool": "a boolean", "record": "a record", "many": "a relation to many",
}  # fmt: skip


def kind_of(field_type: FieldType) -> tree.Type:
    """The type that a field of this type has in an expression."""
    match field_type:
        case EnumType(values=values):
            return tree.Type("text", choices=values)
        case DecimalType(places=places):
            return tree.Type("decimal", places=places)
        case ListType(item=item):
            return tree.Type("list", item=kind_of(item))
        case _:
            return tree.Type(field_type.kind)


def type_of(value: tree.Operand) -> tree.Type:
    """The type of a value or a condition."""
    if isinstance(value, tree.Null):
        return tree.NULL
    if isinstance(value, tree.Now):
        return tree.DATETIME
    if isinstance(value, tree.Node):
        return tree.BOOL
    return value.type


def say(type: tree.Type) -> str:
    """The type as a person says it: `a whole number`."""
    return _ARTICLES.get(type.kind, f"a {type.kind}")


def say_first(type: tree.Type) -> str:
    """The same at the start of a sentence: `A whole number`."""
    said = say(type)
    return said[0].upper() + said[1:]


def comparable(left: tree.Type, right: tree.Type) -> bool:
    """Whether `==` may stand between values of these types."""
    if left.kind in NUMBERS and right.kind in NUMBERS:
        return True
    return left.kind == right.kind and (left.kind in ORDERED or left.kind == "bool")


def compare_hint(left: tree.Type, right: tree.Type) -> str | None:
    """What to write when two types do not compare."""
    kinds = {left.kind, right.kind}
    if kinds == {"date", "datetime"}:
        return (
            "A date is a day and a datetime a moment: compare the moment with the day's start and "
            'end, at >= "2026-01-31T00:00:00Z" && at < "2026-02-01T00:00:00Z".'
        )
    if "record" in kinds:
        return "Compare its key: auth.id; a record itself is compared with null only."
    if "many" in kinds:
        return "Write relation.exists(x, …) or size(relation)."
    if "list" in kinds:
        return (
            "Write x in list, list.exists(x, …) or size(list); a list is compared with null only."
        )
    if "json" in kinds:
        return "JSON is compared with null only."
    if "bool" in kinds:
        return "A boolean is compared with true, false or another boolean."
    if kinds <= {"int", "decimal", "float"}:
        return "A float is compared with floats and written numbers only."
    if "duration" in kinds and "datetime" in kinds:
        return 'Write now - duration("24h") for a moment, or a - b for the time between two.'
    return None


def sum_type(op: str, left: tree.Type, right: tree.Type) -> tree.Type | None:
    """The type of `left op right`, or None where there is none."""
    kinds = (left.kind, right.kind)
    if left.kind in NUMBERS and right.kind in NUMBERS:
        if kinds == ("int", "int"):
            return tree.INT
        return tree.Type("decimal", places=max(left.places, right.places))
    if kinds == ("duration", "duration"):
        return tree.DURATION
    if kinds == ("datetime", "duration") or (kinds == ("duration", "datetime") and op == "+"):
        return tree.DATETIME
    if kinds == ("datetime", "datetime") and op == "-":
        return tree.DURATION
    return None


def sum_hint(left: tree.Type, right: tree.Type) -> str | None:
    """What to say when two types do not add."""
    kinds = {left.kind, right.kind}
    if "float" in kinds:
        return "Arithmetic with floats is not part of the language yet; decimals are exact."
    if kinds == {"text"}:
        return "Texts are not joined in expressions."
    if "date" in kinds:
        return "Arithmetic with dates is not part of the language yet; datetimes take durations."
    if "list" in kinds:
        return "Lists are not joined in expressions."
    if kinds == {"datetime"}:
        return "Two moments are subtracted, not added."
    return None
