"""What the routes of sign-in take and give."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Carried = Literal["cookie", "token"]
AS: Any = Field(
    "cookie", alias="as",
    description="`cookie`: a browser keeps the session in an HttpOnly cookie. `token`: the answer "
    "holds a token, to be sent as `Authorization: Bearer …`.",
)  # fmt: skip


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


class Login(_Body):
    """An address and its password."""

    email: str = Field(max_length=254)
    password: str = Field(max_length=256)
    carried: Carried = AS


class Register(BaseModel):
    """An address, a password, and the other fields of a user that anybody may set."""

    model_config = ConfigDict(extra="allow", strict=True, populate_by_name=True)

    email: str = Field(max_length=254)
    password: str
    carried: Carried = AS


class PasswordChange(_Body):
    """The password as it is, and as it shall be."""

    current: str = Field(max_length=256)
    new: str
    end_keys: bool = Field(False, description="End the user's API keys too.")


class KeyMade(_Body):
    """An API key as it is asked for."""

    name: str = Field(description="What it is for, to know it again.", examples=["stock reports"])
    scopes: list[str] = Field(
        description="What it opens: `orders:read`, `orders:write` (which reads too), `*:read` and "
        "`*:write` for every collection, or the names that routes of the app ask for.",
        examples=[["orders:read"]],
    )
    days: float | None = Field(None, description="How long it lasts; the app has a default.")


class SecondFactorAsked(BaseModel):
    """The first proof fits, and the account asks for a second one."""

    second_factor: list[str] = Field(description="`totp`, `recovery`: what it may be.")
    ticket: str = Field(description="For `POST /api/auth/login/code`, within five minutes.")


class LoginCode(_Body):
    """The second factor of a sign-in."""

    ticket: str
    code: str = Field(max_length=64, description="Of the authenticator app, or a recovery code.")
    carried: Carried = AS


class Proof(_Body):
    """What proves again who holds a session."""

    password: str = Field(max_length=256)
    code: str | None = Field(None, max_length=64, description="Where the account asks for one.")


class Confirmation(_Body):
    """A code of the authenticator that is set up."""

    ticket: str
    code: str = Field(max_length=64)


class AuthenticatorBegun(BaseModel):
    """What goes into an authenticator app. It counts when a code of it is confirmed."""

    ticket: str = Field(description="For `POST /api/auth/totp/confirm`, within fifteen minutes.")
    secret: str = Field(description="To type in. Base 32; SHA-1, 6 digits, 30 seconds.")
    uri: str = Field(description="`otpauth://…`, to show as a QR code.")


class RecoveryCodes(BaseModel):
    """Codes for the day on which the authenticator is gone; each is good once."""

    recovery_codes: list[str] = Field(description="They are not shown again.")


class FactorList(BaseModel):
    """What an account has beside its password."""

    totp: str | None = Field(None, description="Since when codes of an authenticator are asked.")
    recovery_codes: int = Field(description="How many are left.")


class PasskeyAsked(BaseModel):
    """What a browser is to be asked."""

    ticket: str = Field(description="To be sent with the answer, within five minutes.")
    options: dict[str, Any] = Field(
        description="For `navigator.credentials`, in JSON: `PublicKeyCredential"
        ".parseCreationOptionsFromJSON()` or `.parseRequestOptionsFromJSON()` reads them."
    )


class PasskeyProof(_Body):
    """What a browser answered for a passkey."""

    ticket: str
    credential: dict[str, Any] = Field(description="The `toJSON()` of what the browser gave.")


class PasskeyLogin(PasskeyProof):
    """A sign-in by passkey."""

    carried: Carried = AS


class PasskeyName(_Body):
    """What a passkey is called."""

    name: str = Field(min_length=1, max_length=100)


class PasskeyMade(PasskeyProof):
    """A new passkey."""

    name: str = Field("Passkey", min_length=1, max_length=100)


class PasskeyShown(BaseModel):
    """One passkey."""

    id: str
    name: str
    created: str
    used: str | None = Field(None, description="When somebody last signed in with it.")


class PasskeyList(BaseModel):
    """The passkeys of who asks, the oldest first."""

    items: list[PasskeyShown]


class SessionStarted(BaseModel):
    """A new session."""

    user: dict[str, Any] = Field(description="Who is signed in, as they may see themselves.")
    token: str | None = Field(
        None, description="Only where a token was asked for. It is not shown again."
    )


class Me(BaseModel):
    """Who is asking."""

    user: dict[str, Any] = Field(description="The user, as they may see themselves.")
    admin: bool
    session: str = Field(description="The id of the session; empty where it was an API key.")
    key: str | None = Field(None, description="The id of the API key, where it was one.")
    scopes: list[str] | None = Field(None, description="What the key is for.")


class SessionShown(BaseModel):
    """One session."""

    id: str
    current: bool = Field(description="Whether this request came with it.")
    method: str = Field(description="How its owner proved who they are.")
    agent: str = Field(description="The name that the program gave itself.")
    address: str
    created: str
    used: str = Field(
        description="When it was used last, give or take a twentieth of its idle time."
    )
    ends: str


class SessionList(BaseModel):
    """The sessions of who asks, the newest first."""

    items: list[SessionShown]


class KeyShown(BaseModel):
    """One API key."""

    id: str
    name: str
    scopes: list[str]
    created: str
    used: str | None = Field(
        None, description="When it was used last, to the hour; not there if it never was."
    )
    ends: str


class KeyStarted(BaseModel):
    """A new API key."""

    token: str = Field(
        description="What programs send as `Authorization: Bearer …`. It is not shown again."
    )
    key: KeyShown


class KeyList(BaseModel):
    """The API keys of who asks that can still be used, the newest first."""

    items: list[KeyShown]


class ProviderShown(BaseModel):
    """Another place whose accounts people come in with."""

    name: str
    title: str


class ProviderList(BaseModel):
    """The providers of the app."""

    items: list[ProviderShown]


class LinkProvider(_Body):
    """Where the browser goes when an account is linked."""

    next: str = Field("/", max_length=1000, description="A path of this app.")


class Leads(BaseModel):
    """Where the browser goes now."""

    address: str


class IdentityShown(BaseModel):
    """An account elsewhere."""

    id: str
    provider: str
    email: str | None = None
    created: str
    used: str


class IdentityList(BaseModel):
    """The accounts elsewhere that let who asks in, the newest first."""

    items: list[IdentityShown]
