"""What happens once in the life of a database: whoever claims it first does it.

In: a name.   Out: steps of a job, and whether it is the caller's to do.
Called by transaction/seed, in the transaction of what is to be done, so that a failure gives the
claim back.
"""

from __future__ import annotations

from .. import clock
from ..engines import Ask
from .steps import Steps


def claim(name: str) -> Steps[bool]:
    """Whether nobody has claimed `name` before."""
    rows = yield Ask("select 1 from _once where name=?1", (name,))
    if not rows:
        yield Ask("insert into _once (name,time) values (?1,?2)", (name, clock.now_text()))
    return not rows
