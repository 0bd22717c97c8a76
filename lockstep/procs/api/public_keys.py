"""Public keys as people send them: PEM, or base64 of an Ed25519 key's 32 bytes. Each has one form only."""

from __future__ import annotations

import binascii
import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from lockstep.core.schema.records import KeyKind
from lockstep.procs.api.login.registry import PublicKey
from lockstep.procs.api.login.signing_keys import EXPONENT

MIN_BITS, MAX_BITS = 2048, 4096
BYTE = 8
PEM = re.compile(r"\s*-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*", re.ASCII)
NO_KEY = (
    "This is not a public key: send Ed25519 or RSA as PEM (BEGIN PUBLIC KEY), or base64 of an Ed25519 key's 32 bytes."
)
PRIVATE = "This is a private key: keep it to yourself. Make another one, and send what openssl pkey -pubout prints."


class NoPublicKeyError(ValueError):
    """The text is not a public key that the venue takes; the message says why."""


def public_key_of(text: str) -> PublicKey:
    """Return the public key that `text` is. NoPublicKeyError."""
    if "PRIVATE KEY" in text:
        raise NoPublicKeyError(PRIVATE)
    pem = PEM.fullmatch(text)
    try:
        der = binascii.a2b_base64("".join(pem[1].split()) if pem else text, strict_mode=True)
        if pem is None:
            return _ed25519(Ed25519PublicKey.from_public_bytes(der))
        key = load_der_public_key(der)  # DER has one form, and nothing may follow
    except (ValueError, UnsupportedAlgorithm):
        raise NoPublicKeyError(NO_KEY) from None
    if isinstance(key, Ed25519PublicKey):
        return _ed25519(key)
    if isinstance(key, RSAPublicKey):
        return _rsa(key)
    raise NoPublicKeyError(NO_KEY)


def _ed25519(key: Ed25519PublicKey) -> PublicKey:
    return PublicKey(KeyKind.ED25519, key.public_bytes_raw())


def _rsa(key: RSAPublicKey) -> PublicKey:
    numbers = key.public_numbers()
    bits = numbers.n.bit_length()
    if not MIN_BITS <= bits <= MAX_BITS:
        raise NoPublicKeyError(f"This RSA key has {bits} bits: {MIN_BITS} to {MAX_BITS} are taken.")
    if numbers.e != EXPONENT:
        raise NoPublicKeyError(f"This RSA key's exponent is {numbers.e}: {EXPONENT} is taken.")
    if numbers.n % 2 == 0:
        raise NoPublicKeyError("This RSA key's modulus is even: two large primes make an odd one.")
    return PublicKey(KeyKind.RSA, numbers.n.to_bytes(-(-bits // BYTE)))
