"""Holds the answers of two engines to the same bytes.

In: each answer that a test was given, in order, on each engine.   Out: the first difference.
What no two runs share is taken by its first appearance: keys and moments that were made during
the test, and what is derived from them (`etag`, `next`). Floats are compared by value, because
engines print them in ways of their own (`0.0` and `0`).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

YEAR_S = 366 * 86_400
IGNORED = {"x-request-id", "content-length", "date"}
_KEY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_REQUEST = re.compile(r"r_[0-9a-f]{22}")
_TOKEN = re.compile(
    r"\b(?:st|tk|cr|ml)_[A-Za-z0-9_-]{43}"  # of a session, a ticket, a code or link of a mail
    r"|\bstk_[A-Za-z0-9]{49}"  # an API key
    r"|(?<![A-Z2-7])[A-Z2-7]{32}(?![A-Z2-7])"  # the secret of an authenticator
    r'|(?<=")[0-9a-hjkmnp-tv-z]{5}-[0-9a-hjkmnp-tv-z]{5}(?=")'  # a recovery code
    r'|(?<="challenge":")[A-Za-z0-9_-]{43}(?=")'  # of a passkey
    r'|(?<="id":")[A-Za-z0-9_-]{43,48}(?=")'  # a passkey's, and whose it is
)
_CURSOR = re.compile(r'(?:(?<="next":")|(?<=[?&]after=))[^"& ]+')
_LENGTH = re.compile(r"(?<=would be )\d+(?= bytes)")
_PARTS = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[^"\d-]+|-', re.DOTALL)


@dataclass
class Told:
    """What a test was told, in a form that another run of it is told as well."""

    since: float = field(default_factory=time.time)
    answers: list[str] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)
    _counts: Counter[str] = field(default_factory=Counter)

    def note(self, asked: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """An answer that was given."""
        kept = sorted((n, v) for n, v in headers.items() if n not in IGNORED)
        packed = headers.get("content-encoding") == "gzip" and body
        text = (gzip.decompress(body) if packed else body).decode("utf-8", "replace")
        seen = self._plain(text)
        lines = [self._plain(asked), str(status)]
        for name, value in kept:
            derived = name == "etag" and (seen != text or not text)
            lines.append(f"{name}: {self._named('etag', value) if derived else self._plain(value)}")
        self.answers.append("\n".join([*lines, seen]))

    def _plain(self, text: str) -> str:
        text = _TOKEN.sub(lambda found: self._named("token", found[0]), text)
        text = _CURSOR.sub(lambda found: self._cursor(found[0]), text)
        text = _KEY.sub(lambda found: self._key(found[0]), text)
        text = _MOMENT.sub(lambda found: self._moment(found[0]), text)
        return _LENGTH.sub("many", _REQUEST.sub("r_", text))

    def _cursor(self, text: str) -> str:
        try:
            inside = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("latin-1")
        except ValueError:
            return text
        fresh = any(self._key(k) != k for k in _KEY.findall(inside))
        fresh = fresh or any(self._moment(m) != m for m in _MOMENT.findall(inside))
        return self._named("next", text) if fresh else text

    def _key(self, text: str) -> str:
        made = int(text.replace("-", "")[:12], 16) / 1000
        return self._named("key", text) if self._is_fresh(made) else text

    def _moment(self, text: str) -> str:
        year = int(text[:4])
        return self._named("moment", text) if abs(year - time.gmtime().tm_year) <= 1 else text

    def _is_fresh(self, moment: float) -> bool:
        return abs(time.time() - moment) < YEAR_S  # a test may move the clock

    def _named(self, kind: str, text: str) -> str:
        if text not in self._names:
            self._counts[kind] += 1
            self._names[text] = f"<{kind} {self._counts[kind]}>"
        return self._names[text]


_current: Told | None = None


def begin() -> Told:
    """Note what is told from now on."""
    global _current
    _current = Told()
    return _current


def end() -> None:
    """Note no more."""
    global _current
    _current = None


def note(asked: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """An answer that the running test was given."""
    if _current is not None:
        _current.note(asked, status, headers, body)


def difference(mine: list[str], theirs: list[str]) -> str:
    """Where two runs of a test were told something else; empty where nowhere."""
    for number, (one, other) in enumerate(zip(mine, theirs, strict=False)):
        if not same(one, other):
            return f"answer {number} differs:\n{one}\n--- but ---\n{other}"
    if len(mine) != len(theirs):
        return f"{len(mine)} answers, but {len(theirs)}"
    return ""


def same(one: str, other: str) -> bool:
    """Whether two texts are equal but for the form of floats."""
    if one == other:
        return True
    mine, theirs = _PARTS.findall(one), _PARTS.findall(other)
    return len(mine) == len(theirs) and all(map(_same_part, mine, theirs))


def _same_part(one: str, other: str) -> bool:
    if one == other:
        return True
    if not (re.match(r"-?\d", one) and re.match(r"-?\d", other)):
        return False
    return bool(re.search("[.eE]", one + other)) and float(one) == float(other)


class Shared:
    """The answers of other engines, in a folder that all processes of a run share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def compare(self, test: str, engine: str, told: list[str]) -> str:
        """Keep what a test was told here, and say how another engine that ran it differs."""
        name = hashlib.sha256(test.encode()).hexdigest()[:24]
        own = self._folder / f"{name}.{engine}"
        draft = own.with_name(f"{own.name}.draft")
        draft.write_text(json.dumps(told), "utf-8")
        draft.rename(own)
        for path in sorted(self._folder.glob(f"{name}.*")):
            if path.suffix != ".draft" and path != own:
                found = difference(told, _loaded(path))
                if found:
                    return f"{engine} and {path.name.partition('.')[2]}: {found}"
        return ""


def _loaded(path: Path) -> list[str]:
    told: Any = json.loads(path.read_text("utf-8"))
    return list(told)
