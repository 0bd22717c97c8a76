"""Cancels and replaces worded as a gateway words them, for tests that give records to the core themselves."""

from __future__ import annotations

from typing import Any

import msgspec

from lockstep.core.schema.client_ids import SHORT_ID
from lockstep.core.schema.records import Cancel, Command, ExtClientId, OrderFlag, Replace


def meaning(request: Cancel | Replace, meant: bytes) -> list[Command]:
    """The records of a request that means the order of that client id: two of them where an id is long."""
    if max(len(request.cl_ord_id), len(meant)) > SHORT_ID:
        return apart(request, meant)
    both = request.cl_ord_id.ljust(SHORT_ID, b"\0") + meant
    return [msgspec.structs.replace(request, cl_ord_id=both, flags=request.flags | OrderFlag.BOTH_IDS)]


def apart(request: Cancel | Replace, meant: bytes) -> list[Command]:
    """The same in two records, however short the ids are: so was every request in journals of old."""
    by: dict[str, Any] = {"account": request.account, "session": request.session, "time_ns": request.time_ns}
    return [ExtClientId(orig_cl_ord_id=meant, **by), request]
