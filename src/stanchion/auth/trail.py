"""The trail: what was refused, gathered and written down within bounds, and what the log holds.

In: refusals, as they happen.   Out: rows of `_audit`; pages of it for admins.
A refusal costs its request a dictionary access: a task writes what has gathered. The same refusal
of the same caller is one row a minute with a number, other refusals are so many a minute and
beyond that one row that counts them; so neither a disk nor a log is filled by who is turned away.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Hashable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from .. import events
from ..engines import Ask, AskAll, Engine
from ..errors import Problem
from ..query import decode_cursor, digest, encode_cursor
from ..store.audit import AuditSource, KeptAudit, find_audit, keep, note, trim_audit
from ..store.steps import Steps

WINDOW_S = 60.0
MOST = 100
"""Different refusals that one process writes down in one window."""
PAUSE_S = 1.0
TRIM_S = 60.0


@dataclass(slots=True)
class _Repeated:
    """A refusal of this window, and how often it came again."""

    audited: events.Audited
    again: int = 0


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Rows of the audit log, the newest first; `next` is the cursor of the page after it."""

    items: list[dict[str, Any]]
    next: str | None


class Trail:
    """The audit log of one app, in one process."""

    def __init__(self, engine: Engine, kept: KeptAudit) -> None:
        self._engine = engine
        self._kept = kept
        self._begun = time.monotonic()
        self._seen: dict[Hashable, _Repeated] = {}
        self._others = 0
        self._waiting: list[Ask] = []

    # what is refused

    def refuse(self, refused: events.Audited) -> None:
        """Take note of a refusal; it is written down soon."""
        self._turn()
        same = (refused.kind, refused.user, refused.actor, refused.network, *refused.facts.items())
        seen = self._seen.get(same)
        if seen is not None:
            seen.again += 1
            seen.audited = refused
        elif len(self._seen) >= MOST:
            self._others += 1
        else:
            self._seen[same] = _Repeated(refused)
            self._tell(refused)

    def _turn(self) -> None:
        """Begin another window if this one is over: what came again in it is told with a number."""
        if time.monotonic() - self._begun < WINDOW_S:
            return
        for seen in self._seen.values():
            if seen.again:
                facts = {**seen.audited.facts, "times": seen.again}
                self._tell(replace(seen.audited, facts=facts))
        if self._others:
            source = AuditSource("many")
            self._tell(note("refusals.others", "", source, refused=True, times=self._others))
        self._begun, self._others = time.monotonic(), 0
        self._seen.clear()

    def _tell(self, audited: events.Audited) -> None:
        events.emit(audited)
        if len(self._waiting) < 4 * MOST:  # more wait only where nobody can write
            self._waiting.append(keep(audited))

    async def flush(self) -> None:
        """Write down what has gathered. Where that fails it waits for the next time."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        written = False

        def steps() -> Steps[None]:
            yield AskAll(waiting)

        try:
            await self._engine.write(steps)
            written = True
        except Problem:
            return
        finally:  # also where the app is stopped meanwhile
            if not written:
                self._waiting = waiting + self._waiting

    async def finish(self) -> None:
        """Write down what is left, before the database is closed."""
        self._begun = -WINDOW_S
        self._turn()
        await self.flush()

    async def run(self) -> None:
        """Write and trim for ever."""
        trimmed = 0.0
        while True:
            await asyncio.sleep(PAUSE_S)
            self._turn()
            await self.flush()
            if time.monotonic() - trimmed > TRIM_S and not await self.trim():
                trimmed = time.monotonic()

    async def trim(self) -> bool:
        """One piece of trimming; whether more is left."""
        try:
            return await self._engine.write(lambda: trim_audit(self._kept))
        except Problem:
            return False  # the database has other worries; the next minute comes

    # what admins read

    async def page(
        self, kind: str, user: str, since: datetime | None, until: datetime | None,
        after: str | None, limit: int,
    ) -> AuditPage:  # fmt: skip
        """A page of the log, the newest first; raises `BadRequest` for another list's cursor."""
        mark = digest("audit", kind, user, str(since), str(until))
        last = decode_cursor(after, mark, 1)[0] if after is not None else ""
        asked = find_audit(kind, user, since, until, last, limit + 1)
        rows = await self._engine.anywhere.fetch(asked.text, asked.params)
        items = [_item(*row) for row in rows[:limit]]
        more = encode_cursor(mark, [items[-1]["id"]]) if len(rows) > limit else None
        return AuditPage(items, more)


def _item(
    key: str, moment: str, kind: str, refused: int, user: str | None, actor: str, network: str,
    request: str, facts: str,
) -> dict[str, Any]:  # fmt: skip
    return {
        "id": key, "time": moment, "kind": kind, "refused": bool(refused), "user": user,
        "actor": actor, "network": network, "request": request, "facts": json.loads(facts),
    }  # fmt: skip
