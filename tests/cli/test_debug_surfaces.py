"""What `stanchion serve` does not show anybody (TRUST S24)."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from .conftest import change
from .processes import Running

SECRET = "hunter2"
NOT_THERE = (
    "/", "/.git/HEAD", "/.git/config", "/.env", "/app.py", "/data/stanchion.db", "/metrics",
    "/debug", "/_debug", "/_why/x", "/server-status", "/actuator/env", "/api/.env", "/api/_explain",
    "/..%2fapp.py", "/%2e%2e/app.py", "/static/../app.py", "/docs/assets/../../app.py",
    "/docs/assets/x/..%2f..%2fapp.py", "/console", "/phpinfo.php", "/__debug__/", "/_mail",
)  # fmt: skip


def ask(server: Running, method: str, path: str) -> tuple[int, dict[str, str], str]:
    where = urlsplit(server.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=10)
    try:
        connection.request(method, path, headers={"Cookie": f"session={SECRET}", "X-Debug": "1"})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def test_serve_shows_nothing_that_a_debugger_would(
    start: Callable[..., Running], folder: Path
) -> None:
    (folder / ".env").write_text(f"PASSWORD={SECRET}")
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text(SECRET)
    change(folder / "app.py", 'App("Notes")', 'App("Notes", debug=True)')  # as one leaves it
    server = start("serve").ready()
    for path in NOT_THERE:
        status, _, body = ask(server, "GET", path)
        assert status == 404, path
        assert SECRET not in body and "Traceback" not in body
    plain = ask(server, "GET", "/api/notes")[2]
    for query in ("?debug=1", "?debug=true", "?_debug=1", "?trace=1", "?verbose=1"):
        status, _, body = ask(server, "GET", f"/api/notes{query}")
        assert status == 400 and plain not in body
        status, _, body = ask(server, "GET", f"/broken{query}")
        assert status == 500
        assert not [w for w in ("Traceback", "oven", "app.py", "RuntimeError") if w in body]
    for path in ("/", "/pid", "/api/notes", "/api/notes/x", "/docs"):
        for method in ("TRACE", "TRACK", "DEBUG", "CONNECT"):
            status, headers, body = ask(server, method, path)
            assert status in (404, 405, 400), f"{method} {path}"
            assert SECRET not in body + str(headers)
            assert method not in headers.get("allow", "")
    _, headers, _ = ask(server, "GET", "/api/notes")
    names = {name.lower() for name in headers}
    assert not names & {"x-powered-by", "x-aspnet-version", "x-debug", "x-runtime"}
    assert "stanchion" not in headers.get("server", "").lower()
