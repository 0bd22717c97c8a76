"""Replays a venue's journal from snapshot to snapshot, keeping all events: what `lockstep verify` compares with.

It changes nothing of the venue, which may run meanwhile: the replay ends where its journal is committed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from lockstep.config.schema import Config
from lockstep.core.journal.select import select
from lockstep.core.recovery.replay import ReplayedCore
from lockstep.core.schema.layout import unpack_command
from lockstep.core.schema.records import (
    RECORD_SIZE,
    Adjustment,
    Code,
    CommandType,
    Deposit,
    DepositFlag,
    Withdrawal,
    WithdrawalDecision,
    WithdrawalStep,
)
from lockstep.core.venue.snapshot_parts import Start

READ_BYTES = RECORD_SIZE * 8192
MONEY = (CommandType.DEPOSIT, CommandType.WITHDRAWAL, CommandType.ADJUSTMENT, CommandType.WITHDRAWAL_DECISION)
TAKEN = 65_536  # events of a ring at a time

WHOLE = "all"  # digests of tables and of all that is beside them
Digests = dict[str, dict[str, int]]  # by agent, by table


class Replay:
    """The events of the journal after `first`, leg by leg, ring by ring, in temporary files of the data folder.

    `state` is the router and the matchers where the last leg that was kept ends.
    """

    def __init__(self, config: Config, data: Path, first: Start) -> None:
        self.first = first
        self.state: ReplayedCore | None = None
        self._config = config
        self._data = data
        self._files: dict[int, IO[bytes]] = {}

    def leg(self, start: Start, last_seq: int, show: Callable[[int], None]) -> ReplayedCore:
        """Replay from `start` to record `last_seq`; `show` gets the position. `forget` takes its events back.

        CoreReplayError, JournalError.
        """
        core = ReplayedCore(self._config, self._data, start, last_seq)
        for ring in core.rings:
            if ring not in self._files:
                self._files[ring] = tempfile.TemporaryFile(dir=self._data)  # noqa: SIM115
        while not core.is_complete or any(each.pending() for each in core.consumers.values()):
            core.step()
            self._keep(core)
            show(core.position)
        core.check()
        self.state = core
        return core

    def had_first(self) -> dict[int, int]:
        """By asset, what all accounts had at the beginning of the replay."""
        if self.first.seq == 0:
            return {}
        begun = ReplayedCore(self._config, self._data, self.first, self.first.seq, reader=False)
        return begun.router.core.ledger.balances.totals()

    def mark(self) -> dict[int, int]:
        """Where the events end now, for `forget`."""
        return {ring: file.tell() for ring, file in self._files.items()}

    def forget(self, mark: dict[int, int]) -> None:
        """Take back all events after `mark`."""
        for ring, file in self._files.items():
            file.seek(mark.get(ring, 0))
            file.truncate()

    def events(self, ring: int) -> Iterator[bytes]:
        """The packed events of the router's ring (0) or of matcher `ring`'s, from `first`'s number on."""
        file = self._files.get(ring)
        if file is None:
            return
        file.seek(0)
        while data := file.read(READ_BYTES):
            for offset in range(0, len(data), RECORD_SIZE):
                yield data[offset : offset + RECORD_SIZE]

    def close(self) -> None:
        """Remove the temporary files."""
        for file in self._files.values():
            file.close()

    def _keep(self, core: ReplayedCore) -> None:
        for ring, reader in core.consumers.items():
            records = reader.take(TAKEN)
            # The router's own settlement after the last record is in no journal.
            self._files[ring].write(b"".join(each for each in records if cause(each) <= core.last_seq))


def money_brought(journal: Path, first: int, last: int) -> dict[int, int]:
    """By asset, what the records `first` to `last` brought in, less what they took out, in smallest units."""
    brought: dict[int, int] = {}
    proposed: dict[int, tuple[int, int]] = {}
    for record in select(journal, first, last, MONEY) if last >= first else []:
        command = unpack_command(record)
        if getattr(command, "verdict", Code.OK) != Code.OK:
            continue
        match command:
            case Deposit(flags=DepositFlag.PROPOSAL):
                pass  # its approval brings it
            case WithdrawalDecision(step=WithdrawalStep.PAID):
                brought[command.asset] = brought.get(command.asset, 0) - command.amount
            case Deposit():
                brought[command.asset] = brought.get(command.asset, 0) + command.amount
            case Withdrawal():
                brought[command.asset] = brought.get(command.asset, 0) - command.amount
            case Adjustment(proposal=0):
                proposed[command.seq] = command.asset, command.amount
            case Adjustment():
                # One that was proposed before `first` is repeated in its approval.
                asset, amount = proposed.pop(command.proposal, (command.asset, command.amount))
                brought[asset] = brought.get(asset, 0) + amount
    return brought


def digests_of(core: ReplayedCore) -> Digests:
    """Digests of all state of the router and of each matcher, equal for equal state wherever it lies in memory."""
    router = core.router.core
    matchers = {
        f"matcher.{number}": matcher.book.digests() | {WHOLE: matcher.digest()}
        for number, matcher in core.matchers.items()
    }
    return {"router": router.digests() | {WHOLE: router.state_hash()}} | matchers


def differing(expected: Digests, actual: Digests) -> list[str]:
    """The agents whose state differs, each with a table that does: `matcher.1 (instrument 3)`."""
    found = []
    for agent, tables in expected.items():
        other = {name for name in tables | actual[agent] if tables.get(name) != actual[agent].get(name)}
        if other:
            found.append(f"{agent} ({min(other - {WHOLE}, default=WHOLE)})")
    return found


def cause(record: bytes) -> int:
    """The log record that caused an event."""
    return int.from_bytes(record[8:16], "little")
