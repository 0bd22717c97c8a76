"""Second factors: one-time codes (TOTP, RFC 6238) and recovery codes, made and recognised.

That a code is right says nothing of whether it was used before: the router decides that, in the order of the log.
"""

from __future__ import annotations

import base64
import hmac
import os
from functools import lru_cache
from typing import NamedTuple

import pyotp

from lockstep.core.schema.records import FactorUse
from lockstep.core.venue.venue_key import VenueKey
from lockstep.procs.api.factors import HASH_SIZE, Factor

SECRET_SIZE = 20
STEP_S = 30
SKEW = 1  # steps that a clock may be off, either way
RECOVERY_CODES = 10
RECOVERY_SIZE = 10  # bytes: 16 characters
NOBODY = ""  # no account has this name


class Match(NamedTuple):
    """What a right code was: a step of time, or a recovery code's number."""

    step: int
    code: int

    def use(self, account: int, session: int, request: bytes) -> FactorUse:
        """The command that uses it up."""
        return FactorUse(account=account, session=session, request=request, step=self.step, code=self.code)


def new_secret() -> bytes:
    return os.urandom(SECRET_SIZE)


def text_of(secret: bytes) -> str:
    """A secret as people type it into their authenticator."""
    return base64.b32encode(secret).decode()


def uri_of(secret: bytes, account: str, venue: str) -> str:
    """What the QR code of a secret says."""
    return pyotp.TOTP(text_of(secret)).provisioning_uri(name=account, issuer_name=venue)


def step_of(secret: bytes, code: str, now_s: int) -> int:
    """Which step of time a one-time code is of; 0 if it is none of about now. Takes as long either way."""
    totp, found = pyotp.TOTP(text_of(secret)), 0
    for skew in range(-SKEW, SKEW + 1):
        step = now_s // STEP_S + skew
        if hmac.compare_digest(totp.generate_otp(step), code):
            found = step
    return found


def matched(factor: Factor, key: VenueKey, name: str, code: str, now_s: int) -> Match | None:
    """What a code of the account called `name` is; None if it is wrong, or was used as far as is known here, which
    takes as long. VenueKeyError.
    """
    plain = "".join(code.split()).replace("-", "").upper()
    if not plain.isascii():
        return None
    step = step_of(key.open_factor(name, factor.sealed), plain, now_s)
    given, number = key.recovery_hash(name, plain), 0
    for i, known in enumerate(factor.hashes, 1):
        if hmac.compare_digest(known, given):
            number = i
    if step > factor.step:
        return Match(step, 0)
    return Match(0, number) if number and not factor.used >> number & 1 else None


@lru_cache(maxsize=1)
def nobodys(key: VenueKey) -> Factor:
    """A second factor with unknown codes, under the name NOBODY: comparing a code with it takes as long."""
    hashes = tuple(os.urandom(HASH_SIZE) for _ in range(RECOVERY_CODES))
    return Factor(key.seal_factor(NOBODY, new_secret()), hashes)


def new_recovery_codes() -> list[str]:
    """Ten codes, as they are shown once."""
    codes = []
    for _ in range(RECOVERY_CODES):
        text = base64.b32encode(os.urandom(RECOVERY_SIZE)).decode()
        codes.append("-".join(text[i : i + 4] for i in range(0, len(text), 4)))
    return codes


def recovery_hashes(key: VenueKey, name: str, codes: list[str]) -> list[bytes]:
    """What the log keeps of them."""
    return [key.recovery_hash(name, code.replace("-", "")) for code in codes]
