"""The two client ids of a cancel or replace: its own, and that of the order that it means.

If neither is longer than `SHORT_ID` bytes, both are in the record's `cl_ord_id`, and OrderFlag.BOTH_IDS says so;
otherwise that is the request's own id, and the EXT_CLIENT_ID record before it has the other. It knows no order;
`client_ids.pxd` says the same in C.
"""

from __future__ import annotations

from lockstep.core.schema.commands import Cancel, Command, Replace
from lockstep.core.schema.enums import OrderFlag

SHORT_ID = 18


def own_id(command: Command) -> bytes:
    """A record's own client id; empty if it has none."""
    text: bytes = getattr(command, "cl_ord_id", b"")
    if isinstance(command, Cancel | Replace) and command.flags & OrderFlag.BOTH_IDS:
        return text[:SHORT_ID].rstrip(b"\0")
    return text


def meant_id(command: Cancel | Replace) -> bytes | None:
    """The client id of the order that the request means; None if the EXT_CLIENT_ID before it has that."""
    return command.cl_ord_id[SHORT_ID:] if command.flags & OrderFlag.BOTH_IDS else None
