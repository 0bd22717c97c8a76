"""A configuration that is written to files has hashes only, and the same ones at each start."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import structs

from lockstep.core.rules.credentials import credential_of, is_right, without_password, without_passwords
from tests.gateway.harness import config_for


def test_a_password_becomes_a_hash_that_is_the_same_at_the_next_start() -> None:
    config = config_for()
    plain = structs.replace(config.accounts[0], password="battery staple", password_hash=None)
    twin = structs.replace(plain, name="TWIN")
    config = structs.replace(config, accounts=[plain, config.accounts[1], twin])
    hashed = without_passwords(config)
    assert b"battery staple" not in msgspec.json.encode(hashed)
    assert hashed == without_passwords(config) == without_passwords(hashed)
    assert hashed.accounts[1] == config.accounts[1]
    assert hashed.accounts[0].password_hash != hashed.accounts[2].password_hash
    assert hashed.accounts[0].password_hash is not None
    assert is_right("battery staple", credential_of(hashed.accounts[0].password_hash))


@pytest.mark.parametrize(
    ("url", "clean", "password"),
    [
        ("", "", ""),
        ("postgresql://host/db", "postgresql://host/db", ""),
        ("postgresql://me@[::1]:5432/db?sslmode=require", "postgresql://me@[::1]:5432/db?sslmode=require", ""),
        ("postgresql://me:a%40b%2Fc@host:1/db?x=%2Ftmp", "postgresql://me@host:1/db?x=%2Ftmp", "a@b/c"),
        ("postgres:///db?host=/tmp&password=p+q%26&user=me", "postgres:///db?host=/tmp&user=me", "p+q&"),
    ],
)
def test_a_database_url_is_written_without_its_password(url: str, clean: str, password: str) -> None:
    assert without_password(url) == (clean, password)
    config = config_for()
    config = structs.replace(config, database=structs.replace(config.database, url=url))
    assert without_passwords(config).database.url == clean
