"""A core's day: a log that has every type of command, whose events have every type, in an order that a seed draws."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import structs

from lockstep.core.schema.layout import pack, unpack_command
from lockstep.core.schema.records import (
    API_SESSION,
    Account,
    ApiKey,
    Asset,
    Command,
    CommandType,
    Deposit,
    DepositLimit,
    EventType,
    ExtAddresses,
    ExtCredential,
    ExtKeyMaterial,
    ExtRecovery,
    FactorUse,
    Instrument,
    KeyKind,
    KeyRevocation,
    NewOrder,
    Phase,
    PhaseChange,
    Registration,
    RegistrationMode,
    Reservation,
    Role,
    SecondFactor,
    Session,
    Welcome,
)
from lockstep.procs.router.sequencer import Sequencer
from tests.router.random_driver import Everything
from tests.router.rig import ACCOUNTS, LISTINGS, OPERATORS, Rig, account_records, changes

ADMIN = OPERATORS[-1] + 1
FREE_INSTRUMENTS = tuple(range(len(LISTINGS) + 1, len(LISTINGS) + 6))
FREE_ASSETS = tuple(range(4, 8))
NUMBERS = 65_536  # of messages, for which a gateway reserves at a time
TYPE = 4  # where a record's type stands
EVENTS = {0: "router", 1: "matcher 1", 2: "matcher 2"}


def listed(core: Sequencer) -> Iterator[list[bytes]]:
    """The rig's listings and accounts, an admin, open registration with a welcome, and limits of deposits."""
    if core.assets:
        return
    yield from changes(core)
    yield account_records(ADMIN, role=Role.ADMIN)
    yield [pack(Registration(cl_ord_id=b"", mode=RegistrationMode.OPEN))]
    yield [pack(Welcome(cl_ord_id=b"", asset=3, amount=500))]
    for asset in (1, 2):
        yield [pack(DepositLimit(cl_ord_id=b"", asset=asset, amount=1000))]


def gateway_of(account: int) -> int:
    """The number of the gateway that an account's FIX session is bound to."""
    return 1 + (account - 1) % 2


class WorkingDay(Everything):
    """What users ask for by FIX and by the api, and all that operators, gateways and the supervisor add in a day."""

    def __init__(self, rig: Rig, draw: random.Random) -> None:
        rare: tuple[Callable[[], None], ...] = (
            self.list_asset, self.list_instrument, self.delist, self.log_on, self.reserve, self.register, self.set_role,
            self.make_key, self.revoke_key, self.open_registration, self.welcome, self.set_factor, self.use_factor,
            self.save,
        )  # fmt: skip
        often = dict.fromkeys((each.__name__ for each in rare), 0.8)
        often |= {"correct": 6, "mass_cancel": 1.5, "turn": 1.5, "save": 0.3}
        super().__init__(rig, draw)
        self.weights = often

    def send(self, *records: Any) -> None:
        """By the sender's ring: an operator's, the ring of a session's gateway, or the api's."""
        first = records[-1]
        asks = {*OPERATORS, ADMIN}
        if first.account in asks or first.session in asks:
            for record in records:
                self.rig.operators.put(pack(record))
        elif isinstance(first, NewOrder) and self.draw.random() < 0.2:
            self.rig.send_by_api(*(structs.replace(each, session=API_SESSION) for each in records))
        else:
            self.rig.send(*records, gateway=gateway_of(first.account) - 1)

    def by(self, account: int) -> dict[str, Any]:
        return {"account": account, "session": API_SESSION, "time_ns": self.time_ns}

    def list_asset(self) -> None:
        number = self.draw.choice(FREE_ASSETS)
        self.send(Asset(account=OPERATORS[0], time_ns=self.time_ns, name=b"A%d" % number, asset=number, scale=2))

    def list_instrument(self) -> None:
        """A new one, or another fee and collar of one that this listed; then it trades."""
        number = self.draw.choice(FREE_INSTRUMENTS)
        mine: dict[str, Any] = {"account": OPERATORS[0], "time_ns": self.time_ns}
        self.send(Instrument(
            **mine, symbol=b"I%d" % number, instrument=number, base_asset=1, quote_asset=3, tick_mantissa=1,
            lot_mantissa=1, price_scale=0, quantity_scale=0, matcher=1 + number % 2, unit_value=7,
            reference_price_ticks=100, lot_units=11, collar_bps=self.draw.choice((500, 700)), maker_fee_ppm=0,
            taker_fee_ppm=self.draw.choice((0, 900)),
        ))  # fmt: skip
        trades = PhaseChange(**mine, cl_ord_id=b"N%d" % self.count, instrument=number, phase=Phase.CONTINUOUS)
        self.send(trades)

    def wish(self, **fixed: Any) -> Any:
        """Now and then an order of an instrument that was listed today."""
        if "instrument" not in fixed and self.draw.random() < 0.15:
            fixed["instrument"] = self.draw.choice(FREE_INSTRUMENTS)
        return super().wish(**fixed)

    def delist(self) -> None:
        instrument = self.draw.choice(FREE_INSTRUMENTS)
        self.send(PhaseChange(**self.key(), instrument=instrument, phase=Phase.DELISTED))

    def log_on(self) -> None:
        account = self.draw.randint(1, ACCOUNTS)
        self.send(Session(
            account=account, session=account, time_ns=self.time_ns, next_msg_seq_num=self.count,
            up=self.draw.randint(0, 1), reset=0, rights=self.draw.choice((0, 1 << 40)),
        ))  # fmt: skip

    def reserve(self, account: int = 0) -> None:
        account = account or self.draw.randint(1, ACCOUNTS)
        generation, _, end = self.rig.core.reservation(account)
        first = max(1, end - self.draw.randint(0, NUMBERS))
        self.send(Reservation(
            account=account, session=account, time_ns=self.time_ns, generation=generation, first=first,
            end=first + NUMBERS, fix_version=44,
        ))  # fmt: skip

    def register(self) -> None:
        """A person registers; and the venue's welcome to one who has."""
        draw = self.draw
        if draw.random() < 0.5:
            credential = ExtCredential(salt=b"s" * 16, hash=b"h" * 32, memory_kib=8, time_cost=1, parallelism=1)
            made = Account(name=b"R%d" % self.count)
            self.rig.send_by_api(*(structs.replace(each, **self.by(0)) for each in (credential, made)))
            return
        target = draw.randint(ADMIN, ADMIN + 3)
        self.rig.send_by_api(Deposit(cl_ord_id=b"welcome:3", asset=3, target=target, amount=500, **self.by(0)))

    def set_role(self) -> None:
        account, role = self.draw.randint(1, ACCOUNTS), self.draw.choice((Role.TRADER, Role.TRADER, Role.AUDITOR))
        self.rig.send_by_api(Account(name=b"T%d" % account, target=account, role=role, **self.by(ADMIN)))

    def make_key(self) -> None:
        """A key of an account, asked for by itself, with none to eight networks; of RSA in up to eight parts."""
        account, networks = self.draw.randint(1, ACCOUNTS), self.draw.choice((0, 3, 8))
        kind, sizes = self.draw.choice(((KeyKind.ED25519, [32]), (KeyKind.RSA, [64] * 4), (KeyKind.RSA, [64] * 8)))
        records: list[Command] = [
            ExtAddresses(addresses=bytes([first]) * 64, prefixes=b"\x80" * 4, count=min(4, networks - first))
            for first in range(0, networks, 4)
        ]
        records += [ExtKeyMaterial(material=b"m" * size, size=size) for size in sizes]
        records.append(ApiKey(
            name=b"K%d" % self.count, target=account, kind=kind, scopes=3, networks=networks,
            more_materials=len(sizes) - 1,
        ))  # fmt: skip
        self.rig.send_by_api(*(structs.replace(each, **self.by(account)) for each in records))

    def revoke_key(self) -> None:
        keys = [unpack_command(record) for record in self.rig.log if record[TYPE] == CommandType.API_KEY]
        key = self.draw.choice(keys) if keys else ApiKey(name=b"none", target=1, kind=2, scopes=1)
        assert isinstance(key, ApiKey)
        self.rig.send_by_api(KeyRevocation(name=key.name, **self.by(key.target)))

    def open_registration(self) -> None:
        mode = self.draw.choice((RegistrationMode.OPEN, RegistrationMode.OPEN, RegistrationMode.APPROVAL))
        self.send(Registration(account=ADMIN, time_ns=self.time_ns, cl_ord_id=b"Q%d" % self.count, mode=mode))

    def welcome(self) -> None:
        amount = self.draw.choice((500, 500, 700))
        record = Welcome(account=ADMIN, time_ns=self.time_ns, cl_ord_id=b"Y%d" % self.count, asset=3, amount=amount)
        self.send(record)

    def set_factor(self) -> None:
        account, size = self.draw.randint(1, ACCOUNTS), self.draw.choice((48, 48, 0))
        codes = [ExtRecovery(hashes=b"r" * 70, count=5), ExtRecovery(hashes=b"s" * 70, count=5)] if size else []
        made = SecondFactor(target=account, size=size, secret=b"t" * size)
        self.rig.send_by_api(*(structs.replace(each, **self.by(account)) for each in (*codes, made)))

    def use_factor(self) -> None:
        account, step = self.draw.randint(1, ACCOUNTS), self.draw.choice((0, self.count))
        code = 0 if step else self.draw.randint(1, 10)
        self.rig.send_by_api(FactorUse(request=b"F%d" % self.count, step=step, code=code, **self.by(account)))

    def save(self) -> None:
        self.rig.ask_snapshot()


def working_day(seed: int, steps: int) -> Rig:
    """Steps of a working day, at least so many, and as many more as it takes to have every type; then a last snapshot.

    AssertionError, which names them, if some type does not come.
    """
    rig = Rig(api=True, changes=listed).lead()
    day = WorkingDay(rig, random.Random(seed))
    for account in range(1, ACCOUNTS + 1):
        day.reserve(account)  # as a gateway does before it sends its session anything
    while day.count < steps or (day.count < 20 * steps and missing(rig)):
        for _ in range(steps // 10):
            day.step()
    assert not missing(rig), f"seed {seed}: {day.count} steps brought none of {missing(rig)}: draw them in WorkingDay"
    rig.run()
    rig.tick()
    rig.ask_snapshot()
    rig.run()
    assert rig.log[-1][TYPE] == CommandType.SNAPSHOT
    return rig


def missing(rig: Rig) -> list[str]:
    """The types of the schema which a core's log, or its events, have none of."""
    commands = {record[TYPE] for record in rig.log}
    events = {record[TYPE] for ring in rig.events.values() for record in ring}
    lacking: list[CommandType | EventType] = [kind for kind in CommandType if kind not in commands]
    lacking += [kind for kind in EventType if kind not in events]
    return [f"{type(kind).__name__}.{kind.name}" for kind in lacking]
