"""Whose mistake is it, the caller's or the app's?

In: a problem that left a route of the app, and the request.   Out: `WrongUse`, where it is the
app's; the caller is told 500 then, and the log the line.
A value that was refused is the caller's where it stands in the request: in the path, the query,
the headers, a form or the JSON body. Any other was written or computed by the app. The same rule
holds for texts, so a route that hands a caller's filter on answers 400 for it.
Called by plain, when something went wrong; never on the way of a request that is fine.
"""

from __future__ import annotations

import json
import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError
from starlette.requests import Request

from ..errors import FieldError, Invalid, Misuse, Origin, Problem, WrongUse, pointer_to
from ..misuse import ABSENT, Together

MOST_LEAVES = 2_000
MEND = "mend the call in the app's code; `stanchion schema` lists every field and relation"
CHECK_FIRST = (
    "say in the route's parameters what it takes (Create[…] and Update[…] check a body as the data "
    "API does), or catch Invalid"
)


async def wrong_use(request: Request, problem: Problem) -> WrongUse | None:
    """The mistake of the app that a problem is, or None where it is the caller's."""
    misuse = problem.misuse
    if misuse is None or await _sent(request, misuse):
        return None
    told = [f"{e.pointer}: {e.detail}" if e.pointer else e.detail for e in problem.errors]
    detail = f"{misuse.call}: {problem.detail} {' '.join(told)}".rstrip()
    hint = problem.hint or (CHECK_FIRST if problem.errors else MEND)
    return WrongUse(problem.code, detail, hint, origin_of(problem))


def invalid_of(error: ValidationError) -> Invalid:
    """What a record's constructor refused, as the write door would have told it."""
    wrong = error.errors(include_url=False)
    errors = [FieldError(pointer_to(*e["loc"]) or None, e["type"], e["msg"]) for e in wrong]
    invalid = Invalid("body.invalid", "The values break the model.", errors=errors)
    values = (ABSENT if e["type"] == "missing" else e["input"] for e in wrong)
    invalid.misuse = Misuse(
        f"{error.title}(…)",
        tuple(Together(v.values()) if isinstance(v, dict) else v for v in values),
    )
    return invalid.with_traceback(error.__traceback__)


def origin_of(error: BaseException) -> Origin | None:
    """The last line of the app that an error came through."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _is_apps(frame.filename):
            return Origin(frame.filename, frame.lineno or 0)
    return None


@cache
def _is_apps(file: str) -> bool:
    """Whether a source file is the app's: not ours, not a library's, not Python's."""
    paths = sysconfig.get_paths()
    package = Path(__file__).resolve().parents[1]
    others = (package, *(Path(paths[name]) for name in ("stdlib", "purelib", "platlib")))
    return not file.startswith("<") and not any(
        Path(file).resolve().is_relative_to(other) for other in others
    )


# what came with the request


async def _sent(request: Request, misuse: Misuse) -> bool:
    """Whether everything that was refused stands in the request."""
    if not misuse.values and not misuse.names:
        return False  # nothing at all was given
    leaves = await _leaves(request)
    named = {name for name, _ in leaves}
    found = [value for _, value in leaves]
    return named.issuperset(misuse.names) and all(_stands(value, found) for value in misuse.values)


def _stands(value: object, found: Iterable[object]) -> bool:
    if isinstance(value, Together):
        return any(_stands(each, found) for each in value)
    return any(value == leaf and type(value) is type(leaf) for leaf in found) or _is_read(
        value, found
    )


def _is_read(value: object, found: Iterable[object]) -> bool:
    """Whether one of the texts or numbers of the request reads as this value."""
    try:
        reader: TypeAdapter[Any] = TypeAdapter(type(value))
    except PydanticSchemaGenerationError:
        return False
    for leaf in found:
        try:
            if reader.validate_python(leaf) == value:
                return True
        except ValidationError:
            continue
    return False


async def _leaves(request: Request) -> list[tuple[str, Any]]:
    """Every value of the request with its name, at most `MOST_LEAVES`."""
    pairs: list[tuple[str, Any]] = [
        *request.path_params.items(), *request.query_params.multi_items(), *request.headers.items()
    ]  # fmt: skip
    if getattr(request, "_form", None) is not None:  # read by the route, so this waits for nobody
        pairs += (await request.form()).multi_items()
    elif hasattr(request, "_body"):
        pairs += _of_json(await request.body())
    return pairs[:MOST_LEAVES]


def _of_json(body: bytes) -> Iterator[tuple[str, Any]]:
    try:
        waiting: list[tuple[str, Any]] = [("", json.loads(body))]
    except (ValueError, RecursionError):
        return
    while waiting:
        name, value = waiting.pop()
        yield name, value
        if isinstance(value, dict):
            waiting += value.items()
        elif isinstance(value, list):
            waiting += [(name, item) for item in value]
