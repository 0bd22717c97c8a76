"""Why a listener can't be opened, and the files in which api and publisher report it while they try again.

It opens nothing itself.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from shm.refusal import FinalError

# Why the api and the publisher can't listen, in files of the data folder. Gateways end with it: orders need them.
API = Path("run") / "api.json"
MARKET_DATA = Path("run") / "market_data.json"
RETRY_NS = 1_000_000_000

FINAL = (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES)


class AddressError(FinalError, OSError):
    """Somebody else listens there, the machine has no such address, or the port is for root only."""


def judged(error: OSError, section: str, address: str, port: int) -> OSError:
    """The exception to raise for `error`, met on opening the listener of the configuration's `section`."""
    if error.errno not in FINAL:
        return error
    return AddressError(
        f"{section}.address {address}, {section}.port {port}: {os.strerror(error.errno).lower()}. End what has it, or "
        "change the configuration"
    )
