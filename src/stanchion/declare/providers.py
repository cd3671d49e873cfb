"""`Provider`: another place that people have an account at, and come in with.

In: what an app says in `SignIn(providers=(...))`.   Out: what `auth/providers` asks there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self
from urllib.parse import urlsplit

from ..errors import DeclarationError

Protocol = Literal["oidc", "github"]
_NAME = re.compile("[a-z][a-z0-9]{0,31}")
_MICROSOFT = "https://login.microsoftonline.com"
_LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A place that says who somebody is: by OpenID Connect, or as GitHub does it.

    What the app is called there stands in `STANCHION_OAUTH_<NAME>_ID` and `_SECRET`. Make one with
    `Provider.google()`, `.github()`, `.microsoft(...)`, `.apple(...)` or `.oidc(...)`.

    name: a part of the addresses of its routes.
    title: what people call it.
    issuer: its address. What another issuer signed is refused, and so is what was signed for
        another app.
    vouches: whether it is believed that an address which it calls verified belongs to the person.
    links: whether somebody whose account has that address and is verified comes in to it. Without
        it they sign in as before, and link the provider to their account then.
    scopes: what the app asks to be told.
    fields: fields of a new user, each with the claim that it takes its value from.
    """

    name: str
    title: str
    issuer: str
    vouches: bool = False
    links: bool = False
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    fields: Mapping[str, str] = field(default_factory=dict)
    protocol: Protocol = "oidc"
    team: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise _wrong(f"{self.name!r} is no name: small letters and digits, a letter first")
        parts = urlsplit(self.issuer)
        local = parts.scheme == "http" and parts.hostname in _LOCAL
        if not (parts.scheme == "https" or local) or not parts.hostname or parts.query:
            raise _wrong(f"the issuer {self.issuer!r} is no address that begins with https://")
        if self.links and not self.vouches:
            raise _wrong(
                f"{self.name} links accounts by addresses that it does not vouch for: whoever "
                "writes another's address there would come in to their account"
            )

    @classmethod
    def oidc(
        cls, name: str, *, issuer: str, title: str = "", vouches: bool = False,
        links: bool = False, scopes: tuple[str, ...] = ("openid", "email", "profile"),
        fields: Mapping[str, str] | None = None,
    ) -> Self:  # fmt: skip
        """Any provider of OpenID Connect, found by its issuer's address."""
        return cls(
            name=name, title=title or name.capitalize(), issuer=issuer.rstrip("/"),
            vouches=vouches, links=links, scopes=scopes, fields=fields or {},
        )  # fmt: skip

    @classmethod
    def google(cls, *, links: bool = False, fields: Mapping[str, str] | None = None) -> Self:
        """Google, which vouches for the addresses of its accounts."""
        return cls(
            name="google", title="Google", issuer="https://accounts.google.com", vouches=True,
            links=links, fields=fields or {},
        )  # fmt: skip

    @classmethod
    def microsoft(
        cls, tenant: str, *, vouches: bool = False, links: bool = False,
        fields: Mapping[str, str] | None = None,
    ) -> Self:  # fmt: skip
        """Microsoft Entra, for the people of one tenant (its id). The address of an account there
        is whatever its tenant's admins wrote, so it vouches for none unless you say so."""
        if not re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", tenant):
            raise _wrong(
                f"tenant={tenant!r} is no id of a tenant: 'common' and the like have no issuer "
                "that could be pinned"
            )
        return cls(
            name="microsoft", title="Microsoft", issuer=f"{_MICROSOFT}/{tenant}/v2.0",
            vouches=vouches, links=links, fields=fields or {},
        )  # fmt: skip

    @classmethod
    def apple(
        cls, *, team: str, key: str, links: bool = False, fields: Mapping[str, str] | None = None
    ) -> Self:
        """Apple, for the key of this id of this team. `STANCHION_OAUTH_APPLE_SECRET` is the text of
        the private key (PEM), with which a secret is signed for each sign-in."""
        return cls(
            name="apple", title="Apple", issuer="https://appleid.apple.com", vouches=True,
            links=links, scopes=("openid", "email"), fields=fields or {}, team=team, key=key,
        )  # fmt: skip

    @classmethod
    def github(cls, *, links: bool = False, fields: Mapping[str, str] | None = None) -> Self:
        """GitHub, which has an interface of its own; the address is the primary one, if GitHub
        says that it is verified."""
        return cls(
            name="github", title="GitHub", issuer="https://github.com", vouches=True, links=links,
            scopes=("read:user", "user:email"), fields=fields or {}, protocol="github",
        )  # fmt: skip


def _wrong(detail: str) -> DeclarationError:
    return DeclarationError("sign_in.provider", f"Provider: {detail}")
