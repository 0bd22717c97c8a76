"""What verifies the signatures of programs' API keys: HMAC-SHA256, Ed25519 and RSA.

A signature comes as text. Its hexadecimal digits may be upper or lower case, and a form may have changed its base64.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from collections.abc import Callable
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from lockstep.core.schema.enums import KeyKind
from lockstep.core.venue.venue_key import VenueKey, VenueKeyError
from lockstep.procs.api.keys import ApiKey

BLOCK_SIZE = 64  # of SHA-256
INNER, OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
EXPONENT = 65_537  # of every RSA key that the venue takes
MAX_KEPT = 65536


class SigningKeys:
    """The keys that have signed something, each made once. `venue_key` gives what opens secrets."""

    def __init__(self, venue_key: Callable[[], VenueKey | None]) -> None:
        self._venue_key = venue_key
        self._kept: dict[int, Key] = {}

    def of(self, key: ApiKey) -> Key:
        """Return what verifies a key's signatures. VenueKeyError where its secret can't be opened."""
        found = self._kept.get(key.number)
        if found is None:
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            found = self._kept[key.number] = self._made(key)
        return found

    def _made(self, key: ApiKey) -> Key:
        if key.kind == KeyKind.ED25519:
            return Ed25519Key(key.material)
        if key.kind == KeyKind.RSA:
            return RsaKey(key.material)
        venue_key = self._venue_key()
        if venue_key is None:
            raise VenueKeyError("the venue has no key")
        return HmacKey(venue_key.open_secret(key.name.decode(), key.material))


class Key(Protocol):
    """What a signature is verified with."""

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        """Whether the signature, as text, is this key's of `signed`."""


class HmacKey:
    """A secret that both sides know; its signatures are 64 hexadecimal digits.

    Both hashes of HMAC (RFC 2104) have taken their key beforehand: that is two thirds of the time of a short text.
    """

    def __init__(self, secret: bytes) -> None:
        key = secret if len(secret) <= BLOCK_SIZE else hashlib.sha256(secret).digest()
        padded = key.ljust(BLOCK_SIZE, b"\0")
        self._inner = hashlib.sha256(padded.translate(INNER))
        self._outer = hashlib.sha256(padded.translate(OUTER))

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(signed)
        outer.update(inner.digest())
        try:
            return hmac.compare_digest(outer.digest(), binascii.unhexlify(signature))
        except binascii.Error:
            return False


class Ed25519Key:
    """A public key of 32 bytes; its signatures are base64."""

    def __init__(self, public: bytes) -> None:
        self._public = Ed25519PublicKey.from_public_bytes(public)

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        try:
            self._public.verify(base64_of(signature), signed)
        except (binascii.Error, InvalidSignature):
            return False
        return True


class RsaKey:
    """A modulus; its signatures are base64 of RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, 8.2)."""

    def __init__(self, modulus: bytes) -> None:
        self._public = RSAPublicNumbers(EXPONENT, int.from_bytes(modulus)).public_key()

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        try:
            self._public.verify(base64_of(signature), signed, PKCS1v15(), SHA256())
        except (binascii.Error, InvalidSignature):
            return False
        return True


def base64_of(signature: bytes) -> bytes:
    """The bytes of a base64 text that a form may have changed: `+` to a space, or percent-encoded twice."""
    text = signature.replace(b" ", b"+")
    if b"%" in text:  # python-binance encodes it before its HTTP library does so again
        for encoded, plain in ((b"%2B", b"+"), (b"%2F", b"/"), (b"%3D", b"=")):
            text = text.replace(encoded, plain)
    return binascii.a2b_base64(text, strict_mode=True)
