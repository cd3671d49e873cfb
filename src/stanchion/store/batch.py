"""Several steps of the write door in one transaction: all of them or none.

In: jobs, or the refusal of one that could not even be planned, in order.
Out: what each of them wrote.
The first step that is refused takes back everything; its problem says which one it was. Each step
has a savepoint of its own: a step that looks for the reason of a conflict takes back its own work,
and must still see that of the steps before it.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TypeVar

from ..engines import Ask, Job, Row, Undo, Wanted, through
from ..errors import FieldError, Problem
from .door import Written
from .steps import Steps, ask_all

T = TypeVar("T")


def run_batch(
    steps: Sequence[Job[list[Written]] | Problem], kept: Sequence[Ask] = ()
) -> Steps[list[list[Written]]]:
    """Run the steps, one after the other; `kept` keeps the records that they change, before."""
    done = []
    if kept:
        yield ask_all(kept)
    for position, step in enumerate(steps):
        try:
            if isinstance(step, Problem):
                raise step
            done.append((yield from _in_savepoint(step)))
        except Problem as problem:
            raise at_step(problem, position) from None
    return done


def at_step(problem: Problem, position: int) -> Problem:
    """The same problem, its pointers those of the batch."""
    at = f"/steps/{position}"
    told = copy.copy(problem)
    told.errors = tuple(
        FieldError(at if e.pointer is None else f"{at}/body{e.pointer}", e.code, e.detail)
        for e in problem.errors
    ) or (FieldError(at, problem.code, problem.detail),)
    return told


def _in_savepoint(job: Job[T]) -> Steps[T]:
    """Run a job inside another one: what it takes back is its own work alone."""
    yield Ask("savepoint step")
    result = yield from through(job, _within_step)
    yield Ask("release step")
    return result


def _within_step(wanted: Wanted) -> Steps[list[Row]]:
    """What a step wants; where it takes back everything, what the step did alone."""
    return (yield Ask("rollback to step") if isinstance(wanted, Undo) else wanted)
