"""The last refused and the last slow calls of the data API, kept so that they can be explained.

In: every request, as the server hands it over.   Out: what the app makes of it, untouched, and
`Call`s. At most `MOST` of either kind, each with at most `LONGEST` bytes of its body. Bodies are
asked anew by an explanation; no page shows them. Credentials are not kept: only who they named.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI

from ...errors import Problem
from ...explain import Request, noting
from ...query import ANONYMOUS, Actor
from ...runtime import Runtime
from ..asgi import Receive, Scope, Send, header

MOST = 25
LONGEST = 65_536
SLOW_MS = 100
"""From here on a call is slow: people see that a page waits."""
KEPT_HEADERS = (b"content-type", b"if-match", b"if-none-match", b"idempotency-key")


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was refused (4xx) or slow. `path` and `query` are as they were sent, made
    printable; `cut` says that its body was longer than what is kept, `cache` what the cache of
    plans did."""

    time_ns: int
    request: str
    method: str
    path: str
    query: str
    status: int
    took_ms: int
    code: str
    detail: str
    hint: str
    actor: Actor
    headers: Mapping[str, str]
    body: bytes
    cut: bool
    cache: str

    @property
    def url(self) -> str:
        """Path and query."""
        return self.path + (f"?{self.query}" if self.query else "")

    @property
    def refused(self) -> bool:
        """Whether it was refused, however long that took."""
        return 400 <= self.status < 500


class Recorder:
    """An ASGI application around an app."""

    def __init__(self, app: FastAPI, runtime: Runtime) -> None:
        self.app = app
        self.runtime = runtime
        self._refused: deque[Call] = deque(maxlen=MOST)
        self._slow: deque[Call] = deque(maxlen=MOST)  # its own: refusals do not push them out

    @property
    def calls(self) -> list[Call]:
        """The newest first."""
        return sorted([*self._refused, *self._slow], key=lambda call: -call.time_ns)

    def find(self, request: str) -> Call | None:
        """The call of a request, unless it is forgotten."""
        return next((one for one in self.calls if one.request == request), None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._path(scope).startswith("/api/"):
            await self.app(scope, receive, send)
            return
        watch = _Watch(receive, send)
        with noting(self.runtime.opened) as noted:
            await self.app(scope, watch.receive, watch.send)
        if 400 <= watch.status < 500:
            self._refused.append(await self._call(scope, watch, noted.said))
        elif watch.took_ms >= SLOW_MS:
            self._slow.append(await self._call(scope, watch, noted.said))

    def _path(self, scope: Scope) -> str:
        """The path as it was sent, made printable, without what the app is served below."""
        root = scope.get("root_path") or self.app.root_path
        path = _printable(scope.get("raw_path") or scope["path"].encode())
        return path.removeprefix(root.rstrip("/"))

    async def _call(self, scope: Scope, watch: _Watch, cache: str) -> Call:
        said = _problem_of(watch.answered.kept)
        code = said.get("code", "")
        try:
            actor = await self.runtime.identify(scope, keys=True)
        except Problem:  # of the caller's credentials: it was refused as nobody
            actor = ANONYMOUS
        return Call(
            time_ns=time.time_ns(),
            request=scope.get("stanchion.request", ""),
            method=scope["method"],
            path=self._path(scope),
            query=_printable(scope["query_string"]),
            status=watch.status,
            took_ms=watch.took_ms,
            code=code,
            detail=said.get("detail", ""),
            hint=said.get("hint", ""),
            actor=actor,
            headers={
                name.decode(): found
                for name in KEPT_HEADERS
                if (found := header(scope, name)) is not None
            },
            body=watch.asked.kept,
            cut=watch.asked.cut,
            cache=cache,
        )


class _Watch:
    """What passes between the server and the app for one request."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._began = time.perf_counter_ns()
        self.asked = _Bytes()
        self.answered = _Bytes()
        self.status = 0
        self.took_ms = 0

    async def receive(self, *_: Any) -> Any:
        message = await self._receive()
        if not self.status:
            self._began = time.perf_counter_ns()  # a caller that sends slowly is not our slowness
        self.asked.take(message.get("body", b""))
        return message

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.took_ms = (time.perf_counter_ns() - self._began) // 1_000_000
        elif self.status >= 400:
            self.answered.take(message.get("body", b""))
        await self._send(message)


class _Bytes:
    """The first bytes of a body."""

    def __init__(self) -> None:
        self.kept = b""
        self.cut = False

    def take(self, more: bytes) -> None:
        self.cut = self.cut or len(self.kept) + len(more) > LONGEST
        self.kept = (self.kept + more)[:LONGEST]


def request_of(call: Call) -> Request:
    """The same call, for an explanation."""
    try:
        body = json.loads(call.body)
    except (ValueError, RecursionError):
        body = None
    return Request(
        call.method, call.path, call.query, body, bool(call.body), call.headers, call.body
    )


def _problem_of(answer: bytes) -> dict[str, str]:
    """The texts of a problem document; nothing where an answer is something else."""
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        return {}
    return {k: v for k, v in said.items() if isinstance(v, str)} if isinstance(said, dict) else {}


def _printable(sent: bytes) -> str:
    return quote(sent, safe="/%:@!$&'()*+,;=~-._?")
