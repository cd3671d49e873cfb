"""What is said of signing in when an app starts.

In: an app that `dev` or `serve` starts, and where.   Out: lines that say where people come in, and
what would keep them out. None where there are no users.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..app import App
    from .address import Address

OVER_HTTPS = (
    "            other machines stay signed in over https only: put TLS before this, and set\n"
    "            STANCHION_PUBLIC_URL=https://…, where people reach it (docs/security.md)"
)


def sign_in_lines(app: App, address: Address) -> list[str]:
    """Where people come in. Browsers keep a session over https, and from this machine."""
    policy = app.runtime.model.sign_in
    if policy is None:
        return []
    first, *more = ([] if policy.register == "closed" else ["register"]) + ["sign-in", "account"]
    others = "".join(f"  /auth/{name}" for name in more)
    found = [f"  Sign-in   {address.url}auth/{first}{others}"]
    here = ip_address(address.host).is_loopback
    if not here and not app.runtime.settings.public_url.startswith("https:"):
        found.append(OVER_HTTPS)
    return found
