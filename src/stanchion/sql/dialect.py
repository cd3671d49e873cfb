"""What the two engines say differently, as named capabilities.

`sql/` asks a `Dialect`; nothing else knows an engine's words. A capability or a spelling is a
field, a form is a method. A third engine is a third class, with its value at the end of this file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..expr.tree import Type
from ..types import FieldType


@dataclass(frozen=True, slots=True)
class Dialect(ABC):
    """One engine's words. See the two values at the end of this file."""

    name: Literal["sqlite", "postgresql"]
    placeholder: str  # before the number of a parameter
    exists_limit: (
        str  # SQLite turns a plain EXISTS into a join with a Bloom filter: 10 ms at 100k rows
    )
    null_safe_equal: str
    null_safe_unequal: str
    aggregate_text: str  # joins texts: group_concat or string_agg
    typed_parameters: bool  # parameters need a cast
    order_nulls: bool  # nulls must be ordered by hand: smallest
    explain: str  # before a statement: how would it run?
    plans_are_fixed: bool  # the plan of a text is one, whatever the rows and values
    shows_last: int | None  # operations of a row beyond which they follow the order and the limit
    keep_row: str  # what a transaction adds to a read by id, so that the row stays as it was
    log_order: str  # the column of the change log whose order is that of the transactions
    alters_in_place: bool  # a stored table can be given other columns, types and checks
    references_apart: bool  # references are added when all tables are there, and can be taken away
    after_filling: tuple[str, ...]  # what a database wants that was filled all at once
    side_by_side: bool  # transactions run at the same time, and end in any order
    alone: str  # keeps others who would apply a schema out of a transaction, where they could come
    plain_values: bool  # moments are texts, bools 0 and 1: what is bound is in its plain form
    scaled_decimals: bool  # decimals are counts of their last place, in 64 bits
    row_numbers: bool  # rows have a number of their own, `_n`, shorter than their key
    search_in_row: bool  # words to search for stand in a column of the row, not in another table
    names_keys: bool  # an error names the constraint of a key, so that it needs a name of ours
    fills_by_column: bool  # many rows are put in as an array for each column
    table_options: str  # what ends the making of a table

    # types

    @abstractmethod
    def json(self, kind: FieldType, sql: str) -> str:
        """SQL for the JSON text of a non-null expression."""

    @abstractmethod
    def json_texts(self, kind: FieldType, sql: str) -> tuple[str, ...]:
        """SQL for the texts that are, one after the other, the JSON of a non-null expression."""

    @abstractmethod
    def concat(self, texts: Sequence[str]) -> str:
        """Texts as one, none of them null.

        >>> SQLITE.concat(("'{'", "x", "'}'")), POSTGRES.concat(("'{'", "'a:'", "x", "'}'"))
        ("concat('{',x,'}')", "'{a:'||x||'}'")
        """

    @abstractmethod
    def raw(self, kind: FieldType, value: Any) -> Any:
        """What is bound for a value of a stored field; None stays None."""

    @abstractmethod
    def value(self, kind: FieldType, raw: Any) -> Any:
        """The value of what the engine returned; None stays None."""

    @abstractmethod
    def column(self, kind: FieldType) -> str:
        """The column type."""

    @abstractmethod
    def checks(self, kind: FieldType, column: str) -> list[tuple[str, str]]:
        """The code and the condition of each check that a column of this type has."""

    @abstractmethod
    def plain(self, kind: FieldType, column: str) -> str:
        """A column in its plain form, under its own name."""

    @abstractmethod
    def float_average(self, sql: str) -> str:
        """SQL for the average of a group's floats."""

    def cast(self, kind: FieldType) -> str:
        """The cast that a parameter of this type needs, or nothing."""
        return f"::{kind.postgres_cast}" if self.typed_parameters else ""

    def expression_cast(self, kind: Type) -> str:
        """The cast that a parameter of this expression type needs, or nothing."""
        if not self.typed_parameters:
            return ""
        return "::" + _POSTGRES_CASTS.get(kind.kind, _TEXT)

    # expressions

    @abstractmethod
    def truth(self, sql: str, wanted: bool) -> str:
        """Whether a boolean value is true, or false."""

    @abstractmethod
    def contains(self, text: str, part: str) -> str:
        """Whether `part` stands in `text`."""

    @abstractmethod
    def starts_with(self, text: str, part: str) -> str:
        """Whether `text` starts with `part`."""

    @abstractmethod
    def ends_with(self, text: str, part: str) -> str:
        """Whether `text` ends with `part`."""

    @abstractmethod
    def lower_ascii(self, text: str) -> str:
        """`text` with A to Z in lower case."""

    def text_size(self, text: str) -> str:
        """The number of code points."""
        return f"length({text})"

    def list_size(self, column: str) -> str:
        """The number of items of a list column."""
        return f"json_array_length({column})"

    @abstractmethod
    def list_items(self, column: str, alias: str) -> str:
        """A FROM item whose column `value` runs over a list column."""

    def item(self, kind: Type, alias: str) -> str:
        """The value of a list item, comparable with a field of the same type."""
        if kind.kind == "decimal" and self.scaled_decimals:
            return f"cast(replace({alias}.value,'.','') as integer)"
        return f"{alias}.value{self.expression_cast(kind)}"

    @abstractmethod
    def fits_int64(self, sql: str) -> str:
        """Whether a sum of integers is one: not null, and not out of 64 bits."""

    @abstractmethod
    def widen(self, sql: str) -> str:
        """An integer or scaled decimal that may be added without failing the statement."""

    # aggregates

    def extreme(self, function: Literal["min", "max"], kind: FieldType, sql: str) -> str:
        """The least or the greatest of a group's values; null of none."""
        return f"{function}({sql})"

    @abstractmethod
    def at_most(self, total: str, most: int, places: int) -> str:
        """A sum of whole numbers, or of decimals with these places. The statement fails where it
        is further from zero than `most` of the last place."""

    @abstractmethod
    def finite(self, total: str) -> str:
        """A sum of floats; the statement fails where it is infinite, which no JSON holds."""

    # moments

    @abstractmethod
    def microseconds(self, sql: str) -> str:
        """A stored datetime as microseconds since 1970."""


class SQLiteDialect(Dialect):
    """SQLite's forms."""

    __slots__ = ()

    def json(self, kind: FieldType, sql: str) -> str:
        return kind.sqlite_json(sql)

    def json_texts(self, kind: FieldType, sql: str) -> tuple[str, ...]:
        return kind.sqlite_texts(sql)

    def concat(self, texts: Sequence[str]) -> str:
        """SQLite makes and copies a text for each `||`, but only one for `concat`: a list of 30
        records took 381,000 instructions with the one, 299,000 with the other. NOTE: null counts
        as empty there."""
        return texts[0] if len(texts) == 1 else f"concat({','.join(texts)})"

    def raw(self, kind: FieldType, value: Any) -> Any:
        return None if value is None else kind.sqlite_raw(value)

    def value(self, kind: FieldType, raw: Any) -> Any:
        return None if raw is None else kind.sqlite_value(raw)

    def column(self, kind: FieldType) -> str:
        return kind.sqlite_column

    def checks(self, kind: FieldType, column: str) -> list[tuple[str, str]]:
        return kind.sqlite_check(column)

    def plain(self, kind: FieldType, column: str) -> str:
        return column  # what SQLite stores is the plain form

    def float_average(self, sql: str) -> str:
        return f"avg({sql})"

    def truth(self, sql: str, wanted: bool) -> str:
        return f"{sql}={1 if wanted else 0}"

    def contains(self, text: str, part: str) -> str:
        return f"instr({text},{part})>0"

    def starts_with(self, text: str, part: str) -> str:
        return f"substr({text},1,length({part}))={part}"

    def ends_with(self, text: str, part: str) -> str:
        found = f"substr({text},-length({part}))={part}"
        return f"(case when {part}='' then {text} is not null else {found} end)"

    def lower_ascii(self, text: str) -> str:
        return f"lower({text})"

    def list_items(self, column: str, alias: str) -> str:
        return f"json_each({column}) {alias}"

    def fits_int64(self, sql: str) -> str:
        return f"typeof({sql})='integer'"

    def widen(self, sql: str) -> str:
        return sql

    def at_most(self, total: str, most: int, places: int) -> str:
        """`sum` fails past 64 bits by itself; for less, `abs` of the least integer does."""
        if most >= 2**63 - 1:
            return total
        fails = f"abs({total}-{total}-9223372036854775807-1)"
        return f"(case when {total} not between -{most} and {most} then {fails} else {total} end)"

    def finite(self, total: str) -> str:
        """SQLite fails on `abs` of the least integer, which is what minus infinity is cast to, with
        the error of integers that overflow. WHY-NOT a column of its own that tells it: every reader
        of an aggregate would have to look there."""
        fails = f"abs(cast(-abs({total}) as integer))"
        return f"(case when abs({total})=9e999 then {fails} else {total} end)"

    def microseconds(self, sql: str) -> str:
        return f"(unixepoch(substr({sql},1,19))*1000000+cast(substr({sql},21,6) as integer))"


class PostgresDialect(Dialect):
    """PostgreSQL's forms."""

    __slots__ = ()

    def json(self, kind: FieldType, sql: str) -> str:
        return kind.postgres_json(sql)

    def json_texts(self, kind: FieldType, sql: str) -> tuple[str, ...]:
        return (kind.postgres_json(sql),)

    def concat(self, texts: Sequence[str]) -> str:
        if len(texts) == 1:
            return texts[0]
        # no constant of a body holds a quotation mark: those side by side become one
        return "||".join(texts).replace("'||'", "")

    def raw(self, kind: FieldType, value: Any) -> Any:
        return None if value is None else kind.postgres_raw(value)

    def value(self, kind: FieldType, raw: Any) -> Any:
        return None if raw is None else kind.postgres_value(raw)

    def column(self, kind: FieldType) -> str:
        return kind.postgres_column

    def checks(self, kind: FieldType, column: str) -> list[tuple[str, str]]:
        return kind.postgres_check(column)

    def plain(self, kind: FieldType, column: str) -> str:
        return f"{kind.postgres_plain(column)} as {column}"

    def float_average(self, sql: str) -> str:
        """PostgreSQL's own computes the variance as well, and so refuses numbers beyond 1e154."""
        return f"sum({sql})/count({sql})"

    def truth(self, sql: str, wanted: bool) -> str:
        return sql if wanted else f"not {sql}"

    def contains(self, text: str, part: str) -> str:
        return f"strpos({text},{part})>0"

    def starts_with(self, text: str, part: str) -> str:
        return f"starts_with({text},{part})"

    def ends_with(self, text: str, part: str) -> str:
        return f"right({text},length({part}))={part}"

    def lower_ascii(self, text: str) -> str:
        return f'lower({text} collate "C")'

    def list_items(self, column: str, alias: str) -> str:
        return f"json_array_elements_text({column}) as {alias}(value)"

    def fits_int64(self, sql: str) -> str:
        return f"({sql}) between -9223372036854775808 and 9223372036854775807"

    def widen(self, sql: str) -> str:
        return f"{sql}::numeric"

    def extreme(self, function: Literal["min", "max"], kind: FieldType, sql: str) -> str:
        if kind.kind == "bool":
            return f"bool_{'and' if function == 'min' else 'or'}({sql})"
        if kind.kind == "uuid":  # has no min before version 18
            return f'{function}({sql}::text collate "C")::uuid'
        return f"{function}({sql})"

    def at_most(self, total: str, most: int, places: int) -> str:
        far = f"{most}e-{places}" if places else str(most)
        fails = f"({total}*1e{places + 20})::int8"
        return f"(case when {total} not between -{far} and {far} then {fails} else {total} end)"

    def finite(self, total: str) -> str:
        return total  # the sum itself fails

    def microseconds(self, sql: str) -> str:
        return f"(extract(epoch from {sql})*1000000)::numeric"


# a column says how its texts compare; two parameters, or items of lists, would ask the database
_TEXT = 'text collate "C"'
_POSTGRES_CASTS = {
    "text": _TEXT, "int": "int8", "float": "float8", "decimal": "numeric", "bool": "boolean",
    "date": "date", "datetime": "timestamptz", "duration": "int8", "uuid": "uuid", "list": "json",
    "json": "json",
}  # fmt: skip

SQLITE = SQLiteDialect(
    name="sqlite",
    placeholder="?",
    exists_limit=" limit 1",
    null_safe_equal="is",
    null_safe_unequal="is not",
    aggregate_text="group_concat",
    typed_parameters=False,
    order_nulls=False,
    explain="explain query plan ",
    plans_are_fixed=True,
    shows_last=None,
    keep_row="",
    log_order="seq",
    alters_in_place=False,
    references_apart=False,
    after_filling=(),
    side_by_side=False,
    alone="",
    plain_values=True,
    scaled_decimals=True,
    row_numbers=True,
    search_in_row=False,
    names_keys=False,
    fills_by_column=False,
    table_options=" strict",
)
POSTGRES = PostgresDialect(
    name="postgresql",
    placeholder="$",
    exists_limit="",
    null_safe_equal="is not distinct from",
    null_safe_unequal="is distinct from",
    aggregate_text="string_agg",
    typed_parameters=True,
    order_nulls=True,
    explain="explain (costs off) ",
    plans_are_fixed=False,
    shows_last=10,
    keep_row=" for no key update of r",
    log_order="xid",
    alters_in_place=True,
    references_apart=True,
    after_filling=("analyze",),
    side_by_side=True,
    alone="select pg_advisory_xact_lock(hashtext('stanchion'))",
    plain_values=False,
    scaled_decimals=False,
    row_numbers=False,
    search_in_row=True,
    names_keys=True,
    fills_by_column=True,
    table_options="",
)


def dialect_of(engine: str) -> Dialect:
    """The words of an engine, by its name."""
    return SQLITE if engine == "sqlite" else POSTGRES


def quoted(identifier: str) -> str:
    """A quoted identifier. Names come from the schema: letters, digits and `_` only."""
    return f'"{identifier}"'
