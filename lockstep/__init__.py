"""A trading venue that anyone can run, and a client of it: what `lockstep.client` has can be imported from here.

Each process of a venue imports this, so the client is loaded when it is asked for.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lockstep.client import *  # noqa: F403


def __getattr__(name: str) -> Any:
    if find_spec(f"{__name__}.{name}") is None:  # else it is a package in here, which the import itself finds
        client = import_module("lockstep.client")
        if name in client.__all__:
            return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
