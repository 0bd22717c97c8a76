"""A trading venue that anyone can run, and a client of it: what `lockstep.client` has can be imported from here.

Each process of a venue imports this, so the client is loaded when it is asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lockstep.client import *


def __getattr__(name: str) -> Any:
    from lockstep import client

    if name in client.__all__:
        return getattr(client, name)
    raise AttributeError(f"module 'lockstep' has no attribute {name!r}")
