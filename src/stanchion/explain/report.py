"""Look on while the pipelines answer a request, and gather why they answered so.

In: `Request`, `Records`, `Actor`, and the app's own way to answer.   Out: `Explanation`.
Refuses nothing: a refusal is what it explains.
Called by the command line and by the pages of `dev`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

from .. import clock
from ..engines import Ask
from ..engines.sqlite.scratch import Scratch
from ..errors import Origin
from ..expr.evaluate import Env
from ..expr.fold import certainly_false
from ..expr.tree import TRUE
from ..plan.policy import Profile, RowOperation, decide_old_is_null
from ..query import Actor
from ..records import Records
from ..schema import ALWAYS, Collection, rule_text
from ..sql.dialect import name
from ..sql.read import EXPLAIN
from ..types import WireError
from .cost import Advice, Step, advise, make_scratch, sources_of, steps_of
from .noting import noting
from .rehearsal import Became, Rehearsal
from .rows import Loaded
from .secrets import find_secrets, hide
from .verdicts import Judge, Outcome, Part
from .wording import say, sql_text


@dataclass(frozen=True, slots=True)
class Request:
    """A request of the generated API. `body` is decoded JSON; `has_body` tells null from none;
    `sent` are its bytes, where they are known: they need be no JSON."""

    method: str
    path: str
    query: str = ""
    body: Any = None
    has_body: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller would get; `document` is its JSON."""

    status: int
    headers: Mapping[str, str]
    document: Any


@dataclass(frozen=True, slots=True)
class RuleSaid:
    """A row rule, asked once: `on` says of what."""

    name: str
    text: str
    place: Origin | None
    on: str
    outcome: Outcome | None  # None: the caller steps past it
    part: Part


@dataclass(frozen=True, slots=True)
class FieldSaid:
    """A field that is not simply there, or not simply settable."""

    collection: str
    field: str
    side: str  # "read" or "write"
    effect: str
    rule: str


@dataclass(frozen=True, slots=True)
class StatementSaid:
    """A statement that ran, its parameters, its plan, and the index that would help."""

    title: str
    sql: str
    params: tuple[Any, ...]
    steps: tuple[Step, ...]
    advice: Advice | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """All of it."""

    request: Request
    actor: str
    answer: Answer
    rules: tuple[RuleSaid, ...]
    fields: tuple[FieldSaid, ...]
    statements: tuple[StatementSaid, ...]
    cache: str
    shape: tuple[tuple[str, str], ...]


Answering = Callable[[Records, Actor], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class _Step:
    """One thing that a request does with one collection."""

    collection: Collection
    operation: str  # read, create, update, replace, delete
    key: str | None
    body: Any


async def explain_request(
    request: Request, records: Records, actor: Actor, answer: Answering
) -> Explanation:
    """Explain a request as `actor`. `answer` answers it with the pipelines that it is given."""
    steps = tuple(_steps(request, records))
    keys = {step.key for step in steps if step.key is not None}
    rehearsal = Rehearsal(records.engine, records.schema.collections, keys)
    profile = records.policy.profile(actor)
    rows = Loaded(records.schema, records.engine)
    with noting(records) as noted:
        watched = copy.copy(records)
        watched.engine = rehearsal
        answered = await answer(watched, actor)
    env = Env(auth=actor.record, now=clock.now(), rows=rows)
    judge = Judge(records.schema, profile, rows, env)
    rules = [said for step in steps async for said in _rules(step, judge, records, rehearsal)]
    secrets = find_secrets(records.schema, rehearsal.became, actor)
    statements = await _statements(rehearsal.asked, records, secrets)
    return Explanation(
        request=request,
        actor=_say_actor(actor),
        answer=answered,
        rules=tuple(dict.fromkeys(rules)),
        fields=tuple(dict.fromkeys(f for s in steps for f in _fields(s, profile, request))),
        statements=statements,
        cache=noted.said,
        shape=_say_shape(noted.made, profile),
    )


# what is asked


def _steps(request: Request, records: Records) -> Iterator[_Step]:
    """The collections that a request is about, in order."""
    if request.method == "OPTIONS":
        return  # it asks what could be asked, of everybody alike
    if request.path.rstrip("/") == "/api/_batch":
        asked = request.body.get("steps") if isinstance(request.body, dict) else None
        for step in asked if isinstance(asked, list) else ():
            if isinstance(step, dict):
                method, path = str(step.get("method", "")), str(step.get("path", ""))
                yield from _steps(Request(method, path, body=step.get("body")), records)
        return
    collection_name, _, rest = request.path.removeprefix("/api/").partition("/")
    collection = records.schema.collection.get(collection_name)
    if collection is None:
        return
    key = unquote(rest) if rest and not rest.startswith("_") else None
    operation = {"POST": "create", "PATCH": "update", "PUT": "replace", "DELETE": "delete"}.get(
        request.method, "read"
    )
    yield _Step(collection, operation, _parsed(collection, key), request.body)
    for word in parse_qs(request.query).get("expand", [""])[0].split(","):
        yield from _expanded(collection, word.strip(), records)


def _parsed(collection: Collection, key: str | None) -> str | None:
    """A key in its canonical form, or None where it cannot be one."""
    try:
        return None if key is None else str(collection.key_field.type.parse(key))
    except WireError:
        return None


def _expanded(collection: Collection, word: str, records: Records) -> Iterator[_Step]:
    """The collections that one path of `expand` leads to."""
    for step in word.split("."):
        if step in collection.back_reference:
            collection = records.schema.collection[collection.back_reference[step].collection]
        elif step in collection.field and collection.field[step].reference is not None:
            collection = records.schema.target(collection.field[step])
        else:
            return
        yield _Step(collection, "read", None, None)


# rules


async def _rules(
    step: _Step, judge: Judge, records: Records, rehearsal: Rehearsal
) -> AsyncIterator[RuleSaid]:
    """Every rule that the step asks, on every row that it is asked of."""
    stored, found = None, "the stored record"
    looked = [b for b in rehearsal.became if b.collection == step.collection.name]
    if step.key is not None:
        stored = await judge.rows.record(step.collection.name, step.key)
    if stored is None and step.operation in ("update", "delete"):
        earlier = [b for b in looked if b.created and _key_of(step.collection, b) == step.key]
        if earlier:
            stored = judge.rows.values(step.collection, earlier[0].raw)
            found = "the record that an earlier step makes"
    if step.operation == "read" or (step.key is not None and not _makes(step, stored)):
        yield await _rule(step, "read", judge, records, found, stored)
    if step.operation == "delete":
        yield await _rule(step, "delete", judge, records, found, stored)
    if step.operation == "update" or (step.operation == "replace" and stored is not None):
        yield await _rule(step, "update", judge, records, found, stored, stored)
    if _makes(step, stored):
        made: list[Mapping[str, Any] | None]
        made = [judge.rows.values(step.collection, b.raw) for b in looked if b.created]
        for row in made or [None]:
            yield await _rule(step, "create", judge, records, "the new record", row)
    for became in looked:
        if not became.created and _key_of(step.collection, became) == step.key:
            row = judge.rows.values(step.collection, became.raw)
            yield await _rule(
                step, "update", judge, records, "the record as it would be", row, stored
            )


def _makes(step: _Step, stored: object) -> bool:
    return step.operation == "create" or (step.operation == "replace" and stored is None)


def _key_of(collection: Collection, became: Became) -> str:
    return str(collection.key_field.type.sqlite_value(became.raw[collection.key[0]]))


async def _rule(
    step: _Step,
    operation: RowOperation,
    judge: Judge,
    records: Records,
    on: str,
    row: Mapping[str, Any] | None,
    old: Mapping[str, Any] | None = None,
) -> RuleSaid:
    collection = step.collection
    written = getattr(collection.rules, operation)
    node = records.policy.rows[collection.name, operation]
    decide = decide_old_is_null if operation == "create" else None
    env = None
    if row is not None:
        env = Env(record=row, old=old, auth=judge.env.auth, now=judge.env.now, rows=judge.rows)
    part = await judge.part(node, env, decide)
    return RuleSaid(
        name=f"{collection.name}.{operation}",
        text=rule_text(written),
        place=getattr(written, "origin", None) or collection.origin,
        on=on if row is not None else "",
        outcome=None if judge.profile.past_rules else part.outcome,
        part=part,
    )


# fields


def _fields(step: _Step, profile: Profile, request: Request) -> Iterator[FieldSaid]:
    """Fields that the caller does not simply see; and those of the body that it may not set."""
    collection = step.collection
    bodies = step.body if isinstance(step.body, list) else [step.body]
    named = {word for body in bodies if isinstance(body, dict) for word in body}
    for stored in collection.fields:
        sight = profile.sight(collection, stored)
        if sight != "open":
            effect = (
                "does not exist for this caller"
                if sight == "hidden"
                else "is left out where its rule does not hold for the record"
            )
            yield FieldSaid(collection.name, stored.name, "read", effect, rule_text(stored.read))
        rule = profile.write_rule(collection.name, stored.name)
        if stored.name in named and stored.write != ALWAYS and rule != TRUE:
            effect = (
                "may not be set by this caller"
                if certainly_false(rule)
                else f"may be set where {say(rule)}"
            )
            yield FieldSaid(collection.name, stored.name, "write", effect, rule_text(stored.write))


# statements


async def _statements(
    asked: list[Ask], records: Records, secrets: frozenset[object]
) -> tuple[StatementSaid, ...]:
    """Each statement once, with the plan of the database that answered."""
    scratch: Scratch | None = None
    found: dict[str, StatementSaid] = {}
    for ask in asked:
        if ask.text in found or ask.text.startswith(_BETWEEN_STEPS):
            continue
        rows = []
        if ask.text.startswith("select"):  # the others are found by key, and sort nothing
            rows = await records.engine.fetch(EXPLAIN + ask.text, ask.params)
        advice = None
        if rows:
            scratch = scratch or make_scratch(records.schema)
            advice = advise(ask.text, ask.params, records.schema, scratch)
        found[ask.text] = StatementSaid(
            _title(ask.text, records), sql_text(ask.text).rstrip(), hide(ask.params, secrets),
            steps_of(rows, sources_of(ask.text, records.schema)), advice,
        )  # fmt: skip
    if scratch is not None:
        scratch.close()
    return tuple(found.values())


_BETWEEN_STEPS = ("savepoint ", "release ", "rollback ")
_HEADS = (
    ("select count(*)", "the total"),
    ("insert into _changes", "the change log"),
    ("select max(coalesce((select max(version)", "the versions of its key"),
    ("insert into _idempotency", "the idempotency key"),
)


def _title(text: str, records: Records) -> str:
    """What a statement is for."""
    for head, title in _HEADS:
        if text.startswith(head):
            return title
    tables = {name(c.name): c.name for c in records.schema.collections}
    written = re.match(r'(insert into|update|delete from) ("[^"]+"|\w+)', text)
    if written:
        verb = {"insert into": "insert", "update": "change", "delete from": "delete"}[written[1]]
        return f"{verb}: {tables.get(written[2], written[2])}"
    if text.startswith('select \'{"group":'):
        return "the groups"
    if " limit ?" in text:
        return "the list"
    return "the record"


# the cache of plans


def _say_actor(actor: Actor) -> str:
    match actor.kind:
        case "anonymous":
            return "anonymous: nobody is signed in, `auth` is null"
        case "system":
            return "system: the app itself, past all rules"
        case "admin":
            return f"admin{_who(actor)}: past row rules"
        case "user":
            return f"user{_who(actor)}"


def _who(actor: Actor) -> str:
    record = actor.record or {}
    return "".join(f" {record[n]}" for n in ("id", "email") if record.get(n))


_LABELS = {
    "one": ("collection", "expand", "fields"),
    "list": ("collection", "filter", "", "sort", "expand", "fields"),
}


def _say_shape(made: list[object], profile: Profile) -> tuple[tuple[str, str], ...]:
    """The parts of the key that the plan is kept under."""
    shapes = [shape for shape in made if isinstance(shape, tuple) and profile in shape]
    if not shapes:
        return ()
    shape = [part for part in shapes[0] if part is not profile]
    labels = _LABELS.get(str(shape[0]), ("collection",))
    said: list[tuple[str, str]] = [("operation", str(shape[0]))]
    for at, part in enumerate(shape[1:]):
        label = labels[at] if at < len(labels) else "asked"
        if label and part not in ("", (), None, True, False):
            said.append((label, " && ".join(part) if isinstance(part, tuple) else str(part)))
    said.append(("caller", profile.kind))
    if shape[0] == "list" and False in shape:
        said.append(("search", "q is given"))
    said += [(say(atom), say(verdict)) for atom, verdict in profile.verdicts.items()]
    if profile.null_auth_fields and profile.kind == "user":
        said.append(("null in auth", ", ".join(sorted(profile.null_auth_fields))))
    return tuple(said)
