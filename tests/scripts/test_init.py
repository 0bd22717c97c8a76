"""`lockstep init`: what it writes is a configuration, with passwords that open it, and nothing is overwritten."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import config
from procs.rules.credentials import credential_of, is_right
from tests.console import lockstep
from tests.scripts.test_cli import ROOT


def test_what_it_writes_can_be_loaded_and_its_passwords_are_right(tmp_path: Path) -> None:
    file = tmp_path / "mine" / "venue.toml"
    answer = lockstep("init", file, "--instruments", "GAS/EUR, OIL/EUR", "--traders", "DESK", "--json")
    assert answer.returncode == 0, answer.stdout
    loaded = config.load(file)
    assert [each.name for each in loaded.assets] == ["GAS", "EUR", "OIL"]
    assert [each.symbol for each in loaded.instruments] == ["GASEUR", "OILEUR"]
    assert [each.name for each in loaded.accounts if each.operator] == ["OPERATOR1", "OPERATOR2"]
    passwords = json.loads(answer.stdout)["passwords"]
    for account in loaded.accounts:
        assert is_right(passwords[account.name], credential_of(account.password_hash or ""))
    assert file.stat().st_mode & 0o777 == 0o600
    assert not any(password in file.read_text() for password in passwords.values())


def test_an_existing_file_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "venue.toml"
    file.write_text("mine")
    answer = lockstep("init", file)
    assert answer.returncode == 2
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [("--name", "a b", "venue.name"), ("--instruments", "BTCUSDT", "no pair"), ("--fix-port", "8081", "port")],
)
def test_what_is_no_configuration_leaves_nothing_behind(tmp_path: Path, option: str, value: str, says: str) -> None:
    answer = lockstep("init", tmp_path / "venue.toml", option, value)
    assert answer.returncode == 2
    assert says in answer.stderr
    assert list(tmp_path.iterdir()) == []


def on_a_terminal(file: Path, typed: bytes) -> tuple[int, str]:
    """What `init` says to what is typed, and its exit code."""
    ours, terminal = os.openpty()
    code = "from scripts.__main__ import main; main()"
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


def test_on_a_terminal_it_asks(tmp_path: Path) -> None:
    code, said = on_a_terminal(tmp_path / "venue.toml", b"exchange\n" + b"\n" * 7)
    assert code == 0, said
    assert config.load(tmp_path / "venue.toml").venue.name == "exchange"


def test_whoever_gives_no_answer_gets_no_file(tmp_path: Path) -> None:
    code, said = on_a_terminal(tmp_path / "venue.toml", b"exchange\n\x04")
    assert code == 2, said
    assert "nothing was written" in said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []
