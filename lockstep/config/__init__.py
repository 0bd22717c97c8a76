"""The venue's configuration: `load` reads and checks a file; nothing of the running venue is in here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockstep.config.errors import ConfigError, Problem
from lockstep.config.schema import Config

if TYPE_CHECKING:
    from lockstep.config.loader import load

__all__ = ["Config", "ConfigError", "Problem", "load"]


def __getattr__(name: str) -> Any:
    """`load`, once it is asked for: a venue's processes get what was checked, and need not import the checks."""
    if name != "load":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lockstep.config.loader import load as loaded

    return loaded
