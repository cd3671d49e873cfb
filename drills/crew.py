"""Processes of `stanchion work`, started as fast as they are killed.

Run as a program: it has everything imported, forks a worker for each line that it reads, and says
its pid. A drill starts it, and kills the workers.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


class Crew:
    """The workers of a drill; those that are alive are in `pids`."""

    def __init__(self, log: Path, settings: dict[str, str], plant: str = "") -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("STANCHION_")}
        self.log = log
        self.pids: list[int] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "drills.crew", str(log), plant],
            env={**kept, **settings}, cwd=HERE.parent, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def start(self) -> None:
        """One worker more."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("start\n")
        self.pids.append(int(self._process.stdout.readline()))

    def send(self, pid: int, number: signal.Signals) -> None:
        """A signal to a worker, if it is still there."""
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass

    def bury(self) -> None:
        """Forget those that have ended."""
        self.pids = [pid for pid in self.pids if Path(f"/proc/{pid}").exists()]

    def end(self) -> None:
        """Nothing is left of it."""
        for pid in self.pids:
            self.send(pid, signal.SIGKILL)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)


def main(log: str, plant: str) -> None:
    import stanchion.app
    import stanchion.cli.start
    from stanchion.cli import main as command

    assert stanchion.app and stanchion.cli.start  # loaded once, for the processes forked here

    if plant:
        from .planted import FAULTS

        FAULTS[plant]()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that were killed
    for _ in sys.stdin:
        pid = os.fork()
        if pid:
            print(pid, flush=True)
            continue
        with Path(log).open("a") as said, Path(os.devnull).open() as nothing:
            os.dup2(nothing.fileno(), 0)
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
        sys.argv = ["stanchion", "work", str(HERE / "queue_app.py")]
        command()


if __name__ == "__main__":
    main(*sys.argv[1:])
