"""Takes the end of the log that only the other node has into this node's journal, before this one leads again (LOG-21).

A host that lost power, or a process that died with records in the ring, can leave a journal that is whole and short.
"""

from __future__ import annotations

import time
from pathlib import Path

from lockstep.config.schema import Config
from lockstep.core.journal.writer import JournalWriter
from lockstep.procs.journaler.journaler import Journaler
from lockstep.procs.replicator.greeting import greeting_of
from lockstep.procs.replicator.handshake import LinkError
from lockstep.procs.replicator.receiver import Receiver
from lockstep.procs.replicator.transport import Connection, Dialer
from lockstep.shm.board import Board
from lockstep.shm.ring import Ring

SLOTS = 4096
STEP_S = 0.001
NAME = "journaler"


class TailError(Exception):
    """The other node's records could not be had; the message says why. What did come is in the journal, whole."""


def take(config: Config, data: Path, dialer: Dialer, last_seq: int, timeout_s: float) -> None:
    """Append the peer's records up to `last_seq` to the journal in `data`, synced.

    Nobody else may write there. TailError, JournalError, OSError.
    """
    board = Board.private()
    journal = JournalWriter(data / "journal", "local", config.journal.segment_bytes)
    begin = journal.last_seq
    ring = Ring.private(SLOTS, [NAME], first_seq=begin + 1)
    journaler = Journaler(ring.consumer(NAME), journal, board)
    connection = _connect(dialer, timeout_s)
    try:
        own = greeting_of(config, data, begin)
        receiver = Receiver(ring.producer(), board, own, True, time.monotonic_ns(), True)
        while receiver.last_seq < last_seq or journal.last_seq < last_seq:
            moved = connection.pump(receiver) + receiver.poll(time.monotonic_ns()) + journaler.step(0)
            if not moved:
                time.sleep(STEP_S)  # for the other node's next frame: no loop here wakes for it
    except (LinkError, ConnectionError) as error:
        raise TailError(str(error)) from error
    finally:
        while journaler.step(0):
            pass
        journaler.close()
        connection.close()
        dialer.close()


def _connect(dialer: Dialer, timeout_s: float) -> Connection:
    deadline_s = time.monotonic() + timeout_s
    while True:
        connection = dialer.poll(time.monotonic_ns())
        if connection is not None:
            return connection
        if time.monotonic() > deadline_s:
            raise TailError(dialer.trouble or "no answer")
        time.sleep(STEP_S)  # dialling and TLS are advanced by polling
