"""How a write is sent: as a request of its own, as a step of a batch, under an `Idempotency-Key`.

In: a write, who sends it.   Out: the status, and what of the answer is compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .asking import Answer, Asking
from .told import plain, refusal

ONE_KEY = "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"  # for all: it is taken back with the write
Outcome = tuple[int, Any]


@dataclass(frozen=True, slots=True)
class Writing:
    """One write: how it is sent is a matter of the way."""

    method: str
    path: str
    body: Any


async def sent_alone(asking: Asking, caller: str, sent: Writing) -> Outcome:
    """A write as a request of its own."""
    answer = await asking.send(caller, sent.method, sent.path, body=sent.body)
    return answer.status, _told(caller, sent, answer)


async def sent_in_batch(asking: Asking, caller: str, sent: Writing) -> Outcome:
    """A write as the only step of a batch; a refused batch answers as its step."""
    step = {"method": sent.method, "path": sent.path}
    body = step if sent.body is None else {**step, "body": sent.body}
    answer = await asking.send(caller, "POST", "/api/_batch", body={"steps": [body]})
    if answer.status != 200:
        return answer.status, refusal(caller, sent, answer, "/steps/0")
    (item,) = answer.json["items"]
    return item["status"], plain(item["body"]) if item["status"] in (200, 201) else None


async def sent_with_key(asking: Asking, caller: str, sent: Writing) -> Outcome:
    """A write under an `Idempotency-Key`, sent twice: what it did the second time, the matrix sees
    in the rows, and what it said must be the first answer."""
    first, again = [
        await asking.send(caller, sent.method, sent.path, body=sent.body, idempotency_key=ONE_KEY)
        for _ in range(2)
    ]
    assert (again.status, again.body) == (first.status, first.body), "another answer"
    assert ("idempotent-replayed" in again.headers) is (first.status < 300)
    return first.status, _told(caller, sent, first)


def _told(caller: str, sent: Writing, answer: Answer) -> Any:
    if answer.status >= 400:
        return refusal(caller, sent, answer)
    if answer.status not in (200, 201):
        return None
    assert ("etag" in answer.headers) is (set(answer.json) != {"id"}), "a key alone has no ETag"
    return plain(answer.json)


OTHER_SENDERS = {"batch": (sent_in_batch, 0, 3), "keyed": (sent_with_key, 1, 6)}
"""How a write is sent otherwise, and which of the cells are: the first, and each so many."""
