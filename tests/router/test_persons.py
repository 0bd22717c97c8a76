"""How much one person can move alone: random persons, the real router, and a model that asks who wanted a change."""

from __future__ import annotations

import os
import random
from collections import Counter
from hashlib import sha256
from typing import Any

import pytest
from msgspec import structs

from lockstep.core.schema.layout import pack
from lockstep.core.schema.records import (
    API_SESSION,
    Account,
    AccountLimits,
    Adjustment,
    Code,
    Command,
    CommandType,
    CorrectionProposal,
    Deposit,
    DepositLimit,
    Dismissal,
    ExtCredential,
    ExtDestination,
    FeeTier,
    PasswordReset,
    Payment,
    Registration,
    RegistrationMode,
    Role,
    SecondFactor,
    Traded,
    Welcome,
    Withdrawal,
    WithdrawalDecision,
    WithdrawalRequest,
)
from tests.corrections import approval
from tests.models.persons import OPERATORS as PRIVILEGED
from tests.models.persons import Persons, State
from tests.router import rig as rigs
from tests.router.requests import order
from tests.router.rig import Rig, account_records
from tests.router.test_keys import asked, by_api, key_of
from tests.router.test_refusals import account_limits, correction, instrument

FIRST, SECOND = rigs.OPERATORS
ADMIN, OTHER_ADMIN, AUDITOR = SECOND + 1, SECOND + 2, SECOND + 3
STAFF = (FIRST, SECOND, ADMIN, OTHER_ADMIN)
LIMIT = 1000
HOUR_NS = 3600 * 10**9
STEPS = 2000


def with_persons(core: Any) -> Any:
    """The rig's accounts, two admins and an auditor; one operator deposits little of two assets alone, and no other."""
    if core.assets:
        return
    yield from rigs.changes(core)
    for account, role in ((ADMIN, Role.ADMIN), (OTHER_ADMIN, Role.ADMIN), (AUDITOR, Role.AUDITOR)):
        yield account_records(account, role=role)
    for asset, most in ((1, LIMIT), (2, LIMIT), (3, 0)):
        yield [pack(DepositLimit(cl_ord_id=b"", asset=asset, amount=most))]


def new_rig() -> Rig:
    return Rig(changes=with_persons, api=True).lead()


class Crowd:
    """Draws commands of everybody, mostly such as could do harm, and has the model explain what each has changed."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.rig = new_rig()
        self.count = 0
        self.codes: dict[bytes, bytes] = {}
        self.verdicts: Counter[tuple[str, Code]] = Counter()
        core = self.rig.core
        self.persons = Persons(owners={number: number for number in core.accounts.values()})
        self.rig.ask(order(1, "S", side=2, quantity_lots=50))
        self.rig.ask(order(2, "B", quantity_lots=50))
        self.trades = [each for each in self.rig.outcomes(1) if isinstance(each, Traded)]
        self.says = [
            self.pay, self.pay, self.pay, self.adjust, self.define, self.role, self.role, self.password, self.reset,
            self.key, self.admin, self.admin, self.fees, self.request, self.decide, self.correct, self.dismiss,
            self.wait,
        ]  # fmt: skip

    def step(self) -> None:
        """One command, explained."""
        self.count += 1
        made = self.draw.choice(self.says)()
        if made is None:
            return
        before, place = self.state(), len(self.rig.log)
        if made[-1].session < API_SESSION:
            for each in made:
                self.rig.operators.put(pack(each))
            self.rig.run()
        else:
            self.rig.ask_by_api(*made)
        after = self.state()
        (command,) = [each for each in self.rig.commands(place) if type(each) is type(made[-1]) and each.ingress]
        self.verdicts[type(command).__name__, Code(getattr(command, "verdict", 0))] += 1
        self.persons.take(command, before, after)

    def state(self) -> State:
        core = self.rig.core
        accounts = range(len(core.accounts) + 1)
        money = {(a, x): sum(core.ledger.balance(a, x) or (0, 0)) for a in accounts for x in (1, 2, 3)}
        return State(
            money,
            {number: core.role(number) for number in core.accounts.values()},
            {number: core.credentials[number][48:] for number in core.accounts.values()},
            Counter(core.key(number)["account"] for number in core.keys.values()),
            {asset: core.deposit_limit(asset) for asset in (1, 2, 3)},
            {asset: core.welcome(asset) for asset in (1, 2, 3)},
            core.registration,
        )  # fmt: skip

    def sent(self, *records: Command, by: int | None = None) -> list[Command]:
        """The records as an operator sends them by either ring, other accounts by the api."""
        draw = self.draw
        by = draw.choice((*STAFF, draw.randint(1, len(self.rig.core.accounts)))) if by is None else by
        named = [
            structs.replace(each, cl_ord_id=b"c%d" % self.count) if hasattr(each, "cl_ord_id") else each
            for each in records
        ]
        is_operator = self.rig.core.role(by) in PRIVILEGED if by else False
        if by == 0 or not is_operator or draw.random() < 0.6:
            return [structs.replace(each, account=by, session=API_SESSION, time_ns=self.rig.now) for each in named]
        main = named[-1]
        if not isinstance(main, Payment | Account) or isinstance(main, WithdrawalRequest):
            return [structs.replace(each, account=by, session=0, time_ns=self.rig.now) for each in named]
        owner = main.number if isinstance(main, Account) else main.owner
        owner = owner or (len(self.rig.core.accounts) + 1 if isinstance(main, Account) else by)
        return [
            structs.replace(
                each, account=owner, session=by, time_ns=self.rig.now, **({"target": 0} if each is main else {})
            )
            for each in named
        ]

    def anybody(self) -> int:
        return self.draw.randint(1, len(self.rig.core.accounts))

    def amount(self) -> int:
        return self.draw.choice((1, 300, LIMIT - 1, LIMIT, LIMIT + 1, 50 * LIMIT))

    def earlier(self, *kinds: type[Command]) -> Any:
        """A recent command of these kinds, carried out or proposed, or None."""
        numbers = {kind.__name__ for kind in kinds}
        found = [each for each in self.rig.commands(max(0, len(self.rig.log) - 300)) if type(each).__name__ in numbers]
        found = [
            each for each in found if getattr(each, "verdict", 0) in (Code.OK, Code.SECOND_NEEDED) and each.ingress
        ]
        return self.draw.choice(found[-6:]) if found else None

    def pay(self) -> list[Command]:
        draw = self.draw
        kind: type[Deposit | Withdrawal] = draw.choice((Deposit, Deposit, Withdrawal))
        known = self.earlier(kind) if draw.random() < 0.5 else None
        if known is None:
            made = kind(cl_ord_id=b"", target=self.anybody(), asset=draw.randint(1, 3), amount=self.amount())
        else:
            made = kind(cl_ord_id=b"", target=known.owner, asset=known.asset, amount=known.amount, proposal=known.seq)
            if draw.random() < 0.3:
                made = structs.replace(made, **draw.choice(({"amount": made.amount + 1}, {"target": self.anybody()})))
        return self.sent(made)

    def adjust(self) -> list[Command]:
        known = self.earlier(Adjustment) if self.draw.random() < 0.6 else None
        made = Adjustment(
            cl_ord_id=b"", asset=self.draw.randint(1, 3), target=self.draw.randint(0, len(self.rig.core.accounts)),
            amount=self.draw.choice((-1, 1)) * self.amount(),
        )  # fmt: skip
        if known is not None:
            same: dict[str, int] = {"asset": 0, "target": 0, "amount": 0} if self.draw.random() < 0.8 else {}
            made = structs.replace(made, proposal=known.seq, **same)
        return self.sent(made)

    def account(self, number: int, role: int, proposal: int = 0, changes: bool = False, code: bytes = b"") -> list[Any]:
        names = {each: name for name, each in self.rig.core.accounts.items()}
        hashed = b"%d" % self.count if changes else b"h" * 32
        if number in names and not changes:
            hashed = self.rig.core.credentials[number][64:96]
        credential = ExtCredential(salt=b"s" * 16, hash=hashed, memory_kib=8, time_cost=1, parallelism=1)
        made = Account(
            name=names.get(number, b"N%d" % number), target=number if number in names else 0, role=role,
            proposal=proposal, reset_code=code,
        )  # fmt: skip
        return [credential, made]

    def define(self) -> list[Command] | None:
        number = len(self.rig.core.accounts) + 1
        if number > 24:
            return None
        role = self.draw.choice((Role.TRADER, Role.TRADER, Role.OPERATOR, Role.ADMIN, Role.AUDITOR))
        if self.draw.random() < 0.3:
            return self.sent(*self.account(number, role), by=0)
        return self.sent(*self.account(number, role))

    def role(self) -> list[Command] | None:
        """A role, proposed or approved. Honest persons make no second operator of a person who is one already."""
        known = self.earlier(Account) if self.draw.random() < 0.6 else None
        number = self.anybody() if known is None else known.number or self.anybody()
        role = self.draw.randint(0, 3) if known is None else known.role
        sent = self.sent(*self.account(number, role, 0 if known is None else known.seq))
        by = sent[-1].account if sent[-1].session >= API_SESSION else sent[-1].session
        owners, core = self.persons.owners, self.rig.core
        same = [each for each in core.accounts.values() if owners[each] == owners[number] and each != number]
        is_second = role in PRIVILEGED and any(core.role(each) in PRIVILEGED for each in same)
        return None if is_second and owners[by] != owners[number] else sent

    def password(self) -> list[Command]:
        number = self.anybody()
        return self.sent(*self.account(number, self.rig.core.role(number), changes=True))

    def reset(self) -> list[Command]:
        draw, known = self.draw, self.earlier(PasswordReset)
        if known is None or draw.random() < 0.4:
            code = b"%d" % self.count
            hashed = sha256(code.ljust(16, b"\0")).digest()[:16]
            self.codes[hashed] = code
            return self.sent(PasswordReset(cl_ord_id=b"", target=self.anybody(), code_hash=hashed))
        if draw.random() < 0.5:
            return self.sent(PasswordReset(cl_ord_id=b"", target=known.target, proposal=known.proposal or known.seq))
        role, code = self.rig.core.role(known.target), self.codes.get(known.code_hash, b"")
        return self.sent(*self.account(known.target, role, changes=True, code=code), by=0)

    def key(self) -> list[Command]:
        if self.draw.random() < 0.2:
            return self.sent(SecondFactor(target=self.anybody(), size=0))
        return key_of(self.anybody(), f"k{self.count}", asks=self.anybody())

    def admin(self) -> list[Command]:
        """A deposit limit, a welcome or a mode of registration: proposed, or approved."""
        draw, asset = self.draw, self.draw.randint(1, 3)
        known = self.earlier(DepositLimit, Welcome, Registration) if draw.random() < 0.5 else None
        if isinstance(known, Registration):
            made: Any = Registration(cl_ord_id=b"", mode=known.mode, proposal=known.seq)
        elif known is not None:
            amount = known.amount + (draw.random() < 0.2)
            made = type(known)(cl_ord_id=b"", asset=known.asset, amount=amount, proposal=known.seq)
        elif draw.random() < 0.3:
            made = Registration(cl_ord_id=b"", mode=draw.choice(tuple(RegistrationMode)))
        else:
            made = draw.choice((DepositLimit, Welcome))(
                cl_ord_id=b"", asset=asset, amount=draw.choice((0, 10, LIMIT, 9 * LIMIT))
            )
        return self.sent(made, by=draw.choice((ADMIN, OTHER_ADMIN, ADMIN, FIRST, self.anybody())))

    def fees(self) -> list[Command]:
        """What changes fees, or lists something: it moves nothing. Or the venue welcomes an account, as it may."""
        draw = self.draw
        kind = draw.randint(0, 3)
        if kind == 0:
            made: Command = FeeTier(cl_ord_id=b"", tier=draw.randint(1, 3), maker_fee_ppm=0, taker_fee_ppm=32_767)
        elif kind == 1:
            made = structs.replace(account_limits(), target=self.anybody(), fee_tier=draw.randint(0, 3))
            assert isinstance(made, AccountLimits)
        elif kind == 2:
            made = structs.replace(instrument(), taker_fee_ppm=32_767, reference_price_ticks=draw.choice((1, 10**9)))
        else:
            new = Deposit(cl_ord_id=b"", target=self.anybody(), asset=draw.randint(1, 3), amount=self.amount())
            return self.sent(new, by=0)
        return self.sent(made)

    def request(self) -> list[Command]:
        by = self.anybody()
        target = by if self.draw.random() < 0.7 else self.anybody()
        wanted = WithdrawalRequest(cl_ord_id=b"", asset=self.draw.randint(1, 3), target=target, amount=self.amount())
        records = self.sent(ExtDestination(destination=b"mine"), wanted, by=by)
        return [structs.replace(each, account=by, session=API_SESSION) for each in records]

    def decide(self) -> list[Command] | None:
        known = self.earlier(WithdrawalRequest)
        if known is None:
            return None
        return self.sent(
            WithdrawalDecision(cl_ord_id=b"", step=self.draw.choice((1, 1, 1, 2, 3, 3, 4)), withdrawal=known.seq)
        )

    def correct(self) -> list[Command]:
        known = self.earlier(CorrectionProposal) if self.draw.random() < 0.6 else None
        if known is not None:
            changed = {"new_price_ticks": 1} if self.draw.random() < 0.3 else {}
            return self.sent(structs.replace(approval(known), ingress=0, seq=0, **changed))
        made, price = self.trades[0], self.draw.choice((0, 90, 110))
        fees = {"buyer_fee": made.taker_fee, "seller_fee": made.maker_fee}
        return self.sent(correction(trade_id=made.number, quantity_lots=50, new_price_ticks=price, **fees))

    def dismiss(self) -> list[Command] | None:
        known = self.earlier(Deposit, Withdrawal, Adjustment, Account, DepositLimit, Welcome, PasswordReset)
        return None if known is None else self.sent(Dismissal(cl_ord_id=b"", proposal=known.seq))

    def wait(self) -> None:
        """Some hours; now and then a day begins."""
        self.rig.now += self.draw.randint(1, 3) * HOUR_NS
        self.rig.run()


def explored(seed: int, steps: int) -> Crowd:
    crowd = Crowd(seed)
    try:
        for _ in range(steps):
            crowd.step()
    except AssertionError:
        print(f"seed {seed}, step {crowd.count}")
        raise
    crowd.rig.core.ledger.check()
    return crowd


def test_persons_move_nothing_alone_beyond_the_limit() -> None:
    """Whatever anybody sends, alone or with others; LOG-35."""
    seed = int(os.environ.get("PERSONS_SEED", random.randrange(2**32)))
    print(f"seed {seed}")
    crowd = explored(seed, STEPS)
    assert crowd.persons.moves["Deposit"]
    assert Rig(crowd.rig.log, changes=with_persons, api=True).lead().core.digests() == crowd.rig.core.digests()


@pytest.mark.soak
def test_persons_move_nothing_alone_in_long_runs() -> None:
    """Many venues, and every kind of command gets through in one of them."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    moves: Counter[str] = Counter()
    for each in range(int(os.environ.get("PERSONS_VENUES", "60"))):
        moves += explored(seed + each, 2000).persons.moves
    wanted = {"Deposit", "Withdrawal", "Adjustment", "Correction", "WithdrawalDecision", "Account", "ApiKey", "Welcome"}
    assert wanted | {"DepositLimit", "Registration"} <= set(moves), moves


def test_deposits_of_a_day_count_together_and_never_for_oneself() -> None:
    rig = new_rig()

    def deposit(amount: int, target: int = 1, by: int = FIRST, asset: int = 1) -> bool:
        """Whether it was carried out at once."""
        before = rig.core.ledger.balance(target, asset)
        made = Deposit(cl_ord_id=b"d%d" % len(rig.log), target=target, asset=asset, amount=amount)
        made = structs.replace(made, account=by, session=API_SESSION)
        assert rig.ask_by_api(made) == Code.OK
        return rig.core.ledger.balance(target, asset) != before

    assert deposit(LIMIT - 1)
    assert not deposit(2)
    assert deposit(1, target=2)
    assert not deposit(1)
    assert deposit(LIMIT, by=SECOND)
    assert deposit(LIMIT, asset=2)
    assert not deposit(1, asset=3)  # without a limit every deposit takes two
    assert not deposit(1, target=SECOND, by=SECOND, asset=2)
    rig.now += 24 * HOUR_NS
    assert deposit(LIMIT)
    assert not deposit(1)
    again = Rig(rig.log, changes=with_persons, api=True).lead()
    assert again.core.digests() == rig.core.digests()


def role(rig: Rig, by: int, target: int, role: int, proposal: int = 0) -> Code:
    name = next(name for name, number in rig.core.accounts.items() if number == target)
    credential = ExtCredential(salt=b"s" * 16, hash=b"h" * 32, memory_kib=8, time_cost=1, parallelism=1)
    made = Account(name=name, target=target, role=role, proposal=proposal)
    sent = [structs.replace(each, account=by, session=API_SESSION) for each in (credential, made)]
    return Code(rig.ask_by_api(*sent))


def test_a_role_takes_two_admins() -> None:
    """LOG-35."""
    rig = new_rig()
    assert role(rig, ADMIN, 1, Role.OPERATOR) == Code.SECOND_NEEDED
    proposal = len(rig.log)
    assert rig.core.role(1) == Role.TRADER
    assert role(rig, ADMIN, 1, Role.OPERATOR, proposal) == Code.SAME_OPERATOR
    assert role(rig, OTHER_ADMIN, 1, Role.ADMIN, proposal) == Code.UNKNOWN_PROPOSAL
    assert role(rig, OTHER_ADMIN, 2, Role.OPERATOR, proposal) == Code.UNKNOWN_PROPOSAL
    assert role(rig, FIRST, 1, Role.OPERATOR, proposal) == Code.ROLE_NOT_ALLOWED
    again = Rig(rig.log, changes=with_persons, api=True).lead()  # a proposal outlives its router
    assert again.core.proposals == rig.core.proposals
    assert role(again, OTHER_ADMIN, 1, Role.OPERATOR, proposal) == Code.OK
    assert again.core.role(1) == Role.OPERATOR
    assert role(again, OTHER_ADMIN, 1, Role.OPERATOR, proposal) == Code.OK  # it has that role: nothing changes
    assert again.core.proposals == {}


def test_an_operator_ends_no_proposal_of_admins_by_many_of_its_own() -> None:
    """LOG-35."""
    rig = new_rig()
    assert role(rig, ADMIN, 1, Role.OPERATOR) == Code.SECOND_NEEDED
    proposal = len(rig.log)
    for number in range(1100):
        made = Withdrawal(cl_ord_id=b"w%d" % number, target=1, asset=1, amount=1)
        rig.send_by_api(by_api(made, account=FIRST))
        if number % 100 == 99:
            rig.run()
    assert len(rig.core.proposals) == 65
    assert role(rig, OTHER_ADMIN, 1, Role.OPERATOR, proposal) == Code.OK
    assert Rig(rig.log, changes=with_persons, api=True).lead().core.digests() == rig.core.digests()


def bust_of_a_trade(rig: Rig) -> Command:
    """The proposal to undo a trade that two accounts have just made."""
    rig.ask(order(1, "S", side=2, quantity_lots=50))
    rig.ask(order(2, "B", quantity_lots=50))
    traded = next(each for each in rig.outcomes(1) if isinstance(each, Traded))
    fees = {"buyer_fee": traded.taker_fee, "seller_fee": traded.maker_fee}
    return correction(trade_id=traded.number, quantity_lots=50, **fees)


def test_a_proposal_is_void_while_its_proposer_could_not_propose_it() -> None:
    """LOG-35: an operator's that was made a trader's since, and an operator's of what takes two admins now."""
    rig = new_rig()
    bust = bust_of_a_trade(rig)
    proposed: list[Command] = [
        Deposit(cl_ord_id=b"", target=1, asset=3, amount=5), Withdrawal(cl_ord_id=b"", target=1, asset=1, amount=5),
        Adjustment(cl_ord_id=b"", asset=1, target=1, amount=5),
        bust,
        PasswordReset(cl_ord_id=b"", target=1, code_hash=b"x" * 16),
    ]  # fmt: skip
    approvals: list[Command] = []
    for each in proposed:
        id = {"cl_ord_id": b"p%d" % len(rig.log)} if hasattr(each, "cl_ord_id") else {}
        rig.ask_by_api(structs.replace(each, account=FIRST, session=API_SESSION, time_ns=0, **id))
        made: Any = next(command for command in reversed(rig.commands()) if type(command) is type(each))
        approvals.append(
            approval(made) if isinstance(made, CorrectionProposal) else structs.replace(each, proposal=made.seq)
        )

    def answers() -> set[Code]:
        said = set()
        for each in approvals:
            id = {"cl_ord_id": b"a%d" % len(rig.log)} if hasattr(each, "cl_ord_id") else {}
            sent = structs.replace(each, account=SECOND, session=API_SESSION, time_ns=0, ingress=0, seq=0, **id)
            said.add(Code(rig.ask_by_api(sent)))
        return said

    for new_role in (Role.TRADER, Role.OPERATOR):
        role(rig, ADMIN, FIRST, new_role)
        assert role(rig, OTHER_ADMIN, FIRST, new_role, len(rig.log)) == Code.OK
        assert answers() == {Code.UNKNOWN_PROPOSAL if new_role == Role.TRADER else Code.OK}

    assert role(rig, FIRST, 3, Role.AUDITOR) == Code.SECOND_NEEDED
    proposal = len(rig.log)
    assert role(rig, ADMIN, 3, Role.ADMIN) == Code.SECOND_NEEDED
    assert role(rig, OTHER_ADMIN, 3, Role.ADMIN, len(rig.log)) == Code.OK
    assert role(rig, ADMIN, 3, Role.AUDITOR, proposal) == Code.UNKNOWN_PROPOSAL
    assert role(rig, ADMIN, 3, Role.AUDITOR) == Code.SECOND_NEEDED


def test_one_admin_alone_is_told_that_there_is_no_second() -> None:
    def with_one(core: Any) -> Any:
        yield from rigs.changes(core) if not core.assets else ()
        if len(core.accounts) < ADMIN:
            yield account_records(ADMIN, role=Role.ADMIN)

    rig = Rig(changes=with_one, api=True).lead()
    assert role(rig, ADMIN, 1, Role.OPERATOR) == Code.NO_SECOND
    limit = DepositLimit(cl_ord_id=b"l", asset=1, amount=2 * rigs.MUCH)
    assert asked(rig, by_api(limit, account=ADMIN)) == Code.NO_SECOND
    lower = DepositLimit(cl_ord_id=b"m", asset=1, amount=5)
    assert asked(rig, by_api(lower, account=ADMIN)) == Code.OK
    assert rig.core.proposals == {}


def dismiss(rig: Rig, by: int, proposal: int) -> Code:
    made = Dismissal(cl_ord_id=b"x%d" % len(rig.log), proposal=proposal, account=by, session=API_SESSION)
    return Code(rig.ask_by_api(made))


def test_every_kind_of_proposal_can_be_dismissed() -> None:
    """LOG-35: by its proposer, or by another one."""
    rig = new_rig()
    made = rig.core
    bust = bust_of_a_trade(rig)
    proposed: list[Command] = [
        Deposit(cl_ord_id=b"", target=1, asset=3, amount=5), Withdrawal(cl_ord_id=b"", target=1, asset=1, amount=5),
        Adjustment(cl_ord_id=b"", asset=1, target=1, amount=5), Welcome(cl_ord_id=b"", asset=1, amount=5),
        bust, DepositLimit(cl_ord_id=b"", asset=1, amount=9999),
        PasswordReset(cl_ord_id=b"", target=1, code_hash=b"x" * 16),
    ]  # fmt: skip
    before = made.digests()["settings"]
    for each in proposed:
        admins = isinstance(each, DepositLimit | Welcome)
        for by in (ADMIN, OTHER_ADMIN) if admins else (ADMIN, FIRST):  # its proposer, or another one
            sent = structs.replace(
                each, account=ADMIN, session=API_SESSION, time_ns=0,
                **({"cl_ord_id": b"p%d" % len(rig.log)} if hasattr(each, "cl_ord_id") else {}),
            )  # fmt: skip
            assert rig.ask_by_api(sent) in (Code.OK, Code.SECOND_NEEDED)
            seq = next(c.seq for c in reversed(rig.commands()) if type(c) is type(each))
            assert made.digests()["settings"] != before, each
            assert dismiss(rig, 3, seq) == Code.NOT_AN_OPERATOR
            if admins:
                assert dismiss(rig, FIRST, seq) == Code.ROLE_NOT_ALLOWED
            assert dismiss(rig, by, seq) == Code.OK, each
            stamped = rig.commands()[-1]
            assert isinstance(stamped, Dismissal)
            assert CommandType(stamped.proposed) == CommandType(rig.commands()[seq - 1].type)
            assert made.digests()["settings"] == before, each
            assert dismiss(rig, by, seq) == Code.UNKNOWN_PROPOSAL
    assert Rig(rig.log, changes=with_persons, api=True).lead().core.digests() == made.digests()
