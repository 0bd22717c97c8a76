"""What every check of a promise of the venue fails with: other assertions may be a mistake of the test."""

from __future__ import annotations


class BrokenError(AssertionError):
    """The venue did something that it must never do."""


def require(holds: object, what: str) -> None:
    """BrokenError with `what` where something does not hold."""
    if not holds:
        raise BrokenError(what)
