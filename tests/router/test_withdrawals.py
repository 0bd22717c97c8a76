"""Withdrawals that their owner asks for, deposits above a limit: who may take which step, and where the money is."""

from __future__ import annotations

from typing import Any

import pytest

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import (
    API_SESSION,
    Balance,
    Code,
    Command,
    CommandType,
    Confirmed,
    Deposit,
    DepositFlag,
    DepositLimit,
    ExtDestination,
    ExtDestinationEvent,
    KeyScope,
    Rejected,
    Snapshot,
    Withdrawal,
    WithdrawalChanged,
    WithdrawalDecision,
    WithdrawalRequest,
)
from lockstep.core.schema.records import WithdrawalState as State
from lockstep.core.schema.records import WithdrawalStep as Step
from lockstep.core.venue.snapshot_parts import Kept
from tests.router.rig import FREE, OPERATORS, Rig
from tests.router.test_keys import ADMIN, AUDITOR, TRADING, asked, by_api, defined, told, with_roles
from tests.router.test_ledger import compare
from tests.router.test_snapshot import played, start_at

FIRST, SECOND = OPERATORS
WHERE = b"bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"


@pytest.fixture
def rig() -> Rig:
    return Rig(changes=with_roles, api=True).lead()


def request(account: int, amount: int, key: int = 0, id: bytes = b"w", asset: int = 1, **more: Any) -> list[Command]:
    where = ExtDestination(destination=more.pop("destination", WHERE))
    made = WithdrawalRequest(cl_ord_id=id, asset=asset, amount=amount, **more)
    return [by_api(where, key, account), by_api(made, key, account)]


def requested(rig: Rig, account: int, amount: int, **more: Any) -> int:
    """The number of a new withdrawal."""
    assert asked(rig, *request(account, amount, **more)) == Code.OK
    return int(told(rig, WithdrawalChanged)[-1].withdrawal)


def step(rig: Rig, number: int, step: Step, by: int) -> Code:
    """An operator's step by the operators' ring, an owner's by the api."""
    made = WithdrawalDecision(
        cl_ord_id=b"s%d" % len(rig.log), step=step, withdrawal=number, account=by, time_ns=rig.now
    )
    if by in OPERATORS:
        return Code(rig.ask(made))
    return asked(rig, by_api(made))


def approved(rig: Rig, number: int) -> None:
    assert step(rig, number, Step.APPROVE, FIRST) == Code.OK
    assert step(rig, number, Step.APPROVE, SECOND) == Code.OK


def balance(rig: Rig, account: int = 1, asset: int = 1) -> tuple[int, int] | None:
    compare(rig)
    return rig.core.ledger.balance(account, asset)


def states(rig: Rig) -> list[tuple[int, int]]:
    return [(event.withdrawal, event.state) for event in told(rig, WithdrawalChanged)]


def test_a_withdrawal_is_held_approved_by_two_and_paid(rig: Rig) -> None:
    """LOG-32."""
    number = requested(rig, 1, 40)
    events = rig.outcomes(0)[-3:]
    assert [type(event) for event in events] == [ExtDestinationEvent, WithdrawalChanged, Balance]
    assert events[0].destination == WHERE  # type: ignore[attr-defined]
    assert (events[2].free, events[2].held) == (FREE - 40, 40)  # type: ignore[attr-defined]
    assert balance(rig) == (FREE - 40, 40)
    assert step(rig, number, Step.PAID, FIRST) == Code.WITHDRAWAL_STATE
    assert step(rig, number, Step.APPROVE, FIRST) == Code.OK
    assert step(rig, number, Step.APPROVE, FIRST) == Code.SAME_OPERATOR
    assert step(rig, number, Step.PAID, SECOND) == Code.WITHDRAWAL_STATE
    assert step(rig, number, Step.APPROVE, SECOND) == Code.OK
    assert step(rig, number, Step.APPROVE, SECOND) == Code.WITHDRAWAL_STATE
    assert balance(rig) == (FREE - 40, 40)
    assert step(rig, number, Step.PAID, FIRST) == Code.OK
    assert balance(rig) == (FREE - 40, 0)
    last = told(rig, WithdrawalChanged)[-1]
    assert (last.account, last.asset, last.amount, last.asked_by, last.step) == (1, 1, 40, FIRST, Step.PAID)
    for each in Step:
        assert step(rig, number, each, 1 if each == Step.CANCEL else SECOND) == Code.UNKNOWN_WITHDRAWAL
    assert balance(rig) == (FREE - 40, 0)
    wanted = [State.REQUESTED, State.APPROVED_ONCE, State.APPROVED, State.PAID]
    assert states(rig) == [(number, state) for state in wanted]


@pytest.mark.parametrize("approvals", [0, 1, 2])
def test_an_operator_rejects_until_it_is_paid(rig: Rig, approvals: int) -> None:
    number = requested(rig, 1, FREE)
    for operator in OPERATORS[:approvals]:
        assert step(rig, number, Step.APPROVE, operator) == Code.OK
    assert balance(rig) == (0, FREE)
    assert step(rig, number, Step.REJECT, FIRST) == Code.OK
    assert balance(rig) == (FREE, 0)
    assert step(rig, number, Step.REJECT, FIRST) == Code.UNKNOWN_WITHDRAWAL
    assert states(rig)[-1] == (number, State.REJECTED)


@pytest.mark.parametrize("approvals", [0, 1, 2])
def test_its_owner_cancels_before_the_second_approval(rig: Rig, approvals: int) -> None:
    number = requested(rig, 1, 7)
    for operator in OPERATORS[:approvals]:
        assert step(rig, number, Step.APPROVE, operator) == Code.OK
    assert step(rig, number, Step.CANCEL, 2) == Code.UNKNOWN_WITHDRAWAL
    assert step(rig, number, Step.CANCEL, 1) == (Code.WITHDRAWAL_STATE if approvals == 2 else Code.OK)
    assert balance(rig) == ((FREE - 7, 7) if approvals == 2 else (FREE, 0))


def test_who_may_take_a_step(rig: Rig) -> None:
    reads = defined(rig, 1, "reads", scopes=TRADING)
    pays = defined(rig, 1, "pays", scopes=KeyScope.READ | KeyScope.WITHDRAW)
    assert asked(rig, *request(1, 5, reads)) == Code.KEY_SCOPE
    assert asked(rig, *request(1, 5, pays, id=b"w2")) == Code.OK
    number = told(rig, WithdrawalChanged)[-1].withdrawal
    for each, key, code in (
        (Step.CANCEL, reads, Code.KEY_SCOPE),
        (Step.APPROVE, pays, Code.KEY_SCOPE),
        (Step.APPROVE, 0, Code.NOT_AN_OPERATOR),
        (Step.REJECT, 0, Code.NOT_AN_OPERATOR),
        (Step.CANCEL, pays, Code.OK),
    ):
        made = WithdrawalDecision(cl_ord_id=b"c%d" % len(rig.log), step=each, withdrawal=number, account=1)
        assert asked(rig, by_api(made, key)) == code
    assert asked(rig, *request(AUDITOR, 5, id=b"w3")) == Code.ROLE_NOT_ALLOWED
    assert asked(rig, *request(2, 5, id=b"w4", target=1)) == Code.ROLE_NOT_ALLOWED
    # Only the api proves who its sender is.
    gateways = request(1, 5, id=b"w5")
    assert rig.ask(*(type(each)(**(fields_of(each) | {"session": 1, "time_ns": rig.now})) for each in gateways)) == (
        Code.ROLE_NOT_ALLOWED
    )
    assert rig.core.ledger.withdrawals.pending == {}
    assert balance(rig) == (FREE, 0)


def fields_of(record: Command) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


def test_an_operator_decides_nothing_of_his_own(rig: Rig) -> None:
    assert asked(rig, by_api(Deposit(account=FIRST, asset=1, amount=9, cl_ord_id=b"d", target=SECOND))) == Code.OK
    number = requested(rig, SECOND, 9)
    for each in (Step.APPROVE, Step.REJECT, Step.PAID):
        assert step(rig, number, each, SECOND) == Code.OWN_WITHDRAWAL
    assert step(rig, number, Step.APPROVE, FIRST) == Code.OK
    assert step(rig, number, Step.APPROVE, SECOND) == Code.OWN_WITHDRAWAL
    made = WithdrawalDecision(cl_ord_id=b"admin", step=Step.APPROVE, withdrawal=number)
    assert asked(rig, by_api(made, account=ADMIN)) == Code.OK  # a person, by the api
    assert step(rig, number, Step.PAID, SECOND) == Code.OWN_WITHDRAWAL
    assert step(rig, number, Step.PAID, FIRST) == Code.OK
    assert balance(rig, SECOND) == (0, 0)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount": 0}, Code.QUANTITY_NOT_POSITIVE),
        ({"amount": -5}, Code.QUANTITY_NOT_POSITIVE),
        ({"amount": FREE + 1}, Code.INSUFFICIENT_BALANCE),
        ({"asset": 9}, Code.INVALID_DEFINITION),
        ({"destination": b""}, Code.DESTINATION_MISSING),
        ({"destination": b" there"}, Code.DESTINATION_MISSING),
        ({"destination": b"\xff\xfe"}, Code.DESTINATION_MISSING),
    ],
)
def test_what_can_be_wrong_with_a_request(rig: Rig, change: dict[str, Any], code: Code) -> None:
    values = {"amount": 5} | change
    assert asked(rig, *request(1, **values)) == code
    refused = told(rig, Rejected)[-1]
    assert (refused.command, refused.cl_ord_id, refused.quantity_lots) == (
        CommandType.WITHDRAWAL_REQUEST, b"w", values["amount"],
    )  # fmt: skip
    assert asked(rig, *request(1, 5)) == Code.DUPLICATE_CLIENT_ID
    assert balance(rig) == (FREE, 0)


def test_a_request_without_its_destination_is_refused(rig: Rig) -> None:
    assert asked(rig, request(1, 5)[1]) == Code.DESTINATION_MISSING
    assert asked(rig, by_api(ExtDestination(destination=WHERE), 0, 2), request(1, 5, id=b"v")[1]) == (
        Code.DESTINATION_MISSING
    )


def test_so_many_of_an_account_wait_and_no_more(rig: Rig) -> None:
    numbers = [requested(rig, 1, 1, id=b"w%d" % count) for count in range(64)]
    assert asked(rig, *request(1, 1, id=b"more")) == Code.TOO_MANY_WITHDRAWALS
    assert asked(rig, *request(2, 1)) == Code.OK
    assert step(rig, numbers[0], Step.REJECT, FIRST) == Code.OK
    assert asked(rig, *request(1, 1, id=b"again")) == Code.OK
    assert balance(rig) == (FREE - 64, 64)


def test_no_order_and_no_other_withdrawal_takes_what_is_held(rig: Rig) -> None:
    requested(rig, 1, FREE - 10)
    assert asked(rig, *request(1, 11, id=b"v")) == Code.INSUFFICIENT_BALANCE
    at_once = Withdrawal(account=1, session=FIRST, asset=1, amount=11, cl_ord_id=b"out", time_ns=rig.now)
    assert rig.ask(at_once) == Code.INSUFFICIENT_BALANCE
    assert asked(rig, *request(1, 10, id=b"u")) == Code.OK
    assert balance(rig) == (0, FREE)


def test_what_waits_outlives_a_restart_and_a_snapshot() -> None:
    snapshots = Kept()
    rig = Rig(changes=with_roles, api=True, snapshots=snapshots).lead()
    numbers = [requested(rig, 1, 5, id=b"w%d" % count) for count in range(3)]
    approved(rig, numbers[0])
    assert step(rig, numbers[1], Step.APPROVE, FIRST) == Code.OK
    rig.ask_snapshot()
    rig.run()
    (mark,) = (record for record in rig.commands() if isinstance(record, Snapshot))
    rig.tick()
    replayed = Rig(rig.log, changes=with_roles, api=True).lead()
    loaded = Rig(
        rig.log[mark.seq :], changes=with_roles, api=True, snapshots=snapshots, start=start_at(mark), played=played(rig)
    ).lead()
    assert replayed.core.digests() == loaded.core.digests() == rig.core.digests()
    for again in (replayed, loaded):
        assert again.core.ledger.withdrawals.pending == rig.core.ledger.withdrawals.pending
        assert step(again, numbers[0], Step.PAID, FIRST) == Code.OK
        assert step(again, numbers[1], Step.APPROVE, FIRST) == Code.SAME_OPERATOR
        assert step(again, numbers[1], Step.APPROVE, SECOND) == Code.OK
        assert again.core.ledger.balance(1, 1) == (FREE - 15, 10)
        again.core.ledger.check()


def test_a_digest_tells_what_waits_apart(rig: Rig) -> None:
    before = rig.core.digests()["withdrawals"]
    number = requested(rig, 1, 5)
    waits = rig.core.digests()["withdrawals"]
    assert step(rig, number, Step.APPROVE, FIRST) == Code.OK
    assert len({before, waits, rig.core.digests()["withdrawals"]}) == 3
    assert step(rig, number, Step.REJECT, FIRST) == Code.OK
    assert rig.core.digests()["withdrawals"] == before


def deposit(rig: Rig, by: int, amount: int, proposal: int = 0, account: int = 1) -> Deposit:
    return Deposit(
        account=account, session=by, asset=1, amount=amount, proposal=proposal, cl_ord_id=b"d%d" % len(rig.log),
        time_ns=rig.now,
    )  # fmt: skip


def limited(rig: Rig, amount: int) -> None:
    limit = DepositLimit(cl_ord_id=b"l%d" % len(rig.log), asset=1, amount=amount)
    assert asked(rig, by_api(limit, account=FIRST)) == Code.ROLE_NOT_ALLOWED
    limit = DepositLimit(cl_ord_id=b"l%d" % len(rig.log), asset=1, amount=amount)
    assert asked(rig, by_api(limit, account=ADMIN)) == Code.OK


def test_a_deposit_above_the_limit_takes_two_operators(rig: Rig) -> None:
    limited(rig, 100)
    assert rig.core.deposit_limit(1) == 100
    assert rig.ask(deposit(rig, FIRST, 100)) == Code.OK
    assert balance(rig) == (FREE + 100, 0)
    assert rig.ask(deposit(rig, FIRST, 101)) == Code.OK
    proposal = len(rig.log)
    stamped = rig.commands()[-1]
    assert isinstance(stamped, Deposit)
    assert stamped.flags == DepositFlag.PROPOSAL
    assert balance(rig) == (FREE + 100, 0)
    event = told(rig, Confirmed)[-1]
    assert (event.command, event.target, event.amount, event.proposal) == (CommandType.DEPOSIT, 1, 101, proposal)
    again = Rig(rig.log, changes=with_roles, api=True).lead()  # a proposal outlives its router
    assert again.core.digests() == rig.core.digests()
    assert again.ask(deposit(again, FIRST, 101, proposal)) == Code.SAME_OPERATOR
    assert again.ask(deposit(again, SECOND, 102, proposal)) == Code.UNKNOWN_PROPOSAL
    assert again.ask(deposit(again, SECOND, 101, proposal, account=2)) == Code.UNKNOWN_PROPOSAL
    by_the_api = Deposit(account=FIRST, target=1, asset=1, amount=101, proposal=proposal, cl_ord_id=b"api")
    assert asked(again, by_api(by_the_api)) == Code.SAME_OPERATOR
    assert again.ask(deposit(again, SECOND, 101, proposal)) == Code.OK
    confirmed, balanced = again.outcomes(0)[-2:]
    assert isinstance(confirmed, Confirmed)
    assert isinstance(balanced, Balance)
    assert (confirmed.proposal, balanced.free) == (proposal, FREE + 201)
    assert again.ask(deposit(again, SECOND, 101, proposal)) == Code.UNKNOWN_PROPOSAL
    assert again.core.ledger.balance(1, 1) == (FREE + 201, 0)
    again.core.ledger.check()


def test_the_venue_and_the_configuration_are_not_bound_by_a_limit() -> None:
    def changes(core: Any) -> Any:
        if core.assets:
            return
        yield from with_roles(core)
        yield [pack(DepositLimit(cl_ord_id=b"", asset=3, amount=1))]
        yield [pack(Deposit(account=1, asset=3, amount=50, cl_ord_id=b"again"))]

    rig = Rig(changes=changes, api=True).lead()
    assert rig.core.ledger.balance(1, 3) == (FREE + 50, 0)
    assert API_SESSION  # the welcome deposit is the venue's own, and as large as an admin has set it
    from tests.router.test_keys import account_group

    assert asked(rig, *account_group(b"NEW", 0)) == Code.OK
    number = rig.core.accounts[b"NEW"]
    assert asked(rig, by_api(Deposit(asset=3, amount=500, cl_ord_id=b"w", target=number))) == Code.OK
    assert rig.core.ledger.balance(number, 3) == (500, 0)
