"""New passwords: which are good enough, and what the log keeps of them, worked out beside the event loop.

Old ones are checked by `procs.edge.authentication`. Nothing here keeps a password.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from procs.edge.authentication import step_back
from procs.rules.credentials import HASHER, credential_of
from shm.records import ExtCredential

LEAST = 8  # characters (ASVS 5.0, 6.2.1)
MOST = 128
SCORED = 64  # characters that are looked at: what comes behind makes no password easier to guess
GOOD = 2  # of zxcvbn's scores: more than a million guesses
MOST_WAITING = 64


class WeakPasswordError(ValueError):
    """A password that is not taken; the message says why, and what to do."""


class BusyError(RuntimeError):
    """More passwords wait to be hashed than should."""


class Passwords:
    """Judges and hashes new passwords, one at a time, in a thread of low priority."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "passwords", initializer=step_back)
        self._waiting = 0

    async def credential(self, password: str, name: str) -> ExtCredential:
        """What the log keeps of a new password of the account called `name`. WeakPasswordError, BusyError."""
        if not LEAST <= len(password) <= MOST:
            raise WeakPasswordError(f"a password has {LEAST} to {MOST} characters")
        if self._waiting >= MOST_WAITING:
            raise BusyError("too many new passwords wait to be hashed")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, _hashed, password, name)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the thread, and give up what waits."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _hashed(password: str, name: str) -> ExtCredential:
    from zxcvbn import zxcvbn  # with its lists of words: most processes never need them

    found = zxcvbn(password[:SCORED], user_inputs=[name, "lockstep"])
    if found["score"] < GOOD:
        why = found["feedback"]["warning"] or "it is too easy to guess"
        raise WeakPasswordError(f"choose another password: {why.rstrip('.').lower()}; a few uncommon words are good")
    return credential_of(HASHER.hash(password))
