"""A client that takes nothing of its answer is let go, and its memory with it."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from .processes import Running

BIG = 30_000_000
ROUTE = f"""

from fastapi import Response


@app.get("/big")
async def big() -> Response:
    return Response(b"x" * {BIG})
"""


@pytest.mark.skipif(sys.platform != "linux", reason="TCP_USER_TIMEOUT is an option of Linux")
def test_client_that_takes_nothing_of_its_answer_is_let_go(
    start: Callable[..., Running], folder: Path
) -> None:
    with (folder / "app.py").open("a") as file:
        file.write(ROUTE)
    server = start("serve", STANCHION_SEND_TIMEOUT_S="1").ready()
    host, port = urlsplit(server.url).netloc.split(":")

    def taken(pause: float) -> int:
        """Bytes of the answer that come when nothing is read for so long."""
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(10)
            connection.connect((host, int(port)))
            connection.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            time.sleep(pause)
            size = 0
            try:
                while part := connection.recv(1 << 20):
                    size += len(part)
            except ConnectionResetError:
                pass
            return size

    assert taken(0) > BIG
    assert taken(4) < BIG / 2
    assert server.stop() == 0 and "stop.cut" not in server.err
