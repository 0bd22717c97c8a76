"""Codes by which an account takes a new password once two operators have agreed: made, shown, read and hashed.

Where one works, and how often, the router decides (LOG-34).
"""

from __future__ import annotations

import os
from base64 import b32decode, b32encode
from binascii import Error
from hashlib import sha256

CODE_SIZE = 16
HASH_SIZE = 16  # of SHA-256: a code is random, and needs no slow hash
GROUP = 5  # characters of a code as it is shown


def new_code() -> bytes:
    return os.urandom(CODE_SIZE)


def hash_of(code: bytes) -> bytes:
    """What the log has of a code."""
    return sha256(code).digest()[:HASH_SIZE]


def text_of(code: bytes) -> str:
    """A code as people type it: 26 letters and digits, in groups."""
    letters = b32encode(code).decode().rstrip("=")
    return "-".join(letters[at : at + GROUP] for at in range(0, len(letters), GROUP))


def code_of(text: str) -> bytes:
    """The code that somebody has typed; an empty one if it is none."""
    letters = text.replace("-", "").replace(" ", "").upper()
    try:
        code = b32decode(letters + "=" * (-len(letters) % 8))
    except (Error, ValueError):
        return b""
    return code if len(code) == CODE_SIZE else b""
