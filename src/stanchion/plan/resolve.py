"""The one resolver: what a caller names, and whether this caller may name it.

Filter, q, sort, group, sum, expand and fields all come through here. A field that the caller may
not read looks exactly like one that does not exist, also in hints; and no hint names a field of a
collection that is closed to the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import HOW_TO_SIGN_IN, BadRequest, Forbidden, Problem, Unauthorized, did_you_mean
from ..expr.check import Scope, check
from ..expr.error import ExpressionError
from ..expr.kinds import kind_of
from ..expr.parse import parse
from ..expr.syntax import Syntax
from ..expr.tree import TRUE, Hop, Node, Path
from ..schema import BackReference, Collection, Field, Schema, rule_text
from .policy import Profile, RowOperation
from .scopes import not_in_scope, scope_for

PATH_DEPTH = 5
EXPAND_COUNT = 20
Tree = dict[str, "Tree"]


@dataclass(frozen=True, slots=True)
class Named:
    """A field that a parameter names, of the record itself or behind to-one references.

    Null where the path breaks, where it crosses a record that the caller may not see, and where
    the field is hidden in its record.
    """

    word: str
    path: Path
    field: Field

    @property
    def nullable(self) -> bool:
        """Whether it can be null."""
        return self.path.nullable


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one schema as one kind of caller sees them."""

    schema: Schema
    profile: Profile

    def field(self, collection: Collection, word: str, parameter: str) -> Field:
        """The stored field that `word` names; raises `BadRequest` as if hidden ones were not."""
        found = collection.field.get(word)
        if found is None or self.profile.sight(collection, found) == "hidden":
            raise self.unknown(collection, word, parameter)
        return found

    def relation(self, collection: Collection, word: str, parameter: str) -> Field | BackReference:
        """The reference or to-many relation that `word` names."""
        many = self.many(collection, word)
        if many is not None:
            return many
        found = self.field(collection, word, parameter)
        if found.reference is None:
            raise BadRequest(
                f"query.{parameter}",
                f"`{word}` of {collection.name} is a plain field; nothing lies behind it.",
                hint=self._list(collection, "Relations", self._relations(collection)),
            )
        return found

    def named(self, collection: Collection, word: str, parameter: str) -> Named:
        """The field that a path such as `order.customer.name` leads to."""
        *steps, leaf = word.split(".")
        if len(steps) > PATH_DEPTH:
            raise _too_deep(word, parameter)
        here, hops, nullable = collection, [], False
        for step in steps:
            reference = self._reference(here, step, parameter)
            target = self.schema.target(reference)
            hops.append(Hop(here.name, reference.name, target.name))
            nullable |= reference.nullable or self._is_masked(here, reference)
            nullable |= self.profile.row(target.name) != TRUE
            here = target
        field = self._leaf(here, leaf, parameter)
        masked = self._is_masked(here, field)
        nullable |= field.nullable or masked
        kind = kind_of(field.type)
        path = Path("record", collection.name, tuple(hops), leaf, kind, nullable, True, masked)
        return Named(word, path, field)

    def _reference(self, collection: Collection, word: str, parameter: str) -> Field:
        found = self.relation(collection, word, parameter)
        if isinstance(found, BackReference):
            raise self._holds_many(found, word, parameter)
        return found

    def _leaf(self, collection: Collection, word: str, parameter: str) -> Field:
        if (many := self.many(collection, word)) is not None:
            raise self._holds_many(many, word, parameter)
        return self.field(collection, word, parameter)

    def _holds_many(self, many: BackReference, word: str, parameter: str) -> BadRequest:
        groups = parameter in ("group", "sum", "avg", "min", "max")
        if groups and many.link is None and self.open_ends(many):
            hint = (
                f"Ask the other side: /api/{many.collection}/_aggregate, grouped by {many.field}."
            )
        else:
            hint = f"`{parameter}` takes fields of one record, also through references to one."
        return BadRequest(
            f"query.{parameter}", f"`{word}` holds many records, so `{parameter}` cannot use it.",
            hint=hint,
        )  # fmt: skip

    def _is_masked(self, collection: Collection, field: Field) -> bool:
        return self.profile.sight(collection, field) == "masked"

    def many(self, collection: Collection, word: str) -> BackReference | None:
        """The to-many relation of this name, where the caller may see what makes it."""
        many = collection.back_reference.get(word)
        if many is None:
            return None
        holder = self.schema.collection[many.holder]
        makes = (many.field, many.reach) if many.link else (many.field,)
        hidden = any(self.profile.sight(holder, holder.field[one]) == "hidden" for one in makes)
        return None if hidden else many

    def open_ends(self, many: BackReference) -> bool:
        """Whether what a to-many relation leads to, and what makes it, may be named."""
        known = self.schema.collection
        return all(self.listed(known[end]) for end in (many.collection, many.holder))

    # what is there

    def visible(self, collection: Collection) -> tuple[Field, ...]:
        """The fields of a collection that exist for this caller."""
        sight = self.profile.sight
        return tuple(f for f in collection.fields if sight(collection, f) != "hidden")

    def _manys(self, collection: Collection) -> list[str]:
        return [r.name for r in collection.back_references if self.many(collection, r.name)]

    def _relations(self, collection: Collection) -> list[str]:
        return [f.name for f in self.visible(collection) if f.reference] + self._manys(collection)

    def unknown(self, collection: Collection, word: str, parameter: str) -> BadRequest:
        """The error for a name that does not exist, as far as this caller is concerned."""
        if parameter == "expand":
            what, names = "Relations", self._relations(collection)
        else:
            what, names = "Fields", [f.name for f in self.visible(collection)]
            names += self._manys(collection) if parameter == "fields" else []
        near = did_you_mean(word[:60], names) if self.listed(collection) else None
        return BadRequest(
            "query.unknown_field",
            f"`{parameter}` names `{word[:60]}`, which is no field of {collection.name}.",
            hint=near or self._list(collection, what, names),
        )

    def that_sort(self, collection: Collection) -> str | None:
        """A hint that lists the fields whose values have an order."""
        sorted_ = [f.name for f in self.visible(collection) if f.type.sortable]
        return self._list(collection, "Fields that do", sorted_)

    def listed(self, collection: Collection) -> bool:
        """Whether a hint may name fields of the collection: not where it is closed to the caller,
        though a path may lead into it."""
        return not self.profile.refused(collection.name, "read")

    def _list(self, collection: Collection, what: str, names: list[str]) -> str | None:
        if not names or not self.listed(collection):
            return None
        return f"{what} here: {', '.join(names)}."

    # lists of names

    def tree(self, text: str, parameter: str) -> Tree:
        """`a,b.c,b.d` as nested names; raises `BadRequest` for empty names and past the limits."""
        root: Tree = {}
        count = 0
        for item in split_names(text, parameter):
            words = item.split(".")
            if not all(words):
                raise no_list(parameter)
            if len(words) > PATH_DEPTH + (parameter == "fields"):
                raise _too_deep(item, parameter)
            level = root
            for word in words:
                count += word not in level
                level = level.setdefault(word, {})
        if parameter == "expand" and count > EXPAND_COUNT:
            raise BadRequest("query.expand", f"At most {EXPAND_COUNT} relations expand at once.")
        return root

    def filter(self, collection: Collection, syntax: Syntax, text: str) -> Node:
        """A caller's filter, checked; its literals stay slots of the request."""
        scope = Scope(
            schema=self.schema,
            collection=collection,
            bare=True,
            auth=self.schema.users,
            lifted=True,
            caller=True,
            see=self.profile.sight,
            listed=self.listed,
        )
        try:
            return check(syntax, scope)
        except ExpressionError as error:
            raise filter_problem(error, text) from None


def visible_fields(schema: Schema, profile: Profile, collection: Collection) -> Mapping[str, Field]:
    """What a hint may name: nothing at all of a collection that is closed to this caller."""
    names = Names(schema, profile)
    return {f.name: f for f in names.visible(collection)} if names.listed(collection) else {}


def split_names(text: str, parameter: str) -> list[str]:
    """The names between the commas of a list; none of them is empty."""
    names = [item.strip() for item in text.split(",")] if text else []
    if not all(names):
        raise no_list(parameter)
    return names


def no_list(parameter: str) -> BadRequest:
    """The error for a list with an empty name in it."""
    return BadRequest(
        f"query.{parameter}",
        f"`{parameter}` is a list of names with commas between them.",
        hint=f"{parameter}=id,name",
    )


def _too_deep(word: str, parameter: str) -> BadRequest:
    return BadRequest(
        f"query.{parameter}", f"`{word[:60]}` goes deeper than {PATH_DEPTH} relations."
    )


def parse_filter(text: str) -> Syntax:
    """The syntax of a caller's filter; raises `BadRequest`."""
    try:
        return parse(text)
    except ExpressionError as error:
        raise filter_problem(error, text) from None


def filter_problem(error: ExpressionError, text: str) -> BadRequest:
    """A mistake in a filter as an answer: the place, the text around it, and a way out."""
    return BadRequest(
        f"filter.{error.code}",
        f"{error.detail} (character {error.start + 1} of the filter)",
        hint=error.hint or _quotes_hint(error, text),
        extra={"filter": text[:200], "position": error.start + 1},
    )


def _quotes_hint(error: ExpressionError, text: str) -> str | None:
    """For `genre == fantasy`: what was meant is a text."""
    compared = text[: error.start].rstrip().endswith(("==", "!="))
    if error.code != "unknown_field" or not compared:
        return None
    return f'A text stands in quotation marks: "{text[error.start : error.end]}"'


def refuse_closed(profile: Profile, collection: Collection, operation: RowOperation) -> None:
    """Raise 401 or 403 where the rule can never be true for this caller."""
    if profile.refused(collection.name, operation):
        raise refusal(profile, collection, operation)


def refusal(profile: Profile, collection: Collection, operation: RowOperation) -> Problem:
    """The 401 or 403 of a rule that this caller cannot meet."""
    name = f"{collection.name}.{operation}"
    extra = {"rule": name}
    if not profile.in_scope(collection.name, operation):
        return not_in_scope(scope_for(collection.name, operation))
    text = rule_text(getattr(collection.rules, operation))
    if profile.kind == "anonymous":
        return Unauthorized(
            "access.sign_in",
            f"The rule {name} lets nobody in who is not signed in.",
            hint=HOW_TO_SIGN_IN
            if text != "nobody"
            else f"No rule opens it: the app says nothing about {operation} of {collection.name}.",
            extra=extra,
            headers={"WWW-Authenticate": "Bearer"},
        )
    return Forbidden(
        "access.refused", f"The rule {name} can never be true for this caller.", extra=extra
    )
