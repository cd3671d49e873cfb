"""Look on while the pipelines answer a request, and gather why they answered so.

In: `Request`, `Records`, `Actor`, and the app's own way to answer.   Out: `Explanation`.
Refuses nothing: a refusal is what it explains.
Called by the command line and by the pages of `dev`.
"""

from __future__ import annotations

import copy

from .. import clock
from ..expr.evaluate import Env
from ..query import Actor
from ..records import Records
from .asked import asked_of
from .noting import noting, say_shape
from .rehearsal import Rehearsal
from .rows import Loaded
from .rules import fields_of, rules_of
from .said import Answering, Explanation, Request
from .secrets import find_secrets
from .statements import statements_of
from .verdicts import Judge


async def explain_request(
    request: Request, records: Records, actor: Actor, answer: Answering
) -> Explanation:
    """Explain a request as `actor`. `answer` answers it with the pipelines that it is given."""
    steps = tuple(asked_of(request, records.schema))
    keys = {step.key for step in steps if step.key is not None}
    rehearsal = Rehearsal(records.engine, records.schema.collections, keys, records.dialect)
    profile = records.policy.profile(actor)
    rows = Loaded(records.schema, records.engine, records.dialect)
    with noting(records) as noted:
        watched = copy.copy(records)
        watched.engine = rehearsal
        answered = await answer(watched, actor)
    env = Env(auth=actor.record, now=clock.now(), world=rows)
    judge = Judge(profile, rows, env)
    rules = [said for step in steps async for said in rules_of(step, judge, rehearsal)]
    secrets = find_secrets(records.schema, rehearsal.became, actor)
    statements = await statements_of(rehearsal.asked, rehearsal.kept, records, secrets)
    return Explanation(
        request=request,
        actor=_say_actor(actor),
        answer=answered,
        rules=tuple(dict.fromkeys(rules)),
        fields=tuple(dict.fromkeys(f for s in steps for f in fields_of(s, profile))),
        statements=statements,
        cache=noted.said,
        shape=say_shape(noted.made, profile),
    )


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
