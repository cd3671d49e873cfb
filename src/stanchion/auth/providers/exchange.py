"""Asks a provider: what it says of itself, and who came from there.

In: a code that a browser brought.   Out: an `Identity`.
Raises `Untrusted` for an answer that is not what it had to be, `Unavailable` where there is none.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx2
from authlib.integrations.base_client import OAuthError  # type: ignore[import-untyped]  # no types
from authlib.integrations.httpx_client import AsyncOAuth2Client  # type: ignore[import-untyped]  # as above

from ... import events
from ...declare import Provider
from ...errors import Unavailable
from .clients import ClientAtProvider
from .signed import UnknownKey, Untrusted, read_id_token, sign_secret

WAIT_S = 10.0
KEPT_S = 3600.0
"""Seconds for which it is remembered what a provider says of itself."""
AGAIN_S = 60.0
"""Seconds before its keys are asked for again because of one that was not among them."""
_GITHUB = {
    "authorization_endpoint": "https://github.com/login/oauth/authorize",
    "token_endpoint": "https://github.com/login/oauth/access_token",
    "user_endpoint": "https://api.github.com/user",
    "emails_endpoint": "https://api.github.com/user/emails",
    "token_endpoint_auth_methods_supported": ["client_secret_post"],
}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is at a provider; `email` only where the provider vouches for it."""

    issuer: str
    subject: str
    email: str | None
    claims: Mapping[str, Any]


class Exchange:
    """One provider, as this app asks it."""

    def __init__(self, provider: Provider, client: ClientAtProvider, redirect: str) -> None:
        self.provider = provider
        self._client = client
        self._redirect = redirect
        self._about: Mapping[str, Any] = _GITHUB if provider.protocol == "github" else {}
        self._about_until = float("inf") if self._about else 0.0
        self._keys: Mapping[str, Any] = {}
        self._keys_asked = float("-inf")

    async def address(self, state: str, nonce: str, verifier: str) -> str:
        """Where a browser is sent."""
        about = await self.about()
        more = {"nonce": nonce} if self.provider.protocol == "oidc" else {}
        if "email" in self.provider.scopes and self.provider.team:
            more["response_mode"] = "form_post"  # Apple answers in no other way with this scope
        async with self._session(about) as session:
            address, _ = session.create_authorization_url(
                about["authorization_endpoint"], state=state, code_verifier=verifier, **more
            )
        return str(address)

    async def identity(
        self, code: str, verifier: str, nonce: str, issuer: str | None
    ) -> Identity:  # fmt: skip
        """Who brought this code; `issuer` is the one that the answer named."""
        about = await self.about()
        named = about.get("authorization_response_iss_parameter_supported")
        if (named or issuer is not None) and issuer != self.provider.issuer:
            raise Untrusted("another issuer answered")
        try:
            async with self._session(about) as session:
                told = await session.fetch_token(
                    about["token_endpoint"], code=code, code_verifier=verifier,
                    grant_type="authorization_code",
                )  # fmt: skip
        except OAuthError as error:
            raise Untrusted(f"the code was refused: {error.error}") from None
        except (httpx2.HTTPError, ValueError) as error:
            raise unreachable(self.provider, error) from None
        if self.provider.protocol == "github":
            return await self._github(str(told.get("access_token", "")))
        claims = await self._claims(told, nonce)
        return Identity(self.provider.issuer, claims["sub"], self._vouched(claims), claims)

    async def about(self) -> Mapping[str, Any]:
        """What the provider says of itself, remembered for an hour."""
        if time.monotonic() >= self._about_until:
            issuer = self.provider.issuer
            found = await self._get(f"{issuer}/.well-known/openid-configuration")
            self._about = check_about(found, self.provider)
            self._about_until = time.monotonic() + KEPT_S
        return self._about

    async def _claims(self, told: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        about = await self.about()
        token, access = told.get("id_token"), str(told.get("access_token", ""))
        issuer, client = self.provider.issuer, self._client.id
        if not self._keys:
            await self._ask_keys(about)
        try:
            return read_id_token(token, self._keys, issuer, client, nonce, access)
        except UnknownKey:
            if time.monotonic() - self._keys_asked < AGAIN_S:
                raise
            await self._ask_keys(about)
            return read_id_token(token, self._keys, issuer, client, nonce, access)

    async def _ask_keys(self, about: Mapping[str, Any]) -> None:
        self._keys = await self._get(about["jwks_uri"])
        self._keys_asked = time.monotonic()

    def _vouched(self, claims: Mapping[str, Any]) -> str | None:
        email = claims.get("email")
        proven = claims.get("email_verified") in (True, "true")  # Apple writes it as a text
        if not isinstance(email, str) or not self.provider.vouches:
            return None
        # Entra has no such claim: an app that says `vouches=True` of its own tenant knows why
        silent = "email_verified" not in claims and self.provider.name == "microsoft"
        return email if proven or silent else None

    async def _github(self, access_token: str) -> Identity:
        headers = {
            "Authorization": f"Bearer {access_token}", "Accept": "application/vnd.github+json",
        }  # fmt: skip
        user, emails = await asyncio.gather(
            self._get(self._about["user_endpoint"], headers),
            self._get(self._about["emails_endpoint"], headers),
        )
        subject = user.get("id") if isinstance(user, dict) else None
        if not isinstance(subject, int) or not isinstance(emails, list):
            raise Untrusted("GitHub says nothing of this user")
        proven = [
            each["email"] for each in emails
            if isinstance(each, dict) and each.get("primary") and each.get("verified") is True
            and isinstance(each.get("email"), str)
        ]  # fmt: skip
        email = proven[0] if proven else None
        return Identity(self.provider.issuer, str(subject), email, user)

    async def _get(self, address: str, headers: Mapping[str, str] | None = None) -> Any:
        try:
            async with httpx2.AsyncClient(**_options()) as session:
                answer = await session.get(address, headers=headers)
                answer.raise_for_status()
                return answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise unreachable(self.provider, error) from None

    def _session(self, about: Mapping[str, Any]) -> AsyncOAuth2Client:
        methods = about.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        basic = "client_secret_basic" in methods
        return AsyncOAuth2Client(
            client_id=self._client.id, client_secret=self._secret(),
            token_endpoint_auth_method="client_secret_basic" if basic else "client_secret_post",
            scope=" ".join(self.provider.scopes), redirect_uri=self._redirect,
            code_challenge_method="S256", **_options(),
        )  # fmt: skip

    def _secret(self) -> str:
        made = self.provider
        if not made.team:
            return self._client.secret
        return sign_secret(made.issuer, self._client.id, made.team, made.key, self._client.secret)


def check_about(found: Any, provider: Provider) -> Mapping[str, Any]:
    """What a provider says of itself, if it says all that is needed: its own issuer first of all,
    and addresses that are reached as the issuer is."""
    if not isinstance(found, dict) or found.get("issuer") != provider.issuer:
        raise Untrusted("its configuration names another issuer")
    scheme = provider.issuer.partition(":")[0]
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        address = found.get(name)
        if not isinstance(address, str) or not address.startswith(f"{scheme}://"):
            raise Untrusted(f"its configuration has no usable {name}")
    methods = found.get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" not in methods:
        raise Untrusted("it knows no PKCE with S256")
    return found


def unreachable(provider: Provider, error: Exception) -> Unavailable:
    """503 for a provider that says nothing, or nothing that can be read."""
    events.emit(events.ProviderFailed(provider.name, f"{type(error).__name__}: {error}"))
    return Unavailable(
        "auth.provider_unreachable",
        f"{provider.title} does not answer at this moment.",
        retry_after=10,
        hint="Try again soon, or sign in another way.",
    )


def _options() -> dict[str, Any]:
    # where a provider sends us on to is nowhere that was agreed on
    return {"timeout": WAIT_S, "follow_redirects": False, "verify": _context()}


@cache
def _context() -> Any:
    """The certificates that are trusted, read once: that takes 20 ms."""
    return httpx2.create_ssl_context()
