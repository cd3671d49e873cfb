"""What a provider signed: who somebody is there.

In: an ID token and the keys of its issuer.   Out: its claims.
Refuses whatever is not signed by this issuer, for this app, for this very sign-in: `Untrusted`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]  # it has no types
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, KeySet
from joserfc.jws import JWSRegistry

from ... import clock

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Those of a key pair. A secret that both sides know signs nothing here, and `none` never does."""
LEEWAY_S = 60
LONGEST = 64 * 1024


class Untrusted(Exception):
    """What came from a provider is not what it had to be; the text says what, for the log."""


class UnknownKey(Untrusted):
    """A key that its issuer did not name when it was asked last."""


def read_id_token(
    token: object, keys: Mapping[str, Any], issuer: str, client: str, nonce: str, access_token: str
) -> dict[str, Any]:
    """The claims of a token that this issuer signed for this client and this nonce."""
    if not isinstance(token, str) or len(token) > LONGEST:
        raise Untrusted("there is no ID token")
    try:
        registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
        known = [key for key in keys.get("keys", ()) if key.get("kty") in ("RSA", "EC")]
        read = jwt.decode(token, KeySet.import_key_set({"keys": known}), registry=registry)
        claims = CodeIDToken(
            read.claims, read.header,
            {
                "iss": {"essential": True, "value": issuer},
                "aud": {"essential": True, "value": client},
            },
            {"nonce": nonce, "client_id": client, "access_token": access_token},
        )  # fmt: skip
        claims.validate(now=int(clock.now().timestamp()), leeway=LEEWAY_S)
    except InvalidKeyIdError as error:
        raise UnknownKey(str(error)) from None
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Untrusted(f"{type(error).__name__}: {error}") from None
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise Untrusted("its subject is no text of 1 to 255 characters")
    audience = claims.get("aud")
    if isinstance(audience, list) and len(audience) != 1:
        raise Untrusted("it is for others too")
    return dict(claims)


def sign_secret(issuer: str, client: str, team: str, key: str, pem: str) -> str:
    """The secret that Apple wants: signed with the key of the team, for the next five minutes."""
    now = int(clock.now().timestamp())
    claims = {"iss": team, "iat": now, "exp": now + 300, "aud": issuer, "sub": client}
    return jwt.encode({"alg": "ES256", "kid": key}, claims, ECKey.import_key(pem))
