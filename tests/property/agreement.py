"""Run one expression on SQLite and on the evaluator, for every row and every caller.

In: a `World` and a `Written` expression.   Out: the number of comparisons, and each disagreement.
`compilers` makes what turns a condition into SQL: ours, or the naive one that must fail.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from stanchion.expr.check import Scope, check
from stanchion.expr.evaluate import Env, evaluate
from stanchion.expr.literals import Literal, lift
from stanchion.expr.parse import parse
from stanchion.expr.tree import Node
from stanchion.plan.policy import Profile, compile_policy, decide_old_is_null
from stanchion.query import Actor
from stanchion.schema import ALWAYS, Rules, RuleText, Schema
from stanchion.sql.dialect import POSTGRES, SQLITE, Dialect
from stanchion.sql.expr import ExpressionCompiler, Rows
from stanchion.sql.text import Aliases, Condition, Given, Parameters, Statement, boolean

from .expressions import Written
from .worlds import NOW, Row, Sight, World

Outcomes = dict[str, bool | None]


class Compiler(Protocol):
    """What is held against the evaluator."""

    def true(self, node: Node, rows: Rows, *, wide: bool = False) -> Condition: ...
    def false(self, node: Node, rows: Rows) -> Condition: ...


Compilers = Callable[[Schema, Profile, Dialect, Parameters], Compiler]


def ours(
    schema: Schema, profile: Profile, dialect: Dialect, parameters: Parameters
) -> ExpressionCompiler:
    """The compiler of the house."""
    return ExpressionCompiler(schema, profile, dialect, parameters, Aliases())


@dataclass(frozen=True)
class Judged:
    """An expression as one caller meets it: `node` is evaluated, `folded` is compiled."""

    written: Written
    caller: str
    actor: Actor
    profile: Profile
    node: Node
    folded: Node
    literals: tuple[Literal, ...] = ()

    @property
    def given(self) -> Given:
        """The values of this request."""
        return Given(self.literals, self.written.params, self.actor.record, NOW)


@dataclass(frozen=True)
class Disagreement:
    """A row on which SQL and the evaluator differ."""

    judged: Judged
    question: str  # "true", "false" or "wide"
    key: str
    outcome: bool | None
    sql: str
    params: list[Any]

    @property
    def wrongly_allowed(self) -> bool:
        """Whether SQL grants what the expression does not."""
        return self.question != "false" and self.outcome is not True

    def __str__(self) -> str:
        written = self.judged.written
        return (
            f"{written.text}\n  mode {written.mode}, {written.operation}, caller "
            f"{self.judged.caller}, params {written.params}\n  row {self.key}: the evaluator says "
            f"{self.outcome}, SQL disagrees that it is {self.question}\n  {self.sql}\n"
            f"  {self.params}"
        )


@dataclass
class Tally:
    """What a run came to."""

    expressions: set[str] = field(default_factory=set)
    comparisons: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    disagreements: int = 0
    disagreeing: set[str] = field(default_factory=set)
    wrongly_allowed: int = 0
    wrongly_allowing: set[str] = field(default_factory=set)

    def add(self, disagreement: Disagreement) -> None:
        text = disagreement.judged.written.text
        self.disagreements += 1
        self.disagreeing.add(text)
        if disagreement.wrongly_allowed:
            self.wrongly_allowed += 1
            self.wrongly_allowing.add(text)

    def share(self, outcome: str) -> float:
        """How much of all outcomes this one is."""
        return self.outcomes[outcome] / max(1, sum(self.outcomes.values()))

    def __str__(self) -> str:
        shares = ", ".join(f"{n} {self.share(n):.1%}" for n in ("true", "false", "error"))
        return (
            f"{len(self.expressions):,} expressions ({dict(self.modes)}), {self.comparisons:,} "
            f"comparisons, outcomes: {shares}; {self.disagreements:,} disagreements in "
            f"{len(self.disagreeing):,} expressions, {self.wrongly_allowed:,} of them wrongly "
            f"allow, in {len(self.wrongly_allowing):,} expressions"
        )


def disagreements(
    world: World,
    written: Written,
    tally: Tally,
    compilers: Compilers = ours,
    questions: tuple[str, ...] = ("true", "false", "wide"),
) -> Iterator[Disagreement]:
    """Every row, caller and question on which the two differ."""
    tally.expressions.add(written.text)
    tally.modes[written.mode] += 1
    for judged in judge(world, written):
        outcomes = evaluated(world, judged)
        tally.outcomes.update(WORDS[outcome] for outcome in outcomes.values())
        for question in questions:
            wanted = question != "false"
            statement = compiled(world.schema, judged, question, SQLITE, compilers)
            params = statement.bind(judged.given)
            found = {key for (key,) in world.database.execute(statement.text, params)}
            tally.comparisons += len(outcomes)
            for key, outcome in outcomes.items():
                if (key in found) is not (outcome is wanted):
                    yield Disagreement(judged, question, key, outcome, statement.text, params)


WORDS = {True: "true", False: "false", None: "error"}


def judge(world: World, written: Written) -> Iterator[Judged]:
    """Parse, check and fold as the house does, for each caller."""
    if written.mode == "caller":
        yield from _judge_filter(world, written)
        return
    policy = compile_policy(with_rule(world.schema, written))
    for caller, actor in world.actors.items():
        profile = policy.profile(replace(actor))
        node = policy.rows["things", written.operation]
        decide = decide_old_is_null if written.operation == "create" else None
        folded = profile.folded(profile.rule("things", written.operation), decide)
        yield Judged(written, caller, actor, profile, node, folded)


def _judge_filter(world: World, written: Written) -> Iterator[Judged]:
    things = world.schema.collection["things"]
    literals = lift(written.text).literals
    for caller, actor in world.actors.items():
        profile = world.policy.profile(actor)
        scope = Scope(
            world.schema, things, bare=True, auth=world.schema.users, lifted=True, caller=True,
            see=profile.sight,
        )  # fmt: skip
        node = check(parse(written.text), scope)
        yield Judged(written, caller, actor, profile, node, profile.folded(node), literals)


def with_rule(schema: Schema, written: Written) -> Schema:
    """The schema with this one rule; a rule sees everything, so the others do not matter."""
    rules = Rules(**{written.operation: RuleText(written.text)})
    return Schema(
        schema.title,
        tuple(
            replace(
                one,
                rules=rules if one.name == "things" else Rules(),
                fields=tuple(replace(f, read=ALWAYS) for f in one.fields),
            )
            for one in schema.collections
        ),
    )


def evaluated(world: World, judged: Judged) -> Outcomes:
    """What the evaluator says of each row."""
    sight = Sight(world, judged.actor)
    return {
        key: evaluate(judged.node, _env(world, judged, sight, row))
        for key, row in world.rows["things"].items()
    }


def _env(world: World, judged: Judged, sight: Sight, row: Row) -> Env:
    old = world.rows["things"][world.old[row["id"]]]
    return Env(
        record=row,
        old=old if judged.written.operation == "update" else None,
        auth=judged.actor.record,
        now=NOW,
        literals=judged.literals,
        params=judged.written.params,
        world=sight,
    )


def compiled(
    schema: Schema, judged: Judged, question: str, dialect: Dialect, compilers: Compilers = ours
) -> Statement:
    """The statement that finds the rows for which the answer to the question is yes."""
    parameters = Parameters(dialect)
    compiler = compilers(schema, judged.profile, dialect, parameters)
    update = judged.written.operation == "update"
    rows = Rows.of(record="r", old="o") if update else Rows.of(record="r")
    if question == "false":
        condition = compiler.false(judged.folded, rows)
    else:
        condition = compiler.true(judged.folded, rows, wide=question == "wide")
    old = ' join pairs p on p.id=r.id join "things" o on o.id=p.old' if update else ""
    return parameters.finish(f'select r.id from "things" r{old} where {boolean(condition)}')


def check_postgres_text(world: World, judged: Judged) -> None:
    """The statement for PostgreSQL is well formed, as far as that shows without a server."""
    for question in ("true", "false", "wide"):
        statement = compiled(world.schema, judged, question, POSTGRES)
        statement.bind(judged.given)
        text = re.sub(r"'[^']*'|\"[^\"]*\"", "''", statement.text)
        depth = 0
        for character in text:
            depth += {"(": 1, ")": -1}.get(character, 0)
            assert depth >= 0, statement.text
        assert depth == 0, statement.text
        assert not re.search("[\x02\x03?]", text), statement.text
        numbers = {int(number) for number in re.findall(r"\$([0-9]+)", text)}
        assert numbers == set(range(1, len(statement.binders) + 1)), statement.text
        assert "None" not in text and "True" not in text, statement.text
