"""Access tokens: signed JSON (RFC 7519, EdDSA) that name a session, for ten minutes. Every node of a venue knows them.

A token proves which session asks; whether that session has ended meanwhile, `sessions` says.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from lockstep.core.venue.venue_key import VenueKey

LIFETIME_S = 600
ALGORITHM = "Ed25519"  # RFC 9864's name for what was called EdDSA with this curve
PURPOSE = b"access tokens"


class TokenError(ValueError):
    """What came is no token of this venue's that is good now."""


class Tokens:
    """Makes tokens and reads them, for the venue called `issuer`. Times are seconds since 1970."""

    def __init__(self, key: VenueKey, issuer: str) -> None:
        private = Ed25519PrivateKey.from_private_bytes(key.proof(PURPOSE, issuer.encode()))
        raw = private.private_bytes_raw(), private.public_key().public_bytes_raw()
        seed, public = (urlsafe_b64encode(part).rstrip(b"=").decode() for part in raw)
        self._key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "d": seed, "x": public})
        self._header = {"alg": ALGORITHM, "kid": sha256(raw[1]).hexdigest()[:16], "typ": "at+jwt"}
        self._issuer = issuer

    def make(self, session: str, account: int, now_s: int) -> str:
        """A token of a session."""
        claims = {"iss": self._issuer, "sub": str(account), "sid": session, "iat": now_s, "exp": now_s + LIFETIME_S}
        return jwt.encode(self._header, claims, self._key, algorithms=[ALGORITHM])

    def session_of(self, token: str, now_s: int) -> str:
        """Which session a token is of. TokenError."""
        return self.read(token, now_s)[0]

    def read(self, token: str, now_s: int) -> tuple[str, int]:
        """Which session a token is of, and when it expires. TokenError."""
        try:
            read = jwt.decode(token, self._key, algorithms=[ALGORITHM])
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise TokenError("no token of this venue's") from error
        claims: dict[str, Any] = read.claims
        if read.header != self._header or claims.get("iss") != self._issuer:
            raise TokenError("no token of this venue's")
        expires, session = claims.get("exp"), claims.get("sid")
        if not isinstance(expires, int) or not isinstance(session, str) or expires <= now_s:
            raise TokenError("the token has expired")
        return session, expires
