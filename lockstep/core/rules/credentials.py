"""Passwords and what the log keeps of them: argon2id hashes (version 19) with what they were made with.

It hashes and compares; who may try how often, and what follows, is for whoever asks. It never keeps a password.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Protocol
from urllib.parse import unquote

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import HashingError
from argon2.low_level import ARGON2_VERSION, hash_secret_raw
from msgspec import structs

from lockstep.config.schema import AccountSection, AlertsSection, Config
from lockstep.core.schema.records import ExtCredential

HASH_SIZE = 32
SALT_SIZE = 16
# OWASP's second recommendation for argon2id: 19 MiB, two passes, one lane.
HASHER = PasswordHasher(
    time_cost=2, memory_cost=19456, parallelism=1, hash_len=HASH_SIZE, salt_len=SALT_SIZE, type=Type.ID
)


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
    """Whether `password` hashes to the credential; takes as long either way.

    No password is right where the library refuses its parameters, or has not the memory: a log may have any.
    """
    try:
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
    except HashingError:
        return False
    return hmac.compare_digest(digest, credential.hash)


def without_passwords(config: Config) -> Config:
    """The configuration as it may lie on a disk: a hash in the place of each plain password, none in database.url, and
    nothing of [alerts], where tokens may be: only the supervisor has it.

    An account's salt follows from its name, so that the same password is the same hash at the next start: any other
    would be a change, which goes into the log.
    """
    database = structs.replace(config.database, url=without_password(config.database.url)[0])
    accounts = [_hashed(account) for account in config.accounts]
    return structs.replace(config, database=database, accounts=accounts, alerts=AlertsSection())


def without_password(url: str) -> tuple[str, str]:
    """A PostgreSQL URL without its password, and the password; empty if there is none."""
    head, _, query = url.partition("?")
    scheme, _, place = head.partition("://")
    place, slash, path = place.partition("/")
    login, at, host = place.rpartition("@")
    user, _, password = login.partition(":")
    options = query.split("&")
    for option in [option for option in options if option.startswith("password=")]:
        options.remove(option)
        password = option.partition("=")[2]
    if not password:
        return url, ""
    rest = "?" + "&".join(options) if any(options) else ""
    return f"{scheme}://{user}{at}{host}{slash}{path}{rest}", unquote(password)


def _hashed(account: AccountSection) -> AccountSection:
    if account.password is None:
        return account
    salt = hashlib.sha256(f"lockstep account {account.name}".encode()).digest()[:SALT_SIZE]
    return structs.replace(account, password=None, password_hash=HASHER.hash(account.password, salt=salt))


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
