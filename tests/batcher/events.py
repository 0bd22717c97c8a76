"""Events of every kind at random, for the batcher's tests: numbered, stamped, with any value in every field.

It is no matching engine, and meant not to be: it only never contradicts itself, so that a column may hold what a real
book gives it once a year. `test_traffic.py` loads what the model of the matcher says.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from lockstep.core.schema.layout import pack, type_of
from lockstep.core.schema.records import (
    Accepted,
    AccountDefined,
    Adjustment,
    AssetDefined,
    Balance,
    Cancelled,
    CancelReason,
    Confirmed,
    Corrected,
    EpochBegun,
    Event,
    ExtCredentialEvent,
    ExtListNameEvent,
    ExtTermsEvent,
    Indicative,
    InstrumentDefined,
    KillSwitch,
    ListKind,
    MassCancel,
    OrderFlag,
    OrderState,
    OrderType,
    Phase,
    PhaseChanged,
    PhaseReason,
    Prevented,
    Rejected,
    Replaced,
    Restated,
    RestateReason,
    SelfTrade,
    Shown,
    Side,
    TimeInForce,
    Traded,
    TradeFlag,
    Triggered,
    TriggerReason,
)
from lockstep.procs.batcher.spool import stamped
from tests import listed

BORN_NS = 1_800_000_000_123_456_789
BTC, USDT, BTCUSDT = 1, 2, 1
ACCOUNTS = (1, 2, 3)
TERMS = listed.TERMS | {"maker_fee_ppm": 100, "taker_fee_ppm": 200, "reference_price_ticks": 5_000_000}


@dataclass
class Open:
    order_id: int
    account: int
    side: Side
    price: int
    leaves: int
    filled: int = 0
    has_budget: bool = False


@dataclass
class Stream:
    """`rings[0]` is the router's ring, `rings[1]` that of matcher 1; both hold packed records from number 1 on."""

    seed: int = 1
    day_ns: int = 0
    seq: int = 0
    epoch: int = 0
    rings: dict[int, list[bytes]] = field(default_factory=lambda: {0: [], 1: []})
    commands: list[bytes] = field(default_factory=list)  # of operators
    events: dict[int, list[Event]] = field(default_factory=lambda: {0: [], 1: []})
    resting: list[Open] = field(default_factory=list)
    waiting: list[Open] = field(default_factory=list)
    trades: list[Traded] = field(default_factory=list)  # that were not corrected

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.now_ns = BORN_NS

    def emit(self, ring: int, record: type[Event], **fields: Any) -> int:
        number = len(self.rings[ring]) + 1
        event = record(cause=self.seq, time_ns=self.now_ns, number=number, epoch=self.epoch, **fields)
        self.rings[ring].append(stamped(pack(event)))
        self.events[ring].append(event)
        return number

    def command(self) -> int:
        self.seq += 1
        self.now_ns += 1_234_567 + self.day_ns
        return self.seq

    def begin_epoch(self, boot: bytes) -> Stream:
        self.epoch += 1
        self.command()
        self.emit(0, EpochBegun, rules_version=1, members=1, boot_id=boot)
        return self

    def define(self) -> Stream:
        self.begin_epoch(b"boot")
        for number, name in ((BTC, b"BTC"), (USDT, b"USDT")):
            self.command()
            self.emit(0, AssetDefined, asset=number, name=name, scale=8)
        self.command()
        self.emit(0, InstrumentDefined, instrument=BTCUSDT, symbol=b"BTCUSDT", **TERMS)
        for account in ACCOUNTS:
            self.command()
            credential = {"memory_kib": 65536, "time_cost": 3, "parallelism": 4}
            self.emit(0, ExtCredentialEvent, salt=bytes(range(16)), hash=bytes(range(32)), **credential)
            self.emit(0, AccountDefined, account=account, name=f"TRADER{account}".encode())
            self.emit(0, Balance, account=account, asset=USDT, free=10**18, held=0)
        return self

    def order(
        self, *, ioc: bool = False, waits: bool = False, has_terms: bool = False, budget: bool = False,
        cl_ord_id: bytes = b"",
    ) -> Open:  # fmt: skip
        seq = self.command()
        if has_terms and seq % 2:
            self.emit(1, ExtListNameEvent, instrument=BTCUSDT, name=b"list-%d" % seq)
        if has_terms or waits:
            self.emit(
                1, ExtTermsEvent, instrument=BTCUSDT, stop_price_ticks=self.random.randint(1, 10**7) if waits else 0,
                trail_ticks=self.random.choice((0, 5)) if waits else 0, display_lots=self.random.choice((0, 7)),
                minimum_lots=self.random.choice((0, 3)), expire_ns=self.random.choice((0, self.now_ns + 10**12)),
                mate_order_id=seq + 1 if has_terms else 0, list_kind=self.random.choice(list(ListKind)),
            )  # fmt: skip
        order = Open(
            seq, self.random.choice(ACCOUNTS), self.random.choice(list(Side)),
            self.random.randint(1, 10**7), self.random.randint(1, 10**6),
        )  # fmt: skip
        self.emit(
            1, Accepted, instrument=BTCUSDT, order_id=seq, price_ticks=order.price, quantity_lots=order.leaves,
            account=order.account, session=order.account, cl_ord_id=cl_ord_id or b"order-%d" % seq, side=order.side,
            ord_type=OrderType.STOP_LIMIT if waits else OrderType.MARKET if ioc else OrderType.LIMIT,
            time_in_force=TimeInForce.IOC if ioc else self.random.choice((TimeInForce.GTC, TimeInForce.GTD)),
            stp=self.random.choice(list(SelfTrade)), state=OrderState.WAITING if waits else OrderState.PLAIN,
            flags=OrderFlag.BUDGET if budget else self.random.choice((0, OrderFlag.POST_ONLY | OrderFlag.SLIDE)),
        )  # fmt: skip
        order.has_budget = budget
        return order

    def trade(self, taker: Open) -> None:
        maker = self.random.choice(self.resting)
        lots = self.random.randint(1, min(maker.leaves, taker.leaves))
        for order in (maker, taker):
            order.leaves -= lots
            order.filled += lots
        number = self.emit(
            1, Traded, instrument=BTCUSDT, maker_order_id=maker.order_id, taker_order_id=taker.order_id,
            price_ticks=maker.price, quantity_lots=lots, maker_leaves_lots=maker.leaves,
            taker_leaves_lots=taker.leaves, maker_fee=lots % 97, taker_fee=lots % 89,
            maker_account=maker.account, taker_account=taker.account, taker_side=taker.side,
            flags=self.random.choice((0, TradeFlag.AUCTION)),
        )  # fmt: skip
        traded = self.events[1][number - 1]
        assert isinstance(traded, Traded)
        self.trades.append(traded)
        self.resting = [order for order in self.resting if order.leaves]

    def cancel(self, order: Open, reason: CancelReason, ring: int = 1) -> None:
        self.emit(
            ring, Cancelled, instrument=BTCUSDT, order_id=order.order_id, price_ticks=order.price,
            leaves_lots=order.leaves, account=order.account, session=order.account,
            cl_ord_id=f"cancel-{self.seq}".encode(), side=order.side, reason=reason,
        )  # fmt: skip
        order.leaves = 0
        self.resting = [other for other in self.resting if other.leaves]

    def replace(self, order: Open, cl_ord_id: bytes = b"") -> None:
        old_price, old_leaves = order.price, order.leaves
        if self.random.random() < 0.5:
            self.emit(
                1, ExtTermsEvent, instrument=BTCUSDT, display_lots=self.random.choice((0, 9)),
                stop_price_ticks=self.random.choice((0, 99)), expire_ns=self.random.choice((0, self.now_ns + 10**13)),
            )  # fmt: skip
        order.price, order.leaves = self.random.randint(1, 10**7), self.random.randint(1, 10**6)
        self.emit(
            1, Replaced, instrument=BTCUSDT, order_id=order.order_id, price_ticks=order.price,
            leaves_lots=order.leaves, old_price_ticks=old_price, old_leaves_lots=old_leaves,
            cl_ord_id=cl_ord_id or b"replace-%d" % self.seq, side=order.side, kept_priority=0,
        )  # fmt: skip

    def amend(self, order: Open) -> None:
        """A resting order becomes smaller, and keeps its price and place."""
        self.command()
        old, order.leaves = order.leaves, self.random.randint(1, order.leaves - 1)
        self.emit(
            1, Replaced, instrument=BTCUSDT, order_id=order.order_id, price_ticks=order.price,
            leaves_lots=order.leaves, old_price_ticks=order.price, old_leaves_lots=old,
            cl_ord_id=b"amend-%d" % self.seq, side=order.side, kept_priority=1,
        )  # fmt: skip

    def trigger(self, order: Open) -> None:
        """A waiting order works; its price may have changed meanwhile."""
        self.command()
        order.price = self.random.randint(1, 10**7)
        again = self.random.random() < 0.2  # it was activated, and waits for its stop price now
        self.emit(
            1, Triggered, instrument=BTCUSDT, order_id=order.order_id, price_ticks=order.price,
            leaves_lots=order.leaves, stop_price_ticks=self.random.choice((0, 12345)), account=order.account,
            side=order.side, reason=TriggerReason.STOP, state=OrderState.WAITING if again else OrderState.PLAIN,
        )  # fmt: skip
        if not again:
            self.waiting.remove(order)
            self.resting.append(order)

    def restate(self, order: Open) -> None:
        self.command()
        old, order.leaves = order.leaves, self.random.randint(1, order.leaves)
        self.prevent(order, old - order.leaves)
        self.emit(
            1, Restated, instrument=BTCUSDT, order_id=order.order_id, price_ticks=order.price, leaves_lots=order.leaves,
            old_price_ticks=order.price, old_leaves_lots=old, account=order.account, side=order.side, state=0,
            reason=RestateReason.SELF_TRADE, rested=1,
        )  # fmt: skip
        self.emit(
            1, Shown, instrument=BTCUSDT, order_id=order.order_id, price_ticks=order.price, shown_lots=1,
            old_shown_lots=2, leaves_lots=order.leaves, account=order.account, side=order.side, is_refresh=0,
        )  # fmt: skip

    def prevent(self, order: Open, lost: int) -> None:
        """A trade of an order that loses by its prevention, and of another one that does not."""
        draw = random.Random(self.seq)  # of its own: streams of a seed stay as they are
        other = draw.choice(self.resting)
        is_maker = draw.random() < 0.5
        maker, taker = (order, other) if is_maker else (other, order)
        self.emit(
            1, Prevented, instrument=BTCUSDT, taker_order_id=taker.order_id, maker_order_id=maker.order_id,
            price_ticks=maker.price, quantity_lots=draw.randint(1, 10**6), taker_lots=0 if is_maker else lost,
            maker_lots=lost if is_maker else 0, taker_account=taker.account, maker_account=maker.account,
            taker_side=taker.side, mode=SelfTrade.CANCEL_OLDEST if is_maker else SelfTrade.DECREMENT,
            trade_group=draw.choice((0, 7, 2**32 - 1)),
        )  # fmt: skip

    def phase(self) -> None:
        self.command()
        traded = self.random.random() < 0.5
        self.emit(
            1, PhaseChanged, instrument=BTCUSDT, phase=self.random.choice(list(Phase)), old_phase=Phase.CONTINUOUS,
            reason=self.random.choice(list(PhaseReason)), ends_ns=self.random.choice((0, self.now_ns + 10**9)),
            auction_price_ticks=123 if traded else 0, auction_lots=9 if traded else 0,
            reference_price_ticks=self.random.choice((0, 77)),
        )  # fmt: skip
        self.emit(1, Indicative, instrument=BTCUSDT, price_ticks=0, quantity_lots=0, imbalance_lots=-3)

    def act(self) -> None:
        """One command of an operator, and what the router confirms of it."""
        self.command()
        choice, id = self.random.choice, b"act-%d" % self.seq
        kind: type[KillSwitch | Adjustment | MassCancel] = choice((KillSwitch, Adjustment, MassCancel))
        instrument, target, side, is_on = choice((0, BTCUSDT)), choice((0, 2)), choice((0, 1)), choice((0, 1))
        said: dict[str, Any] = {
            "seq": self.seq,
            "time_ns": self.now_ns,
            "account": 1,
            "session": 1,
            "cl_ord_id": id,
            "target": target,
        }
        event: dict[str, Any] = {"account": 1, "session": 1, "command": type_of(kind), "target": target}
        if kind is Adjustment:
            money: dict[str, Any] = {
                "amount": self.random.randint(-(10**9), 10**9),
                "asset": USDT,
                "proposal": choice((0, 5)),
            }
            self.commands.append(pack(Adjustment(**said, **money)))
            event |= money | {"proposal": money["proposal"] or self.seq}
        elif kind is KillSwitch:
            self.commands.append(pack(KillSwitch(**said, scope=1 + side, is_on=is_on)))
            event |= {"side": 1 + side, "is_on": is_on}
        else:
            self.commands.append(pack(MassCancel(**said, instrument=instrument, side=side)))
            event |= {"side": side, "instrument": instrument}
        self.emit(0, Confirmed, cl_ord_id=id, **event)

    def correct(self) -> None:
        trade = self.trades.pop(self.random.randrange(len(self.trades)))
        self.command()
        sides = (trade.taker_account, trade.maker_account)
        fees = (trade.taker_fee, trade.maker_fee)
        buyer = 0 if trade.taker_side == Side.BUY else 1
        kept = self.random.random() < 0.5
        self.emit(
            0, Corrected, instrument=BTCUSDT, trade_id=trade.number, price_ticks=trade.price_ticks,
            quantity_lots=trade.quantity_lots, new_price_ticks=self.random.randint(1, 10**7) if kept else 0,
            buyer=sides[buyer], seller=sides[1 - buyer], buyer_fee=fees[buyer] if kept else 0,
            seller_fee=fees[1 - buyer] if kept else 0, matcher=1,
        )  # fmt: skip

    def rare(self) -> None:
        """One command of the kinds that a venue sees less often."""
        kind = self.random.choice(("wait", "trigger", "restate", "phase", "act", "correct", "terms"))
        if kind == "trigger" and self.waiting:
            self.trigger(self.random.choice(self.waiting))
        elif kind == "restate" and self.resting:
            self.restate(self.random.choice(self.resting))
        elif kind == "phase":
            self.phase()
        elif kind == "act":
            self.act()
        elif kind == "correct" and self.trades:
            self.correct()
        elif kind == "terms":
            self.resting.append(self.order(has_terms=True))
        else:
            self.waiting.append(self.order(waits=True, has_terms=self.random.random() < 0.5))

    def step(self) -> None:
        """One command of a random kind, with its events."""
        kind = self.random.choices(("rest", "take", "cancel", "replace", "refuse", "rare"), (8, 5, 3, 3, 1, 5))[0]
        if kind == "rare":
            self.rare()
        elif kind == "rest" or not self.resting:
            self.resting.append(self.order())
        elif kind == "take":
            taker = self.order(ioc=self.random.random() < 0.5, budget=self.random.random() < 0.2)
            while taker.leaves and self.resting and self.random.random() < 0.7:
                self.trade(taker)
            if taker.leaves:
                reason = self.random.choice((CancelReason.IOC_REMAINDER, CancelReason.EXPIRED))
                self.cancel(taker, CancelReason.SELF_TRADE if self.seq % 3 == 0 else reason)
            self.emit(
                0, Balance, account=taker.account, asset=USDT, free=self.random.randint(0, 2**62),
                held=self.random.randint(0, 2**62),
            )  # fmt: skip
        elif kind == "cancel":
            self.command()
            self.cancel(self.random.choice(self.resting), CancelReason.REQUESTED)
        elif kind == "replace":
            self.command()
            self.replace(self.random.choice(self.resting))
        else:
            self.command()
            self.emit(
                0, Rejected, order_id=self.seq, price_ticks=1, quantity_lots=1, account=1, session=1,
                cl_ord_id=b"refused", side=Side.BUY, command=1, code=102,
            )  # fmt: skip

    def steps(self, count: int) -> Stream:
        for _ in range(count):
            self.step()
        return self
