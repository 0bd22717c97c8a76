"""A seeded driver of a rig: everything that users and operators may ask, with terms, lists, limits and corrections.

It remembers what it asked for, so that most of it makes sense, and judges no answer.
"""

from __future__ import annotations

import random
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec import structs

from lockstep.core.journal.writer import SEGMENT_BYTES, JournalWriter
from lockstep.core.schema.layout import unpack_command, unpack_event
from lockstep.core.schema.records import (
    API_SESSION,
    Account,
    AccountLimits,
    Adjustment,
    CancelAfter,
    CommandType,
    CorrectionProposal,
    Deposit,
    Dismissal,
    ExtCredential,
    ExtDestination,
    ExtLeg,
    ExtListName,
    ExtTerms,
    FeeTier,
    Instrument,
    KillSwitch,
    Limits,
    MassCancel,
    NewOrder,
    PasswordReset,
    Phase,
    PhaseChange,
    PositionLimit,
    Schedule,
    Session,
    Traded,
    Withdrawal,
    WithdrawalDecision,
    WithdrawalRequest,
    WithdrawalStep,
)
from lockstep.core.schema.records import OrderFlag as Flag
from lockstep.core.schema.records import OrderType as Kind
from lockstep.core.schema.records import TimeInForce as Tif
from tests.corrections import approval
from tests.naming import meaning
from tests.router.requests import Wording, cancel, name, order, replace
from tests.router.rig import ACCOUNTS, LISTINGS, OPERATORS, Rig, with_limits

SECOND_NS = 10**9
MAX_RECORDS = 5  # of one request


class Everything:
    """`step` sends one request; `weights` say by name how often a kind comes, if not as often as ever."""

    def __init__(
        self, rig: Rig, draw: random.Random, words: Wording = meaning, room: int = MAX_RECORDS, **weights: float
    ) -> None:
        self.rig = rig
        self.words = words
        self.draw = draw
        self.room = room
        self.weights = weights
        self.count = 0
        self.used: list[tuple[int, str, int]] = []
        self.proposals: list[int] = []
        self.corrected = 0
        self.codes: dict[bytes, bytes] = {}  # of resets, by their hashes

    def step(self) -> None:
        self.count += 1
        steps = {
            self.enter: 50, self.enter_list: 12, self.cancel: 12, self.replace: 14, self.mass_cancel: 0.6,
            self.turn: 0.6, self.change_phase: 1.2, self.limit: 0.5, self.limit_account: 1.0, self.limit_position: 0.8,
            self.set_tier: 0.5, self.move_money: 2, self.adjust: 1, self.correct: 2, self.plan: 1, self.move: 1,
            self.wait: 3,
        }  # fmt: skip
        if self.rig.api is not None:
            steps |= {self.request_withdrawal: 3, self.decide_withdrawal: 10, self.deposit_much: 3}
            steps |= {self.cancel_later: 2, self.reset_password: 1.5, self.dismiss: 0.7, self.log_on: 2}
        rings = [*self.rig.gateways, self.rig.operators, *([self.rig.api] if self.rig.api else [])]
        while min(ring.room() for ring in rings) < self.room:
            self.rig.step()
        for kind, weight in self.weights.items():
            steps[getattr(self, kind)] = weight
        self.draw.choices(list(steps), list(steps.values()))[0]()
        if self.draw.random() < 0.3:
            self.rig.step()

    def send(self, *records: Any) -> None:
        self.rig.send(*records, gateway=self.draw.randint(0, 1))

    @property
    def time_ns(self) -> int:
        return self.rig.now

    def text(self) -> str:
        number = self.count if self.draw.random() < 0.97 else max(0, self.count - 5)
        return name(number) if self.words is meaning else f"O{number}"

    def key(self) -> dict[str, Any]:
        """An operator's header and client id."""
        return {"account": self.draw.choice(OPERATORS), "time_ns": self.time_ns, "cl_ord_id": b"A%d" % self.count}

    # Orders

    def wish(self, **fixed: Any) -> tuple[NewOrder, ExtTerms | None]:
        """An order, with terms that mostly go together."""
        draw = self.draw
        side, price = draw.randint(1, 2), draw.randint(90, 110)
        kind = draw.choices(list(Kind), [1, 6, 1, 1, 1])[0]
        values: dict[str, Any] = {
            "instrument": draw.randint(1, 3), "side": side, "ord_type": kind, "stp": draw.choice((0, 0, 1, 2, 3, 4, 5)),
            "price_ticks": price if kind in (Kind.LIMIT, Kind.STOP_LIMIT) else 0, "time_ns": self.time_ns,
            "quantity_lots": draw.choice((1, 2, 5, 30, 400, 400, 12_000)),
            "time_in_force": draw.choice((Tif.DAY, Tif.GTC, Tif.GTC)),
        }  # fmt: skip
        values |= fixed
        terms: dict[str, int] = {}
        chance = draw.random()
        flags = 0
        kind = values["ord_type"]
        if kind in (Kind.STOP, Kind.STOP_LIMIT):
            terms["stop_price_ticks"] = price + (3 if values["side"] == 1 else -3)
        if kind == Kind.TRAILING_STOP:
            terms["trail_ticks"] = draw.randint(1, 8)
        if kind == Kind.MARKET and chance < 0.4:
            flags, values["quantity_lots"] = Flag.BUDGET, draw.choice((300, 5_000, 300_000))
        elif kind == Kind.MARKET and chance < 0.6:
            values["time_in_force"] = draw.choice((Tif.AT_THE_OPEN, Tif.AT_THE_CLOSE, Tif.FOK, Tif.IOC))
        elif kind == Kind.LIMIT and chance < 0.2:
            terms["display_lots"] = draw.randint(1, 3)
        elif kind == Kind.LIMIT and chance < 0.35:
            flags = draw.choice((Flag.POST_ONLY, Flag.POST_ONLY | Flag.SLIDE))
        elif kind == Kind.LIMIT and chance < 0.5:
            values["time_in_force"] = draw.choice((Tif.AT_THE_OPEN, Tif.AT_THE_CLOSE, Tif.FOK, Tif.IOC))
        elif kind != Kind.MARKET and chance < 0.6:
            values["time_in_force"] = Tif.GTD
            terms["expire_ns"] = self.time_ns + draw.randint(-1000, SECOND_NS)
        elif kind == Kind.LIMIT and chance < 0.7:
            terms["minimum_lots"] = draw.randint(1, 6)
        values["flags"] = flags | (Flag.TERMS if terms and draw.random() < 0.99 else 0)
        account = values.pop("account", draw.randint(1, ACCOUNTS))
        made = order(account, values.pop("text", self.text()), **values)
        return made, self.extension(account, terms) if terms else None

    def extension(self, account: int, terms: dict[str, Any]) -> ExtTerms:
        return ExtTerms(account=account, session=account, time_ns=self.time_ns, **terms)

    def enter(self) -> None:
        made, terms = self.wish()
        self.send(*((terms, made) if terms else (made,)))
        self.remember(made)

    def remember(self, made: NewOrder) -> None:
        self.used.append((made.account, made.cl_ord_id.decode(), made.instrument))

    def enter_list(self) -> None:
        """Mostly right: a limit order, and a stop (one cancels the other) or anything (one triggers the other)."""
        draw = self.draw
        kind = draw.randint(1, 2)
        rests: dict[str, Any] = {"ord_type": Kind.LIMIT, "price_ticks": draw.randint(90, 110)}
        first, terms = self.wish(**rests)
        same: dict[str, Any] = {"account": first.account, "instrument": first.instrument, "text": f"L{self.count}"}
        if kind == 1:
            same |= {"side": first.side, "quantity_lots": first.quantity_lots, "ord_type": draw.choice((3, 4, 5))}
            same["price_ticks"] = draw.randint(90, 110) if same["ord_type"] == 4 else 0
        second, second_terms = self.wish(**same)
        fields = {name: getattr(second, name) for name in NewOrder.__struct_fields__ if name != "verdict"}
        leg = ExtLeg(**(fields | {"type": CommandType.EXT_LEG, "list_kind": kind}))
        main = {name: getattr(first, name) for name in NewOrder.__struct_fields__} | {"flags": first.flags | Flag.LIST}
        records: list[Any] = [second_terms, leg, terms]
        if draw.random() < 0.5:
            main["flags"] |= Flag.LIST_NAME
            named = ExtListName(account=first.account, session=first.session, time_ns=self.time_ns, name=b"its name")
            records = [named if draw.random() < 0.97 else None, *records]
        self.send(*(record for record in [*records, NewOrder(**main)] if record is not None))
        self.remember(first)
        self.remember(second)

    def target(self) -> tuple[int, str, int]:
        owner, text, listed = self.draw.choice(self.used[-60:] or [(1, "none", 1)])
        return owner, text, listed if self.draw.random() < 0.97 else listed % 3 + 1

    def cancel(self) -> None:
        owner, text, listed = self.target()
        self.send(*(self.fresh(record) for record in cancel(owner, self.text(), text, listed, words=self.words)))

    def fresh(self, record: Any) -> Any:
        fields = {name: getattr(record, name) for name in record.__struct_fields__}
        return type(record)(**(fields | {"time_ns": self.time_ns}))

    def replace(self) -> None:
        owner, text, listed = self.target()
        draw = self.draw
        own = self.text()
        price, quantity = draw.randint(90, 110), draw.choice((1, 2, 5, 30, 400, 9_000))
        terms: dict[str, int] = {}
        if draw.random() < 0.4:
            choices = {
                "stop_price_ticks": draw.randint(85, 115), "trail_ticks": draw.randint(1, 9),
                "display_lots": draw.randint(1, 4), "expire_ns": self.time_ns + draw.randint(-1000, SECOND_NS),
            }  # fmt: skip
            picked = draw.choice(list(choices))
            terms = {picked: choices[picked]}
        flags = Flag.TERMS if terms else 0
        records = replace(owner, own, text, price, quantity, listed, flags, self.words)
        extension = [self.extension(owner, terms)] if terms else []
        self.send(*extension, *(self.fresh(record) for record in records))
        self.used.append((owner, own, listed))

    # Operators

    def mass_cancel(self) -> None:
        own = self.draw.randint(1, ACCOUNTS)
        what: dict[str, Any] = {"instrument": self.draw.randint(0, 3), "side": self.draw.randint(0, 2)}
        if self.draw.random() < 0.5:
            self.send(MassCancel(**self.key(), target=self.draw.choice((0, own)), **what))
            return
        mine: dict[str, Any] = {"account": own, "session": own, "time_ns": self.time_ns}
        self.send(MassCancel(cl_ord_id=self.text().encode(), target=own, **mine, **what))

    def turn(self) -> None:
        target, scope = self.draw.randint(1, ACCOUNTS), self.draw.randint(1, 2)
        is_on = int(self.draw.random() < 0.15)
        self.send(KillSwitch(**self.key(), target=target, scope=scope, is_on=is_on))

    def log_on(self) -> None:
        """A session logs on, mostly with the rights that its account has now."""
        account, rights = self.draw.randint(1, ACCOUNTS), self.draw.choice((0, 1 << 40, 1 << 40, 1 << 40))
        up: dict[str, Any] = {"next_msg_seq_num": self.count, "up": 1, "reset": 0, "rights": rights}
        self.send(Session(account=account, session=account, time_ns=self.time_ns, **up))

    def change_phase(self) -> None:
        phases = [Phase.CONTINUOUS] * 6 + [phase for phase in Phase if phase != Phase.DELISTED]
        self.send(PhaseChange(**self.key(), instrument=self.draw.randint(1, 3), phase=self.draw.choice(phases)))

    def limit(self) -> None:
        draw = self.draw
        self.send(Limits(
            account=OPERATORS[0], time_ns=self.time_ns, instrument=draw.randint(1, 3), volatility_auction_ms=200,
            day_end_s=0, static_band_bps=draw.choice((0, 2000)), dynamic_band_bps=draw.choice((0, 500)),
            band_action=draw.randint(1, 2), max_quantity_lots=draw.choice((0, 0, 300)),
            max_value=draw.choice((0, 0, 100_000)),
        ))  # fmt: skip

    def limit_account(self) -> None:
        draw = self.draw
        self.send(AccountLimits(
            **self.key(), target=draw.randint(1, ACCOUNTS), max_open_orders=draw.choice((0, 0, 0, 20)),
            max_orders=draw.choice((0, 0, 5)), window_ms=1, self_trade_group=draw.choice((0, 0, 7)),
            self_trade=draw.randint(0, 5), fee_tier=draw.randint(0, 2),
        ))  # fmt: skip

    def limit_position(self) -> None:
        units = self.draw.choice((0, 10_000_500, 10_100_000))
        self.send(PositionLimit(
            **self.key(), target=self.draw.randint(1, ACCOUNTS), asset=self.draw.randint(1, 2), max_units=units
        ))  # fmt: skip

    def set_tier(self) -> None:
        rates = self.draw.choice(((10, 20), (300, 7000)))
        self.send(FeeTier(**self.key(), tier=self.draw.randint(1, 2), maker_fee_ppm=rates[0], taker_fee_ppm=rates[1]))

    def move_money(self) -> None:
        """A deposit; a withdrawal that is proposed, or approved by another operator."""
        account, asset = self.draw.randint(1, ACCOUNTS), self.draw.randint(1, 3)
        kind = self.draw.choice((Deposit, Withdrawal))
        known = [record for record in self.rig.log[-300:] if record[4] == CommandType.WITHDRAWAL]
        if self.rig.api is not None and kind is Withdrawal and known and self.draw.random() < 0.6:
            first = unpack_command(self.draw.choice(known[-3:]))
            assert isinstance(first, Withdrawal)
            self.send(structs.replace(
                first, session=OPERATORS[1], time_ns=self.time_ns, cl_ord_id=b"M%d" % self.count, proposal=first.seq,
                verdict=0,
            ))  # fmt: skip
            return
        amount = self.draw.choice((1, 500, 200_000, 9_000_000))
        self.send(kind(
            account=account, session=OPERATORS[0], time_ns=self.time_ns, asset=asset, amount=amount,
            cl_ord_id=b"M%d" % self.count,
        ))  # fmt: skip

    def request_withdrawal(self) -> None:
        """An account wants money paid out; now and then it does not say where to."""
        owner, asset = self.draw.randint(1, ACCOUNTS), self.draw.randint(1, 3)
        mine: dict[str, Any] = {"account": owner, "session": API_SESSION, "time_ns": self.time_ns}
        amount = self.draw.choice((1, 500, 200_000, 3_000_000))
        request = WithdrawalRequest(cl_ord_id=b"W%d" % self.count, asset=asset, amount=amount, **mine)
        where = ExtDestination(destination=b"vault %d" % self.count, **mine)
        self.rig.send_by_api(*([] if self.draw.random() < 0.02 else [where]), request)

    def decide_withdrawal(self) -> None:
        """A step of one that was asked for lately: an operator's, or its owner cancels it."""
        known = [record for record in self.rig.log[-400:] if record[4] == CommandType.WITHDRAWAL_REQUEST]
        if not known:
            return
        request = unpack_command(self.draw.choice(known[-3:]))
        steps = (WithdrawalStep.APPROVE,) * 5 + (WithdrawalStep.PAID,) * 2 + (WithdrawalStep.REJECT,)
        step = self.draw.choice((*steps, WithdrawalStep.CANCEL))
        if step == WithdrawalStep.CANCEL:
            owner = request.account if self.draw.random() < 0.9 else self.draw.randint(1, ACCOUNTS)
            mine: dict[str, Any] = {"account": owner, "session": API_SESSION, "time_ns": self.time_ns}
            own = b"C%d" % self.count
            self.rig.send_by_api(WithdrawalDecision(cl_ord_id=own, step=step, withdrawal=request.seq, **mine))
            return
        self.send(WithdrawalDecision(**self.key(), step=step, withdrawal=request.seq))

    def deposit_much(self) -> None:
        """One of two operators deposits, or the other one approves what was proposed."""
        draw = self.draw
        chance = draw.random()
        asset = draw.randint(1, 3)
        known = [record for record in self.rig.log[-400:] if record[4] == CommandType.DEPOSIT]
        proposals = [each for each in map(unpack_command, known) if getattr(each, "flags", 0)]
        account, amount, proposal = draw.randint(1, ACCOUNTS), draw.choice((999, 1001, 50_000)), 0
        if proposals and chance < 0.7:
            first = draw.choice(proposals)
            assert isinstance(first, Deposit)
            account, asset, amount, proposal = first.account, first.asset, first.amount, first.seq
            amount += draw.random() < 0.1
        self.send(Deposit(
            account=account, session=draw.choice(OPERATORS), time_ns=self.time_ns, asset=asset, amount=amount,
            cl_ord_id=b"D%d" % self.count, proposal=proposal,
        ))  # fmt: skip

    def cancel_later(self) -> None:
        """An account wants its orders cancelled unless it asks again; now and then no more."""
        owner = self.draw.randint(1, ACCOUNTS)
        mine: dict[str, Any] = {"account": owner, "session": API_SESSION, "time_ns": self.time_ns}
        seconds = self.draw.choice((1, 1, 2, 3, 0, 86_400, 86_401))
        self.rig.send_by_api(CancelAfter(cl_ord_id=b"X%d" % self.count, seconds=seconds, **mine))

    def reset_password(self) -> None:
        """An operator proposes a reset, another one approves it, or its code is used: mostly what comes next."""
        draw = self.draw
        target, code = draw.randint(1, ACCOUNTS), b"%d" % self.count
        known = [record for record in self.rig.log[-400:] if record[4] == CommandType.PASSWORD_RESET]
        resets = [each for each in map(unpack_command, known) if isinstance(each, PasswordReset)]
        if not resets or draw.random() < 0.4:
            hashed = sha256(code.ljust(16, b"\0")).digest()[:16]
            self.codes[hashed] = code
            self.send(PasswordReset(**self.key(), target=target, takes_factor=draw.randint(0, 1), code_hash=hashed))
            return
        reset = draw.choice(resets[-3:])
        if draw.random() < 0.5:
            self.send(PasswordReset(**self.key(), target=reset.target, proposal=reset.proposal or reset.seq))
            return
        credential = ExtCredential(salt=b"s" * 16, hash=code.ljust(32), memory_kib=8, time_cost=1, parallelism=1)
        used = Account(name=b"T%d" % reset.target, target=reset.target, reset_code=self.codes.get(reset.code_hash, b""))
        venue: dict[str, Any] = {"account": 0, "session": API_SESSION, "time_ns": self.time_ns}
        self.rig.send_by_api(*(structs.replace(each, **venue) for each in (credential, used)))

    def adjust(self) -> None:
        """A proposal, or the approval of one that the log has."""
        count = len(self.rig.log)
        known = [record for record in self.rig.log[max(0, count - 300) :] if record[4] == CommandType.ADJUSTMENT]
        if known and self.draw.random() < 0.6:
            seq = int.from_bytes(self.draw.choice(known)[8:16], "little")
            self.send(Adjustment(**self.key(), asset=0, target=0, amount=0, proposal=seq))
            return
        amount = self.draw.choice((-3_000_000, -5, 7, 1000))
        target, asset = self.draw.randint(0, ACCOUNTS), self.draw.randint(1, 3)
        self.send(Adjustment(**self.key(), asset=asset, target=target, amount=amount))

    def dismiss(self) -> None:
        """An operator ends a proposal of any kind."""
        kinds = (CommandType.DEPOSIT, CommandType.WITHDRAWAL, CommandType.ADJUSTMENT, CommandType.PASSWORD_RESET,
                 CommandType.CORRECTION_PROPOSAL)  # fmt: skip
        known = [record for record in self.rig.log[-300:] if record[4] in kinds]
        if known:
            seq = int.from_bytes(self.draw.choice(known[-6:])[8:16], "little")
            self.send(Dismissal(**self.key(), proposal=seq))

    def correct(self) -> None:
        """A published trade is to be undone, or to get another price; now and then twice.

        Another operator repeats what was proposed.
        """
        if self.draw.random() < 0.5:
            self.approve_correction()
            return
        matcher = self.draw.randint(1, 2)
        latest = map(unpack_event, self.rig.events[matcher][-200:])
        trades = [event for event in latest if isinstance(event, Traded)]
        if not trades:
            return
        trade = self.draw.choice(trades)
        buys = trade.taker_side == 1
        taker, maker = (trade.taker_account, trade.taker_fee), (trade.maker_account, trade.maker_fee)
        (buyer, buyer_fee), (seller, seller_fee) = (taker, maker) if buys else (maker, taker)
        self.send(CorrectionProposal(
            account=OPERATORS[1], time_ns=self.time_ns, instrument=trade.instrument, buyer=buyer, seller=seller,
            matcher=matcher, trade_id=trade.number, price_ticks=trade.price_ticks, quantity_lots=trade.quantity_lots,
            new_price_ticks=self.draw.choice((0, 0, 95, 105)), buyer_fee=buyer_fee, seller_fee=seller_fee,
        ))  # fmt: skip

    def approve_correction(self) -> None:
        """What was proposed lately, mostly by the other operator and to the letter."""
        known = [record for record in self.rig.log[-300:] if record[4] == CommandType.CORRECTION_PROPOSAL]
        if not known:
            return
        proposal = unpack_command(self.draw.choice(known))
        assert isinstance(proposal, CorrectionProposal)
        other = {"buyer_fee": proposal.buyer_fee + 1} if self.draw.random() < 0.1 else {}
        operator = self.draw.choice((*OPERATORS[:1], *OPERATORS))
        self.send(approval(proposal, account=operator, time_ns=self.time_ns, **other))

    def plan(self) -> None:
        """A schedule of two changes within the next seconds of this day, and at the same time of every day."""
        second = self.time_ns // SECOND_NS % 86_400
        instrument = self.draw.randint(1, 3)
        for entry, phase in ((1, Phase.OPENING_AUCTION), (2, Phase.CONTINUOUS)):
            self.send(Schedule(
                account=OPERATORS[0], time_ns=self.time_ns, cl_ord_id=b"S%d:%d" % (self.count, entry),
                instrument=instrument, entry=entry, entries=2, time_of_day_s=(second + entry) % 86_400, phase=phase,
                days=127,
            ))  # fmt: skip

    def move(self) -> None:
        """An instrument is halted, defined again, mostly with the other matcher, and goes on."""
        draw = self.draw
        number, base, quote, matcher, unit_value, lot_units, maker, taker = draw.choice(LISTINGS)
        moved = 3 - int(str(self.rig.core.instrument(number)["matcher"]))
        key: dict[str, Any] = {"account": OPERATORS[0], "time_ns": self.time_ns}
        self.send(PhaseChange(**key, cl_ord_id=b"H%d" % self.count, instrument=number, phase=Phase.HALT))
        self.send(Instrument(
            **key, symbol=b"I%d" % number, instrument=number, base_asset=base, quote_asset=quote, tick_mantissa=1,
            lot_mantissa=1, price_scale=0, quantity_scale=0, matcher=draw.choice((moved, moved, matcher)),
            unit_value=unit_value, reference_price_ticks=100, lot_units=lot_units, collar_bps=500,
            maker_fee_ppm=maker, taker_fee_ppm=draw.choice((taker, 777)),
        ))  # fmt: skip
        self.send(PhaseChange(**key, cl_ord_id=b"G%d" % self.count, instrument=number, phase=Phase.CONTINUOUS))

    def wait(self) -> None:
        """Time goes by, so that orders expire, windows end and schedules come."""
        self.rig.now += self.draw.choice((1_000_000, 100_000_000, 600_000_000))
        self.rig.step()


def rested(steps: int = 400, seed: int = 7) -> Rig:
    """A core that has done much of everything, and rests."""
    rig = Rig(api=True, changes=with_limits).lead()
    driver = Everything(rig, random.Random(seed))
    for _ in range(steps):
        driver.step()
    rig.run()
    rig.tick()
    return rig


def write_journal(rig: Rig, folder: Path, segment_bytes: int = SEGMENT_BYTES, batch: int = 256) -> None:
    """The core's log as the journal in `folder`."""
    with JournalWriter(folder, "none", segment_bytes) as writer:
        for at in range(0, len(rig.log), batch):
            writer.append(rig.log[at : at + batch])
