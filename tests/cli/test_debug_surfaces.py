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


def shown(server: Running) -> list[str]:
    """The paths at which something is, or which tell what nobody should know."""
    found = []
    for path in NOT_THERE:
        status, _, body = ask(server, "GET", path)
        if status != 404 or SECRET in body or "Traceback" in body:
            found.append(path)
    return found


def test_a_folder_that_is_served_whole_would_be_seen(
    start: Callable[..., Running], folder: Path
) -> None:
    """As one does who wants to serve one picture."""
    (folder / ".env").write_text(f"PASSWORD={SECRET}")
    change(
        folder / "app.py", 'app = App("Notes")',
        'from starlette.staticfiles import StaticFiles\n\napp = App("Notes")\n'
        'app.mount("/static", StaticFiles(directory="."))\n'
        'app.mount("/debug", StaticFiles(directory=".", html=True))\n'
        '@app.get("/.env")\nasync def env() -> str:\n    return open(".env").read()\n',
    )  # fmt: skip
    server = start("serve").ready()
    assert {"/.env", "/static/../app.py"} & set(shown(server))


def test_serve_shows_nothing_that_a_debugger_would(
    start: Callable[..., Running], folder: Path
) -> None:
    (folder / ".env").write_text(f"PASSWORD={SECRET}")
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text(SECRET)
    change(folder / "app.py", 'App("Notes")', 'App("Notes", debug=True)')  # as one leaves it
    server = start("serve").ready()
    assert shown(server) == []
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
