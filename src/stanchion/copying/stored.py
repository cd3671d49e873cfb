"""The schema of a database, from what the database keeps of it; no app is needed.

In: the row of `_schema`.   Out: a `Schema` that makes the same tables, but knows no rules.
Refuses: a schema that this version reads otherwise than the one that wrote it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..errors import StanchionError
from ..schema import Collection, Field, Index, Reference, Schema
from ..types import type_from


class CopyRefused(StanchionError):
    """What was asked for cannot be copied, or not there. `text` says why, `hint` what to do."""

    def __init__(self, code: str, text: str, hint: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
        self.hint = hint


def read_schema(fingerprint: str, text: str) -> Schema:
    """The schema of `stored_form`s; raises `CopyRefused`."""
    try:
        forms: dict[str, Any] = json.loads(text)
        schema = Schema("", tuple(_collection(name, form) for name, form in forms.items()))
        same = schema.fingerprint == fingerprint
    except (KeyError, TypeError, ValueError):
        same = False
    if not same:
        raise CopyRefused(
            "copy.schema",
            "the source was written by another version of Stanchion, which describes its schema "
            "in another way",
            "start the app once with this version, which brings its database up to date; then copy",
        )
    return schema


def _collection(name: str, form: Mapping[str, Any]) -> Collection:
    indexes = tuple(Index(tuple(i["fields"]), i["unique"]) for i in form["indexes"])
    unique = {index.fields[0] for index in indexes if index.unique and len(index.fields) == 1}
    fields = tuple(_field(n, f, unique=n in unique) for n, f in form["fields"].items())
    return Collection(name, name, fields, key=tuple(form["key"]), indexes=indexes)


def _field(name: str, form: Mapping[str, Any], *, unique: bool) -> Field:
    described = dict(form)
    nullable = described.pop("nullable")
    refers = described.pop("reference", None)
    search = described.pop("search", False)
    return Field(
        name, name, type_from(described), nullable=nullable, unique=unique, search=search,
        reference=None if refers is None else Reference(refers),
    )  # fmt: skip
