"""Who signed a request, and when: HMAC-SHA256, Ed25519 and RSA over its parameters, its timestamp and its window.

Traps of the dialect: the signature is of the bytes as they were sent; hexadecimal digits may be upper or lower case;
times may be microseconds. It looks no key up, and the time is given.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from procs.api.binance.errors import ApiError, Number, illegal_characters, missing
from procs.api.binance.parameters import Parameters

DEFAULT_WINDOW_US = 5_000_000
MOST_WINDOW_US = 60_000_000
AHEAD_US = 1_000_000  # how far a client's clock may be before the venue's
FIRST_MICROSECONDS = 10**14  # a smaller timestamp is milliseconds: of before the year 5138
BLOCK_SIZE = 64  # of SHA-256
INNER, OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
DIGEST_SIZE = 32
ED25519_SIZE = 64
EXPONENT = 65_537  # of every RSA key that the venue takes

API_KEY = re.compile(rb"[A-Za-z0-9_-]{1,64}", re.ASCII)
TIMESTAMP_SIZE = 20
WINDOW_DIGITS = 8
WINDOW = re.compile(rb"([0-9]{1,8})\.([0-9]{1,3})", re.ASCII)


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


def key_name(header: bytes | None) -> bytes:
    """The API key's name from X-MBX-APIKEY, or from `apiKey`. ApiError."""
    if not header:
        raise ApiError(401, Number.KEY_FORMAT, "API-key format invalid.")
    if not API_KEY.fullmatch(header):
        raise ApiError(401, Number.KEY_FORMAT, "API-key format invalid.")
    return header


def not_permitted() -> ApiError:
    """The key does not exist, was revoked, has expired, lacks the scope or may not come from this address."""
    return ApiError(401, Number.KEY_REJECTED, "Invalid API-key, IP, or permissions for action.")


def check_time(parameters: Parameters, now_us: int) -> int:
    """Whether a signed request comes within its window; returns until when, in microseconds, it may. ApiError.

    The rule is `timestamp < now + 1000 and now - timestamp <= recvWindow`, in milliseconds.
    """
    sent_us = timestamp_us(parameters.get(b"timestamp"))
    window_us = window_of(parameters.get(b"recvWindow"))
    if sent_us >= now_us + AHEAD_US:
        text = "Timestamp for this request was 1000ms ahead of the server's time."
        raise ApiError(400, Number.INVALID_TIMESTAMP, text)
    if now_us - sent_us > window_us:
        text = "Timestamp for this request is outside of the recvWindow."
        raise ApiError(400, Number.INVALID_TIMESTAMP, text)
    return sent_us + window_us


def timestamp_us(value: bytes | None) -> int:
    if value is None:
        raise missing("timestamp")
    if len(value) > TIMESTAMP_SIZE or not value.isdigit():
        raise illegal_characters("timestamp", "^[0-9]{1,20}$")
    moment = int(value)
    return moment if moment >= FIRST_MICROSECONDS else 1000 * moment


def window_of(value: bytes | None) -> int:
    """recvWindow, which is milliseconds with at most three decimals, in microseconds."""
    if value is None:
        return DEFAULT_WINDOW_US
    is_whole = value.isdigit() and len(value) <= WINDOW_DIGITS
    window_us = 1000 * int(value) if is_whole else _fractional_window_of(value)
    if window_us > MOST_WINDOW_US:
        raise ApiError(400, Number.INVALID_RECV_WINDOW, "recvWindow must be less than 60000")
    return window_us


def _fractional_window_of(value: bytes) -> int:
    match = WINDOW.fullmatch(value)
    if match is None:
        raise illegal_characters("recvWindow", "^([0-9]{1,8})(\\.[0-9]{1,3})?$")
    return 1000 * int(match[1]) + int(match[2].ljust(3, b"0"))


def check_signature(parameters: Parameters, key: Key) -> bytes:
    """Return the bytes that `key` signed: what was sent, or its encoded form. ApiError if it signed neither.

    A signature can be written in several ways, and what it signs can be sent in several ways; the signed bytes are the
    same in all of them, so they identify the request.
    """
    signature = parameters.signature
    if signature is None:
        raise missing("signature")
    if key.verifies(parameters.signed, signature):
        return parameters.signed
    encoded = parameters.encoded()
    if encoded is None or not key.verifies(encoded, signature):
        raise ApiError(400, Number.INVALID_SIGNATURE, "Signature for this request is not valid.")
    return encoded
