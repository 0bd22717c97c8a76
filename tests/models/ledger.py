"""The ledger written out slowly, on Decimal and dictionaries: holds, fees and settlement of one order at a time.

An oracle for tests: it follows the log's commands and the matchers' events, sharing no code with the router.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_DOWN, Decimal

from lockstep.core.schema.records import (
    AccountLimits,
    Activate,
    Adjustment,
    Cancelled,
    Code,
    Command,
    CommandType,
    Correction,
    CorrectionProposal,
    Deposit,
    DepositFlag,
    DepositLimit,
    Event,
    ExtLeg,
    FeeTier,
    Instrument,
    ListKind,
    NewOrder,
    OrderFlag,
    PositionLimit,
    Rejected,
    Replace,
    Replaced,
    Restated,
    Side,
    Traded,
    Triggered,
    Withdrawal,
    WithdrawalDecision,
    WithdrawalRequest,
    WithdrawalStep,
)

DAY_NS = 86_400 * 10**9


@dataclass
class OpenOrder:
    """An open order's terms, and those of its replaces in flight by the sequence of their records."""

    account: int
    instrument: Instrument
    is_buy: bool
    price: Decimal
    quantity: Decimal
    fee_rates: tuple[int, int]
    has_budget: bool = False
    filled: Decimal = Decimal(0)
    in_flight: dict[int, tuple[Decimal, Decimal]] = field(default_factory=dict)
    excludes: int = 0  # the order that has one hold together with this one
    is_idle: bool = False

    @property
    def pays_with(self) -> int:
        return self.instrument.quote_asset if self.is_buy else self.instrument.base_asset

    @property
    def lots(self) -> Decimal:
        """The most that it may still trade."""
        if self.has_budget:
            return budget_lots(self.quantity - self.filled, self.price, self.instrument)
        return max([self.quantity, *(quantity for _, quantity in self.in_flight.values())]) - self.filled

    @property
    def reserve(self) -> Decimal:
        """What it may still cost, whatever else is open."""
        if self.is_idle:
            return Decimal(0)
        if not self.is_buy:
            return self.lots * self.instrument.lot_units
        if self.has_budget:
            return self.quantity - self.filled
        price = max([self.price, *(price for price, _ in self.in_flight.values())])
        return price * self.lots * self.instrument.unit_value

    @property
    def incoming(self) -> Decimal:
        """What a buy may bring."""
        return self.lots * self.instrument.lot_units if self.is_buy and not self.is_idle else Decimal(0)


@dataclass
class Waiting:
    """A withdrawal that is neither paid nor given back, and the operators who have approved it."""

    account: int
    asset: int
    amount: int
    approved: list[int] = field(default_factory=list)


def budget_lots(budget: Decimal, price: Decimal, instrument: Instrument) -> Decimal:
    return (budget / (price * instrument.unit_value)).to_integral_value(ROUND_CEILING)


class LedgerModel:
    """Everything that accounts own, and their open orders; what is free is what is owned less all reserves."""

    def __init__(self) -> None:
        self.owned: defaultdict[tuple[int, int], Decimal] = defaultdict(Decimal)
        self.orders: dict[int, OpenOrder] = {}
        self.instruments: dict[int, Instrument] = {}
        self.tiers: dict[int, tuple[int, int]] = {}
        self.tier_of: dict[int, int] = {}
        self.proposals: dict[int, tuple[int, int, int]] = {}
        self.corrections: dict[int, CorrectionProposal] = {}
        self.deposits: dict[int, Deposit] = {}
        self.deposit_limits: dict[int, int] = {}
        self.alone: dict[tuple[int, int, int], int] = {}  # what was deposited, by operator, asset and day
        self.withdrawals: dict[int, Waiting] = {}
        self.position_limits: dict[tuple[int, int], int] = {}
        self.deposited: defaultdict[int, Decimal] = defaultdict(Decimal)
        self.leg: ExtLeg | None = None

    def balance(self, account: int, asset: int) -> tuple[int, int]:
        """(free, held) in smallest units."""
        waiting = (each.amount for each in self.withdrawals.values() if (each.account, each.asset) == (account, asset))
        held = Decimal(sum(waiting))
        for number, order in self.orders.items():
            if (order.account, order.pays_with) != (account, asset):
                continue
            if order.excludes == 0:
                held += order.reserve
            elif order.excludes > number:  # one of the two stands for both
                held += max(order.reserve, self.orders[order.excludes].reserve)
        return int(self.owned[account, asset] - held), int(held)

    def incoming(self, account: int, asset: int) -> int:
        """What the account's open buys may bring of an asset."""
        total = Decimal(0)
        for number, order in self.orders.items():
            if (order.account, order.instrument.base_asset) != (account, asset):
                continue
            if order.excludes == 0:
                total += order.incoming
            elif order.excludes > number:
                total += max(order.incoming, self.orders[order.excludes].incoming)
        return int(total)

    def command(self, record: Command) -> None:
        """The next command of the log, refused ones too; an AssertionError if its refusal is wrong."""
        verdict = getattr(record, "verdict", Code.OK)
        if isinstance(record, ExtLeg):
            self.leg = record
        elif isinstance(record, NewOrder):
            self._new_order(record)
        elif isinstance(record, Activate):
            self.orders[record.order_id].is_idle = verdict != Code.OK
            self._nobody_owes()
        elif verdict == Code.OK:
            self._other(record)

    def _new_order(self, record: NewOrder) -> None:
        leg = self.leg if record.flags & OrderFlag.LIST else None
        legs: list[NewOrder | ExtLeg] = [record] if leg is None else [record, leg]
        self.leg = None
        if record.verdict not in (Code.OK, Code.INSUFFICIENT_BALANCE):
            return
        for part in legs:
            self.orders[part.seq] = self._opened(part)
        if leg is not None:
            self._join(record.seq, leg.seq, leg.list_kind)
        if record.verdict == Code.OK:
            self._nobody_owes()
            return
        payer = (record.account, self.orders[record.seq].pays_with)
        assert self.balance(*payer)[0] < 0, f"order {record.seq} was refused, and could be paid"
        for part in legs:
            del self.orders[part.seq]

    def _opened(self, part: NewOrder | ExtLeg) -> OpenOrder:
        instrument = self.instruments[part.instrument]
        rates = self.tiers.get(self.tier_of.get(part.account, 0), (instrument.maker_fee_ppm, instrument.taker_fee_ppm))
        if getattr(part, "verdict", Code.OK) == Code.OK:
            assert (part.maker_fee_ppm, part.taker_fee_ppm) == rates, f"order {part.seq} has another tier's rates"
        return OpenOrder(
            part.account, instrument, part.side == Side.BUY, Decimal(part.price_ticks), Decimal(part.quantity_lots),
            rates, bool(part.flags & OrderFlag.BUDGET),
        )  # fmt: skip

    def _join(self, first: int, second: int, kind: int) -> None:
        if kind == ListKind.OCO:
            self.orders[first].excludes, self.orders[second].excludes = second, first
        else:
            self.orders[second].is_idle = True

    def _nobody_owes(self) -> None:
        for order in self.orders.values():
            assert self.balance(order.account, order.pays_with)[0] >= 0, f"account {order.account} can't pay"

    def _other(self, record: Command) -> None:
        if isinstance(record, Deposit):
            self._deposit(record)
        elif isinstance(record, DepositLimit):
            self.deposit_limits[record.asset] = record.amount
        elif isinstance(record, WithdrawalRequest):
            assert self.balance(record.owner, record.asset)[0] >= record.amount, f"withdrawal {record.seq} has no money"
            self.withdrawals[record.seq] = Waiting(record.owner, record.asset, record.amount)
        elif isinstance(record, WithdrawalDecision):
            self._decide(record)
        elif isinstance(record, Withdrawal):
            self._add(record.owner, record.asset, -record.amount)
        elif isinstance(record, Adjustment):
            if record.proposal == 0:
                self.proposals[record.seq] = (record.target, record.asset, record.amount)
            else:
                self._add(*self.proposals.pop(record.proposal))
        elif isinstance(record, CorrectionProposal):
            self.corrections[record.seq] = record
        elif isinstance(record, Correction):
            if record.proposal:
                self._agree(record, self.corrections.pop(record.proposal))
            self._correct(record)
        elif isinstance(record, Instrument):
            self.instruments[record.instrument] = record
        elif isinstance(record, FeeTier):
            self.tiers[record.tier] = (record.maker_fee_ppm, record.taker_fee_ppm)
        elif isinstance(record, AccountLimits):
            self.tier_of[record.target] = record.fee_tier
        elif isinstance(record, PositionLimit):
            self.position_limits[record.target, record.asset] = record.max_units
        elif isinstance(record, Replace):
            terms = (Decimal(record.price_ticks), Decimal(record.quantity_lots))
            self.orders[record.order_id].in_flight[record.seq] = terms

    def _deposit(self, record: Deposit) -> None:
        """Above the limit of a day, or for their own account, operators need a second one; the configuration and the
        venue itself are not bound."""
        limit = self.deposit_limits.get(record.asset, 0)
        alone = (record.asked_by, record.asset, record.time_ns // DAY_NS)
        is_alone = record.ingress and record.account and not record.proposal
        is_bound = is_alone and (record.asked_by == record.owner or record.amount + self.alone.get(alone, 0) > limit)
        if record.flags & DepositFlag.PROPOSAL:
            assert is_bound, f"deposit {record.seq} is within the limit"
            self.deposits[record.seq] = record
            return
        assert not is_bound, f"deposit {record.seq} is above the limit"
        if is_alone:
            self.alone[alone] = self.alone.get(alone, 0) + record.amount
        if record.proposal:
            first = self.deposits.pop(record.proposal)
            assert first.asked_by != record.asked_by, f"deposit {record.seq} is one operator's alone"
            said = (first.owner, first.asset, first.amount)
            assert (record.owner, record.asset, record.amount) == said, f"deposit {record.seq} says something else"
        self._add(record.owner, record.asset, record.amount)

    def _decide(self, record: WithdrawalDecision) -> None:
        known = self.withdrawals[record.withdrawal]
        assert (record.target, record.asset, record.amount) == (known.account, known.asset, known.amount), record
        by_owner = record.account == known.account
        assert by_owner == (record.step == WithdrawalStep.CANCEL), f"decision {record.seq} is another's to make"
        match record.step:
            case WithdrawalStep.APPROVE:
                known.approved.append(record.account)
                assert len(known.approved) == len(set(known.approved)) <= 2, f"approval {record.seq} counts twice"
                return
            case WithdrawalStep.PAID:
                assert len(known.approved) == 2, f"payment {record.seq} is one operator's alone"
                self._add(known.account, known.asset, -known.amount)
            case WithdrawalStep.CANCEL:
                assert len(known.approved) < 2, f"withdrawal {record.withdrawal} was approved, and is cancelled"
            case step:
                assert step == WithdrawalStep.REJECT, f"decision {record.seq} has step {step}"
        del self.withdrawals[record.withdrawal]

    def _add(self, account: int, asset: int, amount: int) -> None:
        self.owned[account, asset] += amount
        self.deposited[asset] += amount

    def _agree(self, record: Correction, proposal: CorrectionProposal) -> None:
        assert record.account != proposal.account, f"correction {record.seq} is one operator's alone"
        for name in ("matcher", "trade_id", "buyer", "seller", "price_ticks", "quantity_lots", "new_price_ticks",
                     "buyer_fee", "seller_fee", "instrument"):  # fmt: skip
            assert getattr(record, name) == getattr(proposal, name), f"correction {record.seq} has another {name}"

    def _correct(self, record: Correction) -> None:
        terms = self.instruments[record.instrument]
        base = Decimal(record.quantity_lots) * terms.lot_units
        quote = Decimal(record.price_ticks) * record.quantity_lots * terms.unit_value
        if record.new_price_ticks:
            wrong = quote - Decimal(record.new_price_ticks) * record.quantity_lots * terms.unit_value
            self.owned[record.buyer, terms.quote_asset] += wrong
            self.owned[record.seller, terms.quote_asset] -= wrong
            return
        self.owned[record.buyer, terms.base_asset] -= base - record.buyer_fee
        self.owned[record.buyer, terms.quote_asset] += quote
        self.owned[record.seller, terms.quote_asset] -= quote - record.seller_fee
        self.owned[record.seller, terms.base_asset] += base
        self.owned[0, terms.base_asset] -= record.buyer_fee
        self.owned[0, terms.quote_asset] -= record.seller_fee

    def event(self, event: Event) -> None:
        """A matcher's event."""
        if isinstance(event, Traded):
            self._traded(event)
        elif isinstance(event, Cancelled):
            self._close(event.order_id)
        elif isinstance(event, Replaced):
            order = self.orders[event.order_id]
            order.price, order.quantity = order.in_flight.pop(event.cause)
        elif isinstance(event, Restated):
            order = self.orders[event.order_id]
            order.price = Decimal(event.price_ticks)
            order.quantity += event.leaves_lots - event.old_leaves_lots
        elif isinstance(event, Triggered):
            self.orders[event.order_id].price = Decimal(event.price_ticks)
        elif isinstance(event, Rejected) and event.order_id in self.orders:
            if event.command == CommandType.NEW_ORDER:
                self._close(event.order_id)
            else:
                self.orders[event.order_id].in_flight.pop(event.cause, None)

    def _close(self, order_id: int) -> None:
        order = self.orders.pop(order_id)
        if order.excludes:
            self.orders[order.excludes].excludes = 0

    def _traded(self, event: Traded) -> None:
        terms = self.instruments[event.instrument]
        base = Decimal(event.quantity_lots) * terms.lot_units
        quote = Decimal(event.price_ticks) * event.quantity_lots * terms.unit_value
        for is_taker, order_id, told, fee_told in (
            (0, event.maker_order_id, event.maker_leaves_lots, event.maker_fee),
            (1, event.taker_order_id, event.taker_leaves_lots, event.taker_fee),
        ):
            order = self.orders[order_id]
            assert order.excludes == 0, f"order {order_id} traded beside its contingent"
            assert not order.is_idle, f"order {order_id} traded before it was activated"
            gets, pays = (base, quote) if order.is_buy else (quote, base)
            received = terms.base_asset if order.is_buy else terms.quote_asset
            fee = (gets * order.fee_rates[is_taker] / 1_000_000).to_integral_value(ROUND_DOWN)
            assert fee == fee_told, f"the fee of order {order_id} is {fee}"
            self.owned[order.account, received] += gets - fee
            self.owned[0, received] += fee
            self.owned[order.account, order.pays_with] -= pays
            order.filled += quote if order.has_budget else event.quantity_lots
            assert order.quantity - order.filled == told, f"order {order_id} has other leaves"
            if order.filled == order.quantity:
                del self.orders[order_id]
