"""A first speed table: Stanchion against the hand-written limit, in one run, alternating.

    make bench-quick        under three minutes; needs wrk

Every request differs from the one before: ids, literals and cursors vary, so no cached answer and
no plan of one text can win. Ratios are within one round; absolute figures move with the machine.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

HERE = Path(__file__).resolve().parent
ROWS = 5_000
SECONDS = 3
ROUNDS = 3
WORK = ("by id", "list 30", "list 30 + expand", "list 200", "create")


@dataclass
class Server:
    """One contestant: its process and where it listens."""

    name: str
    process: subprocess.Popen[bytes]
    port: int

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class Run:
    """What one run of wrk measured."""

    rate: float
    p50: float
    p95: float
    p99: float
    errors: int
    cpu: float  # server milliseconds of CPU per request


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(name: str, command: list[str], port: int, environ: dict[str, str]) -> Server:
    process = subprocess.Popen(
        command, env={**os.environ, **environ}, cwd=HERE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), 0.2):
                return Server(name, process, port)
        except OSError:
            time.sleep(0.05)
    process.kill()
    raise SystemExit(f"{name} did not start")


def fetch(port: int, path: str) -> dict[str, object]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{path}: {answer.status} {body[:300]!r}")
    found: dict[str, object] = json.loads(body)
    return found


def item_id(number: int) -> str:
    return f"00000000-0000-7000-8000-{1_000 + number:012x}"


def list_path(name: str, price: int, limit: int, expand: bool, after: str | None) -> str:
    if name == "limit":
        path = f"/api/items?price={price}&limit={limit}"
    else:
        text = quote(f"price < {price} && active")
        path = f"/api/items?filter={text}&sort=-price&limit={limit}"
    path += "&expand=category" if expand else ""
    return path + (f"&after={quote(after)}" if after else "")


def requests_of(server: Server, work: str, rng: random.Random) -> list[str]:
    """Some hundred different requests of one kind of work."""
    if work == "by id":
        return [f"GET /api/items/{item_id(rng.randrange(ROWS))}" for _ in range(2_000)]
    if work == "create":
        body = {
            "note": "What there is to say about it, in a sentence or two of text.",
            "owner": item_id(1 - 1_000), "category": item_id(101 - 1_000),
        }  # fmt: skip
        return [
            "POST /api/items "
            + json.dumps({**body, "title": f"New {n}", "price": rng.randrange(10_000)})
            for n in range(2_000)
        ]
    limit = 200 if work == "list 200" else 30
    expand = work.endswith("expand")
    paths = []
    for _ in range(300):
        price = rng.randrange(1_000, 10_000)
        path = list_path(server.name, price, limit, expand, None)
        following = fetch(server.port, path)["next"]
        paths.append(f"GET {path}")
        if following:
            paths.append(f"GET {list_path(server.name, price, limit, expand, str(following))}")
    return paths


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """CPU time of a process and its children so far."""
    ticks = 0
    waiting = [process.pid]
    while waiting:
        pid = waiting.pop()
        try:
            parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(parts[11]) + int(parts[12])
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (OSError, ValueError):
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(server: Server, requests: Path, seconds: int) -> Run:
    before = cpu_seconds(server.process)
    answer = subprocess.run(
        [
            "wrk", "-t1", "-c32", f"-d{seconds}s", "-s", str(HERE / "requests.lua"),
            f"http://127.0.0.1:{server.port}",
        ],
        env={**os.environ, "REQUESTS": str(requests)},
        capture_output=True, text=True, check=True, timeout=seconds + 30,
    )  # fmt: skip
    used = cpu_seconds(server.process) - before
    line = next(row for row in answer.stdout.splitlines() if row.startswith("FIGURES"))
    count, micros, p50, p95, p99, errors = map(int, line.split()[1:])
    return Run(
        count / (micros / 1e6), p50 / 1e3, p95 / 1e3, p99 / 1e3, errors, used / max(count, 1) * 1e3
    )


def check_bodies(ours: Server, limit: Server) -> None:
    """Both answer the same JSON, or the comparison means nothing."""
    path = f"/api/items/{item_id(7)}"
    assert fetch(ours.port, path) == fetch(limit.port, path)
    for expand in (False, True):
        a = fetch(ours.port, list_path(ours.name, 5_000, 30, expand, None))
        b = fetch(limit.port, list_path(limit.name, 5_000, 30, expand, None))
        assert a["items"] == b["items"], "the contestants answer different lists"


def main() -> int:
    if shutil.which("wrk") is None:
        print("wrk is not installed (Debian: apt-get install wrk)", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="stanchion-bench-", dir="/var/tmp") as folder:
        return run(Path(folder))


def run(folder: Path) -> int:
    database = folder / "ours.db"
    environ = {"STANCHION_DATABASE_URL": f"sqlite:////{str(database).lstrip('/')}"}
    subprocess.run(
        [sys.executable, str(HERE / "app.py"), str(ROWS)],
        env={**os.environ, **environ}, check=True,
    )  # fmt: skip
    copy = folder / "limit.db"
    shutil.copy(database, copy)
    servers = []
    try:
        port = free_port()
        servers.append(
            start(
                "stanchion",
                [
                    sys.executable, "-m", "stanchion", "serve", str(HERE / "app.py"),
                    "--port", str(port),
                ],
                port, environ,
            )
        )  # fmt: skip
        port = free_port()
        servers.append(
            start(
                "limit",
                [
                    sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1",
                    "--port", str(port), "--no-ws", "--http", "1", "limit:app",
                ],
                port, {"LIMIT_DATABASE": str(copy)},
            )
        )  # fmt: skip
        check_bodies(*servers)
        results = measure_all(servers, folder)
    finally:
        for server in servers:
            server.stop()
    return report(results)


def measure_all(servers: list[Server], folder: Path) -> dict[tuple[str, str], list[Run]]:
    files = {}
    for server in servers:
        for work in WORK:
            path = folder / f"{server.name}-{work.replace(' ', '-')}.txt"
            rng = random.Random(20_260_101)
            path.write_text("\n".join(requests_of(server, work, rng)) + "\n")
            files[server.name, work] = path
    results: dict[tuple[str, str], list[Run]] = {key: [] for key in files}
    for work in WORK:
        for server in servers:
            measure(server, files[server.name, work], 1)  # warm-up
        for turn in range(ROUNDS):
            order = servers if turn % 2 == 0 else servers[::-1]
            for server in order:
                results[server.name, work].append(
                    measure(server, files[server.name, work], SECONDS)
                )
    return results


def report(results: dict[tuple[str, str], list[Run]]) -> int:
    print(f"{ROWS} rows of 8 fields, 1 worker, wrk with 32 connections, medians of {ROUNDS} rounds")
    head = ("work", "stanchion/s", "p50 ms", "p99 ms", "limit/s", "p99 ms", "ratio", "CPU ratio")
    print("{:<18}{:>12}{:>8}{:>8}{:>10}{:>8}{:>8}{:>11}".format(*head))
    void = 0
    for work in WORK:
        ours, limit = results["stanchion", work], results["limit", work]
        ratio = statistics.median(a.rate / b.rate for a, b in zip(ours, limit, strict=True))
        cpu = statistics.median(b.cpu / a.cpu for a, b in zip(ours, limit, strict=True))

        def middle(runs: list[Run], name: str) -> float:
            return statistics.median(getattr(run, name) for run in runs)

        print(
            f"{work:<18}{middle(ours, 'rate'):>12,.0f}{middle(ours, 'p50'):>8.1f}"
            f"{middle(ours, 'p99'):>8.1f}{middle(limit, 'rate'):>10,.0f}"
            f"{middle(limit, 'p99'):>8.1f}{ratio:>8.0%}{cpu:>11.0%}"
        )
        errors = sum(run.errors for run in (*ours, *limit))
        if errors:
            void += 1
            print(f"  void: {errors} answers were errors")
    return 1 if void else 0


if __name__ == "__main__":
    sys.exit(main())
