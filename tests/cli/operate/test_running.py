"""Operators' commands on a real venue: what they say, what clients see, what a restart leaves, who is let in."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

from lockstep import config
from lockstep.cli.errors import UsageError
from lockstep.cli.operate.channel import opened
from lockstep.cli.running import attach
from lockstep.core.operations.directory import read
from lockstep.core.schema.records import Code, CorrectionProposal
from tests.cli.operate.commands import (
    BY,
    DONE,
    OTHER,
    REFUSED,
    UNKNOWN,
    asked,
    balance,
    falsify,
    operate,
    phases,
    proposals,
    refusal,
    session,
    shown_on,
    waiting,
)
from tests.cli.operate.conftest import Client
from tests.forked import begun
from tests.pipeline.conftest import RunningVenue


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSTEP_OPERATOR_PASSWORD", "demo")


def test_a_halt_freezes_and_a_resume_lets_go_on(venue: RunningVenue, client: Client) -> None:
    trader = client("TRADER1")
    trader.order("h1", "buy", "100", "1")
    trader.await_report("h1", "0")
    told = operate(venue, "halt", "BTCUSDT")
    assert (told["outcome"], told["details"]["from"], told["details"]["phase"]) == ("done", "CONTINUOUS", "HALT")
    trader.order("h2", "buy", "100", "1")
    assert "halt" in refusal(trader, "h2").lower()
    trader.cancel("h3", "h1", "buy")
    trader.await_message(lambda message: message[35] == "9" and message[11] == "h3")
    assert "already" in operate(venue, "halt", "BTCUSDT")["says"]
    operate(venue, "resume", "BTCUSDT")
    trader.cancel("h4", "h1", "buy")
    trader.await_report("h4", "4")


def test_an_auction_ends_in_trades_at_one_price(venue: RunningVenue, client: Client) -> None:
    trader, other = client("TRADER1"), client("TRADER2")
    operate(venue, "phase", "ETHUSDT", "opening_auction")
    assert phases(venue)["ETHUSDT"] == "OPENING_AUCTION"
    trader.order("a1", "buy", "3010", "2", "ETHUSDT")
    other.order("a2", "sell", "2990", "2", "ETHUSDT")
    trader.await_report("a1", "0")
    other.await_report("a2", "0")
    told = operate(venue, "resume", "ETHUSDT")["details"]
    assert (told["from"], Decimal(told["auction_quantity"])) == ("OPENING_AUCTION", Decimal(2))
    fills = (trader.await_report("a1", "F"), other.await_report("a2", "F"))
    assert {Decimal(fill[31]) for fill in fills} == {Decimal(told["auction_price"])}
    assert phases(venue) == {"BTCUSDT": "CONTINUOUS", "ETHUSDT": "CONTINUOUS", "SOLUSDT": "CONTINUOUS"}


def test_a_mass_cancel_takes_what_it_names(venue: RunningVenue, client: Client) -> None:
    trader = client("TRADER3")
    for number, side in enumerate(("buy", "buy", "sell"), 1):
        trader.order(f"m{number}", side, "100" if side == "buy" else "99000", "1")
        trader.await_report(f"m{number}", "0")
    assert operate(venue, "cancel", "--account", "TRADER3", "--side", "buy")["details"] == {"cancelled": 2}
    for _ in range(2):
        trader.await_message(lambda message: message.get(150) == "4")
    assert operate(venue, "cancel", "--account", "TRADER3", "--symbol", "SOLUSDT")["details"] == {"cancelled": 0}
    assert operate(venue, "cancel", "--account", "TRADER3")["details"] == {"cancelled": 1}


def test_money_comes_in_and_goes_out_once_under_a_key(venue: RunningVenue) -> None:
    first = operate(venue, "deposit", "TRADER4", "USDT", "2500.5", "--key", "bank-1")
    assert first["details"] == {"account": "TRADER4", "asset": "USDT", "free": "100002500.50000000",
                                "held": "0.00000000"}  # fmt: skip
    again = operate(venue, "deposit", "TRADER4", "USDT", "2500.5", "--key", "bank-1")
    assert (again["says"], again["seqs"]) == (
        f"done before, as log record {first['seqs'][0]}: not done again",
        first["seqs"],
    )
    other = operate(venue, "deposit", "TRADER4", "USDT", "2500.6", "--key", "bank-1", code=REFUSED)
    assert other["code"] == "OK"
    assert "belongs to another request" in other["says"]
    proposed = operate(venue, "withdraw", "TRADER4", "USDT", "0.5", "--key", "half")
    assert (proposed["code"], proposed["details"]) == ("SECOND_NEEDED", {"proposal": proposed["seqs"][0]})
    assert operate(venue, "withdraw", "TRADER4", "USDT", "0.5", "--key", "half")["seqs"] == proposed["seqs"]
    number = str(proposed["seqs"][0])
    assert operate(venue, "proposal", "approve", number, code=REFUSED)["code"] == "SAME_OPERATOR"
    assert json.loads(venue.command("proposals", "--json").stdout) == [
        {"proposal": int(number), "by": "OPERATOR1", "change": "withdraw 0.50000000 USDT from TRADER4"}
    ]
    operate(venue, "proposal", "approve", number, by=OTHER)
    assert balance(venue, "TRADER4", "USDT") == 100002501
    rejected = str(operate(venue, "withdraw", "TRADER4", "USDT", "0.5")["seqs"][0])
    operate(venue, "proposal", "dismiss", rejected, by=OTHER)
    assert operate(venue, "proposal", "dismiss", rejected, code=REFUSED)["code"] == "UNKNOWN_PROPOSAL"
    given = json.loads(venue.command("commands", "--kind", "withdrawal", "--json").stdout)
    assert [(row["by"], row["outcome"]) for row in given] == [
        ("OPERATOR1", "SECOND_NEEDED"), ("OPERATOR2", "OK"), ("OPERATOR1", "SAME_OPERATOR"),
        ("OPERATOR1", "DUPLICATE_CLIENT_ID"),
        ("OPERATOR1", "SECOND_NEEDED"),
    ]  # fmt: skip
    refused = operate(venue, "withdraw", "TRADER4", "USDT", "100002501.01", "--key", "out-1", code=REFUSED)
    assert refused["code"] == "INSUFFICIENT_BALANCE"
    assert f"lockstep at {refused['seqs'][0]} shows the figures" in refused["says"]
    assert "refused before" in operate(
        venue, "withdraw", "TRADER4", "USDT", "100002501.01", "--key", "out-1", code=REFUSED
    )["says"]  # fmt: skip


def test_an_adjustment_takes_two_operators(venue: RunningVenue) -> None:
    before = balance(venue, "TRADER5", "BTC")
    told = operate(venue, "adjust", "propose", "TRADER5", "BTC", "-0.25")
    proposal = str(told["details"]["proposal"])
    assert proposals(venue) == [{"proposal": int(proposal), "by": "OPERATOR1", "change": "-0.25000000 BTC for TRADER5"}]
    assert operate(venue, "adjust", "approve", proposal, code=REFUSED)["code"] == "SAME_OPERATOR"
    assert Decimal(operate(venue, "adjust", "approve", proposal, by=OTHER)["details"]["free"]) == before - Decimal(
        "0.25"
    )
    assert proposals(venue) == []
    with pytest.raises(UsageError, match="see lockstep adjust list"):
        operate(venue, "adjust", "approve", proposal, by=OTHER)


def test_an_instrument_is_listed_limited_and_delisted_while_the_venue_runs(venue: RunningVenue, client: Client) -> None:
    operate(venue, "list-asset", "DOGE", "4")
    terms = ("--base", "DOGE", "--quote", "USDT", "--tick", "0.0001", "--lot", "1")
    operate(venue, "list-instrument", "DOGEUSDT", *terms, "--matcher", "2")
    deposit = ("deposit", "TRADER6", "DOGE", "1000")  # a new asset has no limit for one operator
    operate(venue, *deposit, "--approves", str(operate(venue, *deposit)["details"]["proposal"]), by=OTHER)
    trader = client("TRADER6")
    trader.order("d1", "sell", "0.25", "100", "DOGEUSDT")
    trader.await_report("d1", "0")
    operate(venue, "limits", "DOGEUSDT", "--max-quantity", "50")
    trader.order("d2", "sell", "0.25", "51", "DOGEUSDT")
    refusal(trader, "d2")
    operate(venue, "limits", "DOGEUSDT", "--max-value", "1000")
    trader.order("d3", "sell", "0.25", "51", "DOGEUSDT")
    refusal(trader, "d3")
    assert operate(venue, "delist", "DOGEUSDT")["details"]["cancelled"] == 1
    trader.order("d4", "sell", "0.25", "1", "DOGEUSDT")
    refusal(trader, "d4")
    assert operate(venue, "resume", "DOGEUSDT", code=REFUSED)["code"] == "DELISTED"


def test_a_bust_is_of_the_trade_that_the_journal_has_by_two_operators(venue: RunningVenue, client: Client) -> None:
    before = balance(venue, "TRADER7", "SOL")
    buyer, seller = client("TRADER7"), client("TRADER8")
    seller.order("b1", "sell", "150", "3", "SOLUSDT")
    seller.await_report("b1", "0")
    buyer.order("b2", "buy", "150", "3", "SOLUSDT")
    buyer.await_report("b2", "F")
    ((trade,),) = asked(venue, "SELECT trade_id FROM trades WHERE symbol = 'SOLUSDT'")
    (made,) = json.loads(venue.command("trades", "SOLUSDT", "--account", "TRADER8", "--json").stdout)
    assert (made["trade"], made["buyer"], made["seller"]) == (trade, "TRADER7", "TRADER8")
    assert (made["price"], made["state"]) == ("150.00", "standing")
    falsify(venue, trade, 90000, "TRADER1")
    with pytest.raises(UsageError, match=r"149\.995 is no multiple of SOLUSDT's tick, 0\.01"):
        operate(venue, "correct", "propose", "SOLUSDT", str(trade), "--price", "149.995")
    assert balance(venue, "TRADER7", "SOL") == before + 1 + 3
    proposal = operate(venue, "bust", "propose", "SOLUSDT", str(trade))
    assert "3.0000 at 150.00, bought by TRADER7 from TRADER8: undo it" in proposal["says"]
    number = str(proposal["details"]["proposal"])
    assert [row["change"] for row in waiting(venue, "bust")] == ["undo it"]
    with pytest.raises(UsageError, match=f"no proposal {number} that correct could approve"):
        operate(venue, "correct", "approve", number, by=OTHER)
    assert operate(venue, "bust", "approve", number, code=REFUSED)["code"] == "SAME_OPERATOR"
    assert balance(venue, "TRADER7", "SOL") == before + 1 + 3 + 1
    operate(venue, "bust", "approve", number, by=OTHER)
    assert balance(venue, "TRADER7", "SOL") == before + 3
    assert waiting(venue, "bust") == []
    again = operate(venue, "bust", "propose", "SOLUSDT", str(trade), code=REFUSED)
    assert again["code"] == "ALREADY_CORRECTED"
    with pytest.raises(UsageError, match="there is no trade 999999 of SOLUSDT"):
        operate(venue, "bust", "propose", "SOLUSDT", "999999")
    with pytest.raises(UsageError, match=f"there is no trade {trade} of BTCUSDT"):
        operate(venue, "bust", "propose", "BTCUSDT", str(trade))
    falsify(venue, trade, 150, "TRADER7")


def test_a_correction_moves_the_difference(venue: RunningVenue, client: Client) -> None:
    before = balance(venue, "TRADER5", "USDT")
    buyer, seller = client("TRADER5"), client("TRADER6")
    seller.order("c1", "sell", "3000", "2", "ETHUSDT")
    seller.await_report("c1", "0")
    buyer.order("c2", "buy", "3000", "2", "ETHUSDT")
    buyer.await_report("c2", "F")
    ((trade,),) = asked(venue, "SELECT t.trade_id FROM trades t JOIN users u ON u.id = t.taker_user_id"
                               " WHERE symbol = 'ETHUSDT' AND u.username = 'TRADER5'")  # fmt: skip
    assert balance(venue, "TRADER5", "USDT") == before + 1 - 6000
    postgres = venue.postgres()
    os.kill(postgres, signal.SIGSTOP)  # asking it would wait for ever: no command does
    try:
        proposal = operate(venue, "correct", "propose", "ETHUSDT", str(trade), "--price", "2999.50")
        done = operate(venue, "correct", "approve", str(proposal["details"]["proposal"]), by=OTHER)
    finally:
        os.kill(postgres, signal.SIGCONT)
    assert (done["details"]["trade"], done["details"]["price"]) == (trade, "2999.50")
    assert balance(venue, "TRADER5", "USDT") == before + 2 - 5999


def test_a_proposal_that_the_journal_contradicts_is_not_approved(venue: RunningVenue, client: Client) -> None:
    """Whoever wrote it into the ring: the second operator's command finds the trade by itself."""
    buyer, seller = client("TRADER3"), client("TRADER4")
    seller.order("j1", "sell", "90", "1", "SOLUSDT")
    seller.await_report("j1", "0")
    buyer.order("j2", "buy", "90", "1", "SOLUSDT")
    buyer.await_report("j2", "F")
    ((trade,),) = asked(venue, "SELECT t.trade_id FROM trades t JOIN users u ON u.id = t.taker_user_id"
                               " WHERE symbol = 'SOLUSDT' AND u.username = 'TRADER3'")  # fmt: skip
    attached = attach(Path(config.load(venue.config).venue.data))
    assert attached is not None
    directory = read(attached)
    numbers = {name: directory.account(name).number for name in ("TRADER1", "TRADER4", "OPERATOR1")}
    listed = directory.instrument("SOLUSDT")
    with opened(attached) as channel:
        (sent,) = channel.carry_out([CorrectionProposal(
            account=numbers["OPERATOR1"], instrument=listed.instrument, buyer=numbers["TRADER1"],
            seller=numbers["TRADER4"], matcher=listed.matcher, trade_id=trade, price_ticks=9000, quantity_lots=100,
            new_price_ticks=0, buyer_fee=0, seller_fee=0,
        )], 20)  # fmt: skip
    assert sent.code == Code.OK
    refused = operate(venue, "bust", "approve", str(sent.seq), by=OTHER, code=REFUSED)
    assert "bought by TRADER1 from TRADER4" in refused["says"]
    assert "by the journal that is" in refused["says"]
    assert "bought by TRADER3 from TRADER4" in refused["says"]
    assert [row["proposal"] for row in waiting(venue, "correct")] == [sent.seq]


def test_a_schedule_changes_phases_by_itself(venue: RunningVenue, client: Client) -> None:
    trader = client("TRADER1")
    trader.order("s1", "buy", "2000", "1", "ETHUSDT")
    trader.await_report("s1", "0")
    deadline, due_s = time.monotonic() + 60, 0.0
    while phases(venue)["ETHUSDT"] != "CLOSED":
        assert time.monotonic() < deadline
        if time.time() > due_s + 1:  # again where the machine held the command up beyond its moment
            due_s = time.time() + 3
            moment = time.strftime("%H:%M:%S", time.gmtime(due_s))
            operate(venue, "schedule", "ETHUSDT", "--entry", f"{moment} closed")
    trader.order("s2", "buy", "2000", "1", "ETHUSDT")
    assert "closed" in refusal(trader, "s2").lower()
    operate(venue, "schedule", "ETHUSDT", "--none")
    trader.cancel("s3", "s1", "buy", "ETHUSDT")
    trader.await_report("s3", "4")
    operate(venue, "resume", "ETHUSDT")


def test_fee_tiers_position_limits_and_schedules_act_at_once(venue: RunningVenue, client: Client) -> None:
    operate(venue, "fee-tier", "3", "--maker-fee-ppm", "0", "--taker-fee-ppm", "10000")
    operate(venue, "account-limits", "TRADER3", "--fee-tier", "3")
    seller, buyer = client("TRADER8"), client("TRADER3")
    seller.order("f1", "sell", "3000", "1", "ETHUSDT")
    seller.await_report("f1", "0")
    before = balance(venue, "TRADER3", "ETH")
    buyer.order("f2", "buy", "3000", "1", "ETHUSDT")
    buyer.await_report("f2", "F")
    assert balance(venue, "TRADER3", "ETH") == before + 1 + Decimal("0.99")
    operate(venue, "position-limit", "TRADER3", "ETH", str(before + 3))
    buyer.order("f3", "buy", "3000", "2", "ETHUSDT")
    refusal(buyer, "f3")
    buyer.order("f4", "buy", "2000", "0.5", "ETHUSDT")
    buyer.await_report("f4", "0")
    told = operate(venue, "schedule", "ETHUSDT", "--entry", "03:00 closed sat,sun", "--entry", "05:30 continuous")
    assert len(told["seqs"]) == 2
    assert "has no schedule" in operate(venue, "schedule", "ETHUSDT", "--none")["says"]


@pytest.mark.parametrize(
    ("operator", "password", "says"),
    [
        ("OPERATOR1", "wrong", "OPERATOR1 is not known here by this password"),
        ("STRANGER", "demo", "STRANGER is not known here by this password"),
        ("TRADER1", "demo", "TRADER1 is no operator: operators are OPERATOR1, OPERATOR2, ADMIN1, ADMIN2"),
    ],
)
def test_only_operators_are_let_in(
    venue: RunningVenue, monkeypatch: pytest.MonkeyPatch, operator: str, password: str, says: str
) -> None:
    monkeypatch.setenv("LOCKSTEP_OPERATOR_PASSWORD", password)
    assert operate(venue, "halt", "BTCUSDT", by=("--operator", operator), code=REFUSED)["says"] == says


@pytest.mark.parametrize(("sure", "code", "says"), [("n", REFUSED, "not confirmed"), ("y", DONE, "0 orders cancelled")])
def test_a_terminal_is_asked_for_password_and_whether_it_is_sure(
    venue: RunningVenue, monkeypatch: pytest.MonkeyPatch, sure: str, code: int, says: str
) -> None:
    monkeypatch.delenv("LOCKSTEP_OPERATOR_PASSWORD")
    command = [sys.executable, "-m", "lockstep", "cancel", "--account", "TRADER7", str(venue.config), *BY[:2]]
    child, terminal = pty.fork()
    if child == 0:
        os.execv(command[0], command)
    assert "password of OPERATOR1: " in shown_on(terminal, ": ")
    os.write(terminal, b"demo\n")
    assert "Cancel all orders of TRADER7? [y/N] " in shown_on(terminal, "[y/N] ")
    os.write(terminal, f"{sure}\n".encode())
    assert says in shown_on(terminal, None)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == code
    os.close(terminal)


@pytest.mark.parametrize(
    "arguments", [("withdraw", "TRADER4", "USDT", "1"), ("delist", "BTCUSDT"), ("cancel", "--all")]
)
def test_what_cannot_be_undone_is_not_done_unasked(venue: RunningVenue, arguments: tuple[str, ...]) -> None:
    assert not sys.stdin.isatty()
    refused = operate(venue, *arguments, by=BY[:2], code=REFUSED)
    assert (refused["says"], refused["seqs"]) == ("not confirmed (--yes confirms): nothing was sent", [])
    proposal = str(operate(venue, "adjust", "propose", "TRADER5", "BTC", "1", by=BY[:2])["details"]["proposal"])
    operate(venue, "adjust", "approve", proposal, by=OTHER[:2], code=REFUSED)
    assert int(proposal) in [row["proposal"] for row in proposals(venue)]


def test_an_empty_key_is_refused(venue: RunningVenue) -> None:
    before = balance(venue, "TRADER6", "USDT")
    with pytest.raises(UsageError, match="--key is empty"):
        operate(venue, "deposit", "TRADER6", "USDT", "5", "--key", "")
    assert balance(venue, "TRADER6", "USDT") == before + 1


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        (
            "--max-quantity",
            "0.00001",
            "max_quantity: 0.00001 is not a multiple of 0.0001: it must be a whole number of lots",
        ),
        ("--max-value", "0.000000001", "max_value: 0.000000001 has more than 8 decimals"),
        ("--max-quantity", "1" + "0" * 20, "allowed is 0 to 9223372036854775807"),
    ],
)
def test_a_limit_that_cannot_be_counted_is_refused_in_words(
    venue: RunningVenue, option: str, value: str, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        operate(venue, "limits", "BTCUSDT", option, value)


def test_a_session_is_seen_and_an_operator_ends_it(venue: RunningVenue, client: Client) -> None:
    trader = client("TRADER6")
    trader.order("e1", "buy", "100", "1")
    trader.await_report("e1", "0")
    seen = session(venue, "TRADER6")
    assert (seen["gateway"], seen["version"], seen["unsent_bytes"]) == ("gateway.1", "FIX.4.4", 0)
    assert (seen["next_in"], seen["next_out"]) == (trader.next_out, trader.next_in)
    assert seen["address"] == "127.0.0.1"
    shown = venue.command("status", "--sessions")
    assert (shown.returncode, seen["address"] in shown.stdout) == (0, True)
    end = ("disconnect", "TRADER6", "--reason", "sends too much")
    assert operate(venue, *end, by=BY[:2])["says"] == "TRADER6 is disconnected"  # though it reads nothing meanwhile
    farewell = trader.receive()
    assert (farewell.get(35), farewell.get(58)) == ("5", "sends too much")
    with pytest.raises(ConnectionError):
        trader.receive()
    seen = session(venue, "TRADER6")
    assert (seen["address"], seen["since"]) == ("", "")
    assert seen["ended"]
    assert operate(venue, *end, by=BY[:2], code=REFUSED)["says"] == "TRADER6 is not connected"
    with pytest.raises(UsageError, match="there is no session NOBODY"):
        operate(venue, "disconnect", "NOBODY", "--reason", "x", by=BY[:2])
    assert operate(venue, *end, by=("--operator", "TRADER6"), code=REFUSED)["says"].startswith("TRADER6 is no operator")
    assert '"operator": "OPERATOR1"' in (venue.folder / "data" / "log" / "gateway.log").read_text()
    assert operate(venue, "cancel", "--account", "TRADER6", "--symbol", "BTCUSDT")["details"] == {"cancelled": 1}


def test_commands_given_at_once_take_turns(venue: RunningVenue) -> None:
    commands = [begun("deposit", "TRADER8", "ETH", "1", venue.config, *BY, "--json") for _ in range(3)]
    told = [json.loads(ended().stdout) for ended in commands]
    assert {each["outcome"] for each in told} == {"done"}
    assert len({tuple(each["seqs"]) for each in told}) == 3


def test_changes_made_at_once_do_not_undo_each_other(venue: RunningVenue) -> None:
    wanted = {"max_quantity": "500", "max_value": "1000000", "day_end": "21:00"}
    commands = [
        begun("limits", "SOLUSDT", venue.config, f"--{name.replace('_', '-')}", value, *BY, "--json")
        for name, value in wanted.items()
    ]
    assert [ended().returncode for ended in commands] == [DONE] * len(wanted)
    attached = attach(Path(config.load(venue.config).venue.data))
    assert attached is not None
    directory = read(attached)
    limits = directory.limits_of(directory.instrument("SOLUSDT").instrument)
    assert (limits["max_quantity_lots"], limits["max_value"], limits["day_end_s"]) == (5_000_000, 10**14, 21 * 3600)


def test_an_unknown_outcome_is_found_by_its_key(venue: RunningVenue) -> None:
    core = venue.pids()["core"]
    os.kill(core, signal.SIGSTOP)
    try:
        told = operate(venue, "deposit", "TRADER8", "SOL", "7", "--timeout-s", "0.5", code=UNKNOWN)
    finally:
        os.kill(core, signal.SIGCONT)
    assert f"--key {told['key']}" in told["says"]
    again = operate(venue, "deposit", "TRADER8", "SOL", "7", "--key", told["key"])
    assert again["says"].startswith("done before, as log record ")


def test_halts_kill_switches_and_limits_outlive_a_death(venue: RunningVenue, client: Client) -> None:
    operate(venue, "kill", "TRADER2", "--on")
    operate(venue, "limits", "BTCUSDT", "--max-quantity", "5")
    operate(venue, "account-limits", "TRADER1", "--max-open-orders", "1")
    operate(venue, "halt", "SOLUSDT")
    os.kill(venue.pids()["core"], signal.SIGKILL)
    venue.await_ready(2, 60)
    killed = client("TRADER2")
    killed.order("k1", "buy", "100", "1")
    assert "kill" in refusal(killed, "k1").lower()
    trader = client("TRADER1")
    trader.order("k2", "buy", "100", "6")
    refusal(trader, "k2")
    trader.order("k3", "buy", "100", "5")
    trader.await_report("k3", "0")
    trader.order("k4", "buy", "100", "5")
    refusal(trader, "k4")
    operate(venue, "kill", "TRADER2", "--off")
    killed.order("k6", "buy", "100", "1", "SOLUSDT")
    assert "halt" in refusal(killed, "k6").lower()
    operate(venue, "resume", "SOLUSDT")
    killed.order("k5", "buy", "100", "1")
    killed.await_report("k5", "0")


def test_an_instrument_moves_with_its_orders(venue: RunningVenue, client: Client) -> None:
    maker, taker = client("TRADER8"), client("TRADER4")
    maker.order("v1", "sell", "150", "2", "SOLUSDT")
    maker.await_report("v1", "0")
    maker.order("v2", "sell", "151", "2", "SOLUSDT")
    maker.await_report("v2", "0")
    refused = operate(venue, "move", "SOLUSDT", "1", code=REFUSED)
    assert (refused["code"], "lockstep halt SOLUSDT first" in refused["says"]) == ("INVALID_DEFINITION", True)
    operate(venue, "halt", "SOLUSDT")
    operate(venue, "move", "SOLUSDT", "1")
    operate(venue, "resume", "SOLUSDT")
    taker.order("v3", "buy", "150", "1", "SOLUSDT")
    taker.await_report("v3", "F")
    maker.await_report("v1", "F")
    os.kill(venue.pids()["core"], signal.SIGKILL)
    assert venue.process is not None
    venue.await_ready(venue.log.read_text().count("venue ready") + 1, 60)
    taker.order("v4", "buy", "151", "3", "SOLUSDT")
    taker.await_report("v4", "F")
    taker.await_report("v4", "F")
    with pytest.raises(UsageError, match="SOLUSDT is on matcher 1 already"):
        operate(venue, "move", "SOLUSDT", "1")
    with pytest.raises(UsageError, match="matcher 7 does not run; there are 1, 2"):
        operate(venue, "move", "SOLUSDT", "7")


def test_what_the_file_would_undo_is_told(venue: RunningVenue) -> None:
    text = venue.config.read_text()
    venue.config.write_text(re.sub(r'^# (max_quantity = "0")', r"\1", text, flags=re.MULTILINE))
    try:
        told = operate(venue, "limits", "BTCUSDT", "--max-quantity", "4")
    finally:
        venue.config.write_text(text)
    assert f"until the next start: {venue.config} says otherwise of max_quantity" in told["says"]


def test_who_asked_and_who_approved_is_in_sql(venue: RunningVenue) -> None:
    operate(venue, "limits", "ETHUSDT", "--max-quantity", "77")
    paid = operate(venue, "deposit", "TRADER4", "USDT", "3.25", by=OTHER)["seqs"][0]
    proposal = operate(venue, "adjust", "propose", "TRADER5", "BTC", "0.5")["seqs"][0]
    approval = operate(venue, "adjust", "approve", str(proposal), by=OTHER)["seqs"][0]
    assert asked(venue, f"SELECT seq FROM requests WHERE seq = {approval}") == [(approval,)]
    name = "(SELECT username FROM users WHERE id = {})"
    columns = f"request, {name.format('asked_by')}, {name.format('target_id')}, asset, amount"
    assert asked(venue, f"SELECT {columns} FROM requests WHERE seq = {paid}") == [
        ("DEPOSIT", "OPERATOR2", "TRADER4", "USDT", Decimal("3.25"))
    ]
    columns = f"{name.format('proposed_by')}, {name.format('approved_by')}, approval, amount"
    assert asked(venue, f"SELECT {columns} FROM proposals WHERE proposal = {proposal}") == [
        ("OPERATOR1", "OPERATOR2", approval, Decimal("0.5"))
    ]
    limits = "SELECT terms ->> 'max_quantity' FROM requests WHERE symbol = 'ETHUSDT' ORDER BY seq DESC LIMIT 1"
    assert [Decimal(most) for (most,) in asked(venue, limits)] == [Decimal(77)]
    corrected = f"SELECT DISTINCT {name.format('proposed_by')}, {name.format('approved_by')} FROM proposals"
    corrected += " WHERE request = 'CORRECTION_PROPOSAL' AND approval IS NOT NULL"
    assert asked(venue, corrected) == [("OPERATOR1", "OPERATOR2")]
    assert asked(venue, "SELECT DISTINCT side, scope FROM actions WHERE action = 'KILL_SWITCH'") == [(None, "ACCOUNT")]


def test_all_of_it_is_verified(venue: RunningVenue) -> None:
    venue.verify()


def test_a_process_starts_again(venue: RunningVenue) -> None:
    before = venue.pids()
    assert venue.command("restart", "nothing").returncode == 2
    answer = venue.command("restart", "publisher", "--json")
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert told["old_pid"] == before["publisher"]
    assert venue.pids()["publisher"] == told["new_pid"] != told["old_pid"]
    assert venue.stop() == 0
    stopped = venue.command("restart", "publisher")
    assert (stopped.returncode, "is not running" in stopped.stderr) == (1, True)
