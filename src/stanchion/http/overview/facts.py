"""What is known of a running app before anybody asks it: plain values for the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reach = Literal["all", "some", "none"]


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule and the operations that it judges; `everyone` tells which records it opens to a
    caller who is not signed in."""

    operations: tuple[str, ...]
    text: str
    everyone: Reach


@dataclass(frozen=True, slots=True)
class CollectionLine:
    """A collection, and what its rules say."""

    name: str
    doc: str
    rules: tuple[RuleLine, ...]


@dataclass(frozen=True, slots=True)
class SettingLine:
    """A setting that is not what it is by itself."""

    name: str
    value: str
    default: str


@dataclass(frozen=True, slots=True)
class Remark:
    """What `check` finds, in its words."""

    level: Literal["mistake", "warning", "note"]
    code: str
    detail: str
    place: str
    way_out: str


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it. `routes` are the app's own, as `GET /checkout`."""

    version: str
    collections: tuple[CollectionLine, ...]
    routes: tuple[str, ...]
    database: str
    settings: tuple[SettingLine, ...]
    findings: tuple[Remark, ...]
