"""What the app is called at each provider.

In: the text of `STANCHION_OAUTH_CLIENTS`.   Out: an id and a secret by provider.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ...declare import Provider
from ...errors import SettingError

NAME = "STANCHION_OAUTH_CLIENTS"
_EXAMPLE = '{"google": {"id": "...", "secret": "..."}}'


@dataclass(frozen=True, slots=True)
class ClientAtProvider:
    """The app, as a provider knows it."""

    id: str
    secret: str = field(repr=False)


def read_clients(text: str, providers: Iterable[Provider]) -> Mapping[str, ClientAtProvider]:
    """The clients of all providers of an app. Raises `SettingError` where one has none, and never
    repeats what it read: there are secrets in it."""
    wanted = [provider.name for provider in providers]
    if not wanted:
        return {}
    try:
        given = json.loads(text or "{}")
        found = {
            str(name): ClientAtProvider(each["id"], each["secret"]) for name, each in given.items()
        }
    except (ValueError, AttributeError, KeyError, TypeError):
        raise SettingError(NAME, "it is no JSON object of clients", hint=_EXAMPLE) from None
    missing = [name for name in wanted if name not in found]
    if missing:
        said = ", ".join(missing)
        raise SettingError(NAME, f"it says nothing of {said}", hint=f"{NAME}='{_EXAMPLE}'")
    for name in wanted:
        client = found[name]
        if not (_is_text(client.id) and _is_text(client.secret)):
            raise SettingError(NAME, f"id and secret of {name} are texts", hint=_EXAMPLE)
    return {name: found[name] for name in wanted}


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
