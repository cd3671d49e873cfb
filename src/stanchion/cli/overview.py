"""What `dev` puts around and into an app: the memory of its last calls, and the page at `/`.

In: a loaded `App` and its target.   Out: the ASGI application that is served.
The facts of the page are gathered when somebody first looks at it, so no start waits for them.
"""

from __future__ import annotations

import shlex
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from ..settings import PREFIX, Settings
from ..version import __version__
from .explain import command_for, target_option
from .target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..app import App
    from ..http.overview.facts import CollectionLine, Overview, Remark, SettingLine
    from ..http.overview.recorder import Call, Recorder
    from ..schema import Collection
    from .exposure import Opened


def with_overview(app: App, target: Target) -> Recorder:
    """The app with its page at `/`, inside of what remembers its calls."""
    from ..http.overview import add_overview
    from ..http.overview.recorder import Recorder

    recorder = Recorder(app, app.runtime)
    named = target_option(target)

    def command(call: Call) -> str:
        path = unquote(call.path)
        return command_for(call.method, path, call.query) + _who(call) + named

    add_overview(app, app.runtime, recorder, cache(lambda: gather(app)), command)
    return recorder


def _who(call: Call) -> str:
    """` --as ann@example.com`, unless nobody was signed in."""
    actor = call.actor
    if actor.kind == "anonymous":
        return ""
    record = actor.record or {}
    return f" --as {shlex.quote(str(record.get('email') or record.get('id') or actor.kind))}"


# the facts


def gather(app: App) -> Overview:
    """What is known of an app before anybody asks it."""
    from ..http.overview.facts import Overview
    from .exposure import find_exposure

    exposure = find_exposure(app)
    collections = app.runtime.model.schema.collection
    return Overview(
        version=__version__,
        collections=tuple(_collection(collections[one.name], one) for one in exposure.collections),
        routes=tuple(route.name for route in exposure.routes),
        database=str(app.runtime.database.path or without_password(app.runtime.database.url)),
        settings=tuple(changed_settings(app.runtime.settings)),
        findings=tuple(_findings(app)),
    )


def _collection(collection: Collection, opened: Opened) -> CollectionLine:
    from ..http.overview.facts import CollectionLine, RuleLine
    from ..plan.policy import ROW_OPERATIONS
    from ..schema import rule_text

    found: dict[tuple[str, str], list[str]] = {}
    for operation in ROW_OPERATIONS:
        text = rule_text(getattr(collection.rules, operation))
        found.setdefault((text, opened.by_operation[operation]), []).append(operation)
    rules = (
        RuleLine(tuple(operations), text, opened.by_operation[operations[0]])
        for (text, _), operations in found.items()
    )
    return CollectionLine(collection.name, collection.doc, tuple(rules))


def _findings(app: App) -> Iterator[Remark]:
    from ..http.overview.facts import Remark
    from .findings import find_findings

    for finding in find_findings(app):
        place = f"{finding.file}:{finding.line}" if finding.file else ""
        yield Remark(finding.level, finding.code, finding.detail, place, finding.way_out)


def changed_settings(settings: Settings) -> Iterator[SettingLine]:
    """The settings that are not what they are by themselves."""
    from ..http.overview.facts import SettingLine

    for field in fields(Settings):
        value, default = getattr(settings, field.name), field.default
        if value != default:
            shown = _shown(value) if field.repr else "(set, and not shown)"
            yield SettingLine(PREFIX + field.name.upper(), shown, _shown(default))


def _shown(value: object) -> str:
    """A value as the environment would say it."""
    if isinstance(value, int):
        return str(int(value))  # 1 or 0, of a bool
    return without_password(str(value)) or "data/stanchion.db beside the app"


def without_password(url: str) -> str:
    """A URL as a page may show it."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:…@{place}"))
