"""Random expressions, written as text by a generator that knows the types.

In: a way to pick numbers (hypothesis, or a seeded dice).   Out: `Written`: text, mode, operation.
Every text it writes should pass the checker; what it may name comes from the schema.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from decimal import Decimal
from typing import Any, Literal, TypeVar

from stanchion.schema import ALWAYS, Collection, Field, Schema

from .worlds import DATES, FINE, FLOATS, HUGES, INTS, MOMENTS, TEXTS, UUIDS, key_of

T = TypeVar("T")
Mode = Literal["rule", "caller"]
Operation = Literal["read", "create", "update"]
Roots = tuple[tuple[str, str], ...]  # a name, and the collection that its records are of
Items = tuple[tuple[str, str], ...]  # a name, and the kind of value that it holds

NEAR = ["9.999", "9.991", "-0.051", "-0.049", "1.2501", "0.5"]
CHOICES = ["new", "open", "done"]
PLAIN: dict[str, list[Any]] = {
    "text": TEXTS, "choice": CHOICES, "float": FLOATS, "date": DATES, "datetime": MOMENTS
}  # fmt: skip
DURATIONS = ["0s", "1s", "1h", "-1h", "24h", "1us", "1.5s", "87600h", "1h30m", "2000000h"]
FIELDS = ("text", "int", "decimal", "float", "bool", "date", "datetime", "uuid", "choice")
WEIGHED = (*FIELDS, "duration", "text", "int", "int", "decimal", "datetime", "uuid")


@dataclass(frozen=True)
class Written:
    """An expression and how it is used. `params` are the values of its `$names`."""

    text: str
    mode: Mode
    operation: Operation = "read"
    params: dict[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Place:
    """What can be named where a piece of the expression stands."""

    roots: Roots
    items: Items = ()
    macros: int = 0


class Writer:
    """Writes one expression. `pick(n)` answers a number from 0 to n - 1."""

    def __init__(
        self, schema: Schema, pick: Callable[[int], int], mode: Mode, operation: Operation
    ) -> None:
        self.schema = schema
        self.pick = pick
        self.mode = mode
        self.operation = operation
        self.params: dict[str, Any] = {}

    def one_of(self, options: Sequence[T]) -> T:
        return options[self.pick(len(options))]

    def chance(self, percent: int) -> bool:
        return self.pick(100) >= 100 - percent

    def weighed(self, options: Sequence[tuple[int, T]]) -> T:
        """One of the options, by weight; shrinks towards the first."""
        at = self.pick(sum(weight for weight, _ in options))
        for weight, option in options:
            at -= weight
            if at < 0:
                return option
        raise AssertionError

    # conditions

    def condition(self, place: Place, depth: int) -> str:
        if depth <= 0 or self.chance(25):
            return self.atom(place, depth)
        return self.weighed([
            (3, self.junction), (2, self.negated), (2, self.macro), (1, self.equal_conditions),
            (2, self.atom),
        ])(place, depth - 1)  # fmt: skip

    def junction(self, place: Place, depth: int) -> str:
        sign = self.one_of(("&&", "||", "or", "and", "||"))
        parts = [self.condition(place, depth) for _ in range(2 + self.chance(20))]
        return f" {sign} ".join(f"({part})" for part in parts)

    def negated(self, place: Place, depth: int) -> str:
        return f"{self.one_of(('!', 'not '))}({self.condition(place, depth)})"

    def equal_conditions(self, place: Place, depth: int) -> str:
        left = f"({self.condition(place, depth)})"
        right = self.weighed([
            (2, lambda: f"({self.condition(place, depth - 1)})"),
            (1, lambda: self.one_of(("true", "false"))),
            (3, lambda: self.path(place, "bool")),
        ])()  # fmt: skip
        if "==" not in left and "!" not in left and "<" not in left and ">" not in left:
            left = f"(!{left})"  # a bare path in parentheses is a value, and may be null
        sides = (left, right) if self.chance(50) else (right, left)
        return f" {self.one_of(('==', '!='))} ".join(sides)

    def atom(self, place: Place, depth: int) -> str:
        if place.items and self.chance(50):
            return self.item_test(place)
        return self.weighed([
            (9, self.comparison), (4, self.null_test), (4, self.membership), (3, self.text_test),
            (2, self.has), (2, self.truth), (3, self.macro), (2, self.size_test),
            (3, self.identity), (2, self.owned), (2, self.near), (1, self.constant),
        ])(place, depth)  # fmt: skip

    def constant(self, place: Place, depth: int) -> str:
        whole = [root for root, _ in place.roots if root in ("auth", "old")] or ["auth"]
        return self.one_of((
            "true", "false", f"{self.one_of(whole)} == null", f"{self.one_of(whole)} != null",
            "size([1, 2]) == 2", "1 < 2", "2.5 >= 2", '"a".contains("b")',
        ))  # fmt: skip

    def comparison(self, place: Place, depth: int) -> str:
        kind = self.one_of(WEIGHED)
        signs = ("==", "!=") if kind == "bool" else ("==", "!=", "==", "<", "<=", ">", ">=")
        left = self.value(place, kind)
        right = self.weighed([
            (5, lambda: self.loose(kind)), (4, lambda: self.value(place, self.beside(kind))),
        ])()  # fmt: skip
        sides = (left, right) if self.chance(70) else (right, left)
        return f" {self.one_of(signs)} ".join(sides)

    def item_test(self, place: Place) -> str:
        """Something about the item that a macro stands at."""
        item, kind = place.items[-1]
        other = self.loose(kind) if self.chance(60) else self.path(place, kind)
        if kind == "text" and self.chance(40):
            sides = (item, other) if self.chance(50) else (self.path(place, kind), item)
            return f"{sides[0]}.{self.one_of(('contains', 'startsWith', 'endsWith'))}({sides[1]})"
        return f"{item} {self.one_of(('==', '!=', '<', '<=', '>', '>='))} {other}"

    def near(self, place: Place, depth: int) -> str:
        """A column and a number that lies between two of its values."""
        kind = self.one_of(("decimal", "int"))
        number = self.one_of(NEAR) if kind == "decimal" else f"{self.one_of(INTS[:6])}.5"
        sides = (self.path(place, kind), number)
        sign = self.one_of(("<", "<=", ">", ">=", "==", "!="))
        return f" {sign} ".join(sides if self.chance(50) else sides[::-1])

    def beside(self, kind: str) -> str:
        """A kind that compares with this one."""
        if kind in ("text", "choice"):
            return self.one_of((kind, "text", "choice"))
        return self.one_of(("int", "decimal")) if kind in ("int", "decimal") else kind

    def identity(self, place: Place, depth: int) -> str:
        """What owners and teams are found by: a reference and the caller."""
        own = self.one_of(
            ("auth.id", "auth.team", "auth.boss", "auth.boss.team", self.loose("uuid"))
        )
        path = self.path(place, "uuid")
        sides = (path, own) if self.chance(70) else (own, path)
        return f" {self.one_of(('==', '==', '==', '!='))} ".join(sides)

    def owned(self, place: Place, depth: int) -> str:
        """A relation some record of which leads to the caller: a chain at the root of a list."""
        if place.macros == 2:
            return self.identity(place, depth)
        name = f"o{place.macros}"
        source, inner = self.over_many(place, name)
        own = Place(tuple(root for root in inner.roots if root[0] == name), (), inner.macros)
        body = self.owned(own, depth) if self.chance(25) else self.identity(own, depth)
        if self.chance(25):
            body = f"{body} && {self.comparison(own, depth)}"
        return f"{source}.exists({name}, {body})"

    def null_test(self, place: Place, depth: int) -> str:
        kind = self.one_of((*FIELDS, "json", "list text", "list int", "uuid"))
        sides = (self.path(place, kind), "null")
        return f" {self.one_of(('==', '!='))} ".join(sides if self.chance(80) else sides[::-1])

    def truth(self, place: Place, depth: int) -> str:
        return self.path(place, "bool")

    def has(self, place: Place, depth: int) -> str:
        return f"has({self.field_path(place, self.one_of((*FIELDS, 'list text', 'json')))})"

    def text_test(self, place: Place, depth: int) -> str:
        part = self.loose("text") if self.chance(75) else self.value(place, "text")
        part = '""' if self.chance(15) else part
        test = self.one_of(("contains", "startsWith", "endsWith"))
        return f"{self.value(place, 'text')}.{test}({part})"

    def size_test(self, place: Place, depth: int) -> str:
        few = str(self.pick(4)) if self.chance(80) else self.value(place, "int")
        return f"{self.size(place)} {self.one_of(('==', '!=', '<', '>', '>='))} {few}"

    # in

    def membership(self, place: Place, depth: int) -> str:
        return self.weighed([
            (4, self.in_written), (4, self.in_stored), (1, self.in_param),
        ])(place)  # fmt: skip

    def in_written(self, place: Place) -> str:
        kind = self.one_of([k for k in WEIGHED if k != "duration"])
        value = self.value(place, kind)
        items = [self.loose(kind) for _ in range(self.pick(4))]
        if self.chance(35):
            items.insert(self.pick(len(items) + 1), self.value(place, self.beside(kind)))
        return f"{value} in [{', '.join(items)}]"

    def in_stored(self, place: Place) -> str:
        kind = self.one_of(("text", "int", "decimal", "date", "datetime"))
        listed = self.path(place, f"list {kind}")
        value = self.value(place, self.beside(kind)) if self.chance(50) else self.loose(kind)
        return f"{value} in {listed}"

    def in_param(self, place: Place) -> str:
        if self.mode == "rule":
            return self.in_stored(place)
        kind = self.one_of([k for k in WEIGHED if k not in ("duration", "bool")])
        values = [self.plain(kind) for _ in range(self.pick(4))]
        return f"{self.value(place, kind)} in {self.param(values)}"

    # macros

    def macro(self, place: Place, depth: int) -> str:
        if place.macros == 2:
            return self.comparison(place, depth)
        name = f"{self.one_of('xyz')}{place.macros}{len(place.items)}"
        kind = self.one_of(("exists", "all", "exists", "exists_one"))
        if self.chance(35):
            source, inner = self.over_list(place, name)
        else:
            source, inner = self.over_many(place, name)
        body = self.condition(inner, min(depth, 1)) if self.chance(50) else self.atom(inner, 0)
        return f"{source}.{kind}({name}, {body})"

    def over_list(self, place: Place, name: str) -> tuple[str, Place]:
        kind = self.one_of(("text", "int", "decimal", "date", "datetime"))
        source = self.path(place, f"list {kind}")
        if self.chance(20):
            kind = self.one_of(("int", "text"))
            source = self.written_list(INTS if kind == "int" else TEXTS)
        items = (*place.items, (name, kind))
        return source, Place(place.roots, items, place.macros + 1)

    def written_list(self, values: Sequence[Any]) -> str:
        items = [self.one_of(values) for _ in range(1 + self.pick(3))]
        return f"[{', '.join(json.dumps(item, ensure_ascii=False) for item in items)}]"

    def over_many(self, place: Place, name: str) -> tuple[str, Place]:
        source, collection = self.many(place)
        outer = tuple(dict.fromkeys(place.roots))
        roots = (*outer, *((name, collection),) * (len(outer) + 1))
        return source, Place(roots, place.items, place.macros + 1)

    def many(self, place: Place) -> tuple[str, str]:
        """A to-many relation and its collection."""
        for _ in range(9):
            base, collection = self.walk(place, 2)
            relations = [r for r in collection.back_references if self.is_open_relation(r)]
            if relations:
                relation = self.one_of(relations)
                return f"{base}.{relation.name}", relation.collection
        root = "record" if any(root == "record" for root, _ in place.roots) else "auth"
        return (f"{root}.parts", "parts") if root == "record" else ("auth.things", "things")

    def is_open_relation(self, relation: Any) -> bool:
        holder = self.schema.collection[relation.holder]
        return self.mode == "rule" or holder.field[relation.field].read == ALWAYS

    # paths

    def walk(self, place: Place, most: int) -> tuple[str, Collection]:
        """A path to a record."""
        root, name = self.one_of(place.roots)
        collection = self.schema.collection[name]
        text = root
        for _ in range(self.weighed([(6, 0), (3, 1), (1, most)])):
            hops = [f for f in collection.fields if f.reference and self.is_open(f)]
            if not hops:
                break
            hop = self.one_of(hops)
            text, collection = f"{text}.{hop.name}", self.schema.target(hop)
        return text, collection

    def is_open(self, one: Field) -> bool:
        return self.mode == "rule" or one.read == ALWAYS

    def path(self, place: Place, kind: str) -> str:
        """A path to a value of a kind, or a macro variable that holds one."""
        named = [name for name, held in place.items if held == kind]
        if named and self.chance(60):
            return self.one_of(named)
        return self.field_path(place, kind)

    def field_path(self, place: Place, kind: str) -> str:
        for _ in range(9):
            base, collection = self.walk(place, 2)
            fields = [f for f in collection.fields if kind_name(f) == kind and f.name != "version"]
            if fields:
                return self.spelled(f"{base}.{self.one_of(fields).name}")
        things = self.schema.collection["things"].fields
        known = [f for f in things if kind_name(f) == kind]
        root = next((root for root, name in place.roots if name == "things"), None)
        if root is None:
            root = next((f"{root}.thing" for root, name in place.roots if name == "parts"), None)
        if root is None:
            root = "record"
        return f"{root}.{self.one_of(known).name}"

    def spelled(self, path: str) -> str:
        """In filters `record.` may be left out."""
        if self.mode == "caller" and path.startswith("record.") and self.chance(70):
            return path.removeprefix("record.")
        return path

    # values

    def value(self, place: Place, kind: str) -> str:
        """A value that has a type of its own."""
        if self.chance(70):
            return self.path(place, kind) if kind != "duration" else self.between(place)
        if kind == "text":
            return f"{self.path(place, 'text')}.lowerAscii()"
        if kind == "int":
            return self.weighed([
                (2, lambda: self.size(place)), (2, lambda: f"-{self.path(place, 'int')}"),
                (4, lambda: self.sum(place, "int")),
            ])()  # fmt: skip
        if kind == "decimal":
            return self.weighed([
                (1, lambda: f"-{self.path(place, 'decimal')}"), (4, lambda: self.sum(place, kind)),
            ])()  # fmt: skip
        if kind == "datetime":
            return self.moment(place)
        return self.between(place) if kind == "duration" else self.path(place, kind)

    def sum(self, place: Place, kind: str) -> str:
        left = self.path(place, kind)
        other = self.beside(kind) if kind == "decimal" else kind
        right = self.weighed([
            (3, self.whole), (3, lambda: self.path(place, other)),
            (1, lambda: f"({self.sum(place, kind)})"),
        ])()  # fmt: skip
        return f"{left} {self.one_of('+-')} {right}"

    def whole(self) -> str:
        """A number that goes with ints and with decimals of any places."""
        return str(abs(self.one_of((*INTS, *HUGES[:-2]))))

    def moment(self, place: Place) -> str:
        step = f'duration("{self.one_of(DURATIONS)}")'
        if self.chance(15):
            step = f"({self.between(place)})"
        return self.weighed([
            (2, lambda: "now"), (2, lambda: f"now - {step}"),
            (5, lambda: f"{self.path(place, 'datetime')} {self.one_of('+-')} {step}"),
            (1, lambda: f"{step} + {self.path(place, 'datetime')}"),
            (1, lambda: f"timestamp({self.quoted(self.moment_text())})"),
        ])()  # fmt: skip

    def between(self, place: Place) -> str:
        length = f'duration("{self.one_of(DURATIONS)}")'
        return self.weighed([
            (4, lambda: f"now - {self.path(place, 'datetime')}"),
            (4, lambda: f"{self.path(place, 'datetime')} - {self.path(place, 'datetime')}"),
            (1, lambda: f"({self.path(place, 'datetime')} - now) + {length}"), (1, lambda: length),
        ])()  # fmt: skip

    def size(self, place: Place) -> str:
        source = self.weighed([
            (2, lambda: self.path(place, "text")), (3, lambda: self.many(place)[0]),
            (2, lambda: self.path(place, self.one_of(("list text", "list int")))),
        ])()  # fmt: skip
        return f"size({source})" if self.chance(60) else f"{source}.size()"

    # literals and params: they take the type of what stands beside them

    def loose(self, kind: str) -> str:
        if kind == "duration":
            return f'duration("{self.one_of(DURATIONS)}")'
        if self.mode == "caller" and kind != "bool" and self.chance(12):
            return self.param(self.plain(kind))
        return self.literal(kind)

    def param(self, value: Any) -> str:
        name = f"p{len(self.params)}"
        self.params[name] = value
        return f"${name}"

    def plain(self, kind: str) -> Any:
        """A value as Python code hands it over."""
        if kind == "int":
            return self.one_of((*INTS, *HUGES))
        if kind == "decimal":
            return Decimal(self.one_of(FINE))
        if kind == "uuid":
            return self.key()
        return self.one_of(PLAIN[kind])

    def literal(self, kind: str) -> str:
        if kind == "int":
            return self.number(self.one_of((*INTS, *INTS, *HUGES)))
        if kind == "decimal":
            more = ("9.9900", "1e2", "1E-3", "9.9999999", "2.50001", "1e30", "-1e30", "0.5")
            return self.one_of(NEAR if self.chance(20) else (*FINE, *more))
        if kind == "float":
            return repr(self.one_of(FLOATS)) if self.chance(80) else str(self.one_of((0, 1, 2, -1)))
        if kind == "bool":
            return self.one_of(("true", "false"))
        if kind == "date":
            return self.quoted(self.one_of(DATES).isoformat())
        if kind == "datetime":
            return self.quoted(self.moment_text())
        if kind == "uuid":
            return self.quoted(self.one_of((str.lower, str.upper))(self.key()))
        if kind == "choice":
            return self.quoted(self.one_of(CHOICES))
        return self.quoted(self.one_of(TEXTS[:6] if self.chance(40) else TEXTS))

    def number(self, number: int) -> str:
        if self.chance(20):
            number = self.one_of(INTS[:8])
            return f"{number}.5" if self.chance(80) else f"{number}.0"
        if self.chance(4):
            return self.one_of(("1e30", "-1e30", "9223372036854775807.5", "1e2"))
        return hex(number) if number >= 0 and self.chance(10) else str(number)

    def key(self) -> str:
        collection = self.one_of(("users", "teams", "things", "parts"))
        return self.one_of((key_of(collection, self.pick(6)), self.one_of(UUIDS)))

    def moment_text(self) -> str:
        moment = self.one_of(MOMENTS)
        if 1 < moment.year < 9999 and self.chance(30):
            moment = moment.astimezone(timezone(timedelta(hours=2)))
        return moment.isoformat().replace("+00:00", "Z")

    def quoted(self, text: str) -> str:
        if "'" not in text and text.isprintable() and "\\" not in text and self.chance(20):
            return f"'{text}'"
        return json.dumps(text, ensure_ascii=False)


def kind_name(one: Field) -> str:
    """The kind of a field as the generator calls it; the choices of an enum stand alone."""
    if one.type.kind == "list":
        return f"list {one.type.item.kind}"  # type: ignore[attr-defined]  # a ListType
    return "choice" if getattr(one.type, "values", ()) else one.type.kind


def write(schema: Schema, pick: Callable[[int], int]) -> Written:
    """One random expression."""
    mode: Mode = ("rule", "caller")[pick(2)]
    operation: Operation = "read"
    if mode == "rule":
        operation = ("read", "update", "create", "update", "read")[pick(5)]
    roots: Roots = (("record", "things"),) * 4 + (("auth", "users"),)
    if operation != "read":
        roots = (("record", "things"),) * 2 + (("old", "things"),) * 2 + (("auth", "users"),)
    writer = Writer(schema, pick, mode, operation)
    text = writer.condition(Place(roots), 3)
    return Written(text, mode, operation, writer.params)
