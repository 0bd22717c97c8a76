"""No password that a client, an operator or the configuration uses is in any file of the venue, running or stopped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.passwords import CHEAP_HASH
from tests.pipeline.conftest import FEW, RunningVenue

RIGHT = "Tr0ub4dor-right"
WRONG = "Tr0ub4dor-wrong"
NEW = "Tr0ub4dor-new"
IN_AN_ORDER = "Tr0ub4dor-order"
OPERATORS = "Tr0ub4dor-operator"


def found(folder: Path) -> list[str]:
    """The files below `folder` that hold part of any password."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 100  # PostgreSQL's, the journal, the store, the spool, logs and the run's own
    return [str(path) for path in files if b"Tr0ub4dor" in content(path)]


def content(path: Path) -> bytes:
    """Nothing where a running venue has removed the file since it was listed."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def give_passwords(venue: RunningVenue) -> None:
    """Plain ones, in place of the first account's and the last's: all addresses are loopback."""
    text = venue.config.read_text()
    hashed = f'password_hash = "{CHEAP_HASH}"'
    text = text.replace(hashed, f'password = "{RIGHT}"', 1)
    first, last = text.rsplit(hashed, 1)
    venue.config.write_text(f'{first}password = "{OPERATORS}"{last}')


def test_no_password_is_in_any_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venue = RunningVenue(tmp_path, hosts=FEW)
    give_passwords(venue)
    venue.start()
    try:
        wrong = venue.client("TRADER1")
        wrong.password = WRONG
        with pytest.raises(AssertionError, match="35: '5'"):
            wrong._log_on(reset=False)
        wrong.close()

        client = venue.client("TRADER1")
        client.password = RIGHT
        client.connect()
        client.send("D", (11, "one"), (554, IN_AN_ORDER), (55, "BTCUSDT"))
        client.send("BE", (923, "one"), (924, 3), (553, "TRADER1"), (554, RIGHT), (925, NEW))
        client.send("1", (112, "seen"))
        client.await_message(lambda message: message.get(112) == "seen")
        monkeypatch.setenv("LOCKSTEP_OPERATOR_PASSWORD", OPERATORS)
        answer = venue.command("halt", "BTCUSDT", "--operator", "ADMIN2", "--yes")
        assert answer.returncode == 0, answer.stderr + answer.stdout
        assert venue.command("snapshot").returncode == 0
        venue.postgres()  # until it runs, its folders change their names
        assert found(tmp_path / "data") == []
        assert b"Tr0ub4dor" not in venue.log.read_bytes()
        client.close()
    finally:
        assert venue.stop() == os.EX_OK
    assert found(tmp_path / "data") == []
