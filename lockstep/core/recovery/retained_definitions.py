"""What the log defines and administers, kept beside the journal when its beginning is removed: a few records of many.

It keeps records as they are; what they come to is the reader's to say.

Layout of `definitions` in the data folder::

    │ last 8: the log sequence up to which all are here │ record 120 │ record 120 │ …

It is replaced as a whole: renaming publishes it.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from pathlib import Path

from lockstep.core.files import atomic_file
from lockstep.core.journal.format import JournalError
from lockstep.core.journal.select import select
from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import (
    RECORD_SIZE,
    Code,
    Command,
    CommandType,
    Deposit,
    DepositFlag,
    Dismissal,
    KillSwitch,
    Withdrawal,
    WithdrawalDecision,
    WithdrawalRequest,
    WithdrawalStep,
)

FILE = "definitions"
HEADER_SIZE = 8
TYPES = (
    CommandType.ASSET,
    CommandType.INSTRUMENT,
    CommandType.ACCOUNT,
    CommandType.EXT_CREDENTIAL,
    CommandType.LIMITS,
    CommandType.ACCOUNT_LIMITS,
    CommandType.FEE_TIER,
    CommandType.POSITION_LIMIT,
    CommandType.SCHEDULE,
    CommandType.KILL_SWITCH,
    CommandType.REGISTRATION,
    CommandType.WELCOME,
    CommandType.DEPOSIT_LIMIT,
    CommandType.ADJUSTMENT,
    CommandType.CORRECTION_PROPOSAL,
    CommandType.CORRECTION,
    CommandType.DEPOSIT,
    CommandType.WITHDRAWAL,
    CommandType.WITHDRAWAL_REQUEST,
    CommandType.WITHDRAWAL_DECISION,
    CommandType.EXT_DESTINATION,
    CommandType.DISMISSAL,
)
MONEY = (
    CommandType.DEPOSIT,
    CommandType.WITHDRAWAL,
    CommandType.WITHDRAWAL_REQUEST,
    CommandType.WITHDRAWAL_DECISION,
    CommandType.EXT_DESTINATION,
)
ENDING = (
    CommandType.WITHDRAWAL_DECISION, CommandType.DEPOSIT, CommandType.WITHDRAWAL, CommandType.DISMISSAL,
)  # fmt: skip
ENDS = (WithdrawalStep.REJECT, WithdrawalStep.PAID, WithdrawalStep.CANCEL)


def keep(data: Path, last_seq: int) -> None:
    """Have all definitions up to record `last_seq` kept; from there on the journal is enough. JournalError, OSError."""
    known_seq, records = kept(data)
    if last_seq <= known_seq:
        return
    records = waiting(records + select(data / "journal", known_seq + 1, last_seq, TYPES))
    atomic_file.replace_durably(data / FILE, last_seq.to_bytes(HEADER_SIZE, "little") + b"".join(records))


def waiting(records: Sequence[bytes]) -> list[bytes]:
    """The same without what is over, and was never definition: deposits that were made, withdrawals that have ended,
    refused steps of those, proposals that were dismissed, and kill switches that were turned again: an account may turn
    its own at any time. A request right before the end of `records` keeps its destination."""
    over: set[int] = set()  # sequences of withdrawals' requests, and of payments that were proposed
    dismissed: set[int] = set()
    for record in records:
        if record[4] in ENDING:
            command = unpack_command(record)
            if isinstance(command, WithdrawalDecision) and command.verdict == Code.OK and command.step in ENDS:
                over.add(command.withdrawal)
            elif isinstance(command, Deposit | Withdrawal | Dismissal) and command.verdict == Code.OK:
                over.add(command.proposal)
                if isinstance(command, Dismissal):
                    dismissed.add(command.proposal)
    last = _last_turns(records)
    return [
        record
        for record in records
        if (record in last if record[4] == CommandType.KILL_SWITCH
            else record[4] not in MONEY or _waits(unpack_command(record), over))
        and record[4] != CommandType.DISMISSAL and int.from_bytes(record[8:16], "little") not in dismissed
    ]  # fmt: skip


def _last_turns(records: Sequence[bytes]) -> Set[bytes]:
    """The records that turned each kill switch on last, and off: who was let trade has not registered in vain."""
    turns: dict[tuple[int, int, int], bytes] = {}
    for record in records:
        if record[4] == CommandType.KILL_SWITCH:
            command = unpack_command(record)
            if isinstance(command, KillSwitch) and command.verdict == Code.OK:
                turns[command.target, command.scope, command.is_on] = record
    return set(turns.values())


def _waits(command: Command, over: Set[int]) -> bool:
    match command:
        case Deposit():
            waits = command.verdict == Code.OK and bool(command.flags & DepositFlag.PROPOSAL)
            return waits and command.seq not in over
        case Withdrawal():
            return command.verdict == Code.SECOND_NEEDED and command.seq not in over
        case WithdrawalRequest():
            return command.verdict == Code.OK and command.seq not in over
        case WithdrawalDecision():
            return command.verdict == Code.OK and command.withdrawal not in over
    return command.seq + 1 not in over


def forget_behind(data: Path, last_seq: int) -> None:
    """Have nothing kept of records behind `last_seq`, of which the journal has lost all. OSError."""
    known_seq, records = kept(data)
    if known_seq > last_seq:
        records = [each for each in records if unpack_command(each).seq <= last_seq]
        atomic_file.replace_durably(data / FILE, last_seq.to_bytes(HEADER_SIZE, "little") + b"".join(records))


def kept(data: Path) -> tuple[int, list[bytes]]:
    """Up to which record of the log definitions are kept, and these; 0 and none if the journal has its beginning.

    JournalError if the file is cut short.
    """
    try:
        content = (data / FILE).read_bytes()
    except FileNotFoundError:
        return 0, []
    if len(content) < HEADER_SIZE or (len(content) - HEADER_SIZE) % RECORD_SIZE:
        raise JournalError(f"{data / FILE} is damaged: restore it (lockstep backup keeps it)")
    places = range(HEADER_SIZE, len(content), RECORD_SIZE)
    return int.from_bytes(content[:HEADER_SIZE], "little"), [content[at : at + RECORD_SIZE] for at in places]
