"""Trades that operators undo or give another price: who pays what back, and that it takes two of them."""

from __future__ import annotations

from typing import Any

from lockstep.core.schema.records import (
    Code,
    CommandType,
    Confirmed,
    Corrected,
    Correction,
    CorrectionProposal,
    Deposit,
    Traded,
    Withdrawal,
)
from tests.corrections import approval
from tests.router.requests import order
from tests.router.rig import NOW, OPERATORS, Rig
from tests.router.test_operators import balances, told
from tests.router.test_refusals import SECOND, by, correction, own


def trade(rig: Rig) -> Traded:
    rig.ask(order(1, "S", side=2, quantity_lots=50))
    rig.ask(order(2, "B", quantity_lots=50))
    (found,) = [event for event in rig.outcomes(1) if isinstance(event, Traded)]
    return found


def agreed(rig: Rig, **values: Any) -> Correction:
    """The second operator's approval of the correction that was proposed last."""
    proposal = next(each for each in reversed(rig.commands()) if isinstance(each, CorrectionProposal))
    return approval(proposal, **({"account": SECOND, "time_ns": NOW} | values))


def test_a_trade_that_is_undone_was_never_paid() -> None:
    rig = Rig().lead()
    before = balances(rig)
    made = trade(rig)
    assert balances(rig) != before
    fees = {"buyer_fee": made.taker_fee, "seller_fee": made.maker_fee}
    traded = balances(rig)
    assert rig.ask(correction(trade_id=made.number, quantity_lots=50, **fees)) == Code.OK
    assert balances(rig) == traded
    assert rig.ask(agreed(rig)) == Code.OK
    assert balances(rig) == before
    event = told(rig, Corrected)
    assert (event.trade_id, event.buyer_fee, event.seller_fee, event.instrument) == (made.number, 0, 0, 1)
    rig.core.ledger.check()
    assert Rig(rig.log).lead().ask(correction(trade_id=made.number)) == Code.ALREADY_CORRECTED


def test_a_corrected_price_moves_the_difference_and_no_fee() -> None:
    rig = Rig().lead()
    made = trade(rig)
    before = balances(rig)
    fees = {"buyer_fee": made.taker_fee, "seller_fee": made.maker_fee}
    assert rig.ask(correction(trade_id=made.number, quantity_lots=50, new_price_ticks=90, **fees)) == Code.OK
    assert rig.ask(agreed(rig)) == Code.OK
    difference = 10 * 50 * 7
    assert balances(rig)[2, 3][0] == before[2, 3][0] + difference
    assert balances(rig)[1, 3][0] == before[1, 3][0] - difference
    assert {key: value for key, value in balances(rig).items() if key not in ((1, 3), (2, 3))} == {
        key: value for key, value in before.items() if key not in ((1, 3), (2, 3))
    }
    assert told(rig, Corrected).seller_fee == made.maker_fee


def test_a_correction_takes_two_operators_and_the_last_proposal_of_a_trade_counts() -> None:
    rig = Rig().lead()
    made = trade(rig)
    fees = {"trade_id": made.number, "quantity_lots": 50, "buyer_fee": made.taker_fee, "seller_fee": made.maker_fee}
    assert rig.ask(correction(**fees)) == Code.OK
    first = agreed(rig)
    event = told(rig, Confirmed)
    assert (event.command, event.proposal) == (CommandType.CORRECTION_PROPOSAL, first.proposal)
    assert rig.ask(correction(**fees, new_price_ticks=90)) == Code.OK
    assert rig.ask(first) == Code.UNKNOWN_PROPOSAL
    again = Rig(rig.log).lead()  # a proposal outlives its router
    assert again.ask(agreed(again, account=OPERATORS[0])) == Code.SAME_OPERATOR
    assert again.ask(agreed(again, account=OPERATORS[0], session=SECOND)) == Code.SAME_OPERATOR
    assert again.ask(agreed(again)) == Code.OK
    assert again.ask(agreed(again)) == Code.UNKNOWN_PROPOSAL
    again.core.ledger.check()


def test_a_correction_that_can_not_be_paid_any_more_waits() -> None:
    rig = Rig().lead()
    made = trade(rig)
    fees = {"trade_id": made.number, "quantity_lots": 50, "buyer_fee": made.taker_fee, "seller_fee": made.maker_fee}
    assert rig.ask(correction(**fees)) == Code.OK
    taken = (rig.core.ledger.balance(2, 1) or (0, 0))[0]
    assert rig.ask(Withdrawal(**own(2), asset=1, amount=taken)) == Code.OK
    before = balances(rig)
    assert rig.ask(agreed(rig)) == Code.WOULD_LEAVE_SHORT
    assert balances(rig) == before
    assert rig.ask(Deposit(**(by(key=b"back") | {"account": 2, "session": SECOND}), asset=1, amount=taken)) == Code.OK
    assert rig.ask(agreed(rig)) == Code.OK


def test_the_oldest_of_too_many_corrections_lapses() -> None:
    rig = Rig().lead()
    rig.ask(order(1, "S", side=2, quantity_lots=65))
    for number in range(65):
        rig.send(order(2, f"B{number}", quantity_lots=1))
    rig.run()
    trades = [event for event in rig.outcomes(1) if isinstance(event, Traded)]
    assert len(trades) == 65
    for made in trades:
        rig.send(correction(
            trade_id=made.number, quantity_lots=1, buyer_fee=made.taker_fee, seller_fee=made.maker_fee,
        ))  # fmt: skip
    rig.run()
    first, second = [each for each in rig.commands() if isinstance(each, CorrectionProposal)][:2]
    assert rig.ask(approval(first, account=SECOND, time_ns=NOW)) == Code.UNKNOWN_PROPOSAL
    assert rig.ask(approval(second, account=SECOND, time_ns=NOW)) == Code.OK
