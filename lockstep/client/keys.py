"""API keys: a name, and what signs with it."""

from __future__ import annotations

import base64
import hmac
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


class Key(Protocol):
    """A key of an account. `name` goes with each request."""

    name: str

    def sign(self, text: bytes) -> str:
        """Return the signature of a text."""


class HmacKey:
    """A key with a shared secret: HMAC-SHA256."""

    def __init__(self, name: str, secret: str) -> None:
        self.name = name
        self._secret = secret.encode()

    def sign(self, text: bytes) -> str:
        return hmac.digest(self._secret, text, "sha256").hex()


class Ed25519Key:
    """A key whose private half only its owner has: Ed25519."""

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        self.name = name
        self._private = private

    def sign(self, text: bytes) -> str:
        return base64.b64encode(self._private.sign(text)).decode()


class RsaKey:
    """A key whose private half only its owner has: RSASSA-PKCS1-v1_5 with SHA-256."""

    def __init__(self, name: str, private: RSAPrivateKey) -> None:
        self.name = name
        self._private = private

    def sign(self, text: bytes) -> str:
        return base64.b64encode(self._private.sign(text, PKCS1v15(), hashes.SHA256())).decode()
