"""New passwords: which are good enough, and what the log keeps of them, worked out beside the event loop.

Old ones are checked by `edge.authentication`. Nothing here keeps a password.
"""

from __future__ import annotations

from functools import partial

from lockstep.core.edge.turns import Turns
from lockstep.core.rules.credentials import HASHER, credential_of
from lockstep.core.schema.records import ExtCredential

LEAST = 8  # characters (ASVS 5.0, 6.2.1)
MOST = 128
# Characters that zxcvbn scores: what comes behind makes no password easier to guess. The worst password found takes it
# 0.08 s with 16 of them, 0.25 s with 20, and 2 s with 64.
SCORED = 16
GOOD = 2  # of zxcvbn's scores: more than a million guesses
MAX_WAITING = 128  # passwords of one address that wait for a thread


class WeakPasswordError(ValueError):
    """A password that is not taken; the message says why, and what to do."""


class Passwords:
    """Judges and hashes new passwords, one at a time, in a thread of low priority."""

    def __init__(self) -> None:
        self._turns = Turns(1, MAX_WAITING)

    async def credential(self, password: str, name: str, address: str) -> ExtCredential:
        """Return what the log keeps of a new password of the account called `name`, for a client at `address`.

        WeakPasswordError, BusyError.
        """
        if not LEAST <= len(password) <= MOST:
            raise WeakPasswordError(f"a password has {LEAST} to {MOST} characters")
        return await self._turns.run(address, name, partial(_hashed, password, name))

    def close(self) -> None:
        """End the thread, and give up what waits."""
        self._turns.close()


def _hashed(password: str, name: str) -> ExtCredential:
    from zxcvbn import zxcvbn  # with its lists of words: most processes never need them

    found = zxcvbn(password[:SCORED], user_inputs=[name, "lockstep"])
    if found["score"] < GOOD:
        why = found["feedback"]["warning"] or "it is too easy to guess"
        raise WeakPasswordError(f"choose another password: {why.rstrip('.').lower()}; a few uncommon words are good")
    return credential_of(HASHER.hash(password))
