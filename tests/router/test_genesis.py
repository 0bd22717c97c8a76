"""The configuration's changes: complete at the first start, nothing at the second, and clear where they can't be."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from config.loader import load
from config.schema import Config
from procs.router.genesis import GenesisError, changes
from shm.records import CommandType
from tests.router.rig import Rig

DEMO = Path(__file__).parents[2] / "config" / "demo.toml"


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
