"""The statements that ran: what each is for, how the database runs it, which index would help.

In: what a rehearsal was asked.   Out: `StatementSaid`, each once.
"""

from __future__ import annotations

import re

from ..engines import Ask
from ..engines.sqlite.scratch import Scratch
from ..records import Records
from ..sql.read import EXPLAIN
from .cost import advise, make_scratch, sources_of, steps_of
from .rehearsal import written
from .said import StatementSaid
from .secrets import hide
from .wording import sql_text


async def statements_of(
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
            _title(ask.text), sql_text(ask.text).rstrip(), hide(ask.params, secrets),
            steps_of(rows, sources_of(ask.text, records.schema)), advice,
        )  # fmt: skip
    if scratch is not None:
        scratch.close()
    return tuple(found.values())


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
    return "the list" if " limit ?" in text else "the record"
