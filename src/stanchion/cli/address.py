"""Where a server listens: the address, whether it is free, and who has it if not."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .console import ADDRESS, CommandFailed, failure


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address and a port that was free a moment ago."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the server, with a slash at the end."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host)  # noqa: S104  # as above
        return f"http://{host or self._written()}:{self.port}/"

    def __str__(self) -> str:
        return f"{self._written()}:{self.port}"

    def _written(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def find_address(host: str, port: int, command: str) -> Address:
    """The address of `host` and `port` (0 takes any free port), tried; raises `CommandFailed`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise failure(
            "host.unknown",
            f"{host} is no address of this machine",
            hint="--host 127.0.0.1 for this machine alone, --host 0.0.0.0 for every network",
            exit_code=ADDRESS,
        ) from None
    family, _, _, _, where = found[0]
    try:
        return Address(str(where[0]), _try_to_bind(family, where))
    except OSError as error:
        raise _refused(Address(str(where[0]), port), error, command) from None


def _try_to_bind(family: int, where: tuple[object, ...]) -> int:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Past connections of an earlier server may linger; a listening one still refuses us.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(where)
        return int(probe.getsockname()[1])


def _refused(address: Address, error: OSError, command: str) -> CommandFailed:
    if error.errno == errno.EADDRINUSE:
        holder = find_holder(address.port)
        free = _next_free(address)
        return failure(
            "port.taken",
            f"{address} is used by {holder or 'another process'}",
            hint=f"{command} --port {free}" if free else f"{command} --port <another>",
            exit_code=ADDRESS,
        )
    if error.errno == errno.EACCES:
        return failure(
            "port.forbidden",
            f"this user may not listen on port {address.port}",
            hint=f"{command} --port 8000",
            exit_code=ADDRESS,
        )
    return failure(
        "host.unknown",
        f"{address.host} is no address of this machine ({error.strerror})",
        hint=f"{command} --host 127.0.0.1",
        exit_code=ADDRESS,
    )


def _next_free(address: Address) -> int | None:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    for port in range(address.port + 1, min(address.port + 50, 65536)):
        try:
            return _try_to_bind(family, (address.host, port))
        except OSError:
            continue
    return None


def find_holder(port: int) -> str | None:
    """`python (pid 4121)`: who listens on a port, where the system tells."""
    listening = set(_listening_inodes(port))
    for process in Path("/proc").glob("[0-9]*") if listening else ():
        try:
            open_files = {str(entry.readlink()) for entry in (process / "fd").iterdir()}
            if listening & open_files:
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:
            continue  # it ended meanwhile, or belongs to somebody else
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for columns in map(str.split, lines):
            if columns[3] == "0A" and int(columns[1].rpartition(":")[2], 16) == port:
                yield f"socket:[{columns[9]}]"


def wait_until_accepting(address: Address) -> None:
    """Return once a connection is accepted."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104
    for _ in range(200):
        try:
            socket.create_connection((host, address.port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.01)
