"""Check an expression against the schema: from what was written to what it means.

In: a syntax tree, or a rule of the app, and a Scope.   Out: tree.Node, tree.Value (frozen).
Refuses: unknown names, types that do not go together, values that cannot be; for a rule as a
DeclarationError that points into the app's source.
Called when an app is loaded (rules), and by plan/ for each new shape of a filter.
"""

from __future__ import annotations

from pathlib import Path as File

from ..errors import DeclarationError, Origin, did_you_mean
from ..schema import (
    Rule,
    RuleAll,
    RuleAny,
    RuleConst,
    RuleNot,
    RuleOwner,
    RuleRole,
    RuleSignedIn,
    RuleText,
)
from . import tree
from .conditions import ConditionChecker
from .error import ExpressionError, line_and_column, render_frame
from .kinds import comparable, say, say_first, type_of
from .operands import Operands, refuse
from .parse import parse
from .scope import Scope, See, Sight, is_path
from .syntax import Constant, Name, Select, Syntax

__all__ = ["Scope", "See", "Sight", "check", "check_rule", "check_value"]


def check(syntax: Syntax, scope: Scope) -> tree.Node:
    """The meaning of a condition; raises ExpressionError."""
    return ConditionChecker(Operands(scope)).condition(syntax)


def check_value(syntax: Syntax, scope: Scope, expected: tree.Type) -> tree.Value:
    """The meaning of a value that is put where `expected` is asked for, such as
    `stock - $n`; raises ExpressionError. It may be null only where it says `null` or names a
    field that may be null; a decimal has no more places than `expected`."""
    if isinstance(syntax, Constant) and syntax.value is None:
        return tree.Null((syntax.start, syntax.end))
    value = Operands(scope).value(syntax, expected, exact=True)
    found = type_of(value)
    fits = found.kind == expected.kind and found.places <= expected.places
    if found.kind == "list" and expected.item is not None and found.item is not None:
        fits = found.item.kind == expected.item.kind
    if found.kind == expected.kind == "decimal" and not fits:
        refuse(
            syntax,
            f"A decimal of {found.places} places cannot be put into one of {expected.places}.",
        )
    if not fits:
        refuse(syntax, f"{say_first(found)} cannot be put into {say(expected)}.")
    return value


# rules


def check_rule(rule: Rule, scope: Scope) -> tree.Node:
    """The meaning of a rule of the app; raises DeclarationError with the place of the mistake."""
    match rule:
        case RuleText(text=text, origin=origin):
            return _checked_text(text, origin, scope)
        case RuleConst(value=value):
            return tree.Const(value)
        case RuleSignedIn():
            return tree.Compare("!=", _auth(scope), tree.Null())
        case RuleRole():
            return _role(rule, scope)
        case RuleOwner():
            return _owner(rule, scope)
        case RuleAll(parts=parts):
            return tree.And(tuple(check_rule(part, scope) for part in parts))
        case RuleAny(parts=parts):
            return tree.Or(tuple(check_rule(part, scope) for part in parts))
        case RuleNot(part=part):
            return tree.Not(check_rule(part, scope))


def _checked_text(text: str, origin: Origin | None, scope: Scope) -> tree.Node:
    try:
        return check(parse(text), scope)
    except ExpressionError as error:
        raise declaration_error(error, text, origin) from error


def _auth(scope: Scope) -> tree.Path:
    collection = scope.auth.name if scope.auth else None
    type = tree.Type("record", collection=collection)
    return tree.Path("auth", collection or "", (), None, type, nullable=True)


def _auth_field(scope: Scope, name: str, said: str, origin: Origin | None) -> tree.Path:
    """A field of the caller's record; a rule that needs one needs a users collection."""
    users = scope.auth
    if users is None:
        raise DeclarationError(
            "rule.unknown_field", f"{said} needs a users collection, and none is declared.",
            origin=origin, hint="Declare one: class User(UserRecord).",
        )  # fmt: skip
    if name not in users.field:
        raise DeclarationError(
            "rule.unknown_field", f"{said} needs a field '{name}' in '{users.name}'.",
            origin=origin, hint=did_you_mean(name, users.field) or f"Add it: {name}: str",
        )  # fmt: skip
    found = Operands(Scope(scope.schema, auth=users)).value(parse(f"auth.{name}"), None)
    assert isinstance(found, tree.Path)
    return found


def _role(rule: RuleRole, scope: Scope) -> tree.Node:
    said = f'role("{rule.name}")'
    path = _auth_field(scope, "role", said, rule.origin)
    wanted = path.type.item if path.type.item is not None else path.type
    if wanted.kind != "text":
        raise DeclarationError(
            "rule.type", f"{said} needs a role of text, and it is {say(path.type)}.",
            origin=rule.origin,
        )  # fmt: skip
    if wanted.choices and rule.name not in wanted.choices:
        raise DeclarationError(
            "rule.literal", f"{said} can never hold: no user can have this role.",
            origin=rule.origin, hint=did_you_mean(rule.name, wanted.choices),
        )  # fmt: skip
    name = tree.Lit(wanted, rule.name)
    return tree.In(name, path) if path.type.item is not None else tree.Compare("==", path, name)


def _owner(rule: RuleOwner, scope: Scope) -> tree.Node:
    key = scope.auth.key[0] if scope.auth else "id"
    own = _auth_field(scope, key, f'owner("{rule.path}")', rule.origin)
    try:
        syntax = parse(rule.path)
        if not isinstance(syntax, (Name, Select)) or not is_path(syntax):
            refuse(syntax, "owner() takes a path from the record.", 'Write owner("customer").')
        inside = Scope(scope.schema, scope.collection, bare=True)
        path = Operands(inside).value(syntax, None)
        if not isinstance(path, tree.Path) or not comparable(type_of(path), own.type):
            refuse(syntax, f"owner() takes a path to a user, not to {say(type_of(path))}.")
    except ExpressionError as error:
        raise declaration_error(error, rule.path, rule.origin) from error
    return tree.Compare("==", path, own)


# the place in the app's source


def declaration_error(error: ExpressionError, text: str, origin: Origin | None) -> DeclarationError:
    """The error of a rule's text as a mistake of the app, at its exact place if the text can be
    found in the source file at or after `origin`; else at `origin`, with the text as frame."""
    hint = None if error.note else error.hint
    code = f"rule.{error.code}"
    found = _find(text, origin) if origin is not None else None
    if origin is None or found is None:
        frame = error.frame(text)
        return DeclarationError(code, error.detail, origin=origin, frame=frame, hint=hint)
    source, at = found
    start, end = at + error.start, at + error.end
    line, column = line_and_column(source, start)
    return DeclarationError(
        code, error.detail, origin=Origin(origin.file, line, column),
        frame=render_frame(source, start, end, line=1, note=error.note), hint=hint,
    )  # fmt: skip


def _find(text: str, origin: Origin) -> tuple[str, int] | None:
    """The source file, and where in it the text stands between quotes."""
    try:
        source = File(origin.file).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    lines = source.split("\n")
    at = sum(len(line) + 1 for line in lines[: origin.line - 1])
    while text and (at := source.find(text, at)) >= 0:
        after = source[at + len(text) : at + len(text) + 1]
        if source[at - 1 : at] in ("'", '"') and after in ("'", '"'):
            return source, at
        at += 1
    return None
