"""S1, request smuggling: what one side of a proxy reads as one request, the other as two.

Each attack is sent with a request for a canary behind it, on one connection. The bar is one answer,
400, and a closed connection; anything else is a finding. The same attacks go through
nginx in front of us, with connections to us kept alive between clients.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.hostile import lenient
from tests.hostile.conftest import Server, serving

HOST = b"Host: shop.example\r\n"
SMUGGLED = b"GET /api/smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n"
CHUNKED = b"0\r\n\r\n"


def post(*headers: bytes, body: bytes = b"") -> bytes:
    lines = [b"POST /api/shelves HTTP/1.1", HOST.strip(), b"Content-Type: application/json"]
    return b"\r\n".join([*lines, *headers]) + b"\r\n\r\n" + body


ATTACKS = {
    "both lengths, chunked meant": post(
        b"Content-Length: 4", b"Transfer-Encoding: chunked", body=b"5c\r\n" + SMUGGLED
    ),
    "both lengths, length meant": post(
        b"Content-Length: %d" % (5 + len(SMUGGLED)),
        b"Transfer-Encoding: chunked",
        body=CHUNKED + SMUGGLED,
    ),
    "two lengths": post(b"Content-Length: 0", b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED),
    "two lengths in one": post(b"Content-Length: 0, %d" % len(SMUGGLED), body=SMUGGLED),
    "plus before the length": post(b"Content-Length: +5", body=b"{}   "),
    "minus before the length": post(b"Content-Length: -1", body=SMUGGLED),
    "hexadecimal length": post(b"Content-Length: 0x5", body=b"{}   "),
    "length of two to the 64": post(b"Content-Length: 18446744073709551617", body=SMUGGLED),
    "space before the colon": post(b"Transfer-Encoding : chunked", body=CHUNKED + SMUGGLED),
    "encoding of another name": post(b"Transfer-Encoding: xchunked", body=CHUNKED + SMUGGLED),
    "encoding with a tab": post(b"Transfer-Encoding:\x0bchunked", body=CHUNKED + SMUGGLED),
    "chunked is not the last": post(b"Transfer-Encoding: chunked, gzip", body=CHUNKED + SMUGGLED),
    "chunked twice": post(
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=CHUNKED + SMUGGLED
    ),
    "chunk size past 64 bits": post(
        b"Transfer-Encoding: chunked", body=b"1ffffffffffffffff\r\n" + SMUGGLED
    ),
    "chunk size with a minus": post(b"Transfer-Encoding: chunked", body=b"-1\r\n" + SMUGGLED),
    "chunk size with an underscore": post(
        b"Transfer-Encoding: chunked", body=b"0_0\r\n\r\n" + SMUGGLED
    ),
    "chunk longer than said": post(b"Transfer-Encoding: chunked", body=b"2\r\n{}" + SMUGGLED),
    "folded header": post(b"X: y\r\n Transfer-Encoding: chunked", b"Content-Length: 0"),
    "NUL in a header": post(b"X: a\0b", b"Content-Length: 0"),
    "carriage return in a header": post(b"X: a\rTransfer-Encoding: chunked", b"Content-Length: 0"),
    "two hosts": b"GET /api/shelves HTTP/1.1\r\n" + HOST + b"Host: other.example\r\n\r\n",
    "no host": b"GET /api/shelves HTTP/1.1\r\n\r\n",
    "space in the name of a header": post(b"Content Length: 5", b"Content-Length: 0"),
    "empty name of a header": post(b": chunked", b"Content-Length: 0"),
    "no such version": b"GET /api/shelves HTTP/9.9\r\n" + HOST + b"\r\n",
    "line feed in the path": b"GET /api/shelves\nX: y HTTP/1.1\r\n" + HOST + b"\r\n",
}
# of these nothing is dangerous: the whole request is read as one, by everybody
HARMLESS = {
    "absolute form": b"GET http://shop.example/api/shelves HTTP/1.1\r\n" + HOST + b"\r\n",
    "length with zeros": post(b"Content-Length: 0002", body=b"{}"),
    "chunk with an extension": post(
        b"Transfer-Encoding: chunked", body=b"2;a=b\r\n{}\r\n0\r\n\r\n"
    ),
    "trailer": post(b"Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\nX: y\r\n\r\n"),
}


BARE_LINE_FEED = post(b"X: y\nTransfer-Encoding: chunked", body=CHUNKED + SMUGGLED)


def canary(number: int) -> bytes:
    return b"GET /api/canary-%d HTTP/1.1\r\n%sConnection: close\r\n\r\n" % (number, HOST)


@dataclass(frozen=True)
class Heard:
    """All bytes that came back, and whether the other side closed or fell silent."""

    got: bytes
    closed: bool


def exchange(port: int, data: bytes, patience: float = 1.5) -> Heard:
    """Send, and listen until the other side closes or is silent that long."""
    got, closed = b"", True
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
        try:
            connection.sendall(data)
            while received := connection.recv(65_536):
                got += received
        except TimeoutError:
            closed = False
        except ConnectionError:
            pass
    return Heard(got, closed)


def statuses(heard: Heard) -> list[int]:
    return [int(part[:3]) for part in heard.got.split(b"HTTP/1.1 ")[1:]]


def check_refused(port: int, attack: bytes, patience: float = 1.5) -> None:
    """One answer, 400, and the connection is closed: whatever follows is nobody's request."""
    follower = canary(7).replace(b"Connection: close\r\n", b"")
    heard = exchange(port, attack + follower, patience)
    assert statuses(heard) == [400], heard
    assert heard.closed, "the connection stays open"
    assert b"smuggled" not in heard.got and b"canary" not in heard.got


@pytest.mark.parametrize("name", ATTACKS)
def test_ambiguous_request_is_refused_and_the_connection_closed(server: Server, name: str) -> None:
    check_refused(server.port, ATTACKS[name])
    assert exchange(server.port, canary(8)).got.count(b"canary-8") == 1


def test_planted_trust_in_the_host_is_seen(tmp_path: Path) -> None:
    with serving(tmp_path, "any-host") as planted:
        for name in ("two hosts", "no host"):
            with pytest.raises(AssertionError):
                check_refused(planted.port, ATTACKS[name], patience=0.3)


@pytest.mark.parametrize("name", ATTACKS)
def test_server_that_reads_leniently_is_seen(name: str) -> None:
    """The control: a server that takes every line as it comes falls for each of the attacks."""
    with lenient.serving() as port, pytest.raises(AssertionError):
        check_refused(port, ATTACKS[name])


@pytest.mark.parametrize("name", HARMLESS)
def test_odd_but_clear_request_does_not_shift_the_next(server: Server, name: str) -> None:
    heard = exchange(server.port, HARMLESS[name] + canary(9))
    assert len(statuses(heard)) == 2 and b"canary-9" in heard.got


def test_bare_line_feed_ends_a_line_as_it_does_for_proxies(server: Server) -> None:
    """RFC 9112 (2.2) lets a recipient take it so, and nginx does too: nobody reads it otherwise,
    so what stands behind the body is a request that its sender made."""
    assert statuses(exchange(server.port, BARE_LINE_FEED + canary(7))) == [400, 404, 404]


NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    upstream app {{ server 127.0.0.1:{app}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header Host $host;
        }}
    }}
}}
"""


@pytest.fixture(scope="module")
def proxy(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """nginx before the server; its port."""
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if binary is None:
        pytest.skip("nginx is not installed")
    folder = tmp_path_factory.mktemp("nginx")
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port = int(asked.getsockname()[1])
    config = folder / "nginx.conf"
    user = "user root;" if os.getuid() == 0 else ""
    config.write_text(user + NGINX.format(folder=folder, app=server.port, port=port))
    process = subprocess.Popen(
        [binary, "-c", str(config)], stderr=subprocess.DEVNULL, start_new_session=True
    )
    _wait(port, process, folder)
    yield port
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(10)


def _wait(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError((folder / "error.log").read_text())


@pytest.mark.parametrize("attack", [*ATTACKS.values(), BARE_LINE_FEED], ids=[*ATTACKS, "bare"])
def test_nothing_is_smuggled_through_a_proxy(proxy: int, attack: bytes) -> None:
    exchange(proxy, attack + canary(7))
    for number in (20, 21, 22):  # whoever comes next on nginx's connections to us
        follower = exchange(proxy, canary(number))
        assert statuses(follower) == [404] and b"canary-%d" % number in follower.got
