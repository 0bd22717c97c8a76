"""The configuration's changes: complete at the first start, nothing at the second, and clear where they can't be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import convert
from msgspec.structs import replace

from lockstep.config.loader import load
from lockstep.config.schema import AssetSection, Config, FeeTierSection, ScheduleEntry
from lockstep.core.schema.layout import pack, unpack_command
from lockstep.core.schema.records import (
    API_SESSION,
    Account,
    AccountLimits,
    BandAction,
    Command,
    CommandType,
    Deposit,
    ExtCredential,
    Instrument,
    KeyDefined,
    KeyScope,
    Limits,
    Phase,
    PhaseChange,
    RegistrationMode,
    Role,
    Schedule,
    SelfTrade,
)
from lockstep.core.venue import venue_key
from lockstep.procs.router.genesis import GenesisError, changes
from lockstep.procs.router.sequencer import Sequencer
from tests.router.rig import Rig

DEMO = Path(__file__).parents[2] / "lockstep" / "config" / "demo.toml"


@pytest.fixture(scope="module")
def config() -> Config:
    demo = load(DEMO)
    return replace(demo, accounts=demo.accounts[:2])


@pytest.fixture(scope="module")
def first(config: Config) -> Rig:
    return Rig(changes=changes(config)).lead()


def again(first: Rig, config: Config) -> list[int]:
    return [record[4] for record in Rig(first.log, changes=changes(config)).lead().log[len(first.log) :]]


def test_first_start_lists_everything(first: Rig) -> None:
    assert first.core.accounts == {b"TRADER1": 1, b"TRADER2": 2}
    assert first.core.instruments == {b"BTCUSDT": 1, b"ETHUSDT": 2, b"SOLUSDT": 3}
    assert first.core.instrument(1)["unit_value"] == 100
    assert first.core.instrument(1)["lot_units"] == 10_000
    assert first.core.ledger.balance(1, 1) == (1000 * 10**8, 0)


def test_second_start_changes_nothing_but_the_epoch(first: Rig, config: Config) -> None:
    """LOG-3: configuration enters as commands."""
    assert again(first, config) == [CommandType.EPOCH]


def test_fees_and_passwords_can_change(first: Rig, config: Config) -> None:
    instruments = [replace(config.instruments[0], taker_fee_ppm=100), *config.instruments[1:]]
    accounts = [replace(config.accounts[0], password="other"), config.accounts[1]]
    assert again(first, replace(config, instruments=instruments, accounts=accounts)) == [
        CommandType.EPOCH, CommandType.INSTRUMENT, CommandType.EXT_CREDENTIAL, CommandType.ACCOUNT,
    ]  # fmt: skip


def test_what_orders_are_counted_in_can_not_change(first: Rig, config: Config) -> None:
    instruments = [replace(config.instruments[0], tick="0.1"), *config.instruments[1:]]
    with pytest.raises(GenesisError, match="instrument BTCUSDT: price_scale"):
        again(first, replace(config, instruments=instruments))
    fine = replace(config, instruments=[replace(config.instruments[0], tick="0.00000001"), *config.instruments[1:]])
    with pytest.raises(GenesisError, match="tick x lot"):
        Rig(changes=changes(fine)).lead()


def added(first: Rig, config: Config) -> list[Command]:
    """What a start with `config` adds to the log of the first one, except the epoch."""
    return [
        unpack_command(record) for record in Rig(first.log, changes=changes(config)).lead().log[len(first.log) + 1 :]
    ]


def of_instrument(config: Config, **values: object) -> Config:
    return replace(config, instruments=[replace(config.instruments[0], **values), *config.instruments[1:]])


def of_account(config: Config, **values: object) -> Config:
    return replace(config, accounts=[replace(config.accounts[0], **values), *config.accounts[1:]])


def test_operators_are_known_from_the_first_start(first: Rig, config: Config) -> None:
    assert not first.core.is_operator(1)
    (credential, account) = added(first, of_account(config, operator=True))
    assert isinstance(credential, ExtCredential)
    assert isinstance(account, Account)
    assert account.role == Role.OPERATOR


def test_limits_are_merged_into_what_the_log_has(first: Rig, config: Config) -> None:
    """LOG-3: configuration enters as commands."""
    limited = of_instrument(
        config, max_quantity="2.5", band_action="auction", static_band_bps=100, volatility_auction_ms=9
    )
    rig = Rig(first.log, changes=changes(limited)).lead()
    known = rig.core.limits(1)
    assert (known["max_quantity_lots"], known["static_band_bps"], known["band_action"]) == (
        25_000,
        100,
        BandAction.AUCTION,
    )
    assert added(rig, limited) == []
    assert added(rig, config) == []  # what it does not say stays
    (later,) = added(rig, of_instrument(config, max_value="1000.5", day_end="22:30"))
    assert isinstance(later, Limits)
    assert (later.max_quantity_lots, later.static_band_bps, later.volatility_auction_ms) == (25_000, 100, 9)
    assert (later.max_value, later.day_end_s) == (100_050_000_000, 81_000)


def test_what_says_the_same_as_nothing_changes_nothing(first: Rig, config: Config) -> None:
    same = of_instrument(config, max_quantity="0", max_value="0", static_band_bps=0, dynamic_band_bps=0,
                         band_action="reject", volatility_auction_ms=0, day_end="00:00", schedule=[])  # fmt: skip
    same = of_account(same, self_trade="none", self_trade_group=0, fee_tier=0, max_open_orders=100_000, max_orders=0,
                      window_ms=0, position_limits={"BTC": "0"})  # fmt: skip
    assert added(first, same) == []


def test_a_schedule_is_given_whole_and_ended(first: Rig, config: Config) -> None:
    entries = [ScheduleEntry(time="08:00", phase="continuous", days=["mon", "fri"]),
               ScheduleEntry(time="16:30", phase="closed")]  # fmt: skip
    scheduled = of_instrument(config, schedule=entries)
    rig = Rig(first.log, changes=changes(scheduled)).lead()
    assert [(each["time_of_day_s"], each["phase"], each["days"]) for each in rig.core.schedule(1)] == [
        (28_800, Phase.CONTINUOUS, 0b10001), (59_400, Phase.CLOSED, 0b1111111),
    ]  # fmt: skip
    assert added(rig, scheduled) == []
    assert added(rig, config) == []
    (ended,) = added(rig, of_instrument(config, schedule=[]))
    assert isinstance(ended, Schedule)
    assert (ended.entry, ended.entries) == (0, 0)


def test_limits_of_accounts_and_fee_tiers(first: Rig, config: Config) -> None:
    limited = of_account(
        config, self_trade="cancel_oldest", self_trade_group=7, fee_tier=2, max_open_orders=3, max_orders=4,
        window_ms=1000, position_limits={"BTC": "1001"},
    )  # fmt: skip
    limited = replace(limited, fee_tiers=[FeeTierSection(tier=2, maker_fee_ppm=5, taker_fee_ppm=6)])
    rig = Rig(first.log, changes=changes(limited)).lead()
    assert rig.core.fee_tier(2) == (5, 6)
    assert rig.core.fee_tier(1) is None
    assert rig.core.position_limit(1, 1) == 1001 * 10**8
    known = rig.core.account_limits(1)
    assert (known["self_trade"], known["self_trade_group"], known["max_open_orders"]) == (SelfTrade.CANCEL_OLDEST, 7, 3)
    assert added(rig, limited) == []
    assert added(rig, config) == []
    (later,) = added(rig, of_account(config, max_open_orders=0))
    assert isinstance(later, AccountLimits)
    assert (later.max_open_orders, later.max_orders, later.fee_tier) == (0, 4, 2)


def test_a_file_delists_nothing_and_says_what_does(
    first: Rig, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    rig = Rig(first.log, changes=changes(of_instrument(config, delisted=True, max_quantity="5"))).lead()
    assert not rig.core.is_delisted(1)
    assert rig.core.limits(1)["max_quantity_lots"] == 50_000
    said = capsys.readouterr().err
    assert "instruments[BTCUSDT].delisted" in said
    assert "lockstep delist BTCUSDT" in said


def test_what_a_file_calls_delisted_is_not_listed(config: Config) -> None:
    rig = Rig(changes=changes(of_instrument(config, delisted=True))).lead()
    assert b"BTCUSDT" not in rig.core.instruments
    assert set(rig.core.instruments.values()) == {1, 2}
    rig = Rig(rig.log, changes=changes(config)).lead()
    assert rig.core.instruments[b"BTCUSDT"] == 3


def test_what_is_delisted_stays_so(first: Rig, config: Config) -> None:
    rig = Rig(first.log, changes=changes(of_account(config, operator=True))).lead()
    end = PhaseChange(time_ns=rig.now, cl_ord_id=b"e", account=1, instrument=1, phase=Phase.DELISTED)
    rig.operators.put(pack(end))
    rig.run()
    assert rig.core.is_delisted(1)
    config = of_account(config, operator=True)
    assert added(rig, of_instrument(config, delisted=True)) == []
    assert added(rig, of_instrument(config, max_quantity="5", collar_bps=7)) == []


def test_what_the_file_leaves_out_of_fees_stays(first: Rig, config: Config) -> None:
    rig = Rig(first.log, changes=changes(of_instrument(config, taker_fee_ppm=100, collar_bps=9))).lead()
    assert added(rig, of_instrument(config, taker_fee_ppm=None, collar_bps=None)) == []


def test_an_instrument_that_was_moved_stays_where_it_is(first: Rig, config: Config) -> None:
    operated = of_account(config, operator=True)
    rig = Rig(first.log, changes=changes(operated)).lead()
    terms = {
        name: rig.core.instrument(3)[name]
        for name in Instrument.__struct_fields__
        if name not in Command.__struct_fields__
    }
    terms |= {"symbol": b"SOLUSDT", "matcher": 1, "account": 1, "time_ns": rig.now}
    rig.operators.put(pack(PhaseChange(time_ns=rig.now, cl_ord_id=b"h", account=1, instrument=3, phase=Phase.HALT)))
    rig.operators.put(pack(convert(terms, Instrument)))
    rig.run()
    assert rig.core.instrument(3)["matcher"] == 1
    assert added(rig, operated) == []


def test_a_deposit_is_given_whatever_ids_its_account_has_used(first: Rig, config: Config) -> None:
    trader = config.accounts[0]
    richer = [replace(trader, deposits={**trader.deposits, "DOGE": "5"}), config.accounts[1]]
    doge = AssetSection(name="DOGE", scale=8)
    wanted = replace(config, assets=[*config.assets, doge], accounts=richer)

    def taken(_: Sequencer) -> Iterator[list[bytes]]:
        yield [pack(Deposit(account=1, asset=1, amount=1, cl_ord_id=b"initial:DOGE"))]

    used = Rig(first.log, changes=taken).lead()
    rig = Rig(used.log, changes=changes(wanted)).lead()
    assert rig.core.ledger.balance(1, rig.core.assets[b"DOGE"][0]) == (5 * 10**8, 0)
    assert rig.core.knows_id(1, b"initial:DOGE:2")


def test_a_line_that_the_log_refuses_is_told_and_the_rest_goes_on(
    first: Rig, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    most = str(2**63 // 10**8)
    accounts = [replace(config.accounts[0], name="RICH", deposits={"BTC": most}), *config.accounts[1:]]
    later = replace(accounts[0], name="LATER", deposits={"BTC": "2"})
    rig = Rig(first.log, changes=changes(replace(config, accounts=[*accounts, later]))).lead()
    said = capsys.readouterr().err
    assert "configuration_refused" in said
    assert "accounts[RICH].deposits.BTC" in said
    number = rig.core.accounts[b"LATER"]
    assert rig.core.ledger.balance(number, rig.core.assets[b"BTC"][0]) == (2 * 10**8, 0)


def test_what_contradicts_the_log_is_refused_before_an_epoch_begins(first: Rig, config: Config) -> None:
    wrong = [replace(config.assets[0], scale=3), *config.assets[1:]]
    rig = Rig(first.log, changes=changes(replace(config, assets=wrong)))
    with pytest.raises(GenesisError, match="scale is"):
        rig.run()
    rig.collect()
    assert rig.log == first.log


def of_accounts(config: Config, **changed: Any) -> Config:
    return replace(config, accounts=[replace(account, **changed) for account in config.accounts])


def test_demo_keys_are_defined_once(config: Config, tmp_path: Path) -> None:
    first = Rig(changes=changes(config, tmp_path)).lead()
    assert list(first.core.keys) == [
        b"TRADER1-demo-key", b"TRADER1-demo-ed25519", b"TRADER2-demo-key", b"TRADER2-demo-ed25519",
    ]  # fmt: skip
    key = venue_key.load(tmp_path)
    assert key is not None
    assert key.open_secret("TRADER1-demo-key", first.core.sealed[b"TRADER1-demo-key"]) == b"TRADER1-demo-secret"
    defined = [event for event in first.outcomes(0) if isinstance(event, KeyDefined)]
    assert [event.account for event in defined] == [1, 1, 2, 2]
    material = first.outcomes(0)[first.outcomes(0).index(defined[1]) - 1]
    private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"TRADER1-demo-ed25519").digest())
    assert material.material[:32] == private.public_key().public_bytes_raw()  # type: ignore[attr-defined]
    assert first.core.key(1)["scopes"] == KeyScope.READ | KeyScope.TRADE
    second = Rig(first.log, changes=changes(config, tmp_path)).lead()
    assert [record[4] for record in second.log[len(first.log) :]] == [CommandType.EPOCH]
    (tmp_path / venue_key.FILE).unlink()
    with pytest.raises(venue_key.VenueKeyError, match="VENUE_KEY_MISSING"):
        Rig(first.log, changes=changes(config, tmp_path)).lead()


def test_who_may_register_follows_the_file(config: Config, tmp_path: Path) -> None:
    first = Rig(changes=changes(config, tmp_path)).lead()
    assert (first.core.registration, first.core.welcome(4)) == (RegistrationMode.OPEN, 100_000 * 10**8)
    closed = replace(config, api=replace(config.api, registration="closed", welcome={"USDT": "5"}))
    rig = Rig(first.log, changes=changes(closed, tmp_path)).lead()
    assert (rig.core.registration, rig.core.welcome(4)) == (RegistrationMode.CLOSED, 5 * 10**8)
    silent = replace(config, api=replace(config.api, registration=None, welcome={}))
    assert [record[4] for record in Rig(rig.log, changes=changes(silent, tmp_path)).lead().log[len(rig.log) :]] == [
        CommandType.EPOCH
    ]


def test_what_one_operator_may_deposit_follows_the_file(config: Config) -> None:
    limited = replace(config, assets=[replace(each, deposit_limit="1.5") for each in config.assets])
    first = Rig(changes=changes(limited)).lead()
    assert [first.core.deposit_limit(number) for number, _ in first.core.assets.values()] == [15 * 10**7] * 4
    silent = replace(config, assets=[replace(each, deposit_limit=None) for each in config.assets])
    rig = Rig(first.log, changes=changes(silent)).lead()
    assert [record[4] for record in rig.log[len(first.log) :]] == [CommandType.EPOCH]
    none = replace(config, assets=[replace(each, deposit_limit="0") for each in config.assets])
    assert Rig(rig.log, changes=changes(none)).lead().core.deposit_limit(1) == 0


def test_a_password_that_its_owner_has_changed_stays(config: Config, tmp_path: Path) -> None:
    first = Rig(changes=changes(config, tmp_path), api=True).lead()
    credential = ExtCredential(
        account=1, session=API_SESSION, salt=b"n" * 16, hash=b"n" * 32, memory_kib=8, time_cost=1, parallelism=1
    )
    mine = Account(account=1, session=API_SESSION, name=b"TRADER1", target=1)
    assert first.ask_by_api(credential, mine) == 0
    second = Rig(first.log, changes=changes(config, tmp_path), api=True).lead()
    assert [record[4] for record in second.log[len(first.log) :]] == [CommandType.EPOCH]
    raised = of_accounts(config, role="auditor")
    third = Rig(first.log, changes=changes(raised, tmp_path), api=True).lead()
    assert third.core.role(1) == Role.AUDITOR
    kept = unpack_command(third.core.credentials[1])
    assert isinstance(kept, ExtCredential)
    assert kept.hash == b"n" * 32
    fourth = Rig(third.log, changes=changes(raised, tmp_path), api=True).lead()
    assert [record[4] for record in fourth.log[len(third.log) :]] == [CommandType.EPOCH]
