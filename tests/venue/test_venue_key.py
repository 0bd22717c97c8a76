"""The venue's key: what it seals only it opens, and no start does without it where it has."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.core.venue import venue_key
from lockstep.core.venue.venue_key import FILE, VenueKey, VenueKeyError

NAMES = st.text("abcXYZ0-._", min_size=1, max_size=36)
SECRETS = st.binary(min_size=1, max_size=48)


@given(NAMES, SECRETS, st.binary(min_size=32, max_size=32))
def test_what_is_sealed_is_opened_under_its_name_alone(name: str, secret: bytes, key: bytes) -> None:
    sealed = VenueKey(key).seal_secret(name, secret)
    assert len(sealed) == len(secret) + venue_key.SEAL_SIZE
    assert VenueKey(key).open_secret(name, sealed) == secret
    for other in (VenueKey(bytes(32) if any(key) else b"x" * 32), VenueKey(key)):
        with pytest.raises(VenueKeyError):
            other.open_secret(name + "x", sealed)
    with pytest.raises(VenueKeyError):
        VenueKey(key).open_factor(name, sealed)
    with pytest.raises(VenueKeyError):
        VenueKey(key).open_secret(name, bytes([sealed[0] ^ 1]) + sealed[1:])


def test_two_secrets_under_one_name_tell_nothing_of_each_other() -> None:
    key = VenueKey(b"k" * 32)
    first, second = key.seal_secret("n", b"a" * 32), key.seal_secret("n", b"b" * 32)
    mixed = bytes(a ^ b for a, b in zip(first, second, strict=True))
    assert bytes(a ^ b for a, b in zip(b"a" * 32, b"b" * 32, strict=True)) not in mixed


def test_a_secret_has_bounds() -> None:
    for wrong in (b"", b"x" * 49):
        with pytest.raises(ValueError, match="1 to 48"):
            VenueKey(bytes(32)).seal_secret("n", wrong)


def test_a_recovery_codes_hash_needs_the_key_and_the_account() -> None:
    key = VenueKey(b"k" * 32)
    hashes = {key.recovery_hash("A", "code"), key.recovery_hash("B", "code"), key.recovery_hash("A", "edoc")}
    hashes.add(VenueKey(b"l" * 32).recovery_hash("A", "code"))
    assert len(hashes) == 4
    assert {len(each) for each in hashes} == {venue_key.RECOVERY_HASH_SIZE}
    assert key.recovery_hash("A", "code") in hashes


def test_its_file_is_its_owners_alone(tmp_path: Path) -> None:
    assert venue_key.load(tmp_path) is None
    made = venue_key.make(tmp_path)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    loaded = venue_key.load(tmp_path)
    assert loaded is not None
    assert loaded.open_secret("n", made.seal_secret("n", b"s")) == b"s"
    (tmp_path / FILE).chmod(0o640)
    with pytest.raises(VenueKeyError, match="chmod 600"):
        venue_key.load(tmp_path)
    (tmp_path / FILE).chmod(0o600)
    (tmp_path / FILE).write_bytes(b"short")
    with pytest.raises(VenueKeyError, match="5 bytes, not 32"):
        venue_key.load(tmp_path)


def test_a_log_with_sealed_secrets_needs_the_key_that_sealed_them(tmp_path: Path) -> None:
    assert venue_key.needed(tmp_path, {}) is None
    sealed = {b"n": VenueKey(b"k" * 32).seal_secret("n", b"s")}
    with pytest.raises(VenueKeyError, match=r"VENUE_KEY_MISSING: .* such as n, .*restore the file from a backup"):
        venue_key.needed(tmp_path, sealed)
    venue_key.make(tmp_path)
    with pytest.raises(VenueKeyError, match=r"VENUE_KEY_WRONG: .* is another one"):
        venue_key.needed(tmp_path, sealed)
    (tmp_path / FILE).write_bytes(b"k" * 32)
    assert venue_key.needed(tmp_path, sealed) is not None
