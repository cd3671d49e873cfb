"""Somebody who types in what a page says, in an empty folder, with a shell and a server.

In: the blocks of a page.   Out: nothing, or an AssertionError with the place.
`127.0.0.1:8000` becomes a free port; `stanchion dev` goes on in the background, as it does in a
reader's other terminal. What a page shows as output is compared; `…` stands for anything.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.docs.pages import Block

PATIENCE_S = 30
ROOT = Path(__file__).parents[2]
DONE = "::done::"


class Reader:
    """A folder, a shell in it, and perhaps a server."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        with socket.socket() as asked:
            asked.bind(("127.0.0.1", 0))
            self.port = int(asked.getsockname()[1])
        self.errors = folder.parent / f"{folder.name}.stderr"
        self.log = folder.parent / f"{folder.name}.log"
        self.server: subprocess.Popen[bytes] | None = None
        binaries = str(Path(sys.executable).parent)
        self.environ = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}", "NO_COLOR": "1"}
        with self.errors.open("w") as errors:
            self.shell = subprocess.Popen(
                ["bash"], cwd=folder, env=self.environ, text=True, bufsize=1,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            )  # fmt: skip

    def close(self) -> None:
        self.stop()
        assert self.shell.stdin is not None and self.shell.stdout is not None
        self.shell.stdin.close()
        self.shell.stdout.close()
        self.shell.wait(10)

    def follow(self, block: Block) -> None:
        """Do what a block says."""
        if block.noted("not run") is not None:
            return
        if (folder := block.noted("app of")) is not None:
            self._demo(ROOT / folder, block)
        elif (change := block.noted("mistake")) is not None:
            self._mistake(*change.split(" => "), block)
        else:
            self._do(block)

    def _do(self, block: Block) -> None:
        if block.language == "console":
            self._type(block)
        elif block.language == "python" and ".py" in block.note:
            self._save(block)

    # files

    def _save(self, block: Block) -> None:
        name, _, how = block.note.partition(": ")
        path = self.folder / name
        text = path.read_text() if path.exists() else ""
        if how.startswith("above "):
            lines = text.splitlines(keepends=True)
            at = next(n for n, line in enumerate(lines) if how[6:] in line)
            indent = re.match(" *", lines[at])
            added = "".join(f"{indent and indent[0]}{line}\n" for line in block.text.splitlines())
            text = "".join(lines[:at]) + added + "".join(lines[at:])
        else:
            text = (f"{text}\n\n" if how == "append" else "") + block.text
        if self.server is None:
            path.write_text(text)
            return
        mark = f"{name} changed"
        before = self.log.read_text().count(mark)
        path.write_text(text)
        self._wait(lambda: self.log.read_text().count(mark) > before, block.place)
        time.sleep(1)  # a reader needs longer to turn to the other terminal

    # commands

    def _type(self, block: Block) -> None:
        for command, shown in _commands(block.text):
            output = self._run(command, block)
            if shown.strip():
                self._compare(shown, output, block)

    def _demo(self, folder: Path, block: Block) -> None:
        """`make demo`: a copy of the example is served, without the installation before it."""
        shutil.copytree(folder, self.folder.parent / folder.name)
        here = self._say("pwd", block)
        self._say(f"cd ../{folder.name}", block)
        self._serve("stanchion dev", block)
        self._say(f"cd {here}", block)

    def _mistake(self, right: str, wrong: str, block: Block) -> None:
        """What a command says of `app.py` with a mistake in it; it may end with any code."""
        folder = self.folder.parent / "mistake"
        folder.mkdir()
        text = (self.folder / "app.py").read_text()
        assert right in text, f"{block.place}: app.py holds no {right}"
        (folder / "app.py").write_text(text.replace(right, wrong, 1))
        for command, shown in _commands(block.text):
            output = self._say(f"(cd ../mistake; {command} 2>&1; true)", block)
            self._compare(shown, output, block)

    def _run(self, command: str, block: Block) -> str:
        command = command.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
        if command.startswith(("stanchion dev", "stanchion serve")):
            return self._serve(command, block)
        if command.startswith("export ") and self.server is not None:
            self.stop()  # "before you start `dev` again"
        if not command.startswith("curl "):
            return self._say(command, block)
        told, _, status = self._say(f"{command} -s -w '\\n%{{http_code}}'", block).rpartition("\n")
        wanted = block.noted("status")
        fine = status == wanted if wanted else status[:1] in ("2", "3")
        assert fine, f"{block.place}: {command}\n{status} {told}"
        return told

    def _say(self, command: str, block: Block) -> str:
        assert self.shell.stdin is not None and self.shell.stdout is not None
        self.shell.stdin.write(f"{command}\necho; echo {DONE} $?\n")
        self.shell.stdin.flush()
        said = []
        while not (line := self.shell.stdout.readline()).startswith(DONE):
            assert line, f"{block.place}: the shell ended at {command}"
            said.append(line)
        code = line.split()[1]
        text = "".join(said).rstrip("\n")
        assert code == "0", f"{block.place}: {command}\n{code} {text}\n{self.errors.read_text()}"
        return text

    def _serve(self, command: str, block: Block) -> str:
        self.stop()
        cwd = self._say("pwd", block)
        environ = dict(
            line.split("=", 1) for line in self._say("env", block).splitlines() if "=" in line
        )
        with self.log.open("wb") as out:
            self.server = subprocess.Popen(
                [*command.split(), "--port", str(self.port)], cwd=cwd, env=environ,
                stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self._wait(lambda: "ready in" in self.log.read_text(), block.place)
        return self.log.read_text()

    def stop(self) -> None:
        """End the server, as Ctrl-C would."""
        if self.server is None:
            return
        self.server.send_signal(signal.SIGINT)
        try:
            self.server.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.server.pid, signal.SIGKILL)
            self.server.wait()
        self.server = None

    def _wait(self, come: Callable[[], bool], place: str) -> None:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if come():
                return
            assert self.server is not None and self.server.poll() is None, self.log.read_text()
            time.sleep(0.05)
        raise AssertionError(f"{place}: nothing happened\n{self.log.read_text()}")

    def _compare(self, shown: str, output: str, block: Block) -> None:
        pattern = ".*?".join(re.escape(part) for part in re.split("…", shown.strip()))
        assert re.fullmatch(pattern, output.strip(), re.S), (
            f"{block.place} shows\n{shown}\nbut it is\n{output}"
        )


def _commands(text: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output that is shown under it."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif found and found[-1][0].endswith("\\") and not found[-1][1]:
            found[-1] = (f"{found[-1][0][:-1]}{line}", "")
        elif found and not found[-1][1] and _is_open(found[-1][0]):
            found[-1] = (f"{found[-1][0]}\n{line}", "")
        elif found:
            found[-1] = (found[-1][0], f"{found[-1][1]}{line}\n")
    return found


def _is_open(command: str) -> bool:
    """Whether a quoted text of the command goes on in the next line."""
    try:
        shlex.split(command)
    except ValueError:
        return True
    return False
