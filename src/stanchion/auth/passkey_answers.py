"""What browsers answer to challenges of passkeys, judged.

In: an answer, the challenge, the site, and the key that is kept.   Out: what is to be kept.
Refuses: another challenge, origin or site, a page within a page, nobody who unlocked the device, a
count that does not grow, a signature of another key. py_webauthn does that; here is what it leaves
open. Called by `passkeys`.
"""

from __future__ import annotations

import json
import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..errors import Invalid, SettingError, Unauthorized
from ..origins import read_address, read_public_url
from ..settings import Settings

ALGORITHMS = (-8, -7, -257)
"""EdDSA, ES256 and RS256, as COSE numbers them: every authenticator knows one of them."""
LONGEST_ID, LONGEST_KEY, LONGEST_PART = 1023, 2048, 16_384
"""Bytes of what an authenticator gives: an id (as WebAuthn bounds it), a key, any other part."""
TRANSPORTS = 8
OF_DEV = re.compile(r"http://localhost(:[0-9]{1,5})?", re.ASCII)
_WRITTEN = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)

Credential = Mapping[str, Any]
"""What `navigator.credentials` gave, as its `toJSON()` writes it."""


@dataclass(frozen=True, slots=True)
class PasskeySite:
    """Whose passkeys these are: the name of the site, and the origin of its pages. None in `dev`,
    where it is this machine on any port."""

    id: str
    origin: str | None

    def expected(self, client_data: bytes) -> str:
        """The origin that an answer must be from."""
        if self.origin is not None:
            return self.origin
        said = str(json.loads(client_data)["origin"])
        return said if OF_DEV.fullmatch(said) else "http://localhost"


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """What is kept of a passkey that was made."""

    credential: bytes
    key: bytes
    count: int
    transports: str


def site_of(settings: Settings, *, in_dev: bool) -> PasskeySite:
    """The site of the settings. Raises `SettingError` where they name none that can have any."""
    url = read_public_url(settings.public_url)
    hint = "https://shop.example, where people reach the app"
    name = "STANCHION_PUBLIC_URL"
    if url is None:
        if in_dev:
            return PasskeySite("localhost", None)
        detail = "it is not set, and passkeys belong to the site that it names"
        raise SettingError(name, detail, hint=hint)
    host = urlsplit(url.origin).hostname or ""
    if read_address(host) is not None:
        raise SettingError(name, f"{host} is an address; passkeys belong to a name", hint=hint)
    return PasskeySite(host, url.origin)


def credential_of(answer: Credential) -> bytes:
    """The id of the passkey that answers."""
    try:
        return _bytes(answer["id"], LONGEST_ID)
    except (KeyError, ValueError):
        raise wrong_passkey() from None


def judge(
    answer: Credential, challenge: bytes, site: PasskeySite, user: str, key: bytes, count: int
) -> int:
    """The count of the passkey after its answer. Raises 401 for an answer that does not fit."""
    from webauthn import verify_authentication_response

    try:
        parts = answer["response"]
        client_data = _client_data(parts)
        done = verify_authentication_response(
            credential=dict(answer),
            expected_challenge=challenge,
            expected_rp_id=site.id,
            expected_origin=site.expected(client_data),
            credential_public_key=key,
            credential_current_sign_count=count,
            require_user_verification=True,
        )
        if _bytes(parts["userHandle"], LONGEST_ID) != user.encode():
            raise ValueError("of somebody else")
    except _mistakes() as error:
        raise wrong_passkey() from error
    return done.new_sign_count


def judge_new(answer: Credential, challenge: bytes, site: PasskeySite) -> NewPasskey:
    """A passkey that was made. Raises 422 for an answer that does not fit."""
    from webauthn import verify_registration_response
    from webauthn.helpers.cose import COSEAlgorithmIdentifier

    try:
        parts = dict(answer["response"])
        client_data = _client_data(parts)
        parts["attestationObject"] = _without_statement(parts["attestationObject"])
        made = verify_registration_response(
            credential={**answer, "response": parts},
            expected_challenge=challenge,
            expected_rp_id=site.id,
            expected_origin=site.expected(client_data),
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(each) for each in ALGORITHMS],
        )
        if len(made.credential_id) > LONGEST_ID or len(made.credential_public_key) > LONGEST_KEY:
            raise ValueError("longer than any authenticator makes it")
    except _mistakes() as error:
        raise unusable("What the browser answered is no new passkey for this site.") from error
    transports = _transports(parts.get("transports"))
    return NewPasskey(made.credential_id, made.credential_public_key, made.sign_count, transports)


def written(raw: bytes) -> str:
    """Bytes as WebAuthn writes them in JSON."""
    return urlsafe_b64encode(raw).decode().rstrip("=")


def wrong_passkey() -> Unauthorized:
    """What is said of an answer, whatever is wrong with it."""
    return Unauthorized(
        "auth.wrong_passkey",
        "This passkey opens no account here.",
        hint="Take another passkey, or sign in in another way.",
    )


def unusable(detail: str) -> Invalid:
    """What is said of a passkey that is not kept."""
    return Invalid("auth.unusable_passkey", detail, hint="Ask for new options, and try again.")


def _client_data(parts: Mapping[str, Any]) -> bytes:
    """What the browser says it was asked, by whom. Refuses a page within a page of another site:
    who uses that one would not know for whom they unlock their device."""
    raw = _bytes(parts["clientDataJSON"], LONGEST_PART)
    said = json.loads(raw)
    if said.get("crossOrigin") or "topOrigin" in said:
        raise ValueError("a page within another site's")
    return raw


def _without_statement(text: str) -> str:
    """An attestation without what the maker of the authenticator says of it: none was asked for, so
    nothing that could be wrong with it is looked at."""
    from webauthn.helpers import encode_cbor, parse_cbor

    said = parse_cbor(_bytes(text, LONGEST_PART))
    return written(encode_cbor({"fmt": "none", "attStmt": {}, "authData": said["authData"]}))


def _bytes(text: Any, most: int) -> bytes:
    if not isinstance(text, str) or len(text) > most * 2 or not _WRITTEN.fullmatch(text):
        raise ValueError("no base64url")
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if not 0 < len(raw) <= most:
        raise ValueError("nothing, or more than there can be")
    return raw


def _transports(said: Any) -> str:
    """How a device is reached, as hints for another time."""
    listed = said if isinstance(said, list) else []
    known = {
        each for each in listed if isinstance(each, str) and re.fullmatch("[a-z-]{1,20}", each)
    }
    return " ".join(sorted(known)[:TRANSPORTS])


def _mistakes() -> tuple[type[Exception], ...]:
    """Whatever reading and judging an answer raises: it is what anybody may send."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from webauthn.helpers.exceptions import WebAuthnException

    return (
        WebAuthnException, InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError,
        LookupError, AttributeError, OverflowError, RecursionError, struct.error,
    )  # fmt: skip
