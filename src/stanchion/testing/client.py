"""A client that calls an app in memory: no network, no server, a database of its own.

In: an `App`.   Out: `Client`, a context manager whose calls are answered as over HTTP.
The app runs with its lifespan on a thread of its own, so the client works in plain tests and in
async ones alike. Its database lies in a temporary folder and is gone afterwards.
"""

from __future__ import annotations

import asyncio
import copy
import tempfile
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from json import dumps as encode_json
from json import loads as decode_json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, unquote, urlencode, urlsplit

from ..app import App
from ..auth.passwords import SLIGHT
from ..mail import Outbox
from ..working import run_due
from .clock import MovedClock
from .signed_in import sign_in

if TYPE_CHECKING:
    from email.message import EmailMessage

    from ..declare import UserRecord

T = TypeVar("T")
TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. Header names are in lower case; of a repeated header the last one is kept."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:
        """The body, read as JSON."""
        return decode_json(self.body)


class Client:
    """Calls an app. Made by `client(app)`; see there."""

    def __init__(self, app: App, loop: asyncio.AbstractEventLoop) -> None:
        self.app = app
        self._loop = loop
        self._outbox = Outbox()
        app.runtime.mail_place.carrier = self._outbox
        app.runtime.mail_place.public_url = "http://localhost"
        if app.runtime.gate is not None:
            app.runtime.gate.accounts.hasher.cost = SLIGHT
        self._token = ""
        self._made_up = count(1)
        self.clock = MovedClock()
        self.user: UserRecord | None = None

    def as_user(self, user: UserRecord | None = None, /, **fields: Any) -> Client:
        """A client of somebody who is signed in: of this user, who is made if need be, or of a new
        one with these fields (and an address, if they name none). `user` of it is the record.

        The session is a real one: it goes by what is stored of the user now, and it ends.
        """
        found = copy.copy(self)
        address = f"user{next(self._made_up)}@example.com"
        found.user, found._token = self.run(sign_in(self.app.runtime, user, fields, address))
        return found

    def get(self, url: str, **options: Any) -> Response:
        """GET; options as in `request`."""
        return self.request("GET", url, **options)

    def post(self, url: str, json: Any = None, **options: Any) -> Response:
        """POST `json`; options as in `request`."""
        return self.request("POST", url, json, **options)

    def patch(self, url: str, json: Any = None, **options: Any) -> Response:
        """PATCH with `json`; options as in `request`."""
        return self.request("PATCH", url, json, **options)

    def put(self, url: str, json: Any = None, **options: Any) -> Response:
        """PUT `json`; options as in `request`."""
        return self.request("PUT", url, json, **options)

    def delete(self, url: str, **options: Any) -> Response:
        """DELETE; options as in `request`."""
        return self.request("DELETE", url, **options)

    def request(
        self,
        method: str,
        url: str,
        json: Any = None,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Response:
        """Call `url`, a path that may have a query string.

        Args:
            json: sent as JSON, with its content type.
            params: added to the query string.
            headers: sent as they are; they win over those set here.
            content: the bytes of a body that is no JSON.
        """
        sent = content or b""
        given = {"host": "testserver"}
        if self._token:
            given["authorization"] = f"Bearer {self._token}"
        if json is not None:
            sent = encode_json(json).encode()
            given["content-type"] = "application/json"
        given |= {name.lower(): value for name, value in (headers or {}).items()}
        if sent:
            given.setdefault("content-length", str(len(sent)))
        return self.run(_call(self.app, _scope(method, url, params, given), sent))

    def run_jobs(self) -> int:
        """Run every job that is due, one after the other's end, until none is left; how many tries
        there were. What a handler raises is raised here, when the others are done. Jobs run here
        only: nothing runs them by itself.
        """
        tries, errors = self.run(run_due(self.app.runtime))
        if errors:
            raise errors[0]
        return tries

    @property
    def mails(self) -> list[EmailMessage]:
        """The mails that the app wrote, in order; `run_jobs` sends them. Links in them begin with
        `http://localhost`, unless the settings say where the app is reached."""
        return self._outbox.messages

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine beside the app, with a transaction in it for example."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(TIMEOUT_S)


@contextmanager
def client(app: App) -> Iterator[Client]:
    """A client of `app`, which is started on an empty temporary database and stopped afterwards.

    Seeds run as they do on any empty database.
    """
    runtime = app.runtime
    settings = runtime.settings
    with empty_database() as url:
        # NOTE: settings never change while an app serves; a test starts it anew
        runtime._settings = replace(settings, database_url=url)
        runtime.in_dev = True
        try:
            with _running_loop() as loop, _lifespan(app, loop):
                made = Client(app, loop)
                try:
                    yield made
                finally:
                    made.clock.reset()
        finally:
            runtime._settings = settings


@contextmanager
def empty_database() -> Iterator[str]:
    """The address of an empty database that is gone after the block."""
    with tempfile.TemporaryDirectory(
        prefix="stanchion-test-", ignore_cleanup_errors=True
    ) as folder:
        yield f"sqlite:////{quote(str(Path(folder, 'test.db')).lstrip('/'))}"


@contextmanager
def _running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()

    def run() -> None:
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    thread = threading.Thread(target=run, name="stanchion-test", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(TIMEOUT_S)


@contextmanager
def _lifespan(app: App, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Run the lifespan in one task, because what it opens must be closed by the same task."""
    started: asyncio.Queue[None] = asyncio.Queue()
    ended = asyncio.Event()

    async def live() -> None:
        await app.runtime.close()  # a database that the app may have opened before
        app.check()
        async with app.router.lifespan_context(app):
            started.put_nowait(None)
            await ended.wait()

    async def wait_for_start(task: asyncio.Future[None]) -> None:
        waiting = asyncio.ensure_future(started.get())
        await asyncio.wait((waiting, task), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            await task

    async def start() -> asyncio.Future[None]:
        task = asyncio.ensure_future(live())
        await wait_for_start(task)
        return task

    async def stop(task: asyncio.Future[None]) -> None:
        ended.set()
        await task

    task = asyncio.run_coroutine_threadsafe(start(), loop).result(TIMEOUT_S)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(stop(task), loop).result(TIMEOUT_S)


def _scope(
    method: str, url: str, params: Mapping[str, str] | None, headers: Mapping[str, str]
) -> dict[str, Any]:
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, urlencode(params or {})) if part)
    raw = quote(parts.path, safe="/%:@!$&'()*+,;=~-._")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method.upper(),
        "scheme": "http",
        "path": unquote(raw),
        "raw_path": raw.encode("ascii"),
        "query_string": quote(query, safe="=&%:@!$'()*+,;/?~-._").encode("ascii"),
        "root_path": "",
        "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()],
        "client": ("127.0.0.1", 50000),
        "server": ("testserver", 80),
        "state": {},
    }


async def _call(app: App, scope: dict[str, Any], sent: bytes) -> Response:
    requests = [{"type": "http.request", "body": sent, "more_body": False}]
    status, headers, chunks = 0, {}, []
    answered = asyncio.Event()

    async def receive() -> Any:
        if requests:
            return requests.pop()
        await answered.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            for name, value in message.get("headers", ()):
                headers[name.decode("latin-1").lower()] = value.decode("latin-1")
        elif message["type"] == "http.response.body":
            chunks.append(bytes(message.get("body", b"")))
            if not message.get("more_body"):
                answered.set()

    await app(scope, receive, send)
    return Response(status, headers, b"".join(chunks))
