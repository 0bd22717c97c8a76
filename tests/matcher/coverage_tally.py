"""What a random run has to have met, and how often it did: a driver that never causes an event proves nothing of it.

It counts; it compares nothing.
"""

from __future__ import annotations

from collections import Counter
from enum import IntEnum

from lockstep.core.schema.layout import type_of
from lockstep.core.schema.records import (
    Accepted,
    Cancelled,
    CancelReason,
    Code,
    Event,
    EventType,
    ListKind,
    OrderState,
    OrderType,
    Phase,
    PhaseChanged,
    PhaseReason,
    Rejected,
    Replaced,
    Restated,
    RestateReason,
    Shown,
    TimeInForce,
    Traded,
    TradeFlag,
    Triggered,
    TriggerReason,
)
from lockstep.core.schema.records import ExtTermsEvent as Terms

OTHERS_EVENTS = (
    "BALANCE", "ASSET_DEFINED", "INSTRUMENT_DEFINED", "ACCOUNT_DEFINED", "EPOCH_BEGUN", "CONFIRMED", "CORRECTED",
    "EXT_CREDENTIAL", "SNAPSHOT", "RESERVED", "SETTLED", "KEY_DEFINED", "KEY_REVOKED", "FACTOR_DEFINED", "FACTOR_USED",
    "EXT_KEY_MATERIAL", "EXT_ADDRESSES", "EXT_RECOVERY", "WITHDRAWAL", "EXT_DESTINATION", "PASSWORD_RESET",
)  # fmt: skip


def must_occur() -> set[str]:
    """Every outcome that a matcher has; more than 4,096 trailing stops have a test of their own."""
    names = {f"event {kind.name}" for kind in EventType if kind.name not in OTHERS_EVENTS}
    codes = {code for code in Code if code >= Code.ORDER_CLOSED} - {Code.TOO_MANY_TRAILING, Code.VOIDED}
    names |= {f"code {code.name}" for code in (*codes, Code.DELISTED, Code.DISPLAY_TOO_LARGE)}
    kinds: dict[str, type[IntEnum]] = {
        "cancel": CancelReason, "trigger": TriggerReason, "restate": RestateReason, "phase": Phase,
        "because": PhaseReason, "type": OrderType, "time": TimeInForce, "list": ListKind, "state": OrderState,
    }  # fmt: skip
    names |= {f"{prefix} {member.name}" for prefix, kind in kinds.items() for member in kind}
    names -= {f"cancel {CancelReason.VOIDED.name}"}
    names |= {"trade in an auction", "refresh", "replace kept", "replace lost", "auction traded", "replaced waiting"}
    return names


class Seen:
    """Counters by the names of `must_occur`."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def note(self, events: list[Event]) -> None:
        for event in events:
            self.counts[f"event {EventType(type_of(type(event))).name}"] += 1
            self.counts.update(self.names(event))

    @staticmethod
    def names(event: Event) -> list[str]:
        match event:
            case Accepted():
                kind, time = OrderType(event.ord_type), TimeInForce(event.time_in_force)
                return [f"type {kind.name}", f"time {time.name}", f"state {OrderState(event.state).name}"]
            case Cancelled():
                return [f"cancel {CancelReason(event.reason).name}"]
            case Rejected():
                return [f"code {Code(event.code).name}"]
            case Triggered():
                return [f"trigger {TriggerReason(event.reason).name}"]
            case Restated():
                return [f"restate {RestateReason(event.reason).name}"]
            case Traded():
                return ["trade in an auction"] if event.flags & TradeFlag.AUCTION else []
            case Shown():
                return ["refresh"] if event.is_refresh else []
            case Terms():
                return [f"list {ListKind(event.list_kind).name}"] if event.list_kind else []
            case Replaced():
                waits = ["replaced waiting"] if event.state == OrderState.WAITING else []
                return ["replace kept" if event.kept_priority else "replace lost", *waits]
            case PhaseChanged():
                traded = ["auction traded"] if event.auction_lots else []
                return [f"phase {Phase(event.phase).name}", f"because {PhaseReason(event.reason).name}", *traded]
            case _:
                return []

    def missing(self) -> list[str]:
        return sorted(must_occur() - self.counts.keys())

    def table(self) -> str:
        return "\n".join(f"{count:9,}  {name}" for name, count in sorted(self.counts.items()))
