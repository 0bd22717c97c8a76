"""Which version of the software this is, as it was installed. It loads nothing else: every command shows it."""

from __future__ import annotations

PACKAGE = "lockstep-venue"


def version() -> str:
    """The version of the package that is found first."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return "not installed"
