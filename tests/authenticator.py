"""An authenticator of our own for passkeys, that lies where a test says so. A real one is
Chromium's, in tests/browser/test_passkeys.py.

In: the options that a server gives.   Out: what `navigator.credentials` would give, in JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Authenticator:
    """One device with one passkey. It counts its uses, unless it is one that does not."""

    def __init__(self, origin: str = "https://shop.example", *, counts: bool = True) -> None:
        self.origin = origin
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = os.urandom(32)
        self.handle = b""
        self.counts = counts
        self.count = 0

    def make(self, options: Any, **lies: Any) -> dict[str, Any]:
        """The answer of `navigator.credentials.create()`. `lies` replace what is true: `origin`,
        `challenge`, `rp`, `flags`, `kind`, `more` (of the client data), `id`, `alg`, `fmt`."""
        self.handle = raw(options["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        public = {
            1: 2, 3: lies.get("alg", -7), -1: 1,
            -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big"),
        }  # fmt: skip
        data = self._data(lies.get("rp", options["rp"]["id"]), ATTESTED, lies)
        data += bytes(16) + len(self.id).to_bytes(2, "big") + self.id + encode_cbor(public)
        said = {"fmt": lies.get("fmt", "none"), "attStmt": {}, "authData": data}
        client = self._client("webauthn.create", options["challenge"], lies)
        parts = {
            "clientDataJSON": b64(client), "attestationObject": b64(encode_cbor(said)),
            "transports": ["internal", "hybrid"],
        }  # fmt: skip
        return self._answer(parts)

    def answer(self, options: Any, **lies: Any) -> dict[str, Any]:
        """The answer of `navigator.credentials.get()`; also `count`, `handle`, `signature`."""
        if self.counts:
            self.count += 1
        data = self._data(lies.get("rp", options["rpId"]), 0, lies)
        client = self._client("webauthn.get", options["challenge"], lies)
        signed = data + hashlib.sha256(client).digest()
        signature = self.key.sign(signed, ec.ECDSA(SHA256()))
        parts = {
            "clientDataJSON": b64(client), "authenticatorData": b64(data),
            "signature": b64(lies.get("signature", signature)),
            "userHandle": b64(lies.get("handle", self.handle)),
        }  # fmt: skip
        return self._answer(parts)

    def _answer(self, parts: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": b64(self.id), "rawId": b64(self.id), "type": "public-key", "response": parts,
            "clientExtensionResults": {}, "authenticatorAttachment": "platform",
        }  # fmt: skip

    def _data(self, rp: str, flags: int, lies: dict[str, Any]) -> bytes:
        flags |= lies.get("flags", PRESENT | VERIFIED)
        count = lies.get("count", self.count)
        return hashlib.sha256(rp.encode()).digest() + bytes([flags]) + count.to_bytes(4, "big")

    def _client(self, kind: str, challenge: str, lies: dict[str, Any]) -> bytes:
        said = {
            "type": lies.get("kind", kind), "challenge": lies.get("challenge", challenge),
            "origin": lies.get("origin", self.origin), "crossOrigin": False,
            **lies.get("more", {}),
        }  # fmt: skip
        return json.dumps(said).encode()
