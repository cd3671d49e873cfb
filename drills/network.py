"""Two machines and a router between them, as network namespaces: packets vanish without a word.

This process, and what it starts inside of the block, is on the near machine; the far one is where
the test began. The router drops by a route that leads nowhere (`blackhole`), which tells nobody.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from .outcome import missing

Way = Literal["both", "there", "back"]
WAYS: tuple[Way, ...] = ("both", "there", "back")
CLONE_NEWNET = 0x40000000
FORWARD = Path("/proc/sys/net/ipv4/ip_forward")


def why_not() -> str:
    return missing("ip", mounts=True).replace("needs ip", "needs iproute2")


class Network:
    """A near machine that reaches the far address `far` through a router."""

    def __init__(self) -> None:
        number = os.getpid()
        net = f"10.{200 + number % 50}.{number // 50 % 250}"
        self._near_space, self._router = f"drill-n{number}", f"drill-r{number}"
        self._link = f"dr{number}"
        self.far, self._router_far = f"{net}.1", f"{net}.2"
        self._router_near, self._near = f"{net}.5", f"{net}.6"
        self._beyond = f"{net}.4/30"

    @contextmanager
    def up(self) -> Iterator[Network]:
        """The two machines, for as long as the block."""
        near, router, link = self._near_space, self._router, self._link
        try:
            _ip("netns", "add", near)
            _ip("netns", "add", router)
            _ip("link", "add", f"{link}f", "type", "veth", "peer", f"{link}r", "netns", router)
            _ip("-n", router, "link", "add", f"{link}x", "type", "veth",
                "peer", f"{link}n", "netns", near)  # fmt: skip
            _ip("addr", "add", f"{self.far}/30", "dev", f"{link}f")
            _ip("link", "set", f"{link}f", "up")
            for space, device, address in (
                (router, f"{link}r", self._router_far), (router, f"{link}x", self._router_near),
                (near, f"{link}n", self._near),
            ):  # fmt: skip
                _ip("-n", space, "addr", "add", f"{address}/30", "dev", device)
                _ip("-n", space, "link", "set", device, "up")
                _ip("-n", space, "link", "set", "lo", "up")
            _ip("route", "add", self._beyond, "via", self._router_far)
            _ip("-n", near, "route", "add", "default", "via", self._router_near)
            with self._inside(router), FORWARD.open("w") as file:
                file.write("1")
            yield self
        finally:
            for space in (near, router):
                subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)

    @contextmanager
    def near(self) -> Iterator[None]:
        """This thread, and threads and processes that it starts, are on the near machine."""
        with self._inside(self._near_space):
            yield

    @contextmanager
    def cut(self, way: Way) -> Iterator[None]:
        """No packet comes through: of both ways, or of the way there or back alone."""
        gone = {"both": (self.far, self._near), "there": (self.far,), "back": (self._near,)}[way]
        for address in gone:
            _ip("-n", self._router, "route", "add", "blackhole", f"{address}/32")
        try:
            yield
        finally:
            for address in gone:
                _ip("-n", self._router, "route", "del", "blackhole", f"{address}/32")

    @contextmanager
    def _inside(self, space: str) -> Iterator[None]:
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{space}", os.O_RDONLY)
        try:
            _enter(there)
            try:
                yield
            finally:
                _enter(here)
        finally:
            os.close(here)
            os.close(there)


def _enter(space: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(space, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"
