"""Errors that keep a venue from starting, and that a second try does not mend.

It is the base of such errors; `host` and `supervisor` decide which process ends with one, and what happens
then.
"""

from __future__ import annotations

EXIT_REFUSED = 78  # EX_CONFIG of sysexits.h: a host that ends so has said why, and would say the same again


class FinalError(Exception):
    """The message says what is wrong, where, and what to do about it."""
