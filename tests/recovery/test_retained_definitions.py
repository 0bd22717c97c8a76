"""Definitions outlive the part of the journal that had them, and each is kept once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lockstep.core.journal.journal import segment_seqs
from lockstep.core.journal.retain import retain
from lockstep.core.journal.writer import JournalWriter
from lockstep.core.operations.directory import Directory
from lockstep.core.recovery import retained_definitions
from lockstep.core.schema.layout import pack, unpack_command
from lockstep.core.schema.records import (
    Asset,
    Code,
    Command,
    Deposit,
    DepositFlag,
    DepositLimit,
    Dismissal,
    ExtDestination,
    Withdrawal,
    WithdrawalDecision,
    WithdrawalRequest,
    WithdrawalStep,
)
from tests.models.journal import record, stamp

COUNT = 600
EVERY = 100  # record lists an asset


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with JournalWriter(tmp_path / "journal", "none", segment_bytes=4 * 4096) as journal:
        for seq in range(1, COUNT + 1):
            asset = stamp(pack(Asset(seq=seq, epoch=1, name=b"A%d" % seq, asset=seq, scale=0)))
            journal.append([record(seq) if seq % EVERY else asset])
    return tmp_path


def seqs(data: Path) -> list[int]:
    return [unpack_command(each).seq for each in retained_definitions.kept(data)[1]]


def test_without_a_file_the_journal_has_all(data: Path) -> None:
    assert retained_definitions.kept(data) == (0, [])


def test_what_is_removed_from_the_journal_is_kept_once(data: Path) -> None:
    for last_seq in (250, 200, 250, 430):
        retained_definitions.keep(data, last_seq)
        retain(data / "journal", last_seq + 1)
    assert segment_seqs(data / "journal")[0] > 300
    assert retained_definitions.kept(data)[0] == 430
    assert seqs(data) == [100, 200, 300, 400]
    assert (data / "definitions").stat().st_mode & 0o777 == 0o600


def test_of_money_only_what_waits_is_kept() -> None:
    where = ExtDestination(destination=b"vault")

    def made(seq: int, kind: type[Command], **values: Any) -> bytes:
        return pack(kind(seq=seq, **values))

    amount: dict[str, Any] = {"cl_ord_id": b"x", "asset": 1, "amount": 5}
    step: dict[str, Any] = {"cl_ord_id": b"x"}
    records = [
        made(1, ExtDestination, destination=where.destination), made(2, WithdrawalRequest, **amount),
        made(3, ExtDestination, destination=where.destination), made(4, WithdrawalRequest, **amount),
        made(5, WithdrawalDecision, **step, step=WithdrawalStep.APPROVE, withdrawal=2),
        made(6, WithdrawalDecision, **step, step=WithdrawalStep.APPROVE, withdrawal=4),
        made(7, WithdrawalDecision, **step, step=WithdrawalStep.APPROVE, withdrawal=4, verdict=Code.SAME_OPERATOR),
        made(8, WithdrawalDecision, **step, step=WithdrawalStep.REJECT, withdrawal=4, verdict=Code.NOT_AN_OPERATOR),
        made(9, WithdrawalDecision, **step, step=WithdrawalStep.REJECT, withdrawal=2),
        made(10, Deposit, **amount), made(11, Deposit, **amount, flags=DepositFlag.PROPOSAL),
        made(12, Deposit, **amount, flags=DepositFlag.PROPOSAL), made(13, Deposit, **amount, proposal=11),
        made(14, Asset, name=b"BTC", asset=1, scale=8),
        made(16, Withdrawal, **amount, verdict=Code.SECOND_NEEDED),
        made(17, Withdrawal, **amount, verdict=Code.SECOND_NEEDED), made(18, Withdrawal, **amount, proposal=16),
        made(19, Deposit, **amount, flags=DepositFlag.PROPOSAL),
        made(20, DepositLimit, **amount, verdict=Code.SECOND_NEEDED),
        *(made(21 + seq, Dismissal, cl_ord_id=b"", proposal=19 + seq) for seq in (0, 1)),
        made(23, ExtDestination, destination=b"of the next"),
    ]  # fmt: skip
    kept = [unpack_command(record).seq for record in retained_definitions.waiting(records)]
    assert kept == [3, 4, 6, 12, 14, 17, 23]
    directory = Directory()
    directory.add(retained_definitions.waiting(records))
    (waits,) = directory.withdrawals.values()
    assert (waits.request.seq, waits.destination, waits.state.name) == (4, b"vault", "APPROVED_ONCE")
    assert list(directory.deposits) == [12]
    assert list(directory.pending) == [17]
    whole = Directory()
    whole.add(records)
    assert (whole.withdrawals, whole.deposits) == (directory.withdrawals, directory.deposits)
    assert whole.pending == directory.pending
