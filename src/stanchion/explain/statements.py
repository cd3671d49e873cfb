"""The statements that ran: what each is for, how the database runs it, which index would help.

In: what a rehearsal was asked.   Out: `StatementSaid`, each once.
"""

from __future__ import annotations

import re
from typing import Any

from ..engines import Ask
from ..engines.sqlite.scratch import Scratch
from ..records import Records
from .cost import advise, make_scratch, sources_of, steps_of, steps_of_text
from .rehearsal import written
from .said import StatementSaid
from .secrets import hide
from .wording import sql_text


async def statements_of(
    asked: list[Ask], kept: set[str], records: Records, secrets: frozenset[object]
) -> tuple[StatementSaid, ...]:
    """Each statement once, with the plan of the database that answered; `kept` are those whose
    plan it may keep. An index is advised where a plan does not hang on rows and values."""
    dialect = records.dialect
    scratch: Scratch | None = None
    found: dict[str, StatementSaid] = {}
    for ask in asked:
        if ask.text in found or ask.text.startswith(_BETWEEN_STEPS):
            continue
        rows = []
        if ask.text.startswith("select"):  # the others are found by key, and sort nothing
            rows = await records.engine.fetch(dialect.explain + ask.text, ask.params)
        if not dialect.plans_are_fixed:
            steps, advice = steps_of_text(rows), None
            planned = KEPT if ask.text in kept else FOR_THESE
        else:
            steps, advice = steps_of(rows, sources_of(ask.text, records.schema)), None
            planned = ""
            if rows:
                scratch = scratch or make_scratch(records.schema)
                advice = advise(ask.text, ask.params, records.schema, scratch)
        found[ask.text] = StatementSaid(
            _title(ask.text), sql_text(ask.text).rstrip(), _shown(hide(ask.params, secrets)),
            steps, advice, planned,
        )  # fmt: skip
    if scratch is not None:
        scratch.close()
    return tuple(found.values())


def _shown(params: tuple[Any, ...]) -> tuple[Any, ...]:
    """Parameters as JSON can hold them: PostgreSQL's driver takes moments, decimals and ids."""
    plain = (str, int, float, bool, type(None))
    return tuple(each if isinstance(each, plain) else str(each) for each in params)


FOR_THESE = "planned for these values"
KEPT = "planned for these values until it has run five times, then perhaps for any"
_BETWEEN_STEPS = ("savepoint ", "release ", "rollback ")
_VERBS = {"insert into": "insert", "update": "change", "delete from": "delete"}
_OWN_TABLES = {
    "_versions": "the versions of its key",
    "_changes": "the change log",
    "_idempotency": "the idempotency key",
}


def _title(text: str) -> str:
    """What a statement is for: by our own table that is in it, what it writes, or its form."""
    for table, title in _OWN_TABLES.items():
        if re.search(rf"\b{table}\b", text):
            return title
    if (write := written(text)) is not None:
        verb, table = write
        return f"{_VERBS[verb]}: {table}"
    if text.startswith("select count(*)"):
        return "the total"
    if text.startswith('select \'{"group":'):
        return "the groups"
    return "the list" if re.search(r" limit [?$]", text) else "the record"
