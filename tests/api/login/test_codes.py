"""One-time codes and recovery codes: the right ones are recognised, by the step or the number that is used up."""

from __future__ import annotations

import pyotp
import pytest

from lockstep.core.schema.records import ExtRecoveryEvent, FactorDefined, FactorUsed
from lockstep.core.venue.venue_key import VenueKey, VenueKeyError
from lockstep.procs.api.factors import Factor, Factors
from lockstep.procs.api.login import codes
from lockstep.procs.api.login.codes import Match

KEY = VenueKey(bytes(range(32)))
SECRET = b"12345678901234567890"
NOW_S = 1_111_111_109


def factor(recovery: list[str], used: int = 0) -> Factor:
    return Factor(KEY.seal_factor("alice", SECRET), tuple(codes.recovery_hashes(KEY, "alice", recovery)), used)


def test_codes_are_those_of_rfc_6238() -> None:
    """Its appendix B has eight digits of this secret at this time: 07081804."""
    assert codes.step_of(SECRET, "081804", NOW_S) == NOW_S // 30
    assert codes.step_of(SECRET, "081804", NOW_S + 30) == NOW_S // 30
    assert codes.step_of(SECRET, "081804", NOW_S - 30) == NOW_S // 30
    assert codes.step_of(SECRET, "081804", NOW_S + 61) == 0
    assert codes.step_of(SECRET, "081805", NOW_S) == 0


def test_an_authenticator_reads_what_the_uri_says() -> None:
    secret = codes.new_secret()
    read = pyotp.parse_uri(codes.uri_of(secret, "alice", "my venue"))
    assert (read.name, read.issuer) == ("alice", "my venue")
    assert codes.step_of(secret, pyotp.TOTP(codes.text_of(secret)).at(NOW_S), NOW_S) == NOW_S // 30


def test_a_code_is_matched_with_its_spaces_and_in_either_case() -> None:
    recovery = codes.new_recovery_codes()
    known = factor(recovery)
    assert codes.matched(known, KEY, "alice", " 081 804", NOW_S) == Match(NOW_S // 30, 0)
    assert codes.matched(known, KEY, "alice", recovery[3].lower(), NOW_S) == Match(0, 4)
    assert codes.matched(known, KEY, "alice", recovery[3].replace("-", " "), NOW_S) == Match(0, 4)
    assert codes.matched(factor(recovery, used=1 << 4), KEY, "alice", recovery[3], NOW_S) is None
    for wrong in ("", "000000", "081804081804", "٠٨١٨٠٤", codes.new_recovery_codes()[0], "é" * 16):
        assert codes.matched(known, KEY, "alice", wrong, NOW_S) is None


def test_a_factor_of_another_account_proves_nothing() -> None:
    recovery = codes.new_recovery_codes()
    with pytest.raises(VenueKeyError):
        codes.matched(factor(recovery), KEY, "bob", "081804", NOW_S)


def test_ten_recovery_codes_of_80_bits_that_differ() -> None:
    shown = codes.new_recovery_codes()
    assert len({*shown}) == 10
    assert all(len(code.replace("-", "")) == 16 for code in shown)


def test_events_say_what_a_factor_is_and_what_of_it_is_used() -> None:
    """LOG-30."""
    recovery = codes.new_recovery_codes()
    hashes, sealed = codes.recovery_hashes(KEY, "alice", recovery), KEY.seal_factor("alice", SECRET)
    factors = Factors()
    for half in (hashes[:5], hashes[5:]):
        factors.note(ExtRecoveryEvent(hashes=b"".join(half).rstrip(b"\0"), count=5))
    factors.note(FactorDefined(account=7, session=65536, size=len(sealed), secret=sealed.rstrip(b"\0")))
    assert factors.find(7) == Factor(sealed, tuple(hashes))
    factors.note(FactorUsed(request=b"r", account=7, step=5, session=65536, code=0))
    factors.note(FactorUsed(request=b"r", account=7, step=0, session=65536, code=10))
    known = factors.find(7)
    assert known is not None
    assert known.codes_left == 9
    again = Factors()
    again.restore(factors.known())
    assert again.find(7) == known
    factors.note(FactorDefined(account=7, session=65536, size=0, secret=b""))
    assert factors.find(7) is None
