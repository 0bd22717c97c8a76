"""Why a listener can't be opened, if another try would not help.

It opens nothing itself.
"""

from __future__ import annotations

import errno
import os

from shm.refusal import FinalError

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
