"""The API keys that a demo's accounts have: whoever knows the account's name knows their secrets.

It makes them from the name alone; where they may exist, `config.checks` says.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockstep.core.schema.records import KeyKind, KeyScope

SCOPES = KeyScope.READ | KeyScope.TRADE


class DemoKey(NamedTuple):
    """An API key, and what signs with it: an HMAC secret, or the 32-byte seed of a private key."""

    name: str
    kind: KeyKind
    secret: bytes

    @property
    def private_key(self) -> Ed25519PrivateKey:
        """The private key of an ED25519 key."""
        return Ed25519PrivateKey.from_private_bytes(self.secret)


def of_account(account: str) -> tuple[DemoKey, DemoKey]:
    """The keys of the account with this name."""
    signing = f"{account}-demo-ed25519"
    return (
        DemoKey(f"{account}-demo-key", KeyKind.HMAC, f"{account}-demo-secret".encode()),
        DemoKey(signing, KeyKind.ED25519, hashlib.sha256(signing.encode()).digest()),
    )
