"""Read the body of `POST /api/_batch`: JSON in, the writes it asks for out.

In: decoded JSON.   Out: a `WriteQuery` for each step, or why there is none, in order.
Refuses: what is no batch (422, every mistake at its pointer), and too much at once (413).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import (
    FieldError,
    Invalid,
    MethodNotAllowed,
    NotFound,
    Problem,
    TooLarge,
    did_you_mean,
    not_an_object,
    pointer_to,
)
from ..query import Conditions, Wish, WriteQuery
from .exchange import key_of

NO_VERSION = "POST makes a record; there is no version to match."
MEMBERS = ("method", "path", "body", "if_match")
METHODS: dict[str, Wish] = {
    "POST": "create", "PUT": "put", "PATCH": "update", "DELETE": "delete"
}  # fmt: skip
MOST_MISTAKES = 100
PREFIX = "/api/"


def batch_steps(
    wire: Any, limit: int, collections: Mapping[bytes, Any]
) -> list[WriteQuery | Problem]:
    """The steps of a batch. A step that leads nowhere is its problem, told when its turn comes."""
    if not isinstance(wire, Mapping):
        raise _invalid([not_an_object("")])
    errors = [_unknown(pointer_to(n[:60]), n, ("steps",)) for n in wire if n != "steps"]
    steps = wire.get("steps")
    if "steps" not in wire:
        errors.append(FieldError("/steps", "missing", "`steps` is required."))
    elif not isinstance(steps, list):
        errors.append(FieldError("/steps", "list_type", "Must be an array."))
    elif not steps:
        errors.append(FieldError("/steps", "too_short", "The array holds no step."))
    else:
        _refuse_too_many(steps, limit)
        for position, step in enumerate(steps):
            errors += _mistakes(step, f"/steps/{position}")
    if errors:
        raise _invalid(errors)
    return [_asked(step, collections) for step in wire["steps"]]


def _refuse_too_many(steps: list[Any], limit: int) -> None:
    """A batch writes at most as many records as an array creates."""
    count = 0
    for step in steps:
        body = step.get("body") if isinstance(step, Mapping) else None
        count += max(1, len(body)) if isinstance(body, list) else 1
    if count > limit:
        raise TooLarge(
            "body.too_many",
            f"The batch writes {count} records; {limit} at most.",
            hint="Send it in parts.",
        )


def _mistakes(step: Any, at: str) -> list[FieldError]:
    """What is wrong with the form of a step."""
    if not isinstance(step, Mapping):
        return [not_an_object(at)]
    errors = [_unknown(at + pointer_to(n[:60]), n, MEMBERS) for n in step if n not in MEMBERS]
    for name in ("method", "path"):
        if name not in step:
            errors.append(FieldError(f"{at}/{name}", "missing", f"`{name}` is required."))
        elif not isinstance(step[name], str):
            errors.append(FieldError(f"{at}/{name}", "string_type", "Must be a string."))
    method, path = step.get("method"), step.get("path")
    if isinstance(method, str):
        errors += _mistakes_of_method(step, method, at)
    if isinstance(path, str) and not path.startswith(PREFIX):
        detail = "Must be the path of a collection or a record: /api/…"
        errors.append(FieldError(f"{at}/path", "batch.path", detail))
    elif isinstance(path, str) and ("?" in path or "#" in path):
        detail = "A step takes no query string."
        errors.append(FieldError(f"{at}/path", "batch.path", detail))
    if step.get("if_match") is not None and not isinstance(step["if_match"], str):
        errors.append(FieldError(f"{at}/if_match", "string_type", "Must be a string."))
    return errors


def _mistakes_of_method(step: Mapping[str, Any], method: str, at: str) -> list[FieldError]:
    if method not in METHODS:
        detail = f"A step is one of {', '.join(METHODS)}."
        return [FieldError(f"{at}/method", "literal_error", detail)]
    errors = []
    if method == "DELETE" and step.get("body") is not None:
        errors.append(FieldError(f"{at}/body", "batch.member", "DELETE takes no body."))
    if method != "DELETE" and "body" not in step:
        errors.append(FieldError(f"{at}/body", "missing", "`body` is required."))
    if method == "POST" and step.get("if_match") is not None:
        errors.append(FieldError(f"{at}/if_match", "batch.member", NO_VERSION))
    return errors


def _asked(step: Mapping[str, Any], collections: Mapping[bytes, Any]) -> WriteQuery | Problem:
    """The write that a step asks for, or the 404 or 405 of its path."""
    method, path = step["method"], step["path"]
    raw = path.encode("utf-8", "replace")
    name, slash, rest = raw[len(PREFIX) :].partition(b"/")
    collection = collections.get(name)
    if collection is None or b"/" in rest or rest.startswith(b"_") or (slash and not rest):
        known = [key.decode() for key in collections]
        hint = None if collection else did_you_mean(name.decode("utf-8", "replace")[:60], known)
        return NotFound("route.not_found", f"Nothing is at {path[:200]}.", hint=hint)
    if (method == "POST") == bool(rest):
        methods = "PUT, PATCH, DELETE" if rest else "POST"
        return MethodNotAllowed(
            "route.method",
            f"{method} is no method of {path[:200]} in a batch.",
            hint=f"Methods here: {methods}.",
        )
    body = step.get("body")
    if method == "POST":
        if isinstance(body, list):
            return WriteQuery("create", collection.name, bodies=tuple(body), many=True)
        return WriteQuery("create", collection.name, bodies=(body,))
    bodies = () if method == "DELETE" else (body,)
    said = Conditions(step.get("if_match"))
    return WriteQuery(METHODS[method], collection.name, key_of(rest), bodies, conditions=said)


def _unknown(pointer: str, name: str, known: tuple[str, ...]) -> FieldError:
    hint = did_you_mean(name[:60], known) or ""
    return FieldError(pointer, "unknown_field", f"There is no `{name[:60]}` here. {hint}".rstrip())


def _invalid(errors: list[FieldError]) -> Invalid:
    return Invalid("body.invalid", "The body breaks the model.", errors=errors[:MOST_MISTAKES])
