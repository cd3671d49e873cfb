"""Opens the providers of an app, where it lists any.

In: what the app declares, and the settings.   Out: `ProviderSignIn`, or None.
Refuses a start that lacks something, with `SettingError`. The libraries are imported here and only
then: they take half a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..declare import SignIn
from ..errors import SettingError
from ..origins import read_public_url
from ..records import Records
from ..settings import Settings
from .gate import Gate

if TYPE_CHECKING:
    from .providers import ProviderSignIn

ROUTES = "/api/auth"
"""The path below which the routes of sign-in stand."""


def open_providers(
    records: Records, gate: Gate, policy: SignIn, settings: Settings
) -> ProviderSignIn | None:
    """What lets people come in with their accounts elsewhere."""
    if not policy.providers:
        return None
    try:
        from .providers import Linking, ProviderSignIn, Ways, read_clients
    except ModuleNotFoundError as missing:
        raise SettingError(
            "STANCHION_OAUTH_CLIENTS", f"signing in elsewhere needs {missing.name}",
            hint="pip install 'stanchion[oauth]'",
        ) from None  # fmt: skip
    public = read_public_url(settings.public_url)
    if public is None:
        raise SettingError(
            "STANCHION_PUBLIC_URL", "people who sign in elsewhere are sent back there",
            hint="https://shop.example; http://127.0.0.1:8000 on this machine",
        )  # fmt: skip
    clients = read_clients(settings.oauth_clients, policy.providers)
    linking = Linking(records, gate.sessions, gate.entrance, policy)
    return ProviderSignIn(
        linking, Ways(records.engine), policy.providers, clients, f"{public}{ROUTES}"
    )
