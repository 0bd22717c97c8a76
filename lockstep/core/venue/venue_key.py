"""The venue's key: a file of 32 random bytes that seals the secrets in the log, so that a journal alone tells none.

It seals and opens, and makes the file. A secret is sealed by AES-SIV (RFC 5297), which needs no nonce: the same secret
under the same name gives the same bytes, and nothing else can be told from them, even where a name comes twice.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from lockstep.core.diagnostics.refusal import FinalError
from lockstep.core.files import atomic_file

FILE = "venue.key"
SIZE = 32
SEAL_SIZE = 16  # that sealing adds
MAX_SECRET = 48
RECOVERY_HASH_SIZE = 14
_API_KEY, _FACTOR, _RECOVERY = b"lockstep api key", b"lockstep second factor", b"lockstep recovery code"
_PROOF = b"lockstep proof"


class VenueKeyError(FinalError):
    """There is no key of the venue, or it is not the one that sealed what the log has."""


class VenueKey:
    """Seals secrets, and opens what it has sealed."""

    def __init__(self, key: bytes) -> None:
        if len(key) != SIZE:
            raise ValueError(f"a venue's key has {SIZE} bytes, not {len(key)}")
        self._api_keys = AESSIV(_derived(key, _API_KEY, 64))
        self._factors = AESSIV(_derived(key, _FACTOR, 64))
        self._recovery = _derived(key, _RECOVERY, 32)
        self._proofs = _derived(key, _PROOF, 32)

    def seal_secret(self, name: str, secret: bytes) -> bytes:
        """The secret of the API key called `name`, of 1 to 48 bytes, as the log has it."""
        if not 0 < len(secret) <= MAX_SECRET:
            raise ValueError(f"a secret has 1 to {MAX_SECRET} bytes, not {len(secret)}")
        return self._api_keys.encrypt(secret, [name.encode()])

    def open_secret(self, name: str, sealed: bytes) -> bytes:
        """What was sealed as the secret of the API key called `name`. VenueKeyError if not by this key."""
        return _opened(self._api_keys, name.encode(), sealed)

    def seal_factor(self, account: str, secret: bytes) -> bytes:
        """The secret of an account's one-time codes, as the log has it."""
        if not 0 < len(secret) <= MAX_SECRET:
            raise ValueError(f"a secret has 1 to {MAX_SECRET} bytes, not {len(secret)}")
        return self._factors.encrypt(secret, [account.encode()])

    def open_factor(self, account: str, sealed: bytes) -> bytes:
        """What was sealed as the secret of an account's one-time codes. VenueKeyError if not by this key."""
        return _opened(self._factors, account.encode(), sealed)

    def proof(self, purpose: bytes, name: bytes) -> bytes:
        """32 bytes that only the venue can make of a name, for a purpose."""
        mac = HMAC(self._proofs, SHA256())
        mac.update(purpose + b"\0" + name)
        return mac.finalize()

    def recovery_hash(self, account: str, code: str) -> bytes:
        """What the log has of a recovery code: without the key nobody can try codes against it."""
        mac = HMAC(self._recovery, SHA256())
        mac.update(account.encode() + b"\0" + code.encode())
        return mac.finalize()[:RECOVERY_HASH_SIZE]


def load(data: Path) -> VenueKey | None:
    """The key of the venue in `data`; None if there is none. VenueKeyError where the file is not what it should be."""
    file = data / FILE
    try:
        key, mode = file.read_bytes(), file.stat().st_mode
    except FileNotFoundError:
        return None
    if len(key) != SIZE:
        raise VenueKeyError(f"{file} has {len(key)} bytes, not {SIZE}: restore it from a backup")
    if mode & 0o077:
        raise VenueKeyError(f"{file} can be read by others than its owner: chmod 600 {file}")
    return VenueKey(key)


def make(data: Path) -> VenueKey:
    """A new key, in a file that only its owner can read. OSError."""
    key = os.urandom(SIZE)
    atomic_file.replace_durably(data / FILE, key)
    return VenueKey(key)


def needed(data: Path, sealed: dict[bytes, bytes]) -> VenueKey | None:
    """The key of the venue in `data`, whose log has these `sealed` secrets, by their keys' names.

    None if there is neither. VenueKeyError if it is missing, or does not open one of them.
    """
    found = load(data)
    name = next(iter(sealed), None)
    if name is None:
        return found
    what = f"the log has secrets of API keys, such as {name.decode()}, that are sealed with the venue's key"
    remedy = "restore the file from a backup, or copy it from the other node"
    if found is None:
        raise VenueKeyError(f"VENUE_KEY_MISSING: {what}, and there is no {data / FILE}: {remedy}")
    try:
        found.open_secret(name.decode(), sealed[name])
    except VenueKeyError as error:
        raise VenueKeyError(f"VENUE_KEY_WRONG: {what}, and {data / FILE} is another one: {remedy}") from error
    return found


def _derived(key: bytes, purpose: bytes, size: int) -> bytes:
    return HKDF(SHA256(), size, salt=None, info=purpose).derive(key)


def _opened(cipher: AESSIV, name: bytes, sealed: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed, [name])
    except (InvalidTag, ValueError) as error:
        raise VenueKeyError("this was not sealed with this venue's key, or not under this name") from error
