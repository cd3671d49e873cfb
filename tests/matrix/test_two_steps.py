"""Batches of two steps: the second is judged with what the first one did, and both or none stay.

For every caller writes that succeed are followed by writes that the oracle judges otherwise after
them than before.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .asking import Asking
from .oracle import Oracle, Verdict
from .sending import Outcome, Writing
from .told import oracle_of, refusal
from .ways import cells_of
from .world import CALLERS, FIELDS, KINDS, ROWS, make_id

FIRST, SECOND = 30, 150  # so many of each are tried, spread over all
EACH = 4
Steps = tuple[Writing, Writing]


def judged(oracle: Oracle, sent: Writing) -> Verdict:
    """What the oracle says of a write."""
    _, _, collection, *key = sent.path.split("/")
    match sent.method:
        case "POST":
            return oracle.create(collection, sent.body)
        case "PATCH":
            return oracle.update(collection, key[0], sent.body)
        case "PUT":
            return oracle.put(collection, key[0], sent.body)
    return oracle.delete(collection, key[0])


def said(verdict: Verdict) -> object:
    return verdict.status, verdict.refusal


def spread(found: list[Writing], most: int) -> list[Writing]:
    return found[:: max(1, len(found) // most)]


def referring(first: Writing) -> Iterator[Writing]:
    """New records that refer to the one that the first step makes."""
    _, _, collection, *_ = first.path.split("/")
    for name, fields in FIELDS.items():
        row = next(iter(ROWS[name].values()))
        bare = {k: v for k, v in row.items() if v is not None and k not in ("admin", "grade")}
        for found in fields:
            if found.kind == "ref" and found.to == collection and first.method == "POST":
                fresh = make_id(KINDS[name], 901)
                body = {**bare, "id": fresh, found.name: first.body["id"]}
                yield Writing("POST", f"/api/{name}", body)


def dependent(caller: str) -> Iterator[tuple[Steps, Verdict]]:
    """Pairs of steps whose second one depends on the first, and what they come to."""
    oracle = oracle_of(caller)
    sent = [cell.sent for cell in cells_of(caller) if cell.sent is not None]
    first = [one for one in sent if judged(oracle, one).status < 300]
    second = [(one, said(judged(oracle, one))) for one in spread(sent, SECOND)]
    for one in spread(first, FIRST):
        then = oracle._on(judged(oracle, one).rows)
        follow = [*second, *((other, said(judged(oracle, other))) for other in referring(one))]
        told = [(other, judged(then, other)) for other, _ in follow]
        changed = [v for v, (_, alone) in zip(told, follow, strict=True) if said(v[1]) != alone]
        yield from (((one, other), verdict) for other, verdict in changed[-EACH:])


async def in_batch(asking: Asking, caller: str, steps: Steps) -> Outcome:
    """Both in one batch: the statuses, or the refusal of the second."""
    body = [
        {"method": s.method, "path": s.path, **({} if s.body is None else {"body": s.body})}
        for s in steps
    ]
    answer = await asking.send(caller, "POST", "/api/_batch", body={"steps": body})
    if answer.status != 200:
        return answer.status, refusal(caller, steps, answer, "/steps/1")
    return 200, answer.json["items"][1]["status"]


@pytest.mark.parametrize("caller", [c for c in CALLERS if c != "anonymous"])
def test_a_second_step_is_judged_with_what_the_first_one_did(asking: Asking, caller: str) -> None:
    pairs = list(dependent(caller))
    wrong = []
    for steps, verdict in pairs:
        refused = verdict.status >= 400
        then = ROWS if refused else verdict.rows
        wanted = (verdict.status, verdict.refusal) if refused else (200, verdict.status)
        found = asking.run(asking.tried(lambda steps=steps: in_batch(asking, caller, steps)))
        if found != (wanted, then):
            wrong.append(f"{steps}\n  expected {wanted}\n  found    {found[0]}")
    statuses = {verdict.status for _, verdict in pairs}
    print(f"{caller}: {len(pairs)} batches of two steps, {sorted(statuses)}")
    assert not wrong, f"{len(wrong)} wrong\n" + "\n".join(wrong[:6])
    assert len(pairs) >= 10
    assert {409, 201} <= statuses or {404, 201} <= statuses, "refused, and allowed by the first"
    assert asking.stored() == ROWS
