"""Makes consistent event streams by hand for the batcher's tests: rings of packed records, numbered and stamped.

It is no matching engine: it only never contradicts itself.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from procs.batcher.spool import stamped
from shm.layout import pack
from shm.records import (
    Accepted,
    AccountDefined,
    AssetDefined,
    Balance,
    Cancelled,
    CancelReason,
    EpochBegun,
    Event,
    ExtCredentialEvent,
    InstrumentDefined,
    OrderType,
    Rejected,
    Replaced,
    Side,
    TimeInForce,
    Traded,
)

BORN_NS = 1_800_000_000_123_456_789
BTC, USDT, BTCUSDT = 1, 2, 1
ACCOUNTS = (1, 2, 3)


@dataclass
class Open:
    order_id: int
    account: int
    side: Side
    price: int
    leaves: int
    filled: int = 0


@dataclass
class Stream:
    """`rings[0]` is the router's ring, `rings[1]` that of matcher 1; both hold packed records from number 1 on."""

    seed: int = 1
    day_ns: int = 0
    seq: int = 0
    rings: dict[int, list[bytes]] = field(default_factory=lambda: {0: [], 1: []})
    events: dict[int, list[Event]] = field(default_factory=lambda: {0: [], 1: []})
    causes: list[tuple[int, int]] = field(default_factory=list)
    resting: list[Open] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.now_ns = BORN_NS

    def emit(self, ring: int, record: type[Event], **fields: Any) -> int:
        number = len(self.rings[ring]) + 1
        event = record(cause=self.seq, time_ns=self.now_ns, number=number, epoch=1, **fields)
        self.rings[ring].append(stamped(pack(event)))
        self.events[ring].append(event)
        self.causes.append((ring, self.seq))
        return number

    def command(self) -> int:
        self.seq += 1
        self.now_ns += 1_234_567 + self.day_ns
        return self.seq

    def define(self) -> Stream:
        self.command()
        self.emit(0, EpochBegun, rules_version=1, members=1, boot_id=b"boot")
        for number, name in ((BTC, b"BTC"), (USDT, b"USDT")):
            self.command()
            self.emit(0, AssetDefined, asset=number, name=name, scale=8)
        self.command()
        self.emit(
            0, InstrumentDefined, instrument=BTCUSDT, symbol=b"BTCUSDT", base_asset=BTC, quote_asset=USDT,
            tick_mantissa=1, lot_mantissa=1, price_scale=2, quantity_scale=4, matcher=1, collar_bps=500,
            maker_fee_ppm=100, taker_fee_ppm=200, reference_price_ticks=5_000_000, unit_value=100, lot_units=10_000,
        )  # fmt: skip
        for account in ACCOUNTS:
            self.command()
            credential = {"memory_kib": 65536, "time_cost": 3, "parallelism": 4}
            self.emit(0, ExtCredentialEvent, salt=bytes(range(16)), hash=bytes(range(32)), **credential)
            self.emit(0, AccountDefined, account=account, name=f"TRADER{account}".encode())
            self.emit(0, Balance, account=account, asset=USDT, free=10**18, held=0)
        return self

    def order(self, *, ioc: bool = False) -> Open:
        seq = self.command()
        order = Open(
            seq, self.random.choice(ACCOUNTS), self.random.choice(list(Side)),
            self.random.randint(1, 10**7), self.random.randint(1, 10**6),
        )  # fmt: skip
        self.emit(
            1, Accepted, instrument=BTCUSDT, order_id=seq, price_ticks=order.price, quantity_lots=order.leaves,
            account=order.account, session=order.account, cl_ord_id=f"order-{seq}".encode(), side=order.side,
            ord_type=OrderType.MARKET if ioc else OrderType.LIMIT,
            time_in_force=TimeInForce.IOC if ioc else TimeInForce.GTC,
        )  # fmt: skip
        return order

    def trade(self, taker: Open) -> None:
        maker = self.random.choice(self.resting)
        lots = self.random.randint(1, min(maker.leaves, taker.leaves))
        for order in (maker, taker):
            order.leaves -= lots
            order.filled += lots
        self.emit(
            1, Traded, instrument=BTCUSDT, maker_order_id=maker.order_id, taker_order_id=taker.order_id,
            price_ticks=maker.price, quantity_lots=lots, maker_leaves_lots=maker.leaves,
            taker_leaves_lots=taker.leaves, maker_fee=lots % 97, taker_fee=lots % 89,
            maker_account=maker.account, taker_account=taker.account, taker_side=taker.side,
        )  # fmt: skip
        self.resting = [order for order in self.resting if order.leaves]

    def cancel(self, order: Open, reason: CancelReason) -> None:
        self.emit(
            1, Cancelled, instrument=BTCUSDT, order_id=order.order_id, price_ticks=order.price,
            leaves_lots=order.leaves, account=order.account, session=order.account,
            cl_ord_id=f"cancel-{self.seq}".encode(), side=order.side, reason=reason,
        )  # fmt: skip
        order.leaves = 0
        self.resting = [other for other in self.resting if other.leaves]

    def replace(self, order: Open) -> None:
        old_price, old_leaves = order.price, order.leaves
        order.price, order.leaves = self.random.randint(1, 10**7), self.random.randint(1, 10**6)
        self.emit(
            1, Replaced, instrument=BTCUSDT, order_id=order.order_id, price_ticks=order.price,
            leaves_lots=order.leaves, old_price_ticks=old_price, old_leaves_lots=old_leaves,
            cl_ord_id=f"replace-{self.seq}".encode(), side=order.side, kept_priority=0,
        )  # fmt: skip

    def step(self) -> None:
        """One command of a random kind, with its events."""
        kind = self.random.choices(("rest", "take", "cancel", "replace", "refuse"), (8, 5, 3, 3, 1))[0]
        if kind == "rest" or not self.resting:
            self.resting.append(self.order())
        elif kind == "take":
            taker = self.order(ioc=self.random.random() < 0.5)
            while taker.leaves and self.resting and self.random.random() < 0.7:
                self.trade(taker)
            if taker.leaves:
                self.cancel(taker, CancelReason.IOC_REMAINDER)
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
