"""Place a real year of orders through the HTTP API, then ask the API what was sold.

In: the data set `pizzaplace` of the installed package great-tables (49,574 pizzas in 21,350
orders).   Out: the totals on the screen; exit 1 when they are not those of the data set.
Starts its own server on a fresh SQLite file, or on the empty database that `--database` names,
unless `--url` names a server. One customer places them all, who registers or signs in first. Order
ids follow from the data set, so running it twice against one server places nothing twice. Needs
stanchion, great-tables and rich.

    python replay.py
    python replay.py --orders 500 --url http://127.0.0.1:8000
    python replay.py --database postgresql://user:password@127.0.0.1/pizzeria
"""

import argparse
import asyncio
import csv
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

HERE = Path(__file__).resolve().parent
ORDERS = UUID("5b0d8f5e-6d1c-4f0e-9a37-3f6f2f1d7c55")  # the namespace of this data set's orders
CUSTOMER = {"email": "year@example.com", "password": "mushroom lamp 21350", "as": "token"}
PATIENCE = 30.0  # seconds that one order is tried again for
ANSWER_WITHIN = 20.0


class ReplayError(Exception):
    """The replay cannot go on; the text says why."""


# The data set.


@dataclass(frozen=True, slots=True)
class SoldOrder:
    """One order of the data set: pizza code and size, with how many of it."""

    id: UUID
    lines: tuple[tuple[str, str, int], ...]
    total: int


@dataclass(frozen=True, slots=True)
class Totals:
    orders: int
    pizzas: int
    revenue: int
    by_pizza: dict[str, int]


def find_data() -> Path:
    """Where the package keeps the file; the package itself is not imported (it wants more)."""
    spec = importlib.util.find_spec("great_tables")
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder) / "data" / "05-pizzaplace.csv"
        if path.is_file():
            return path
    raise ReplayError("the data set is missing: pip install great-tables")


def read_orders(path: Path, count: int | None) -> list[SoldOrder]:
    lines: dict[str, Counter[tuple[str, str]]] = {}
    totals: Counter[str] = Counter()
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            lines.setdefault(row["id"], Counter())[row["name"], row["size"]] += 1
            totals[row["id"]] += int(Decimal(row["price"]) * 100)
    return [
        SoldOrder(
            id=uuid5(ORDERS, key),
            lines=tuple((code, size, n) for (code, size), n in sold.items()),
            total=totals[key],
        )
        for key, sold in list(lines.items())[:count]
    ]


def sum_orders(orders: Sequence[SoldOrder]) -> Totals:
    by_pizza: Counter[str] = Counter()
    for order in orders:
        for code, _, quantity in order.lines:
            by_pizza[code] += quantity
    revenue = sum(order.total for order in orders)
    return Totals(len(orders), by_pizza.total(), revenue, dict(by_pizza))


# A small HTTP client: one keep-alive connection, one request at a time.


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes

    def read(self) -> Any:
        return json.loads(self.body)


class Connection:
    """Opens when it is first needed, and again after a failure."""

    def __init__(self, url: str, token: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ReplayError(f"--url must be http://host:port, not {url}")
        self.host = parts.hostname
        self.port = parts.port or 80
        self.path = parts.path.rstrip("/")
        self.token = token
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, method: str, path: str, body: bytes = b"") -> Answer:
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                if self.streams is None:
                    self.streams = await asyncio.open_connection(self.host, self.port)
                reader, writer = self.streams
                writer.write(self.render_request(method, path, body))
                await writer.drain()
                answer, keep = await read_answer(reader)
        except BaseException:
            self.close()
            raise
        if not keep:
            self.close()
        return answer

    def render_request(self, method: str, path: str, body: bytes) -> bytes:
        head = (
            f"{method} {self.path}{path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
            f"Accept: application/json\r\nContent-Length: {len(body)}\r\n"
        )
        if self.token:
            head += f"Authorization: Bearer {self.token}\r\n"
        if body:
            head += "Content-Type: application/json\r\n"
        return head.encode("ascii") + b"\r\n" + body

    def close(self) -> None:
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None


async def read_answer(reader: asyncio.StreamReader) -> tuple[Answer, bool]:
    """One answer, and whether the connection may be used again."""
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        version, status, *_ = head[0].split(" ", 2)
        if not status.startswith("1"):  # 1xx: the answer is still to come
            break
    headers: dict[str, str] = {}
    for line in filter(None, head[1:]):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    keep = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = await read_chunks(reader)
    elif "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    elif status in ("204", "304"):
        body = b""
    else:
        body, keep = await reader.read(), False
    return Answer(int(status), body), keep


async def read_chunks(reader: asyncio.StreamReader) -> bytes:
    parts: list[bytes] = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    while (await reader.readline()).strip():
        pass  # trailers
    return b"".join(parts)


async def fetch(url: str, path: str, token: str = "") -> Any:
    connection = Connection(url, token)
    answer = await send_patiently(connection, "GET", path)
    connection.close()
    if answer.status != 200:
        raise ReplayError(f"GET {path} answered {answer.status}: {answer.body[:300]!r}")
    return answer.read()


async def send_patiently(
    connection: Connection, method: str, path: str, body: bytes = b""
) -> Answer:
    """Send, and send again after a lost connection or an overload, for up to `PATIENCE` seconds.

    Only for requests that may be repeated: reads, signing in, and orders, which their ids make so.
    """
    give_up = time.monotonic() + PATIENCE
    pause = 0.05
    while True:
        try:
            answer = await connection.send(method, path, body)
            if answer.status not in (429, 502, 503, 504):
                return answer
            why = f"answered {answer.status}"
        except (OSError, EOFError, TimeoutError, ValueError, asyncio.LimitOverrunError) as error:
            why = str(error) or type(error).__name__
        if time.monotonic() + pause > give_up:
            raise ReplayError(f"{method} {path}: {why}, for {PATIENCE:.0f} s")
        await asyncio.sleep(pause)
        pause = min(pause * 2, 2.0)


async def sign_in(url: str) -> str:
    """A token of the one customer, who is registered the first time."""
    connection = Connection(url)
    new = json.dumps({**CUSTOMER, "name": "A year"}).encode()
    answer = await send_patiently(connection, "POST", "/api/auth/register", new)
    if answer.status == 409:
        known = json.dumps(CUSTOMER).encode()
        answer = await send_patiently(connection, "POST", "/api/auth/login", known)
    connection.close()
    if answer.status not in (200, 201):
        raise ReplayError(f"signing in answered {answer.status}: {answer.body[:300]!r}")
    token: str = answer.read()["token"]
    return token


# Placing the orders.


class Ledger:
    """The ids of the orders that were acknowledged, on disk: a line is there or was never told.

    Many orders share one fsync: each batch holds what was noted while the one before was synced.
    """

    def __init__(self, path: Path) -> None:
        self.file: BinaryIO = path.open("ab", buffering=0)
        self.lines: list[str] = []
        self.ended = False

    def note(self, order_id: UUID) -> None:
        self.lines.append(f"{order_id}\n")

    async def keep(self) -> None:
        while not self.ended:
            await asyncio.sleep(0.01)
            await self.sync()

    async def sync(self) -> None:
        lines, self.lines = self.lines, []
        if lines:
            await asyncio.to_thread(self.write, "".join(lines).encode("ascii"))

    def write(self, text: bytes) -> None:
        self.file.write(text)
        os.fsync(self.file.fileno())


async def place_orders(
    url: str,
    token: str,
    orders: Sequence[SoldOrder],
    connections: int,
    ledger: Ledger | None,
    advance: Callable[[], None],
) -> None:
    size_ids = await read_size_ids(url)
    waiting = deque(orders)

    async def work() -> None:
        connection = Connection(url, token)
        try:
            while waiting:
                order = waiting.popleft()
                await place_order(connection, order, size_ids)
                if ledger is not None:
                    ledger.note(order.id)
                advance()
        finally:
            connection.close()

    keeper = asyncio.create_task(ledger.keep()) if ledger is not None else None
    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(connections):
                workers.create_task(work())
    except* ReplayError as errors:
        raise errors.exceptions[0] from None
    finally:
        if keeper is not None and ledger is not None:
            ledger.ended = True  # not cancelled: a batch on its way to disk would be lost
            await keeper
            await ledger.sync()


async def read_size_ids(url: str) -> dict[tuple[str, str], str]:
    menu = await fetch(url, "/api/pizzas?expand=sizes&limit=100")
    return {
        (pizza["code"], size["size"]): size["id"]
        for pizza in menu["items"]
        for size in pizza["sizes"]["items"]
    }


async def place_order(
    connection: Connection, order: SoldOrder, size_ids: dict[tuple[str, str], str]
) -> None:
    lines = [{"size": size_ids[code, size], "quantity": n} for code, size, n in order.lines]
    cart = {"id": str(order.id), "lines": lines, "total": order.total}
    answer = await send_patiently(connection, "POST", "/checkout", json.dumps(cart).encode())
    if answer.status not in (200, 201):
        raise ReplayError(f"order {order.id} answered {answer.status}: {answer.body[:500]!r}")


# What the API says was sold.


async def ask_totals(url: str, token: str) -> Totals:
    """Of the orders of this customer; others are not seen."""
    orders = await fetch(url, "/api/orders/_aggregate?count=true&sum=total", token)
    pizzas = await fetch(url, "/api/order_lines/_aggregate?sum=quantity", token)
    by_name = "/api/order_lines/_aggregate?group=name&sum=quantity&limit=100"
    each = await fetch(url, by_name, token)
    (all_orders,), (all_pizzas,) = orders["items"], pizzas["items"]
    return Totals(
        orders=all_orders["count"],
        pizzas=all_pizzas["sum"]["quantity"] or 0,
        revenue=all_orders["sum"]["total"] or 0,
        by_pizza={item["group"]["name"]: item["sum"]["quantity"] for item in each["items"]},
    )


def name_pizzas(totals: Totals) -> Totals:
    """The same totals with the menu's names instead of the data set's codes."""
    menu = json.loads((HERE / "menu.json").read_text("utf-8"))
    names = {entry["code"]: entry["name"] for entry in menu}
    by_pizza = {names[code]: n for code, n in totals.by_pizza.items()}
    return Totals(totals.orders, totals.pizzas, totals.revenue, by_pizza)


def render_totals(found: Totals, expected: Totals, seconds: float, placed: int) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column()

    def add(what: str, value: str, same: bool, wanted: str) -> None:
        table.add_row(what, value, "as in the data set" if same else f"expected {wanted}")

    add("Orders", f"{found.orders:,}", found.orders == expected.orders, f"{expected.orders:,}")
    add("Pizzas", f"{found.pizzas:,}", found.pizzas == expected.pizzas, f"{expected.pizzas:,}")
    revenue, wanted = (f"{Decimal(t.revenue) / 100:,.2f}" for t in (found, expected))
    add("Revenue", revenue, revenue == wanted, wanted)
    if found.by_pizza:
        ranked = sorted(found.by_pizza.items(), key=lambda item: (item[1], item[0]))
        for what, (name, sold) in (("Best seller", ranked[-1]), ("Worst seller", ranked[0])):
            add(what, f"{name}, {sold:,}", sold == expected.by_pizza.get(name), "another count")
    table.add_row("Time", f"{seconds:.1f} s", f"{placed / seconds:,.0f} orders/s")
    return table


# The replay's own server.


@contextmanager
def serve_fresh(database: str | None) -> Generator[str, None, None]:
    """Serve the pizzeria on a new SQLite file that is gone afterwards, or on a given database."""
    with tempfile.TemporaryDirectory(prefix="pizzeria-") as folder:
        port = find_free_port()
        log_path = Path(folder) / "server.log"
        command = [sys.executable, "-m", "stanchion", "serve", str(HERE / "app.py")]
        database = database or f"sqlite:///{folder}/replay.db"
        with log_path.open("wb") as log:
            server = subprocess.Popen(
                [*command, "--port", str(port)],
                env={**os.environ, "STANCHION_DATABASE_URL": database},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                url = f"http://127.0.0.1:{port}"
                wait_until_ready(url, server, log_path)
                yield url
            finally:
                stop_server(server)


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/ready", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-20:])
    raise ReplayError(f"the server did not get ready:\n{tail}")


def stop_server(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(timeout=15)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


# The command.


def run(url: str, orders: Sequence[SoldOrder], options: argparse.Namespace, out: Console) -> bool:
    expected = name_pizzas(sum_orders(orders))
    ledger = Ledger(options.ledger) if options.ledger else None
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress("Placing orders", *columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("orders", total=len(orders))
        token = asyncio.run(sign_in(url))
        count = partial(progress.advance, task)
        start = time.perf_counter()
        asyncio.run(place_orders(url, token, orders, options.connections, ledger, count))
        seconds = time.perf_counter() - start
    found = asyncio.run(ask_totals(url, token))
    out.print(render_totals(found, expected, seconds, len(orders)))
    return found == expected


def leave(number: int, frame: FrameType | None) -> None:
    """End by an exception, so that the server is stopped too."""
    sys.exit(128 + number)


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="replay.py",
        description="Place a real year of pizza orders through the HTTP API and check the totals.",
        epilog="Example: python replay.py --orders 500",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--url", help="a running pizzeria; without it, one is started")
    where.add_argument(
        "--database", metavar="URL", help="an empty database for it; by itself a new SQLite file"
    )
    parser.add_argument("--orders", type=positive, metavar="N", help="only the first N orders")
    parser.add_argument(
        "--connections", type=positive, default=32, metavar="N", help="in flight (default 32)"
    )
    parser.add_argument(
        "--ledger", type=Path, metavar="FILE", help="append the id of each acknowledged order"
    )
    return parser.parse_args(arguments)


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    options = read_options(arguments)
    out = Console()
    signal.signal(signal.SIGTERM, leave)
    try:
        orders = read_orders(find_data(), options.orders)
        if options.url:
            return 0 if run(options.url, orders, options, out) else 1
        with serve_fresh(options.database) as url:
            return 0 if run(url, orders, options, out) else 1
    except ReplayError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
