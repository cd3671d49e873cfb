"""Compile write plans: the statements of one step of the write door.

In: `WritePlan`.   Out: `WriteStatements`. Pure. `store/` runs them, in a savepoint.

Rules are judged by the database on rows as they stand: on the stored row before an update, on the
row as it became after it, with the old values bound beside it. A row that is not there is judged
as a candidate, a row of parameters: one that cannot be inserted because a key is taken; and, before
it is written, one whose rule asks the collection's own records, or it might let itself in.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..expr.tree import TRUE, Many, Node, Path, Value, walk
from ..plan.read import Body, Shown
from ..plan.write import WritePlan
from ..schema import Collection, Field, Index, Schema
from ..search import lexeme
from .body import compile_body
from .dialect import Dialect, quoted
from .expr import Access, ExpressionCompiler, Rows
from .read import search_table
from .text import Aliases, Binder, Condition, Parameters, Statement, all_of, boolean


@dataclass(frozen=True, slots=True)
class Judgement:
    """A statement that judges a row, and where its columns stand.

    `rules` are the operation's rule, the read rule, then each field rule; `texts` the answer (if
    it differs) and the text of the log.
    """

    statement: Statement
    rules: slice
    references: slice
    texts: slice


@dataclass(frozen=True, slots=True)
class Assignment:
    """A conditional update of one record. `names` are all fields that it sets, `computed` those
    whose values the database computes; `check` says whether the condition holds, then for each of
    these whether it can be computed."""

    change: Statement
    check: Statement
    names: tuple[str, ...]
    computed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MaskedFields:
    """Whether the caller may read, in the stored record, each of the fields that it may set and
    that a rule hides in some records."""

    names: tuple[str, ...]
    statement: Statement


@dataclass(frozen=True, eq=False)
class WriteStatements:
    """The statements of one plan."""

    plan: WritePlan
    dialect: Dialect
    stored: Judgement  # the row as it stands: version, raw columns, verdicts, logged text
    changed: Judgement  # the row as it became
    candidate: Judgement  # a row of parameters
    beforehand: Judgement | None  # the same, of a plan whose rules ask the collection's own records
    insert: Statement
    delete: Statement
    probes: tuple[tuple[Index, Statement], ...]
    masked: MaskedFields | None  # of an update; None where no rule hides a field in some records

    _updates: dict[tuple[str, ...], Statement] = dataclasses.field(default_factory=dict, repr=False)

    def update(self, names: tuple[str, ...]) -> Statement:
        """Set these fields; the version comes along unless it is one of them."""
        found = self._updates.get(names)
        if found is None:
            if len(self._updates) >= MOST_UPDATES:
                self._updates.clear()
            found = self._updates[names] = _update(self.plan, self.dialect, names)
        return found

    def assign(
        self, assigned: Mapping[str, Value], plain: Sequence[str], where: Node
    ) -> Assignment:
        """Set fields to given and computed values where `where` still holds."""
        stamp = ["updated"] if "updated" in self.plan.collection.field else []
        return Assignment(
            change=_update(self.plan, self.dialect, (*plain, *stamp), assigned, where),
            check=_computable(self.plan, self.dialect, assigned, where),
            names=(*plain, *assigned),
            computed=tuple(assigned),
        )


MOST_UPDATES = 256


def compile_write(plan: WritePlan, dialect: Dialect) -> WriteStatements:
    """Every statement that the operation may need."""
    candidate = _candidate(plan, dialect)
    return WriteStatements(
        plan=plan,
        dialect=dialect,
        stored=_stored(plan, dialect),
        changed=_changed(plan, dialect),
        candidate=candidate,
        beforehand=candidate if _asks_its_own(plan) else None,
        insert=_insert(plan.collection, dialect),
        delete=_by_key(plan.collection, dialect, "delete from {table} where {key}"),
        probes=tuple((index, _probe(plan, index, dialect)) for index in plan.keys),
        masked=_masked(plan, dialect),
    )


class _WriteDraft:
    """What compiling one statement shares."""

    def __init__(self, plan: WritePlan, dialect: Dialect) -> None:
        self.plan = plan
        self.dialect = dialect
        self.parameters = Parameters(dialect)
        self.compiler = ExpressionCompiler(
            plan.schema, plan.profile, dialect, self.parameters, Aliases()
        )

    def key(self) -> str:
        field = self.plan.collection.key_field
        mark = self.parameters.add(
            "key",
            lambda given: self.dialect.raw(field.type, given.key),
            self.dialect.cast(field.type),
        )
        return f"{quoted(field.name)}={mark}"

    def verdicts(self, rows: Rows, rules: Sequence[Node]) -> list[str]:
        """One column for each rule: 1 where it certainly holds."""
        return [_verdict(self.compiler.true(rule, rows)) for rule in rules]

    def references(self, alias: str) -> list[str]:
        """One column for each reference: 1 where it is null, or leads to a readable record."""
        columns = []
        for reference in self.plan.references:
            inner = self.compiler.aliases.next()
            own = f"{alias}.{quoted(reference.field.name)}"
            target = reference.target
            rule = self.compiler.true(reference.rule, Rows.of(record=inner))
            where = boolean(all_of((f"{inner}.{quoted(target.key[0])}={own}", rule)))
            found = f"exists(select 1 from {quoted(target.name)} {inner} where {where})"
            columns.append(_verdict(f"{own} is null or {found}"))
        return columns

    def texts(self, alias: str) -> list[str]:
        """The answer, unless the log holds the same, and the text of the log."""
        logged = compile_body(self.compiler, self.plan.logged, alias)
        if self.plan.answer_is_logged:
            return [logged]
        return [compile_body(self.compiler, self.plan.answer, alias), logged]

    def judgement(
        self, before: list[str], rules: list[str], references: list[str], texts: list[str],
        source: str,
    ) -> Judgement:  # fmt: skip
        """The statement, and where each group of its columns stands."""
        first = len(before)
        second = first + len(rules)
        third = second + len(references)
        columns = [*before, *rules, *references, *texts]
        return Judgement(
            self.parameters.finish(f"select {','.join(columns)} from {source}"),
            slice(first, second),
            slice(second, third),
            slice(third, len(columns)),
        )

    def old_values(self, rules: Sequence[Node]) -> str | None:
        """The stored row of an update as a row of parameters, if a rule asks for it."""
        asked = {
            path.hops[0].field if path.hops else path.leaf or self.plan.collection.key[0]
            for rule in rules
            for path in walk(rule)
            if isinstance(path, Path) and path.root == "old"
        }
        if not asked:
            return None
        columns = []
        for field in self.plan.collection.fields:
            if field.name in asked or field.name in self.plan.collection.key:
                mark = self.parameters.add(
                    ("old", field.name), _old_binder(field.name), self.dialect.cast(field.type)
                )
                columns.append(f"{mark} as {quoted(field.name)}")
        return f"(select {','.join(columns)}) o"


def _old_binder(field: str) -> Binder:
    return lambda given: given.old[field]


def _verdict(condition: Condition) -> str:
    if isinstance(condition, bool):
        return "1" if condition else "0"
    return f"case when {condition} then 1 else 0 end"


def _rules(plan: WritePlan) -> list[Node]:
    return [plan.rule, plan.read, *(rule.rule for rule in plan.field_rules)]


def _asks_its_own(plan: WritePlan) -> bool:
    """Whether a rule of the write, or the read rule of what it may refer to, looks at other records
    of the collection that is written: a row that is there already would be among them, and could
    be what the rule asks for."""
    own = plan.collection.name
    rules = plan.rule, *(guarded.rule for guarded in plan.field_rules)
    for rule in (*rules, *(reference.rule for reference in plan.references)):
        for part in walk(rule):
            if isinstance(part, Many) and own in (part.collection, part.link):
                return True
            if isinstance(part, Path) and any(hop.target == own for hop in part.hops):
                return True
    return False


def _stored(plan: WritePlan, dialect: Dialect) -> Judgement:
    """version, raw columns, then the verdicts on the stored row; `old` is the same row."""
    draft = _WriteDraft(plan, dialect)
    columns = [f"r.{quoted(f.name)}" for f in plan.collection.fields]
    version = "r.version" if "version" in plan.collection.field else "0"
    rules = draft.verdicts(Rows.of(record="r", old="r"), _rules(plan))
    source = f"{quoted(plan.collection.name)} r where r.{draft.key()}{dialect.keep_row}"
    return draft.judgement([version, *columns], rules, [], draft.texts("r")[-1:], source)


def _changed(plan: WritePlan, dialect: Dialect) -> Judgement:
    draft = _WriteDraft(plan, dialect)
    wanted = _rules(plan)
    old = draft.old_values(wanted)
    rows = Rows.of(record="r", old="o") if old else Rows.of(record="r")
    rules = draft.verdicts(rows, wanted)
    beside = f" cross join {old}" if old else ""
    source = f"{quoted(plan.collection.name)} r{beside} where r.{draft.key()}"
    version = "r.version" if "version" in plan.collection.field else "0"
    return draft.judgement([version], rules, draft.references("r"), draft.texts("r"), source)


def _masked(plan: WritePlan, dialect: Dialect) -> MaskedFields | None:
    masked = [
        shown
        for shown in plan.answer.shown
        if isinstance(shown, Shown) and shown.when != TRUE and shown.field.name in plan.settable
    ]
    if plan.operation != "update" or not masked:
        return None
    draft = _WriteDraft(plan, dialect)
    verdicts = draft.verdicts(Rows.of(record="r"), [shown.when for shown in masked])
    source = f"{quoted(plan.collection.name)} r where r.{draft.key()}"
    statement = draft.parameters.finish(f"select {','.join(verdicts)} from {source}")
    return MaskedFields(tuple(shown.field.name for shown in masked), statement)


def _candidate(plan: WritePlan, dialect: Dialect) -> Judgement:
    draft = _WriteDraft(plan, dialect)
    columns = []
    for field in plan.collection.fields:
        mark = draft.parameters.add(
            ("value", field.name), _value_binder(field, dialect), dialect.cast(field.type)
        )
        columns.append(f"{mark} as {quoted(field.name)}")
    wanted = _rules(plan)
    old = draft.old_values(wanted)
    rows = Rows.of(record="r", old="o") if old else Rows.of(record="r")
    rules = draft.verdicts(rows, wanted)
    beside = f" cross join {old}" if old else ""
    source = f"(select {','.join(columns)}) r{beside}"
    return draft.judgement([], rules, draft.references("r"), [], source)


def _value_binder(field: Field, dialect: Dialect) -> Binder:
    kind, key = field.type, field.name
    return lambda given: dialect.raw(kind, given.values[key])


def _insert(collection: Collection, dialect: Dialect) -> Statement:
    parameters = Parameters(dialect)
    marks = [
        parameters.add(("value", f.name), _value_binder(f, dialect), dialect.cast(f.type))
        for f in collection.fields
    ]
    columns = ",".join(quoted(f.name) for f in collection.fields)
    return parameters.finish(
        f"insert into {quoted(collection.name)} ({columns}) values ({','.join(marks)})"
    )


def _by_key(collection: Collection, dialect: Dialect, form: str) -> Statement:
    parameters = Parameters(dialect)
    key = collection.key_field
    mark = parameters.add(
        "key", lambda given: dialect.raw(key.type, given.key), dialect.cast(key.type)
    )
    table = quoted(collection.name)
    return parameters.finish(form.format(table=table, key=f"{quoted(key.name)}={mark}"))


def _probe(plan: WritePlan, index: Index, dialect: Dialect) -> Statement:
    """Whether another record already holds these values."""
    collection = plan.collection
    parameters = Parameters(dialect)
    tests = []
    for field_name in index.fields:
        field = collection.field[field_name]
        mark = parameters.add(
            ("value", field_name), _value_binder(field, dialect), dialect.cast(field.type)
        )
        tests.append(f"{quoted(field_name)}={mark}")
    key = collection.key_field
    if plan.operation != "create":  # a new record is not there yet, whatever its key
        mark = parameters.add(
            ("value", key.name), _value_binder(key, dialect), dialect.cast(key.type)
        )
        tests.append(f"{quoted(key.name)}<>{mark}")
    return parameters.finish(
        f"select 1 from {quoted(collection.name)} where {' and '.join(tests)} limit 1"
    )


def _update(
    plan: WritePlan,
    dialect: Dialect,
    plain: tuple[str, ...],
    assigned: Mapping[str, Value] | None = None,
    where: Node | None = None,
) -> Statement:
    draft = _WriteDraft(plan, dialect)
    collection = plan.collection
    own = Rows.of(record=quoted(collection.name))
    sets: list[str] = []
    guards: list[Condition] = []
    for field_name in plain:
        stored = collection.field[field_name]
        mark = draft.parameters.add(
            ("value", field_name), _value_binder(stored, dialect), dialect.cast(stored.type)
        )
        sets.append(f"{quoted(field_name)}={mark}")
    for field_name, value in (assigned or {}).items():
        compiled = draft.compiler.value(value, own)
        guards += compiled.guards
        sets.append(f"{quoted(field_name)}={compiled.sql}")
    if "version" in collection.field and "version" not in plain:
        sets.append("version=version+1")
    condition: Condition = True if where is None else draft.compiler.true(where, own)
    test = boolean(all_of((draft.key(), *guards, condition)))
    return draft.parameters.finish(
        f"update {quoted(collection.name)} set {','.join(sets)} where {test}"
    )


def _computable(
    plan: WritePlan, dialect: Dialect, assigned: Mapping[str, Value], where: Node
) -> Statement:
    """Whether the condition holds for a record, and for each value whether it can be computed."""
    draft = _WriteDraft(plan, dialect)
    rows = Rows.of(record="r")
    verdicts = [_verdict(draft.compiler.true(where, rows))]
    for value in assigned.values():
        verdicts.append(_verdict(all_of(draft.compiler.value(value, rows).guards)))
    source = f"{quoted(plan.collection.name)} r where r.{draft.key()}"
    return draft.parameters.finish(f"select {','.join(verdicts)} from {source}")


# the search index: a table of its own on SQLite, a column on PostgreSQL

Asked = tuple[str, list[Any]]
"""A statement and its raw parameters."""


def index_search(
    collection: Collection, dialect: Dialect, words: Sequence[str], key: object
) -> Asked:
    """Index the row that was just inserted, by the words of each searched field."""
    if dialect.search_in_row:
        return reindex_search(collection, dialect, words, key)
    marks = ",".join(f"?{at + 1}" for at in range(len(words)))
    text = (
        f"insert into {search_table(collection)} (rowid,{_searched(collection)}) "
        f"values (last_insert_rowid(),{marks})"
    )
    return text, list(words)


def keep_record(collection: Collection, dialect: Dialect, key: str) -> Asked:
    """Keep a record for this transaction, where others write at the same time."""
    mark = f"$1{dialect.cast(collection.key_field.type)}"
    text = f"select 1 from {quoted(collection.name)} r where {quoted(collection.key[0])}={mark}"
    return text + dialect.keep_row, [dialect.raw(collection.key_field.type, key)]


def reindex_search(
    collection: Collection, dialect: Dialect, words: Sequence[str], key: object
) -> Asked:
    """Index a changed row again."""
    table, column = quoted(collection.name), quoted(collection.key[0])
    if dialect.search_in_row:
        mark = f"$2{dialect.cast(collection.key_field.type)}"
        text = f"update {table} set _search=array_to_tsvector($1::text[]) where {column}={mark}"
        return text, [lexemes(collection, words), key]
    marks = ",".join(f"?{at + 1}" for at in range(len(words)))
    text = (
        f"insert or replace into {search_table(collection)} (rowid,{_searched(collection)}) "
        f"select _n,{marks} from {table} where {column}=?{len(words) + 1}"
    )
    return text, [*words, key]


def unindex_search(collection: Collection, dialect: Dialect, key: object) -> Asked | None:
    """Take a row out of the index before it is deleted; None where it goes by itself."""
    if dialect.search_in_row:
        return None
    text = (
        f"delete from {search_table(collection)} where rowid="
        f"(select _n from {quoted(collection.name)} where {quoted(collection.key[0])}=?1)"
    )
    return text, [key]


def _searched(collection: Collection) -> str:
    return ",".join(quoted(f.name) for f in collection.search_fields)


def lexemes(collection: Collection, words: Sequence[str]) -> list[str]:
    """What PostgreSQL's index holds of a record, from the words of each searched field."""
    return [
        lexeme(field.name, word)
        for field, text in zip(collection.search_fields, words, strict=True)
        for word in text.split()
    ]


# relations, for planned cascades


def select_children(collection: Collection, field: Field, dialect: Dialect, limit: int) -> str:
    """The keys of the records that refer to a key by `field`; the parameter is that key."""
    mark = f"{dialect.placeholder}1{dialect.cast(field.type)}"
    return (
        f"select {quoted(collection.key[0])} from {quoted(collection.name)} "
        f"where {quoted(field.name)}={mark} order by {quoted(collection.key[0])} limit {limit}"
    )


def select_kept(body: Body, field: str, schema: Schema, access: Access, dialect: Dialect) -> str:
    """The log's texts of the records that hold a value in `field`; the parameter is that value.
    Unless it is the key, two more follow, a place of the log and the name of the collection: then
    records that were changed after that place are left out."""
    collection = body.collection
    compiler = ExpressionCompiler(schema, access, dialect, Parameters(dialect), Aliases())
    value, place, own = (f"{dialect.placeholder}{at}" for at in (1, 2, 3))
    text = (
        f"select {compile_body(compiler, body, 'r')} from {quoted(collection.name)} r "
        f"where r.{quoted(field)}={value}{dialect.cast(collection.field[field].type)}"
    )
    if field == collection.key[0]:
        return text
    return (
        f"{text} and cast(r.{quoted(collection.key[0])} as text) not in "
        f"(select key from _changes where {dialect.log_order}>{place} and collection={own})"
    )


def select_matching(plan: WritePlan, where: Node, dialect: Dialect, limit: int) -> Statement:
    """The keys of the records that a conditional update is about."""
    draft = _WriteDraft(plan, dialect)
    rows = Rows.of(record="r")
    condition = all_of(
        (
            draft.compiler.true(where, rows, wide=True),
            draft.compiler.true(plan.read, rows, wide=True),
            draft.compiler.true(plan.rule, Rows.of(record="r", old="r"), wide=True),
        )
    )
    key = quoted(plan.collection.key[0])
    return draft.parameters.finish(
        f"select r.{key} from {quoted(plan.collection.name)} r where {boolean(condition)} "
        f"order by r.{key} limit {limit}"
    )
