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
    session: str = Field(description="The id of the session.")


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
