"""The one resolver: what a caller names, and whether this caller may name it.

Filter, q, sort, group, sum, expand and fields all come through here. A field that the caller may
not read looks exactly like one that does not exist, also in hints.
"""

from __future__ import annotations


from dataclasses import dataclass

from ..errors import BadRequest, Forbidden, Problem, Unauthorized, did_you_mean
from ..expr.check import Scope, check
from ..expr.error import ExpressionError
from ..expr.parse import parse
from ..expr.tree import Node
from ..schema import BackReference, Collection, Field, Schema, rule_text
from .policy import Profile, RowOperation

EXPAND_DEPTH = 5
EXPAND_COUNT = 20
Tree = dict[str, "Tree"]


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
        many = collection.back_reference.get(word)
        if many is not None and self._many_is_visible(many):
            return many
        found = self.field(collection, word, parameter)
        if found.reference is None:
            raise BadRequest(
                f"query.{parameter}",
                f"`{word}` of {collection.name} is a plain field; there is nothing to expand.",
                hint=self._relations_hint(collection),
            )
        return found

    def _many_is_visible(self, many: BackReference) -> bool:
        child = self.schema.collection[many.collection]
        return self.profile.sight(child, child.field[many.field]) != "hidden"

    def _relations_hint(self, collection: Collection) -> str | None:
        names = [f.name for f in self.visible(collection) if f.reference]
        names += [r.name for r in collection.back_references if self._many_is_visible(r)]
        return f"Relations here: {', '.join(names)}." if names else None

    def visible(self, collection: Collection) -> tuple[Field, ...]:
        """The fields of a collection that exist for this caller."""
        sight = self.profile.sight
        return tuple(f for f in collection.fields if sight(collection, f) != "hidden")

    def names(self, collection: Collection) -> list[str]:
        """Every name that exists for this caller."""
        fields = [f.name for f in self.visible(collection)]
        return fields + [r.name for r in collection.back_references if self._many_is_visible(r)]

    def unknown(self, collection: Collection, word: str, parameter: str) -> BadRequest:
        """The error for a name that does not exist, as far as this caller is concerned."""
        names = self.names(collection)
        return BadRequest(
            "query.unknown_field",
            f"`{parameter}` names `{word}`, which is no field of {collection.name}.",
            hint=did_you_mean(word, names) or f"Fields: {', '.join(names)}.",
        )

    def tree(self, text: str, parameter: str) -> Tree:
        """`a,b.c,b.d` as nested names; raises `BadRequest` for empty names and past the limits."""
        root: Tree = {}
        count = 0
        for item in text.split(","):
            words = item.strip().split(".")
            if not all(words):
                raise BadRequest(
                    f"query.{parameter}",
                    f"`{parameter}` is a list of names with commas between them.",
                    hint=f"{parameter}=id,name",
                )
            if len(words) > EXPAND_DEPTH + 1:
                raise BadRequest(
                    f"query.{parameter}", f"`{item}` goes deeper than {EXPAND_DEPTH} relations."
                )
            level = root
            for word in words:
                count += word not in level
                level = level.setdefault(word, {})
        if parameter == "expand" and count > EXPAND_COUNT:
            raise BadRequest("query.expand", f"At most {EXPAND_COUNT} relations expand at once.")
        return root

    def filter(self, collection: Collection, text: str, shape_only: bool = True) -> Node:
        """A caller's filter, checked; its literals stay slots of the request."""
        scope = Scope(
            schema=self.schema,
            collection=collection,
            bare=True,
            auth=self.schema.users,
            lifted=shape_only,
            caller=True,
            see=self.profile.sight,
        )
        try:
            return check(parse(text), scope)
        except ExpressionError as error:
            raise filter_problem(error, text) from None


def filter_problem(error: ExpressionError, text: str) -> BadRequest:
    """A mistake in a filter as an answer: the place, the text around it, and a way out."""
    return BadRequest(
        f"filter.{error.code}",
        f"{error.detail} (character {error.start + 1} of the filter)",
        hint=error.hint,
        extra={"filter": text[:200], "position": error.start + 1},
    )


def refuse_closed(profile: Profile, collection: Collection, operation: RowOperation) -> None:
    """Raise 401 or 403 where the rule can never be true for this caller."""
    if profile.refused(collection.name, operation):
        raise refusal(profile, collection, operation)


def refusal(profile: Profile, collection: Collection, operation: RowOperation) -> Problem:
    """The 401 or 403 of a rule that this caller cannot meet."""
    name = f"{collection.name}.{operation}"
    extra = {"rule": name}
    text = rule_text(getattr(collection.rules, operation))
    if profile.kind == "anonymous":
        return Unauthorized(
            "access.sign_in",
            f"The rule {name} lets nobody in who is not signed in.",
            hint="Send a bearer token or a session cookie."
            if text != "nobody"
            else f"No rule opens it: the app says nothing about {operation} of {collection.name}.",
            extra=extra,
            headers={"WWW-Authenticate": "Bearer"},
        )
    return Forbidden(
        "access.refused", f"The rule {name} can never be true for this caller.", extra=extra
    )
