"""The cells of the matrix: for every caller, collection, field and way in, a question and the
answer that the oracle expects.

A way is a function that yields cells for one caller and one collection; `READ_WAYS` and
`WRITE_WAYS` name them all. A new way in is one more function in these lists.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from .asking import Asking
from .history import CHANGES
from .oracle import Oracle, Row, Unknown, Verdict, far_of
from .sending import OTHER_SENDERS, Outcome, Writing, sent_alone
from .told import oracle_of, plain, told_too_much
from .world import CALLERS, FIELDS, KINDS, ROWS, THROUGH, UNIQUE, F, make_id, other_values, unlike


@dataclass(frozen=True, slots=True)
class Cell:
    """One question. `ask` asks it, `expected` is the status and what of the answer is compared."""

    way: str
    caller: str
    collection: str
    about: str
    expected: Outcome
    ask: Callable[[Asking], Awaitable[Outcome]] = field(compare=False)
    writes: bool = False
    sent: Writing | None = field(default=None, compare=False)
    query: dict[str, str] | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.caller} {self.way} {self.collection} {self.about}"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks about which collection."""

    caller: str
    collection: str
    oracle: Oracle

    @property
    def closed(self) -> Outcome | None:
        """The refusal of every read, where the rule can never be true."""
        if self.oracle.possible(f"{self.collection}.read"):
            return None
        return (403 if self.oracle.signed_in else 401), None

    def read(
        self,
        way: str,
        about: str,
        query: dict[str, str],
        shape: Callable[[Any], Any],
        expect: Callable[[], Any],
        path: str = "",
    ) -> Cell:
        """A GET whose answer is 400 where `expect` meets an unknown name, None where it is 404."""
        expected = self.closed
        if expected is None:
            try:
                found = expect()
                expected = (404, None) if found is None else (200, found)
            except Unknown:
                expected = (400, None)

        async def ask(asking: Asking) -> Outcome:
            answer = await asking.send(self.caller, "GET", f"/api/{self.collection}{path}", query)
            if answer.status == 200:
                return 200, shape(answer.json)
            spoken = told_too_much(self.caller, repr((path, query)), answer.json)
            return answer.status, spoken or None

        return Cell(way, self.caller, self.collection, about, expected, ask, query=query)


def keys(page: Any) -> list[str]:
    return [item["id"] for item in page["items"]]


def groups(found: Any) -> list[str]:
    return sorted(json.dumps(item, sort_keys=True) for item in found["items"])


def paths(collection: str, deep: bool = True) -> Iterator[tuple[str, F]]:
    """Every field of a collection, and those behind its references."""
    for first in FIELDS[collection]:
        yield first.name, first
        if first.kind == "ref" and deep:
            for second in FIELDS[first.to]:
                yield f"{first.name}.{second.name}", second
                if second.kind == "ref" and collection != first.to:
                    for third in FIELDS[second.to]:
                        if third.name in ("name", "owner", "pin", "motto", "state"):
                            yield f"{first.name}.{second.name}.{third.name}", third


def samples(collection: str, found: F) -> list[Any]:
    """Two stored values of a field."""
    stored = sorted({r[found.name] for r in ROWS[collection].values()} - {None}, key=str)
    return [stored[0], stored[len(stored) // 2]] if stored else []


# reading


def by_id(a: Asker) -> Iterator[Cell]:
    for key in [*ROWS[a.collection], make_id(KINDS[a.collection], 999)]:

        def expect(key: str = key) -> Any:
            row = a.oracle.row(a.collection, key)
            seen = row is not None and a.oracle.sees(a.collection, row)
            return a.oracle.body(a.collection, row) if row and seen else None

        yield a.read("by id", key[-2:], {}, plain, expect, f"/{key}")


def lists(a: Asker) -> Iterator[Cell]:
    def expect() -> Any:
        rows = a.oracle.visible(a.collection)
        return {"items": [a.oracle.body(a.collection, r) for r in rows], "total": len(rows)}

    def shape(page: Any) -> Any:
        return {"items": plain(page["items"]), "total": page["total"]}

    yield a.read("list", "all, total", {"total": "true"}, shape, expect)


def fields(a: Asker) -> Iterator[Cell]:
    for found in FIELDS[a.collection]:
        name = found.name

        def expect(name: str = name) -> Any:
            a.oracle.resolve(a.collection, name)
            bodies = [a.oracle.body(a.collection, r) for r in a.oracle.visible(a.collection)]
            return [{name: body[name]} if name in body else {} for body in bodies]

        yield a.read("fields", name, {"fields": name}, lambda page: plain(page["items"]), expect)


def filters(a: Asker) -> Iterator[Cell]:
    for path, found in paths(a.collection):
        target = found_in(a.collection, path)
        values = samples(target, found)
        tests: list[tuple[str, str, Any]] = [("{} == {}", "==", v) for v in values]
        if "." not in path:
            tests += [("{} != {}", "!=", values[0]), ("{} == {}", "==", None)]
            if found.kind in ("int", "text") and found.name not in ("role", "state", "level"):
                tests += [("{} < {}", "<", v) for v in values[1:]]
                tests += [("!({} < {})", ">=", v) for v in values[1:]]
        tests.append(("!({} == {})", "!=", values[-1]))
        for form, op, value in tests:
            text = form.format(path, json.dumps(value))

            def expect(path: str = path, op: str = op, value: Any = value) -> Any:
                check_filter_path(a.oracle, a.collection, path)
                test = a.oracle.compare(a.collection, path, op, value)
                return a.oracle.passing(a.collection, test)

            way = "path in filter" if "." in path else "filter"
            yield a.read(way, text, {"filter": text, "fields": "id"}, keys, expect)


def found_in(collection: str, path: str) -> str:
    """The collection that the last field of a path is of."""
    for step in path.split(".")[:-1]:
        collection = next(f.to for f in FIELDS[collection] if f.name == step)
    return collection


def check_filter_path(oracle: Oracle, collection: str, path: str) -> None:
    """A filter takes no path through a reference that rules hide in some rows."""
    oracle.resolve(collection, path)
    for step in path.split(".")[:-1]:
        if oracle.masks(collection, step):
            raise Unknown(step)
        collection = next(f.to for f in FIELDS[collection] if f.name == step)


def sorts(a: Asker) -> Iterator[Cell]:
    for path, _ in paths(a.collection):
        for sign in ("", "-"):
            yield _sorted(a, path, sign)


def _sorted(a: Asker, path: str, sign: str) -> Cell:
    """The whole order, read in pages of three by cursor."""
    expected = a.closed
    if expected is None:
        try:
            a.oracle.resolve(a.collection, path)
            expected = 200, _order(a.oracle, a.collection, path, sign)
        except Unknown:
            expected = 400, None

    async def ask(asking: Asking) -> Outcome:
        found: list[str] = []
        query = {"sort": sign + path, "limit": "3", "fields": "id"}
        while True:
            answer = await asking.send(a.caller, "GET", f"/api/{a.collection}", query)
            if answer.status != 200:
                return answer.status, None
            found += keys(answer.json)
            if answer.json["next"] is None or len(found) > 100:
                return 200, found
            query["after"] = answer.json["next"]

    way = "path in sort" if "." in path else "sort, cursor"
    return Cell(way, a.caller, a.collection, sign + path, expected, ask)


def _order(oracle: Oracle, collection: str, path: str, sign: str) -> list[str]:
    def place(row: Row) -> tuple[bool, Any, str]:
        value = oracle.value(collection, row, path)
        return value is not None, 0 if value is None else value, row["id"]

    rows = sorted(oracle.visible(collection), key=place, reverse=sign == "-")
    return [r["id"] for r in rows]


def searches(a: Asker) -> Iterator[Cell]:
    searched = [f.name for f in FIELDS[a.collection] if f.search]
    words = {r[name] for r in ROWS[a.collection].values() for name in searched if r[name]}
    for word in sorted(words)[:12]:

        def expect(word: str = word) -> Any:
            seen = [name for name in searched if a.oracle.has(a.collection, name)]
            rows = a.oracle.visible(a.collection)
            found = [r["id"] for r in rows if word.lower() in [str(r[n]).lower() for n in seen]]
            return found

        yield a.read("search", word, {"q": word, "fields": "id"}, keys, expect)


def expands(a: Asker) -> Iterator[Cell]:
    wanted = [f.name for f in FIELDS[a.collection] if f.kind == "ref"]
    below = [
        f"{f.name}.{g.name}"
        for f in FIELDS[a.collection]
        if f.kind == "ref"
        for g in FIELDS[f.to]
        if g.kind == "ref"
    ]
    many = list(far_of(a.collection))
    for word in [*wanted, *below, *many, *_below_many(a.collection)]:

        def expect(word: str = word) -> Any:
            _check_expand(a.oracle, a.collection, word)
            rows = a.oracle.visible(a.collection)
            return [a.oracle.body(a.collection, r, word) for r in rows]

        first = word.split(".")[0]
        way = "expand to-many" if first in many else "expand to-one"
        way = "expand many-to-many" if first in THROUGH.get(a.collection, ()) else way
        shape: Callable[[Any], Any] = lambda page: plain(page["items"])  # noqa: E731
        yield a.read(way, word, {"expand": word}, shape, expect)


def _below_many(collection: str) -> list[str]:
    """References of the records behind a to-many relation."""
    return [
        f"{name}.{f.name}"
        for name, (child, _) in far_of(collection).items()
        for f in FIELDS[child]
        if f.kind == "ref"
    ]


def _check_expand(oracle: Oracle, collection: str, path: str) -> None:
    for word in path.split("."):
        found = far_of(collection).get(word)
        if found is not None:
            if not all(oracle.has(*link) for link in found[1]):
                raise Unknown(word)
            collection = found[0]
        else:
            collection = oracle.resolve(collection, word)[1].to


def macros(a: Asker) -> Iterator[Cell]:
    for relation, (child, links) in far_of(a.collection).items():
        for found in FIELDS[child]:
            if (child, found.name) in links:
                continue
            for value in samples(child, found)[:1]:
                for macro in ("exists", "all", "exists_one"):
                    yield from _macro(a, relation, found, value, macro)
        for number in range(3):
            test = _sized(a, relation, number)
            yield _over(a, relation, f"size({relation}) == {number}", None, test)


def _sized(a: Asker, relation: str, number: int) -> Callable[[Row], bool]:
    return lambda row: len(a.oracle.children(a.collection, row, relation)) == number


def _macro(a: Asker, relation: str, found: F, value: Any, macro: str) -> Iterator[Cell]:
    child, _ = far_of(a.collection)[relation]

    def test(row: Row) -> bool:
        inner = a.oracle.compare(child, found.name, "==", value)
        outcomes = [inner(r) for r in a.oracle.children(a.collection, row, relation)]
        if macro == "all":
            return all(outcomes)
        return outcomes.count(True) == 1 if macro == "exists_one" else any(outcomes)

    text = f"{relation}.{macro}(x, x.{found.name} == {json.dumps(value)})"
    yield _over(a, relation, text, found.name, test)
    if macro == "exists":
        yield _over(a, relation, text, found.name, test, counted=True)


def _over(
    a: Asker, relation: str, text: str, word: str | None, test: Any, counted: bool = False
) -> Cell:
    """A filter over a to-many relation, of a list or of an aggregate."""
    child, links = far_of(a.collection)[relation]

    def expect() -> Any:
        if word is not None:
            a.oracle.resolve(child, word)
        if any(not a.oracle.has(*link) or a.oracle.masks(*link) for link in links):
            raise Unknown(relation)  # a filter takes no relation that rules hide in some rows
        found = a.oracle.passing(a.collection, test)
        return [{"group": {}, "count": len(found)}] if counted else found

    form = "many-to-many" if relation in THROUGH.get(a.collection, ()) else "macro"
    if counted:
        query = {"filter": text, "count": "true"}
        items: Callable[[Any], Any] = lambda page: page["items"]  # noqa: E731
        return a.read(f"{form} in aggregate", text, query, items, expect, "/_aggregate")
    return a.read(f"{form} in filter", text, {"filter": text, "fields": "id"}, keys, expect)


def aggregates(a: Asker) -> Iterator[Cell]:
    for path, found in paths(a.collection):
        values: Callable[[str], list[Any]] = lambda path: [  # noqa: E731
            a.oracle.value(a.collection, r, path) for r in a.oracle.visible(a.collection)
        ]

        def expect(path: str = path, values: Any = values) -> Any:
            a.oracle.resolve(a.collection, path)
            seen = values(path)
            items = [{"group": {path: v}, "count": seen.count(v)} for v in _distinct(seen)]
            return groups({"items": items})

        yield a.read("group", path, {"group": path, "count": "true"}, groups, expect, "/_aggregate")
        computed: list[tuple[str, Callable[[list[Any]], Any]]] = [("min", min), ("max", max)]
        if found.kind == "int":
            computed += [("sum", sum), ("avg", lambda known: sum(known) / len(known))]
        for word, compute in computed:

            def total(path: str = path, values: Any = values, compute: Any = compute) -> Any:
                a.oracle.resolve(a.collection, path)
                known = [v for v in values(path) if v is not None]
                return _rounded(compute(known)) if known else None, "found"

            def shape(found: Any, word: str = word, path: str = path) -> Any:
                (item,) = found["items"]
                value = item[word][path]
                numeric = word == "avg" and value is not None
                return _rounded(float(value) if numeric else value), "found"

            yield a.read(word, path, {word: path}, shape, total, "/_aggregate")


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def _distinct(values: list[Any]) -> list[Any]:
    return [v for at, v in enumerate(values) if v not in values[:at]]


def changes(a: Asker) -> Iterator[Cell]:
    """The change log, read as the caller: what is told of each record that a transaction
    changed, and what is not told."""
    for change in CHANGES:
        if change.collection != a.collection:
            continue
        expected = 200, a.oracle.told(a.collection, change.rows, change.worlds)

        async def ask(asking: Asking, at: tuple[int, str] = (change.number, change.key)) -> Outcome:
            found = (await asking.read_log(a.caller, a.collection)).get(at, [])
            return 200, [(one.operation, plain(one.before), plain(one.after)) for one in found]

        about = f"{change.number} {change.key[-2:]}"
        yield Cell(CHANGES_WAY, a.caller, a.collection, about, expected, ask)


CHANGES_WAY = "changes"
READ_WAYS = (by_id, lists, fields, filters, sorts, searches, expands, macros, aggregates, changes)


# writing: each answer, and the rows that are stored then


def written(a: Asker, way: str, about: str, sent: Writing, verdict: Verdict, shown: Any) -> Cell:
    """A write: the status, what was answered, and every row that is stored afterwards."""
    told = verdict.refusal or (shown if verdict.status in (200, 201) else None)
    expected = verdict.status, (told, verdict.rows)

    async def ask(asking: Asking) -> Outcome:
        return await sent_alone(asking, a.caller, sent)

    return Cell(way, a.caller, a.collection, about, expected, ask, writes=True, sent=sent)


def _shown(oracle: Oracle, verdict: Verdict, collection: str, key: str) -> Any:
    """A written record as the caller gets it: the key alone where it may not read it."""
    if verdict.status >= 400:
        return None
    then = oracle._on(verdict.rows)
    row = verdict.rows[collection][key]
    return then.body(collection, row) if then.sees(collection, row) else {"id": key}


def patches(a: Asker) -> Iterator[Cell]:
    for key, row in ROWS[a.collection].items():
        for found in FIELDS[a.collection]:
            for value in _others(a.collection, found, row):
                sent = {found.name: value}
                verdict = a.oracle.update(a.collection, key, sent)
                shown = _shown(a.oracle, verdict, a.collection, key)
                asked = Writing("PATCH", f"/api/{a.collection}/{key}", sent)
                about = f"{key[-2:]} {found.name}={value}"
                yield written(a, "patch", about, asked, verdict, shown)


def _others(collection: str, found: F, row: Row) -> list[Any]:
    """Values that the field of this row does not hold, and one that another row does."""
    taken = [
        r[found.name]
        for r in ROWS[collection].values()
        if r[found.name] not in (None, row[found.name])
    ]
    clashing = taken[:1] if found.name in UNIQUE.get(collection, ()) else []
    return [*other_values(found, row), *clashing]


def creates(a: Asker) -> Iterator[Cell]:
    for key, row in ROWS[a.collection].items():
        fresh = make_id(KINDS[a.collection], 900)
        whole = {**{k: v for k, v in row.items() if v is not None}, "id": fresh}
        whole.pop("admin", None)
        whole.pop("grade", None)
        others = unlike(a.collection, f"new{row['id'][-2:]}")
        unique = {k: others.get(k, v) for k, v in whole.items()}
        guarded = ("role", "team", "budget", "points", "pin", "badge", "label")
        bare = {k: v for k, v in unique.items() if k not in guarded}
        mine = {k: a.oracle.me if k in ("owner", "author", "user") else v for k, v in bare.items()}
        sendings = {"whole": whole, "unique": unique, "bare": bare, "key": {**bare, "id": key}}
        if a.oracle.me is not None and mine != bare:
            sendings["mine"] = mine
        for kind, sent in sendings.items():
            verdict = a.oracle.create(a.collection, sent)
            shown = _shown(a.oracle, verdict, a.collection, fresh)
            asked = Writing("POST", f"/api/{a.collection}", sent)
            yield written(a, "create", f"{kind} {key[-2:]}", asked, verdict, shown)


def puts(a: Asker) -> Iterator[Cell]:
    for key, row in ROWS[a.collection].items():
        whole = {k: v for k, v in row.items() if v is not None and k not in ("admin", "grade")}
        guarded = ("role", "team", "budget", "points", "pin", "badge", "label", "code")
        bare = {k: v for k, v in whole.items() if k not in guarded}
        text = next((n for n in ("name", "title", "text", "subject", "label") if n in row), "")
        other = {**bare, text: "other"} if text else bare
        fresh = make_id(KINDS[a.collection], 900)
        others = unlike(a.collection, "fresh")
        new = {k: others.get(k, v) for k, v in bare.items()}
        sendings = {
            "as it is": (key, whole), "bare": (key, bare), "other": (key, other),
            "new": (fresh, {**new, "id": fresh}),
        }  # fmt: skip
        for kind, (at, sent) in sendings.items():
            verdict = a.oracle.put(a.collection, at, sent)
            shown = _shown(a.oracle, verdict, a.collection, at)
            asked = Writing("PUT", f"/api/{a.collection}/{at}", sent)
            yield written(a, "put", f"{kind} {key[-2:]}", asked, verdict, shown)


def deletes(a: Asker) -> Iterator[Cell]:
    for key in ROWS[a.collection]:
        verdict = a.oracle.delete(a.collection, key)
        asked = Writing("DELETE", f"/api/{a.collection}/{key}", None)
        yield written(a, "delete", key[-2:], asked, verdict, None)


WRITE_WAYS = (patches, creates, puts, deletes)
Way = Callable[[Asker], Iterator[Cell]]
WAYS: tuple[Way, ...] = (*READ_WAYS, *WRITE_WAYS)
WIRE_WAYS = tuple(way for way in WAYS if way is not changes)
"""Those that are requests."""


def cells_of(
    caller: str, collections: Iterable[str] = FIELDS, ways: Iterable[Way] = WAYS
) -> list[Cell]:
    """The cells of one caller."""
    oracle = oracle_of(caller)
    askers = [Asker(caller, collection, oracle) for collection in collections]
    return [cell for a in askers for way in ways for cell in way(a)]


def other_cells_of(caller: str, sender: str) -> list[Cell]:
    """The writes of one caller, sent in another way: some of them, they are many."""
    return sent_otherwise(cells_of(caller, ways=WRITE_WAYS), sender)


def sent_otherwise(cells: list[Cell], sender: str) -> list[Cell]:
    """Some of the writes among these cells, sent in another way."""
    send, start, every = OTHER_SENDERS[sender]

    def other(cell: Cell) -> Cell:
        async def ask(asking: Asking) -> Outcome:
            assert cell.sent is not None
            return await send(asking, cell.caller, cell.sent)

        return replace(cell, way=sender, ask=ask)

    return [other(cell) for cell in [c for c in cells if c.writes][start::every]]


def all_cells() -> list[Cell]:
    """The whole matrix."""
    return [cell for caller in CALLERS for cell in cells_of(caller)]


async def outcome(asking: Asking, cell: Cell) -> Outcome:
    """What the app says in a cell."""
    if not cell.writes:
        return await cell.ask(asking)
    (status, told), then = await asking.tried(lambda: cell.ask(asking))
    return status, (told, then)


async def wrong_cells(asking: Asking, cells: list[Cell]) -> list[str]:
    """The cells in which the app and the oracle differ, with what each says."""
    wrong = []
    for cell in cells:
        found = await outcome(asking, cell)
        if found != cell.expected:
            wrong.append(f"{cell}\n  expected {cell.expected!r:.400}\n  found    {found!r:.400}")
    return wrong
