"""What the routes of sign-in by mail take and give."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from .bodies import AS, Carried


class _MailBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


class AccountAsked(BaseModel):
    """An address, and the other fields of a user that anybody may set. The password is chosen when
    the address is proven."""

    model_config = ConfigDict(extra="allow", strict=True)

    email: str = Field(max_length=254)


class AddressNamed(_MailBody):
    """An address."""

    email: str = Field(max_length=254)


class AddressChange(_MailBody):
    """Another address, and the password as it is."""

    email: str = Field(max_length=254)
    password: str = Field(max_length=256)


class MailToken(_MailBody):
    """The token of a link."""

    token: str = Field(max_length=128)


class LinkLogin(_MailBody):
    """The token of a link that signs in."""

    token: str = Field(max_length=128)
    carried: Carried = AS


class AddressProof(_MailBody):
    """The token of a link, and a new password unless its user is signed in."""

    token: str = Field(max_length=128)
    password: str | None = Field(None, description="Chosen now: whatever was set before is gone.")
    carried: Carried = AS


class PasswordReset(_MailBody):
    """The token of a link, and a new password."""

    token: str = Field(max_length=128)
    password: str


class MailCodeLogin(_MailBody):
    """The code of a mail, and what the request for it was answered."""

    request: str = Field(max_length=128)
    code: str = Field(max_length=16)
    carried: Carried = AS


class MailSent(BaseModel):
    """What is said of every address: if it is somebody's, they have mail."""

    sent: str = "If the address can be written to, a mail is on its way."


class CodeSent(MailSent):
    """The same, and what is needed beside the code of the mail."""

    request: str
