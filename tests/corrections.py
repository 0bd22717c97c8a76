"""What a second operator sends to have a trade corrected: all that was proposed, again."""

from __future__ import annotations

from typing import Any

from msgspec.structs import asdict

from lockstep.core.schema.records import Command, Correction, CorrectionProposal

NOT_TERMS = {*Command.__struct_fields__, "verdict", "reserved_1", "reserved_2"}


def approval(proposal: CorrectionProposal, /, **values: Any) -> Correction:
    """By `account`, with `time_ns`, and with whatever else is to differ."""
    terms = {name: value for name, value in asdict(proposal).items() if name not in NOT_TERMS}
    return Correction(**(terms | {"proposal": proposal.seq} | values))
