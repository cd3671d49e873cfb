"""Settings: one frozen value, read from the environment once, checked before anything starts.

Each field names its environment variable, its unit and its default; `docs/settings.md` is held
to this list by a test.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import SplitResult, unquote, urlsplit

from .errors import SettingError, suggest
from .origins import read_hsts, read_origins, read_proxies, read_public_url
from .relay import check_mail

PREFIX = "STANCHION_"
_OF_TESTS = (
    "ENGINES", "FUZZ", "GOLDEN", "LOG_ROUNDS", "MATRIX", "NO_SKIPS", "PROPERTY", "SCREENSHOTS",
    "SHARED", "TESTS",
)  # fmt: skip
NOT_OURS = frozenset(PREFIX + name for name in _OF_TESTS)
"""What the tests of Stanchion itself read; an app that they start takes no offence."""

MAY_BE_ZERO = frozenset({"job_workers"})
"""Settings whose 0 means something; 0 of anything else would be a slip."""

# what Kubernetes sets for a service that is called `stanchion`
_ORCHESTRATED = re.compile("STANCHION_(SERVICE_(HOST|PORT)|PORT($|_[0-9]+_))")


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may set, each as `STANCHION_<NAME>`. What is not in its `repr` is a secret,
    and is shown nowhere else either."""

    database_url: Annotated[
        str,
        "sqlite:///relative.db, sqlite:////absolute.db or postgresql://user:password@host/name; "
        "default: data/stanchion.db by the app",
    ] = ""
    database_direct_url: Annotated[
        str, "PostgreSQL behind a pooler: the database itself, where the log is listened to"
    ] = ""
    database_replicas: Annotated[
        str, "PostgreSQL: replicas that may be read from, with commas between their addresses"
    ] = field(default="", repr=False)
    database_connections: Annotated[int, "PostgreSQL: connections of each kind, per process"] = 10
    public_url: Annotated[str, "where people reach the app: https://shop.example"] = ""
    trusted_proxies: Annotated[
        str, "addresses and networks of the proxies before the server, with commas between them"
    ] = ""
    proxy_header: Annotated[
        str, "what they name the client in: X-Forwarded-For (unless said) or Forwarded"
    ] = ""
    cors_origins: Annotated[
        str, "other sites whose pages may call the app, with commas between them"
    ] = ""
    hsts: Annotated[str, "Strict-Transport-Security, where the app is reached by https"] = ""
    secret_key: Annotated[
        str,
        "what seals secrets in the database; several with commas between them, the newest first",
    ] = field(default="", repr=False)
    redis_url: Annotated[
        str, "redis://[user:password@]host[:port][/number]: where limits are counted"
    ] = ""
    mail_url: Annotated[
        str, "the mail server: smtp+starttls://user:password@host, smtps://… or smtp://localhost"
    ] = ""
    mail_from: Annotated[str, "who mails are from: Pizzeria <hello@pizza.example>"] = ""
    oauth_clients: Annotated[
        str, 'what the app is called at its providers: {"google": {"id": "...", "secret": "..."}}'
    ] = field(default="", repr=False)
    body_limit: Annotated[int, "bytes of a request body"] = 1_048_576
    body_timeout_s: Annotated[int, "seconds in which a request body has to arrive"] = 30
    send_timeout_s: Annotated[int, "seconds a client may take none of its answer"] = 20
    answer_limit: Annotated[int, "bytes of the answer to a list"] = 16_777_216
    json_depth: Annotated[int, "nesting of a JSON body"] = 64
    array_limit: Annotated[int, "records in one array of a create"] = 1_000
    url_limit: Annotated[int, "bytes of path and query string"] = 16_384
    header_limit: Annotated[int, "bytes of all request headers"] = 32_768
    filter_limit: Annotated[int, "characters of a filter"] = 4_096
    read_deadline_ms: Annotated[int, "milliseconds one read may take"] = 2_000
    read_budget_ms: Annotated[int, "milliseconds of a read before it moves to a thread"] = 5
    read_threads: Annotated[int, "threads for reads that take longer than that"] = 4
    read_queue: Annotated[int, "long reads that may wait before callers are told 503"] = 64
    write_deadline_ms: Annotated[int, "milliseconds a write may wait and work"] = 5_000
    transaction_ms: Annotated[int, "milliseconds an app.transaction() may hold the writer"] = 2_000
    write_queue: Annotated[int, "writes that may wait before callers are told 503"] = 4_096
    overload_ms: Annotated[int, "milliseconds of waiting at which new requests are told 503"] = 200
    log_days: Annotated[int, "days that the change log is kept"] = 7
    log_mb: Annotated[int, "megabytes that the change log may take"] = 1_000
    audit_days: Annotated[int, "days that the audit log is kept"] = 180
    audit_rows: Annotated[
        int, "rows of the audit log: of what happened, and of what was refused, so many each"
    ] = 100_000
    plan_cache: Annotated[int, "plans kept in memory"] = 2_048
    grace_s: Annotated[int, "seconds that open requests get when the server stops"] = 10
    job_workers: Annotated[int, "jobs that one process runs at once; 0 leaves them to others"] = 4
    job_lease_s: Annotated[int, "seconds after which the job of a lost process is taken over"] = 30
    access_log: Annotated[bool, "1 or 0: one log line for each request"] = True

    def __post_init__(self) -> None:
        """Settings that are made in code are checked as those of the environment are."""
        read_public_url(self.public_url)
        read_proxies(self.trusted_proxies, self.proxy_header)
        read_origins(self.cors_origins)
        read_hsts(self.hsts)
        _check_redis(self.redis_url)
        check_mail(self.mail_url, self.mail_from)
        read_secret_keys(self.secret_key)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read every `STANCHION_` variable; unknown or unusable ones raise `SettingError`."""
        environ = os.environ if environ is None else environ
        known = {PREFIX + f.name.upper(): f for f in fields(cls)}
        values: dict[str, Any] = {}
        for name, text in environ.items():
            if not name.startswith(PREFIX) or name in NOT_OURS or _ORCHESTRATED.match(name):
                continue
            if name not in known:
                raise SettingError(name, "there is no such setting", hint=_hint(name, known))
            if text != "":
                said = known[name]
                least = 0 if said.name in MAY_BE_ZERO else 1
                values[said.name] = _parse(name, text, said.default, least)
        return cls(**values)


SHORTEST_KEY = 32
"""Characters of a secret key: 32 hexadecimal ones are 128 bits."""


def read_secret_keys(text: str) -> tuple[str, ...]:
    """The keys of `STANCHION_SECRET_KEY`, the one that seals first."""
    keys = tuple(each.strip() for each in text.split(",") if each.strip())
    name = "STANCHION_SECRET_KEY"
    make = "python -c 'import secrets; print(secrets.token_urlsafe(32))' makes one"
    if any(len(key) < SHORTEST_KEY or len(set(key)) < 8 for key in keys):
        raise SettingError(
            name, f"a key has at least {SHORTEST_KEY} characters, drawn by chance", hint=make
        )
    if len(set(keys)) < len(keys):
        raise SettingError(name, "a key stands there twice")
    return keys


def _hint(name: str, known: Iterable[str]) -> str:
    start = len(PREFIX)  # which every name shares, so it tells nothing about which was meant
    near = suggest(name[start:], [each[start:] for each in known])
    return f"Did you mean '{PREFIX}{near}'?" if near else "docs/settings.md lists every setting"


def _parse(name: str, text: str, default: object, least: int) -> object:
    if isinstance(default, bool):
        if text.lower() in ("1", "true", "yes", "on"):
            return True
        if text.lower() in ("0", "false", "no", "off"):
            return False
        raise SettingError(name, f"{text!r} is neither 1 nor 0")
    if isinstance(default, int):
        if not text.isdecimal() or len(text) > 15 or int(text) < least:
            from_where = "above 0" if least else "from 0 on"
            raise SettingError(name, f"{text!r} is not a whole number {from_where}")
        return int(text)
    return text


def _check_redis(url: str) -> None:
    """Refuse what is no address of a Redis; it is not repeated, because of its password."""
    if url and not re.fullmatch(r"(rediss?|unix)://[^\s#]+", url):
        raise SettingError(
            "STANCHION_REDIS_URL", "it is no address of a Redis",
            hint="redis://host:6379/0, rediss://user:password@host:6380/0 with TLS, or "
            "unix:///run/redis/redis.sock",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class DatabaseURL:
    """A database address: `engine` is `sqlite` (then `path` is absolute) or `postgresql`."""

    engine: str
    path: Path | None
    url: str

    @property
    def shown(self) -> str:
        """The file, or the address without its password, for people."""
        if self.path is not None:
            return str(self.path)
        parts = urlsplit(self.url)
        user = f"{parts.username}@" if parts.username else ""
        return f"{parts.scheme}://{user}{parts.netloc.rpartition('@')[2]}{parts.path}"

    @classmethod
    def parse(cls, url: str, *, base: Path) -> DatabaseURL:
        """Read `url`; an empty one is `data/stanchion.db` under `base`, the app's folder."""
        if not url:
            return cls("sqlite", (base / "data" / "stanchion.db").resolve(), "")
        try:
            parts = urlsplit(url)
        except ValueError:
            raise _unreadable() from None
        if parts.scheme == "sqlite":
            if parts.netloc or len(parts.path) < 2:
                raise SettingError(
                    "STANCHION_DATABASE_URL",
                    f"{url!r} names no file",
                    hint="sqlite:///data/app.db is relative, sqlite:////srv/app.db is absolute",
                )
            path = Path(unquote(parts.path[1:]))
            return cls("sqlite", (base / path).resolve(), url)
        if parts.scheme in ("postgresql", "postgres"):
            return cls("postgresql", None, _readable(url, parts))
        raise SettingError(
            "STANCHION_DATABASE_URL",
            f"{parts.scheme or url!r} is no database that Stanchion runs on",
            hint="use sqlite:///data/stanchion.db or postgresql://user:password@host/name",
        )


def _readable(url: str, parts: SplitResult) -> str:
    """The address of a server, if it has one meaning: a `#`, `?` or `/` in a password ends what is
    read as the host, and the rest of the password would be shown as a part of something else."""
    try:
        parts.port  # noqa: B018  # raises where it is no number
    except ValueError:
        raise _unreadable() from None
    if "@" in parts.path + parts.query + parts.fragment or parts.fragment:
        raise _unreadable()
    return url


def _unreadable() -> SettingError:
    return SettingError(
        "STANCHION_DATABASE_URL",
        "it is no address (it is not repeated here, because of its password)",
        hint="postgresql://user:password@host:5432/name; in a password write # as %23, ? as %3F, "
        "/ as %2F, @ as %40, : as %3A and % as %25",
    )
