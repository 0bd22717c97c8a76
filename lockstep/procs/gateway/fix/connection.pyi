from lockstep.procs.gateway.fix.encode import Outbox
from lockstep.procs.gateway.fix.message import Message
from lockstep.procs.gateway.fix.rules import Rules
from lockstep.procs.gateway.fix.timing import Timing

class Connection:
    message: Message
    outbox: Outbox
    consumed: int
    phase: int
    reason: int
    version: int
    next_in: int
    heartbeat_s: int
    reset: bool
    resend_begin: int
    resend_end: int
    def __init__(
        self, comp_id: str, rules: Rules, outbox: Outbox, now_ns: int, timing: Timing = ...
    ) -> None: ...
