"""Passwords and what the log keeps of them: argon2id hashes (version 19) with what they were made with.

It hashes and compares; who may try how often, and what follows, is for whoever asks. It never keeps a password.
"""

from __future__ import annotations

import base64
import hmac
from typing import Protocol

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.low_level import ARGON2_VERSION, hash_secret_raw

from shm.records import ExtCredential

HASH_SIZE = 32
# OWASP's second recommendation for argon2id: 19 MiB, two passes, one lane.
HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1, hash_len=HASH_SIZE, salt_len=16, type=Type.ID)


class Hashed(Protocol):
    """A hash and its parameters, in whichever record or tuple they came."""

    @property
    def salt(self) -> bytes: ...
    @property
    def hash(self) -> bytes: ...
    @property
    def memory_kib(self) -> int: ...
    @property
    def time_cost(self) -> int: ...
    @property
    def parallelism(self) -> int: ...


def is_right(password: str, credential: Hashed) -> bool:
    """Whether `password` hashes to the credential; takes as long either way."""
    digest = hash_secret_raw(
        password.encode("utf-8", "surrogateescape"),
        credential.salt,
        time_cost=credential.time_cost,
        memory_cost=credential.memory_kib,
        parallelism=credential.parallelism,
        hash_len=HASH_SIZE,
        type=Type.ID,
        version=ARGON2_VERSION,
    )
    return hmac.compare_digest(digest, credential.hash)


def credential_of(text: str) -> ExtCredential:
    """The record of a hash in its usual text form, `$argon2id$v=19$…`."""
    parameters = extract_parameters(text)
    salt, digest = (base64.b64decode(part + "=" * (-len(part) % 4)) for part in text.split("$")[-2:])
    return ExtCredential(
        salt=salt,
        hash=digest,
        memory_kib=parameters.memory_cost,
        time_cost=parameters.time_cost,
        parallelism=parameters.parallelism,
    )
