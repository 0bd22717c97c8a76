"""What a gateway refused by itself, so that the log never saw it: found in its message store."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from lockstep.cli.fix_log import StoredMessage, Wanted, find
from lockstep.cli.terminal import console


class TurnedAway(Struct, frozen=True):
    """A request that ended at a gateway, and what the gateway answered, if that is still stored."""

    refused_by: str
    request: StoredMessage
    answer: StoredMessage | None


def turned_away(data: Path, account: str, client_id: str) -> TurnedAway | None:
    """The last request of an account with this id that a gateway answered itself; None if there is none.

    StoreCorrupt, OSError.
    """
    request: StoredMessage | None = None
    answer: StoredMessage | None = None
    for message in find(data, Wanted(session=account.encode(), client_id=client_id.encode())):
        if message.kind == "answered":
            request, answer = message, None
        elif message.direction == "sent" and answer is None:
            answer = message
    return TurnedAway(request.gateway, request, answer) if request else None


def show(found: TurnedAway) -> None:
    """Print it."""
    out = console()
    request = found.request
    out.print(f"{found.refused_by} refused it itself: it has no place in the log", markup=False, soft_wrap=True)
    out.print(f"{request.sent} {request.session} > {request.text}", markup=False, soft_wrap=True)
    if found.answer is not None:
        out.print(f"{found.answer.sent} {request.session} < {found.answer.text}", markup=False, soft_wrap=True)
