"""What a simulated venue's operators define and change between orders: half of the seeds do.

It draws from a source of its own, so that seeds without it stay what they were. A definition is a barrier for every
edge (decision 0031), in each life of the venue, replays and catching up included.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from lockstep.core.schema.layout import pack, unpack_command, unpack_event
from lockstep.core.schema.records import (
    AccountLimits,
    Asset,
    Code,
    Command,
    CommandType,
    CorrectionProposal,
    FeeTier,
    Instrument,
    KillScope,
    KillSwitch,
    PositionLimit,
    Schedule,
    Side,
    Traded,
)

DUE = 0.05  # how likely there is one where the log is looked at
ON = 0.5  # how likely a seed has them
LOOKS_BACK = 300  # records of the log, or events
FIRST_FREE_ASSET, LAST_FREE_ASSET = 4, 9


def are_on(seed: int) -> bool:
    """Whether this seed's operators define and change things."""
    return Random(f"administration {seed}").random() < ON


class Administration:
    """Commands of operators about the first `accounts` accounts, and proposals to undo trades."""

    def __init__(self, accounts: int, operator: int, draw: Random) -> None:
        self.accounts = accounts
        self.operator = operator
        self.draw = draw
        self.count = 0

    def is_due(self) -> bool:
        return self.draw.random() < DUE

    def next(self, log: Mapping[int, bytes], events: Mapping[int, Mapping[int, bytes]], time_ns: int) -> bytes | None:
        """A command, by what the log and the events have; None where it would be about nothing."""
        self.count += 1
        draw = self.draw
        mine: dict[str, Any] = {"account": self.operator, "time_ns": time_ns}
        key: dict[str, Any] = mine | {"cl_ord_id": b"adm-%d" % self.count}
        target = draw.randint(1, self.accounts)
        made: Command | None
        match draw.choice(("fees", "fees", "asset", "tier", "limits", "position", "schedule", "kill", "bust")):
            case "fees":
                made = self._fees(log, mine)
            case "asset":
                number = draw.randint(FIRST_FREE_ASSET, LAST_FREE_ASSET)
                made = Asset(name=b"NEW%d" % number, asset=number, scale=8, **mine)
            case "tier":
                made = FeeTier(tier=1, maker_fee_ppm=50, taker_fee_ppm=draw.choice((200, 900)), **key)
            case "limits":
                made = AccountLimits(
                    target=target, max_open_orders=0, max_orders=0, window_ms=0, self_trade_group=0,
                    self_trade=0, fee_tier=draw.randint(0, 1), **key,
                )  # fmt: skip
            case "position":
                made = PositionLimit(target=target, asset=draw.randint(1, 2), max_units=draw.choice((0, 10**12)), **key)
            case "schedule":
                instrument = draw.randint(1, 2)
                made = Schedule(instrument=instrument, entry=0, entries=0, time_of_day_s=0, phase=0, days=0, **key)
            case "kill":
                made = KillSwitch(target=target, scope=KillScope.ACCOUNT, is_on=int(draw.random() < 0.3), **key)
            case _:
                made = self._proposal(events, time_ns)
        return None if made is None else pack(made)

    def release_all(self, time_ns: int) -> list[bytes]:
        """Let every account trade."""
        self.count += 1
        return [
            pack(KillSwitch(
                account=self.operator, time_ns=time_ns, cl_ord_id=b"let-%d-%d" % (self.count, target),
                target=target, scope=KillScope.ACCOUNT, is_on=0,
            ))
            for target in range(1, self.accounts + 1)
        ]  # fmt: skip

    def _fees(self, log: Mapping[int, bytes], mine: dict[str, Any]) -> Command | None:
        """An instrument as it was defined last, with another fee."""
        known = [unpack_command(record) for record in log.values() if record[4] == CommandType.INSTRUMENT]
        listed = {each.instrument: each for each in known if isinstance(each, Instrument) and each.verdict == Code.OK}
        if not listed:
            return None
        last = listed[self.draw.choice(sorted(listed))]
        terms = {name: getattr(last, name) for name in Instrument.__struct_fields__}
        terms = {name: value for name, value in terms.items() if name not in Command.__struct_fields__}
        return Instrument(**(terms | {"verdict": 0, "taker_fee_ppm": self.draw.choice((500, 1000))} | mine))

    def _proposal(self, events: Mapping[int, Mapping[int, bytes]], time_ns: int) -> Command | None:
        """A proposal to undo a recent trade.

        It stays one: the simulated database has no corrections, which tests/recovery/test_working_day.py draws.
        """
        matcher = self.draw.choice([ring for ring in sorted(events) if ring and events[ring]] or [0])
        recent = sorted(events[matcher])[-LOOKS_BACK:] if matcher else []
        trades = [event for event in (unpack_event(events[matcher][n]) for n in recent) if isinstance(event, Traded)]
        if not trades:
            return None
        trade = self.draw.choice(trades)
        taker, maker = (trade.taker_account, trade.taker_fee), (trade.maker_account, trade.maker_fee)
        (buyer, buyer_fee), (seller, seller_fee) = (taker, maker) if trade.taker_side == Side.BUY else (maker, taker)
        return CorrectionProposal(
            account=self.operator, time_ns=time_ns, instrument=trade.instrument, buyer=buyer, seller=seller,
            matcher=matcher, trade_id=trade.number, price_ticks=trade.price_ticks, quantity_lots=trade.quantity_lots,
            new_price_ticks=0, buyer_fee=buyer_fee, seller_fee=seller_fee,
        )  # fmt: skip
