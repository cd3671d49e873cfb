"""The error tree: what went wrong, where, and what to do next.

Everything that can reach a caller is a `Problem`; its class carries the status and the family
of its code, and `http/` only translates it to RFC 9457. Mistakes in an app's declarations are
`DeclarationError`s: they are found when the app is loaded and never reach a caller.

    StanchionError
    ├── DeclarationError     the app's own code is wrong; has file, line, column
    ├── SettingError         an environment variable is wrong
    ├── DatabaseUnusable     the database cannot be opened
    ├── WrongUse             the app's own code called us wrongly; has file and line
    └── Problem              an answer to a caller
        ├── BadRequest 400 · Unauthorized 401 · Forbidden 403 · NotFound 404 · MethodNotAllowed 405
        ├── RequestTimeout 408
        ├── Conflict 409 · PreconditionFailed 412 · TooLarge 413 · UnsupportedMediaType 415
        ├── Invalid 422 · TooManyRequests 429 · InternalError 500
        └── Unavailable 503 · StorageFull 507
"""

from __future__ import annotations

import difflib
import linecache
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

PAGES = "/docs/errors/"
"""Where each code has the page that explains it."""
HOW_TO_SIGN_IN = "Sign in (POST /api/auth/login), then send its cookie or token."
"""The hint of every 401 that is answered to somebody who sent nothing."""


class StanchionError(Exception):
    """The base of every error this library raises on purpose."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a piece of an app's source stands (line and column count from 1)."""

    file: str
    line: int
    column: int = 1


class DeclarationError(StanchionError):
    """A mistake in an app's declarations, found when the app is loaded.

    `code` is stable (`rule.unknown_field`), `frame` is the source line with a caret under the
    mistake where it is known, `hint` says what to write instead.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        origin: Origin | None = None,
        frame: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.origin = origin
        self.frame = frame
        self.hint = hint

    def __str__(self) -> str:
        lines = [f"error[{self.code}]: {self.detail}"]
        if self.origin is not None:
            lines.append(f"  --> {self.origin.file}:{self.origin.line}:{self.origin.column}")
        if self.frame:
            lines.append(self.frame)
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


class SettingError(StanchionError):
    """An environment variable or option that cannot be used."""

    def __init__(self, name: str, detail: str, *, hint: str | None = None) -> None:
        super().__init__(name, detail)
        self.name = name
        self.detail = detail
        self.hint = hint

    def __str__(self) -> str:
        hint = f"\nhint: {self.hint}" if self.hint else ""
        return f"error[setting.invalid]: {self.name}: {self.detail}{hint}"


class DatabaseUnusable(StanchionError):
    """A database that cannot be opened, found when a process starts: why, and the way out."""

    def __init__(self, code: str, path: Path | str, detail: str, hint: str) -> None:
        super().__init__(code, path, detail)
        self.code = code
        self.path = path
        self.detail = detail
        self.hint = hint

    def __str__(self) -> str:
        return f"error[{self.code}]: {self.path}: {self.detail}\nhint: {self.hint}"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One mistake at one place of a body: a JSON pointer (or None), a code and a sentence."""

    pointer: str | None
    code: str
    detail: str


def not_an_object(pointer: str | None) -> FieldError:
    """The mistake of a body, or of a part of it, that is no object."""
    return FieldError(pointer, "object_type", "Must be a JSON object.")


def pointer_to(*parts: object) -> str:
    """The JSON pointer (RFC 6901) to a place: `/lines/0`; to the whole document it is empty."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


@dataclass(frozen=True, slots=True)
class Misuse:
    """What an app's own call got wrong, noted on the problem that it raises.

    `call` is what was called, `values` are the arguments or field values that were refused,
    `names` the fields that may not be set so, whatever their values.
    """

    call: str
    values: tuple[object, ...] = ()
    names: tuple[str, ...] = ()


class WrongUse(StanchionError):
    """The app's own code called us with something that cannot work: its developer's to mend, so
    the caller is told 500 and the log is told where."""

    def __init__(self, code: str, detail: str, hint: str, origin: Origin | None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.hint = hint
        self.origin = origin

    def __str__(self) -> str:
        lines = [f"error[{self.code}]: {self.detail}"]
        if self.origin is not None:
            lines.append(f"  --> {self.origin.file}:{self.origin.line}")
            source = linecache.getline(self.origin.file, self.origin.line).strip()
            lines += [f"{self.origin.line} |     {source}"] if source else []
        return "\n".join([*lines, f"hint: {self.hint}"])


class Problem(StanchionError):
    """An answer to a caller, as RFC 9457 problem details.

    `code` names its page, under `PAGES`; `detail` is about this
    occurrence; `hint` is the way out; `errors` point into the body; `extra` members are added to
    the document as they are. `misuse` is set where an app's own call was refused, see `WrongUse`;
    `about` is the id of the user whom it is about, for the audit log alone: it is not told.
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"
    misuse: Misuse | None = None
    about: str = ""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        hint: str | None = None,
        pointer: str | None = None,
        errors: Sequence[FieldError] = (),
        extra: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.hint = hint
        if pointer is not None and not errors:
            errors = (FieldError(pointer, code, detail),)
        self.errors = tuple(errors)
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})

    def __str__(self) -> str:
        lines = [f"{self.status} {self.code}: {self.detail}"]
        lines += [f"  {e.pointer or '-'}: {e.detail}" for e in self.errors]
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


class BadRequest(Problem):
    """The request cannot be understood: a query, a cursor, or a body that is no JSON."""

    status = 400
    title = "Bad request"


class Unauthorized(Problem):
    """Signing in is needed."""

    status = 401
    title = "Not signed in"


class Forbidden(Problem):
    """The caller is known, and may not do this."""

    status = 403
    title = "Refused"


class NotFound(Problem):
    """Not there, or not visible to this caller: the two look alike."""

    status = 404
    title = "Not found"


class MethodNotAllowed(Problem):
    """The resource exists, the method does not."""

    status = 405
    title = "Method not allowed"


class RequestTimeout(Problem):
    """The request did not arrive in time."""

    status = 408
    title = "Request timeout"


class Conflict(Problem):
    """The request is right, but what is stored forbids it."""

    status = 409
    title = "Conflict"


class PreconditionFailed(Problem):
    """`If-Match` names another version than the stored one."""

    status = 412
    title = "Precondition failed"


class TooLarge(Problem):
    """More than a stated limit allows."""

    status = 413
    title = "Too large"


class UnsupportedMediaType(Problem):
    """A body in a form that this call does not take."""

    status = 415
    title = "Unsupported media type"


class Invalid(Problem):
    """A body that is JSON, and breaks the model."""

    status = 422
    title = "Invalid"


class TooManyRequests(Problem):
    """More than a limit lets one caller do; try again after `Retry-After` seconds."""

    status = 429
    title = "Too many requests"


class InternalError(Problem):
    """A fault of the server; the request id leads to its log."""

    status = 500
    title = "Internal error"


class Unavailable(Problem):
    """Too busy or too late; try again after `Retry-After` seconds."""

    status = 503
    title = "Unavailable"

    def __init__(
        self, code: str, detail: str, *, retry_after: int = 1, hint: str | None = None
    ) -> None:
        super().__init__(code, detail, hint=hint, headers={"Retry-After": str(retry_after)})


class StorageFull(Problem):
    """The disk is full; nothing was changed."""

    status = 507
    title = "Storage full"


def suggest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was most likely meant by `word`, or None."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return near[0] if near else None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A hint sentence that names the nearest known word, or None.

    >>> did_you_mean("titel", ["text", "title"])
    "Did you mean 'title'?"
    """
    near = suggest(word, known)
    return f"Did you mean '{near}'?" if near else None
