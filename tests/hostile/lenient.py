"""A server that reads HTTP as servers should not: the control of the smuggling and header tests.

It takes any line for a header, the first number that it finds for a length, and goes on with
whatever bytes follow.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def serving() -> Iterator[int]:
    """Its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_serve, args=(listening,))
        thread.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(listening: socket.socket) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return  # it is over
        with connection:
            connection.settimeout(0.2)
            _answer_all(connection)


def _answer_all(connection: socket.socket) -> None:
    data = b""
    try:
        while received := connection.recv(65_536):
            data += received
            while b"\r\n\r\n" in data:
                head, _, data = data.partition(b"\r\n\r\n")
                length = re.search(rb"content-length: *\+?(\d+)", head, re.IGNORECASE)
                data = data[int(length[1]) if length and len(length[1]) < 9 else 0 :]
                path = head.split(b" ")[1]
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(path), path)
                )
    except (TimeoutError, ConnectionError, IndexError):
        return
