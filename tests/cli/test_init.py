"""`lockstep init`: what it writes is a configuration, with passwords that open it, and nothing is overwritten."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lockstep import config
from lockstep.core.rules.credentials import credential_of, is_right
from tests.cli.test_cli import ROOT
from tests.console import lockstep


def test_what_it_writes_can_be_loaded_and_its_passwords_are_right(tmp_path: Path) -> None:
    file = tmp_path / "mine" / "venue.toml"
    answer = lockstep("init", file, "--instruments", "GAS/EUR, OIL/EUR", "--traders", "DESK", "--json")
    assert answer.returncode == 0, answer.stdout
    loaded = config.load(file)
    assert [each.name for each in loaded.assets] == ["GAS", "EUR", "OIL"]
    assert [each.symbol for each in loaded.instruments] == ["GASEUR", "OILEUR"]
    assert [each.name for each in loaded.accounts if each.operator] == ["OPERATOR1", "OPERATOR2"]
    assert [each.name for each in loaded.accounts if each.role == "admin"] == ["ADMIN1", "ADMIN2"]
    assert (loaded.api.port, loaded.metrics.port) == (8080, 9879)
    assert json.loads(answer.stdout)["page"] == "http://127.0.0.1:8080"
    oil = loaded.instruments[1]
    assert (oil.maker_fee_ppm, oil.taker_fee_ppm, oil.dynamic_band_bps) == (1000, 1000, 1000)
    passwords = json.loads(answer.stdout)["passwords"]
    for account in loaded.accounts:
        assert is_right(passwords[account.name], credential_of(account.password_hash or ""))
    assert file.stat().st_mode & 0o777 == 0o600
    assert not any(password in file.read_text() for password in passwords.values())


def test_a_command_finds_the_file_in_its_folder(tmp_path: Path) -> None:
    assert lockstep("init", tmp_path / "venue.toml", "--name", "mine").returncode == 0
    code = "from lockstep.__main__ import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("LOCKSTEP_CONFIG", None)
    answer = subprocess.run(
        [sys.executable, "-c", code, "status"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "venue mine is not running" in answer.stdout, answer.stderr


def test_an_existing_file_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "venue.toml"
    file.write_text("mine")
    answer = lockstep("init", file)
    assert answer.returncode == 2
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--name", "a b", "name of the venue"),
        ("--instruments", "BTCUSDT", "a pair of assets"),
        ("--market-port", "9878", "9878 is there already"),
        ("--api-port", "70000", "port of the web page"),
        ("--operators", "TRADER1", "TRADER1 is there already"),
        ("--data", 'a"b', "folder's name"),
        ("--maker-fee-ppm", "40000", "maker's fee"),
        ("--instruments", "", "needs an instrument"),
    ],
)
def test_what_is_no_configuration_leaves_nothing_behind(tmp_path: Path, option: str, value: str, says: str) -> None:
    answer = lockstep("init", tmp_path / "venue.toml", option, value)
    assert answer.returncode == 2
    assert says in answer.stderr
    assert list(tmp_path.iterdir()) == []


def on_a_terminal(file: Path, typed: bytes) -> tuple[int, str]:
    """What `init` says to what is typed, and its exit code."""
    ours, terminal = os.openpty()
    code = "from lockstep.__main__ import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "init", str(file)], stdin=terminal, stdout=terminal, stderr=terminal, cwd=ROOT,
    )  # fmt: skip
    os.write(ours, typed)
    os.close(terminal)
    said = b""
    deadline = time.monotonic() + 60
    while True:
        assert time.monotonic() < deadline, said
        try:
            said += os.read(ours, 4096)
        except OSError:  # the other side is closed
            break
    os.close(ours)
    return process.wait(60), said.decode()


def test_on_a_terminal_each_answer_is_checked_at_once(tmp_path: Path) -> None:
    code, said = on_a_terminal(tmp_path / "venue.toml", b"a venue\nexchange\n\n\n70000\n8085\n" + b"\n" * 10)
    assert code == 0, said
    assert said.count("name of the venue") == 3, "asked, refused, asked again"
    assert said.count("port of the web page") == 3
    assert "The web page will be at http://127.0.0.1:8085" in said
    loaded = config.load(tmp_path / "venue.toml")
    assert (loaded.venue.name, loaded.api.port) == ("exchange", 8085)


@pytest.mark.parametrize(
    ("price", "tick", "lot"),
    [
        ("60000", "0.01", "0.0001"),
        ("1.5", "0.0001", "0.0001"),
        ("0.25", "0.00001", "0.001"),
        ("0.0003", "0.00000001", "1"),
    ],
)
def test_steps_suit_the_reference_price(tmp_path: Path, price: str, tick: str, lot: str) -> None:
    file = tmp_path / "venue.toml"
    assert lockstep("init", file, "--instruments", f"X/Y@{price}").returncode == 0
    (listed,) = config.load(file).instruments
    assert (listed.reference_price, listed.tick, listed.lot) == (price, tick, lot)


def test_a_second_nodes_file_comes_from_the_first_ones(tmp_path: Path) -> None:
    first, second = tmp_path / "venue.toml", tmp_path / "venue-b.toml"
    assert lockstep("init", first).returncode == 0
    first.chmod(0o640)
    before = first.read_text()
    refused = lockstep("second-node", first, second)
    assert refused.returncode == 2
    assert "--yes confirms" in refused.stderr
    assert (first.read_text(), second.exists()) == (before, False)
    answer = lockstep("second-node", first, second, "--yes")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"lockstep pair {first} {second}" in answer.stdout
    a, b = config.load(first), config.load(second)
    assert first.stat().st_mode & 0o777 == 0o640
    assert (a.replication.node, a.replication.port, a.replication.peer_port) == ("a", 9900, 9901)
    assert (b.replication.node, b.replication.port, b.replication.peer_port) == ("b", 9901, 9900)
    assert (Path(a.venue.data).name, Path(b.venue.data).name) == ("data", "data-b")
    ports = [(each.fix.port, each.market_data.port, each.api.port, each.metrics.port) for each in (a, b)]
    assert ports == [(9878, 8081, 8080, 9879), (9888, 8091, 8090, 9889)]
    assert a.venue.durability == b.venue.durability == "replicated"
    assert a.accounts == b.accounts
    assert "# step of the price" in second.read_text(), "comments stay"
    again = lockstep("second-node", first, tmp_path / "c.toml", "--names", "c,b", "--yes")
    assert again.returncode == 2
    assert "is called a already" in again.stderr


def test_a_second_node_on_another_host_keeps_ports_and_folder(tmp_path: Path) -> None:
    first, second = tmp_path / "venue.toml", tmp_path / "venue-b.toml"
    assert lockstep("init", first).returncode == 0
    hosts = ("--address", "192.0.2.1", "--peer-address", "192.0.2.2")
    answer = lockstep("second-node", first, second, *hosts, "--durability", "both", "--yes")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    b = config.load(second)
    assert (b.replication.address, b.replication.peer_address) == ("192.0.2.2", "192.0.2.1")
    assert (b.replication.port, b.replication.peer_port, b.fix.port) == (9901, 9900, 9878)
    assert (Path(b.venue.data).name, b.venue.durability) == ("data", "both")


def test_whoever_gives_no_answer_gets_no_file(tmp_path: Path) -> None:
    code, said = on_a_terminal(tmp_path / "venue.toml", b"exchange\n\x04")
    assert code == 2, said
    assert "nothing was written" in said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []
