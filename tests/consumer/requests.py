"""Requests of everybody to a venue's core: orders of every kind, and what operators do; random, and often refused.

It remembers only what it asked; what became of it, it does not know.
"""

from __future__ import annotations

import random
from typing import Any

import msgspec

from procs.rules.order_terms import fault, fault_of_list
from shm.layout import pack
from shm.records import (
    AccountLimits,
    Adjustment,
    BandAction,
    Cancel,
    Code,
    Command,
    CorrectionProposal,
    Deposit,
    ExtLeg,
    ExtTerms,
    KillScope,
    KillSwitch,
    Limits,
    ListKind,
    MassCancel,
    NewOrder,
    OrderFlag,
    OrderType,
    Phase,
    PhaseChange,
    Replace,
    SelfTrade,
    Side,
    TimeInForce,
    Traded,
    Withdrawal,
)
from tests.corrections import approval
from tests.naming import meaning
from tests.router.rig import ACCOUNTS, LISTINGS, OPERATORS

SECOND_NS = 10**9
STOPS = (OrderType.STOP, OrderType.STOP_LIMIT)
# Continuous trading most of the time, and everything else now and then.
PHASES = (
    *(Phase.CONTINUOUS,) * 8, Phase.OPENING_AUCTION, Phase.CLOSING_AUCTION, Phase.PRE_OPEN, Phase.VOLATILITY_AUCTION,
    Phase.CLOSED, Phase.HALT,
)  # fmt: skip


class Requests:
    """`next` is a random request: records that go in together."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.count = 0
        self.used: list[tuple[int, bytes, int, int]] = []  # account, client id, instrument, side
        self.now_ns = 0

    def next(self, now_ns: int, trades: list[tuple[int, Traded]]) -> list[Command]:
        """`trades` are some that may be corrected, each with its matcher."""
        self.now_ns = now_ns
        self.count += 1
        kinds = {
            self.order: 12, self.linked: 3, self.cancel: 3, self.replace: 4, self.mass_cancel: 0.2, self.phase: 0.5,
            self.limits: 0.1, self.group: 0.1, self.deposit: 0.3, self.withdraw: 0.3, self.propose: 0.2,
            self.switch: 0.1,
        }  # fmt: skip
        if trades and self.draw.random() < 0.03:
            return self.correct(*self.draw.choice(trades))
        return self.draw.choices(list(kinds), list(kinds.values()))[0]()

    def by(self, account: int, **more: Any) -> dict[str, Any]:
        return {"account": account, "session": account, "time_ns": self.now_ns, **more}

    def name(self) -> bytes:
        """A client id, one in three too long to be in one record with another."""
        return b"R%d" % self.count if self.count % 3 else b"R%030d" % self.count

    def operator(self) -> dict[str, Any]:
        return self.by(self.draw.choice(OPERATORS), session=0)

    # Orders

    def attempt(self, instrument: int, **fixed: Any) -> tuple[dict[str, Any], ExtTerms | None]:
        draw = self.draw
        kind = fixed.get("ord_type", draw.choice((*(OrderType.LIMIT,) * 6, *OrderType)))
        side = fixed.get("side", draw.choice(list(Side)))
        towards = 1 if side == Side.BUY else -1
        tif = draw.choice((*(TimeInForce.GTC,) * 4, *TimeInForce))
        flags = draw.choice((0, 0, 0, 0, OrderFlag.POST_ONLY, OrderFlag.POST_ONLY | OrderFlag.SLIDE, OrderFlag.BUDGET))
        lots = draw.choice((1, 2, 5, 30, 400)) * (700 if flags & OrderFlag.BUDGET else 1)
        has_price = kind in (OrderType.LIMIT, OrderType.STOP_LIMIT)
        terms: dict[str, Any] = {
            "stop_price_ticks": max(1, 100 + towards * draw.randint(-3, 12)) if kind in STOPS else 0,
            "trail_ticks": draw.randint(1, 8) if kind == OrderType.TRAILING_STOP else 0,
            "display_lots": draw.choice((0, 0, 0, max(1, lots // 3))),
            "minimum_lots": draw.choice((0, 0, 0, 0, 2)),
            "expire_ns": self.now_ns + draw.randint(1, 5) * SECOND_NS if tif == TimeInForce.GTD else 0,
        }
        body = {
            "instrument": instrument, "side": side, "ord_type": kind, "time_in_force": tif, "flags": flags,
            "stp": draw.choice(list(SelfTrade)), "price_ticks": draw.randint(90, 110) if has_price else 0,
            "quantity_lots": lots, **fixed,
        }  # fmt: skip
        return body, ExtTerms(**terms) if any(terms.values()) else None

    def order(self) -> list[Command]:
        account, instrument = self.draw.randint(1, ACCOUNTS), self.draw.randint(1, len(LISTINGS))
        while True:
            body, terms = self.attempt(instrument)
            order = NewOrder(cl_ord_id=self.name(), **self.by(account), **body)
            if fault(pack(order), pack(terms) if terms else None) == Code.OK:
                break
        self.used.append((account, self.name(), instrument, order.side))
        return [*self.terms(account, terms), self.flagged(order, terms, 0)]

    def linked(self) -> list[Command]:
        account, instrument = self.draw.randint(1, ACCOUNTS), self.draw.randint(1, len(LISTINGS))
        kind = self.draw.choice(list(ListKind))
        while True:
            fixed: dict[str, Any] = {"ord_type": OrderType.LIMIT}
            body, terms = self.attempt(instrument, **fixed)
            same = {"side": body["side"], "quantity_lots": body["quantity_lots"]} if kind == ListKind.OCO else {}
            its, its_terms = self.attempt(instrument, **same)
            first = NewOrder(cl_ord_id=self.name(), **self.by(account), **body)
            second = ExtLeg(cl_ord_id=self.name() + b"L", list_kind=kind, **self.by(account), **its)
            if OrderFlag.BUDGET & (first.flags | second.flags):
                continue
            alone = NewOrder(cl_ord_id=second.cl_ord_id, **self.by(account), **its)
            faults = (
                fault(pack(first), pack(terms) if terms else None),
                fault(pack(alone), pack(its_terms) if its_terms else None),
                fault_of_list(pack(first), pack(second)),
            )
            if faults == (Code.OK, Code.OK, Code.OK):
                break
        for text, side in ((first.cl_ord_id, first.side), (second.cl_ord_id, second.side)):
            self.used.append((account, text, instrument, side))
        leg = self.flagged(second, its_terms, 0)
        return [
            *self.terms(account, its_terms), leg, *self.terms(account, terms),
            self.flagged(first, terms, OrderFlag.LIST),
        ]  # fmt: skip

    def terms(self, account: int, terms: ExtTerms | None) -> list[Command]:
        if terms is None:
            return []
        return [msgspec.structs.replace(terms, **self.by(account))]

    @staticmethod
    def flagged(order: Any, terms: ExtTerms | None, more: int) -> Any:
        return msgspec.structs.replace(order, flags=order.flags | more | (OrderFlag.TERMS if terms else 0))

    def target(self) -> tuple[int, bytes, int, int]:
        return self.draw.choice(self.used[-60:]) if self.used else (1, b"none", 1, Side.BUY)

    def cancel(self) -> list[Command]:
        account, text, instrument, side = self.target()
        return meaning(Cancel(cl_ord_id=self.name(), instrument=instrument, side=side, **self.by(account)), text)

    def replace(self) -> list[Command]:
        account, text, instrument, side = self.target()
        draw = self.draw
        terms = ExtTerms(display_lots=draw.randint(1, 9)) if draw.random() < 0.2 else None
        main = Replace(
            cl_ord_id=self.name(), instrument=instrument, price_ticks=draw.randint(90, 110),
            quantity_lots=draw.choice((1, 2, 5, 30, 300)), **self.by(account),
        )  # fmt: skip
        self.used.append((account, self.name(), instrument, side))
        return [*self.terms(account, terms), *meaning(self.flagged(main, terms, 0), text)]

    # What operators and accounts do otherwise

    def mass_cancel(self) -> list[Command]:
        draw = self.draw
        account = draw.randint(1, ACCOUNTS)
        who = self.operator() if draw.random() < 0.5 else self.by(account)
        target = draw.choice((0, account)) if who["account"] in OPERATORS else account
        instrument, side = draw.randint(0, len(LISTINGS)), draw.choice((0, 1, 2))
        return [MassCancel(cl_ord_id=self.name(), instrument=instrument, target=target, side=side, **who)]

    def phase(self) -> list[Command]:
        instrument = self.draw.randint(1, len(LISTINGS))
        phase = self.draw.choice(PHASES)
        return [PhaseChange(cl_ord_id=self.name(), instrument=instrument, phase=phase, **self.operator())]

    def limits(self) -> list[Command]:
        draw = self.draw
        return [Limits(
            instrument=draw.randint(1, len(LISTINGS)), volatility_auction_ms=draw.choice((100, 3000)), day_end_s=0,
            static_band_bps=draw.choice((0, 900)), dynamic_band_bps=draw.choice((0, 500)),
            band_action=draw.choice(list(BandAction)), max_quantity_lots=0, max_value=0, **self.operator(),
        )]  # fmt: skip

    def group(self) -> list[Command]:
        return [AccountLimits(
            cl_ord_id=self.name(), target=self.draw.randint(1, ACCOUNTS), max_open_orders=0, max_orders=0, window_ms=0,
            self_trade_group=self.draw.choice((0, 0, 7)), self_trade=self.draw.choice(list(SelfTrade)), fee_tier=0,
            **self.operator(),
        )]  # fmt: skip

    def deposit(self) -> list[Command]:
        who = self.by(self.draw.randint(1, ACCOUNTS), session=self.draw.choice(OPERATORS))
        amount = self.draw.randint(1, 10**6)
        return [Deposit(cl_ord_id=self.name(), asset=self.draw.randint(1, 3), amount=amount, **who)]

    def withdraw(self) -> list[Command]:
        account, amount = self.draw.randint(1, ACCOUNTS), self.draw.randint(1, 10**6)
        return [Withdrawal(cl_ord_id=self.name(), asset=self.draw.randint(1, 3), amount=amount, **self.by(account))]

    def propose(self) -> list[Command]:
        amount = self.draw.randint(-(10**5), 10**5) or 1
        return [Adjustment(
            cl_ord_id=self.name(), asset=self.draw.randint(1, 3), target=self.draw.randint(1, ACCOUNTS), amount=amount,
            **self.by(OPERATORS[0], session=0),
        )]  # fmt: skip

    def approve(self, proposal: int) -> list[Command]:
        """The other operator agrees to what was proposed as record `proposal` of the log."""
        return [Adjustment(
            cl_ord_id=self.name() + b"A", asset=0, target=0, amount=0, proposal=proposal,
            **self.by(OPERATORS[1], session=0),
        )]  # fmt: skip

    def switch(self) -> list[Command]:
        is_on = 0 if self.draw.random() < 0.7 else 1
        target = self.draw.randint(1, ACCOUNTS)
        return [KillSwitch(
            cl_ord_id=self.name(), target=target, scope=KillScope.ACCOUNT, is_on=is_on, **self.operator()
        )]  # fmt: skip

    def correct(self, matcher: int, trade: Traded) -> list[Command]:
        taker, maker = (trade.taker_account, trade.taker_fee), (trade.maker_account, trade.maker_fee)
        (buyer, buyer_fee), (seller, seller_fee) = (taker, maker) if trade.taker_side == Side.BUY else (maker, taker)
        return [CorrectionProposal(
            instrument=trade.instrument, buyer=buyer, seller=seller, matcher=matcher, trade_id=trade.number,
            price_ticks=trade.price_ticks, quantity_lots=trade.quantity_lots, buyer_fee=buyer_fee,
            seller_fee=seller_fee,
            new_price_ticks=self.draw.choice((0, trade.price_ticks + 1, max(1, trade.price_ticks - 3))),
            **self.by(OPERATORS[0], session=0),
        )]  # fmt: skip

    def agree(self, proposal: CorrectionProposal) -> list[Command]:
        """The other operator has found the same."""
        return [approval(proposal, **self.by(OPERATORS[1], session=0))]
