"""The directory is what the log's accepted definitions say, the last one of each; and who may act by it."""

from __future__ import annotations

import msgspec
import pytest

from procs.rules.credentials import HASHER, credential_of
from scripts.errors import UsageError
from scripts.operate.authority import NotAuthorisedError, authenticate
from scripts.operate.directory import Directory
from shm.layout import pack
from shm.records import Account, AccountLimits, Adjustment, Asset, Code, Limits


@pytest.fixture(scope="module")
def directory() -> Directory:
    made = Directory()
    seq = 0
    for number, (name, role) in enumerate((("TRADER", 0), ("CHIEF", 1)), 1):
        credential = msgspec.structs.replace(credential_of(HASHER.hash(f"{name} secret")), account=number, seq=seq + 1)
        made.add([
            pack(credential),
            pack(Account(account=number, seq=seq + 2, name=name.encode(), role=role)),
        ])  # fmt: skip
        seq += 2
    made.add([pack(Asset(seq=5, name=b"BTC", asset=1, scale=8))])
    return made


def test_an_operator_is_known_by_its_password(directory: Directory) -> None:
    assert authenticate(directory, "CHIEF", "CHIEF secret") == 2


@pytest.mark.parametrize(("name", "password"), [("CHIEF", "wrong"), ("NOBODY", "CHIEF secret")])
def test_a_wrong_name_and_a_wrong_password_sound_alike(directory: Directory, name: str, password: str) -> None:
    with pytest.raises(NotAuthorisedError, match=f"^{name} is not known here by this password$"):
        authenticate(directory, name, password)


def test_a_trader_is_told_who_operates(directory: Directory) -> None:
    with pytest.raises(NotAuthorisedError, match="TRADER is no operator: operators are CHIEF"):
        authenticate(directory, "TRADER", "TRADER secret")


def test_what_was_refused_says_nothing_and_the_last_word_counts() -> None:
    made = Directory()
    assert set(made.limits_of(1).values()) == {0}
    for seq, (quantity, verdict) in enumerate(((5, Code.OK), (7, Code.OK), (9, Code.NOT_AN_OPERATOR)), 1):
        made.add([pack(Limits(seq=seq, instrument=1, volatility_auction_ms=0, day_end_s=0, static_band_bps=0,
                              dynamic_band_bps=0, band_action=1, max_quantity_lots=quantity, max_value=0,
                              verdict=verdict))])  # fmt: skip
    assert made.limits_of(1)["max_quantity_lots"] == 7
    made.add([pack(AccountLimits(seq=4, cl_ord_id=b"k", target=3, max_open_orders=4, max_orders=0, window_ms=0,
                                 self_trade_group=0, self_trade=2, fee_tier=0))])  # fmt: skip
    assert made.account_limits_of(3)["max_open_orders"] == 4
    assert made.account_limits_of(1) == dict.fromkeys(made.account_limits_of(1), 0) | {"max_open_orders": 100_000}


def test_a_proposal_waits_until_it_is_approved() -> None:
    made = Directory()
    for seq, proposal, verdict in ((10, 0, Code.OK), (11, 0, Code.OK), (12, 10, Code.SAME_OPERATOR)):
        made.add([pack(Adjustment(seq=seq, cl_ord_id=b"%d" % seq, asset=1, target=1, amount=5, proposal=proposal,
                                  verdict=verdict))])  # fmt: skip
    assert list(made.proposals) == [10, 11]
    made.add([pack(Adjustment(seq=13, cl_ord_id=b"13", asset=1, target=1, amount=5, proposal=10))])
    assert list(made.proposals) == [11]


def test_what_is_not_there_is_named(directory: Directory) -> None:
    with pytest.raises(UsageError, match="no instrument BTCUSDT; there are none yet"):
        directory.instrument("BTCUSDT")
    with pytest.raises(UsageError, match="no account TRADER9; there are TRADER, CHIEF"):
        directory.account("TRADER9")
    assert directory.asset("BTC") == (1, 8)
