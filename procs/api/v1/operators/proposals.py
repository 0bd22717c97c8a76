"""Proposals of all kinds, for operators: they are listed, approved and dismissed."""

from __future__ import annotations

from litestar import Controller, get, post
from msgspec import Struct

from procs.api.v1.caller import Caller, Services
from procs.api.v1.operators.carried import NAMELESS, Done, Named, carried, done, known, seen
from procs.api.v1.orders import OrderId
from procs.api.v1.shown import MS
from procs.operating import proposals
from shm.records import Dismissal


class ProposalShown(Struct, frozen=True):
    """A proposal that waits for a second operator: its kind, who made it, when (milliseconds since 1970), and what it
    changes."""

    proposal: int
    kind: str
    by: str
    when: int
    what: str


class ProposalsController(Controller):
    """Everything that waits for a second operator or admin, except password resets, which have a list of their own."""

    path = "/v1/operator"
    tags = ["operator: proposals"]  # noqa: RUF012 - Litestar's name

    @get("/proposals")
    async def waiting(self, caller: Caller, services: Services) -> list[ProposalShown]:
        """All proposals that are neither approved nor dismissed, the oldest first."""
        directory = await seen(caller, services, "proposals")
        return [
            ProposalShown(each.seq, each.kind, directory.name_of_account(each.by), each.time_ns // MS, each.what)
            for each in proposals.waiting(directory)
        ]

    @post("/proposals/{proposal:int}/approve", status_code=201)
    async def approve(self, proposal: OrderId, caller: Caller, services: Services, data: Named = NAMELESS) -> Done:
        """Approve another operator's withdrawal, or another admin's role, deposit limit, welcome or registration.

        Deposits, adjustments, corrections and password resets are approved at their own addresses.
        """
        *extensions, command = proposals.approval(await known(caller, services), proposal)
        return Done((await carried(caller, services, command, extensions, id=data.client_id)).seq)

    @post("/proposals/{proposal:int}/dismiss", status_code=201)
    async def dismiss(self, proposal: OrderId, caller: Caller, services: Services, data: Named = NAMELESS) -> Done:
        """Withdraw your own proposal of any kind, or reject another operator's. Nothing else changes.

        A proposal that only admins may approve is rejected by admins only. A password reset can be ended until it is
        used.
        """
        return await done(caller, services, Dismissal(cl_ord_id=data.client_id, proposal=proposal), adds=False)
