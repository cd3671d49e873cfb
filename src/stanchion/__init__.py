"""Stanchion: the whole back end of a product as one Python library.

Everything an app needs is imported from here; names are loaded when they are first used, so that
the command line starts quickly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .app import App
    from .changelog.pages import Gap, LoggedChange
    from .changelog.reader import LogReader, ReaderMoved
    from .declare import (
        Create,
        Field,
        Job,
        Limits,
        Many,
        Module,
        NotExpanded,
        Provider,
        Record,
        Ref,
        Rules,
        SignIn,
        Update,
        UserRecord,
        back,
        nobody,
        owner,
        public,
        role,
        rule,
        signed_in,
        through,
    )
    from .http.callers import CurrentUser, OptionalUser, requires, requires_proof
    from .http.limited import limit
    from .settings import Settings
    from .transaction import Transaction, calc

_HOMES = {
    "App": "app", "CurrentUser": "http.callers", "Gap": "changelog.pages",
    "LogReader": "changelog.reader", "LoggedChange": "changelog.pages",
    "OptionalUser": "http.callers", "ReaderMoved": "changelog.reader", "Settings": "settings",
    "Transaction": "transaction", "calc": "transaction", "limit": "http.limited",
    "requires": "http.callers", "requires_proof": "http.callers",
}  # fmt: skip

__all__ = [
    "App", "Create", "CurrentUser", "Field", "Gap", "Job", "Limits", "LogReader",
    "LoggedChange", "Many", "Module", "NotExpanded", "OptionalUser", "Provider", "ReaderMoved",
    "Record", "Ref", "Rules", "Settings", "SignIn", "Transaction", "Update", "UserRecord",
    "__version__", "back", "calc", "limit", "nobody", "owner", "public", "requires",
    "requires_proof", "role", "rule", "signed_in", "through",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(f".{_HOMES.get(name, 'declare')}", __name__)
    value = globals()[name] = getattr(module, name)
    return value
