"""Real processes of the command line: started, waited for, asked over HTTP, and always ended."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-m", "stanchion"]
PATIENCE_S = 60.0


def environment(**more: str) -> dict[str, str]:
    """Ours, without settings of the machine that runs the tests."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("STANCHION_")}
    return {**kept, "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1", **more}


def run(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    return subprocess.run(
        [*COMMAND, *arguments], cwd=cwd, env=environment(**env), text=True,
        capture_output=True, timeout=PATIENCE_S,
    )  # fmt: skip


@dataclass
class Running:
    """A server under test. Its port is chosen by the system."""

    folder: Path
    process: subprocess.Popen[bytes]
    files: tuple[Path, Path] = field(repr=False)

    @classmethod
    def start(cls, *arguments: str, folder: Path, **env: str) -> Running:
        number = len(list(folder.glob("*.stdout")))
        files = folder / f"{number}.stdout", folder / f"{number}.stderr"
        with files[0].open("wb") as out, files[1].open("wb") as err:
            process = subprocess.Popen(
                [*COMMAND, *arguments, *([] if arguments[0] == "work" else ["--port", "0"])],
                cwd=folder, env=environment(**env), stdout=out, stderr=err,
            )  # fmt: skip
        return cls(folder, process, files)

    @property
    def out(self) -> str:
        return self.files[0].read_text()

    @property
    def err(self) -> str:
        return self.files[1].read_text()

    @property
    def url(self) -> str:
        found = re.search(r"^  App +(http://\S+)/$", self.out + self.err, re.MULTILINE)
        assert found is not None, "it has not said where it serves"
        return found[1]

    def wait_for(self, text: str, *, times: int = 1) -> Running:
        """Wait until it has printed `text` that many times."""
        end = time.monotonic() + PATIENCE_S
        while (self.out + self.err).count(text) < times:
            gone = self.process.poll() is not None
            if time.monotonic() > end or (gone and (self.out + self.err).count(text) < times):
                raise AssertionError(f"never said {text!r}:\n{self.out}\n{self.err}")
            time.sleep(0.02)
        return self

    def ready(self) -> Running:
        return self.wait_for("  Open      ")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it with a signal; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def end(self) -> None:
        """Make sure that nothing is left of it."""
        children = self.children() if self.process.poll() is None else []
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def children(self) -> list[int]:
        """The server processes, in the order in which they were started."""
        pid = self.process.pid
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(child) for child in text.split()]

    def call(self, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        """Status and JSON of an answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def wait_until_gone(self, pids: list[int]) -> None:
        """Wait until none of these processes runs any more."""
        end = time.monotonic() + PATIENCE_S
        while any(_runs(pid) for pid in pids):
            assert time.monotonic() < end, f"still there: {[p for p in pids if _runs(p)]}"
            time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # a zombie has ended; somebody has yet to notice
