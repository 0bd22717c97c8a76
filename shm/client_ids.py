"""The two client ids that a cancel or replace has: its own, and that of the order which it means.

Where neither is longer than `SHORT_ID` bytes, both are in the record's `cl_ord_id`, and OrderFlag.BOTH_IDS says so;
else that is the request's own id, and the EXT_CLIENT_ID record before it has the other. It knows no order;
`client_ids.pxd` says the same in C.
"""

from __future__ import annotations

from shm.commands import Cancel, Replace
from shm.enums import OrderFlag

SHORT_ID = 18


def joined(own: bytes, meant: bytes) -> bytes | None:
    """Both ids as one `cl_ord_id`, which goes with OrderFlag.BOTH_IDS; None where one of them is too long."""
    if max(len(own), len(meant)) > SHORT_ID:
        return None
    return own.ljust(SHORT_ID, b"\0") + meant


def own_id(command: Cancel | Replace) -> bytes:
    """The request's own client id."""
    if command.flags & OrderFlag.BOTH_IDS:
        return command.cl_ord_id[:SHORT_ID].rstrip(b"\0")
    return command.cl_ord_id


def meant_id(command: Cancel | Replace) -> bytes | None:
    """The client id of the order that the request means; None where the EXT_CLIENT_ID before it has that."""
    return command.cl_ord_id[SHORT_ID:] if command.flags & OrderFlag.BOTH_IDS else None
