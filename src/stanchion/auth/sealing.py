"""Secrets that must be read again, kept so that a copy of the database alone opens none of them.

In: a secret, and whose it is.   Out: what is stored, and the name of the key that opens it.
AES-256-GCM under keys that are derived from those of `STANCHION_SECRET_KEY`: the first one seals,
each of them opens. Whose a secret is belongs to the seal, so it opens in no row but its own. Why
so: docs/decisions/011-sign-in.md, "Second factors".
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from ..declare import SignIn
from ..errors import SettingError
from ..settings import Settings, read_secret_keys

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

OF_DEV = "stanchion dev: whoever reads this can open what was sealed with it"
"""What `dev` and tests seal with where there is no key. It opens everywhere, so that what was made
there can be sealed anew by a server that has a key."""
NONCE = 12


class Sealed(NamedTuple):
    """A secret as it is stored."""

    key: str
    """The name of the key, which says nothing of it."""
    text: bytes


class Sealer:
    """Seals and opens with the keys of one process."""

    def __init__(self, settings: Settings) -> None:
        keys = [*read_secret_keys(settings.secret_key), OF_DEV]
        derived = [_derive(key) for key in keys]
        self.current = derived[0][0]
        self._ciphers = dict(derived)

    @property
    def known(self) -> frozenset[str]:
        """The names of all keys that open something here."""
        return frozenset(self._ciphers)

    def seal(self, secret: bytes, whose: str) -> Sealed:
        """The secret under the first key. `whose` must be said again to open it."""
        nonce = os.urandom(NONCE)
        text = self._ciphers[self.current].encrypt(nonce, secret, whose.encode())
        return Sealed(self.current, nonce + text)

    def open(self, sealed: Sealed, whose: str) -> bytes | None:
        """The secret; None where its key is not here, or it is not this one's."""
        from cryptography.exceptions import InvalidTag

        cipher = self._ciphers.get(sealed.key)
        if cipher is None:
            return None
        try:
            return cipher.decrypt(sealed.text[:NONCE], sealed.text[NONCE:], whose.encode())
        except InvalidTag:
            return None


def _derive(key: str) -> tuple[str, AESGCM]:
    """The name of a key, and what seals with it. Neither leads back to the key."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    raw = key.encode()
    name = HKDF(SHA256(), 8, None, b"stanchion name of a key 1").derive(raw)
    secret = HKDF(SHA256(), 32, None, b"stanchion sealing 1").derive(raw)
    return name.hex(), AESGCM(secret)


def open_sealer(settings: Settings, policy: SignIn, *, in_dev: bool) -> Sealer | None:
    """The keys of this process, where the app keeps something that needs them. Raises
    `SettingError` where there are none and people rely on them."""
    if not policy.totp:
        return None
    if not settings.secret_key and not in_dev:
        raise SettingError(
            "STANCHION_SECRET_KEY",
            "it is not set, and SignIn(totp=True) keeps secrets that it seals",
            hint="python -c 'import secrets; print(secrets.token_urlsafe(32))' makes one; keep it "
            "where the database is not",
        )
    return Sealer(settings)
