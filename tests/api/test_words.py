"""What a caller reads of each mistake in a request: the status, the code, the words.

`words.txt` holds the requests, each after a `>`: who asks, the method, the path below `/api`, and
where there is one the body; below it what is answered. They are asked in their order, of one
shop. STANCHION_GOLDEN=write writes the answers anew; what changed is for a person to review.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from .conftest import Answer, Api

FILE = Path(__file__).parent / "words.txt"
WRITE = os.environ.get("STANCHION_GOLDEN") == "write"


def asked(api: Api, shop: ModuleType, line: str) -> Answer:
    """`mia PATCH /products/{PRODUCT 1} If-Match:"9" {"stock": 5}`"""
    line = re.sub(r"{([A-Z]+) (\d+)}", lambda m: shop.make_id(getattr(shop, m[1]), int(m[2])), line)
    caller, method, path, *rest = line.split(" ", 3)
    body = rest[0] if rest else ""
    headers = [("content-type", "application/json")] if method not in ("GET", "DELETE") else []
    while given := re.match(r"([A-Z][A-Za-z-]+):(\S+) ?", body):
        headers.append((given[1].lower(), given[2]))
        body = body[given.end() :]
    return api.ask(method, f"/api{path}", caller, headers, body.encode())


def said(answer: Answer) -> Iterator[str]:
    if answer.status < 400:
        yield str(answer.status)
        return
    told = answer.json
    yield f"{told['status']} {told['code']}: {told['detail']}"
    for name, value in told.items():
        if name == "errors":
            for error in value:
                yield f"- {error.get('pointer')} {error['code']}: {error['detail']}"
        elif name not in ("type", "title", "status", "code", "detail"):
            yield f"{name}: {value}"


def test_words_are_as_reviewed(fresh: Api, shop: ModuleType) -> None:
    reviewed = FILE.read_text("utf-8")
    found = []
    for line in reviewed.splitlines():
        if line.startswith("# "):
            found += ["", line] if found else [line]
        elif line.startswith("> "):
            found += ["", line, *said(asked(fresh, shop, line[2:]))]
    text = "\n".join(found) + "\n"
    if WRITE:
        FILE.write_text(text, "utf-8")
    assert text == FILE.read_text("utf-8"), f"{FILE.name} differs; is the change meant?"
