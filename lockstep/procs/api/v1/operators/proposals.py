"""Proposals of all kinds, for operators: they are listed, approved and dismissed."""

from __future__ import annotations

from litestar import Controller, get
from msgspec import Struct

from lockstep.core.operations import proposals
from lockstep.core.operations.directory import asker
from lockstep.core.schema.records import CommandType
from lockstep.procs.api.v1.caller import Caller, Services
from lockstep.procs.api.v1.operators.readers import seen
from lockstep.procs.api.v1.shown import MS


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
            ProposalShown(
                seq, CommandType(known.type).name.lower(), directory.name_of_account(asker(known)), known.time_ns // MS,
                proposals.worded(directory, known),
            )
            for seq, known in proposals.waiting(directory).items()
        ]  # fmt: skip
