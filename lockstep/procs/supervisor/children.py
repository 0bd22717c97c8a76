"""The list on disk of the processes that a supervisor started, so that its successor can end what it left behind.

It ends only processes that are provably the ones in the list: same pid, same start time, same command line.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import structs

from lockstep.core.files import atomic_file, space
from lockstep.core.host.procfs import Identity, identify

END_TIMEOUT_S = 10.0


class Children:
    """The list in `file`. Every change is in the file, and safe, when the call returns: a loss of power leaves no part.

    Where the disk is full and the list has outgrown its spare, the change waits for a `tend`. Meanwhile a child that is
    missing in the file dies with the supervisor.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._entries: list[Identity] = []
        self._is_behind = False

    def tend(self) -> None:
        """Write what found no space."""
        if self._is_behind:
            self._write()

    def add(self, pid: int, command: Sequence[str]) -> None:
        """Note that this supervisor started `pid` with `command`."""
        identity = identify(pid)
        if identity is not None:
            # /proc shows the command line only a moment after exec: note the one that was asked for.
            self._entries.append(structs.replace(identity, command=" ".join(command)))
            self._write()

    def remove(self, pid: int) -> None:
        """Forget `pid`: it has been reaped."""
        self._entries = [entry for entry in self._entries if entry.pid != pid]
        self._write()

    def clear(self) -> None:
        """Forget all: they have been reaped."""
        self._entries = []
        self._write()

    def end_leftovers(self) -> list[Identity]:
        """SIGKILL the processes in a dead supervisor's list that still live; returns them once they are gone."""
        ended = [entry for entry in self._read() if identify(entry.pid) == entry and _end(entry)]
        self.clear()
        return ended

    def _read(self) -> list[Identity]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=list[Identity])
        except FileNotFoundError:
            return []
        except ValueError as error:
            raise RuntimeError(
                f"{self._file} is damaged ({error}): end the venue's processes, then remove it"
            ) from error

    def _write(self) -> None:
        try:
            atomic_file.replace_durably(self._file, msgspec.json.encode(self._entries))
            atomic_file.keep_spare(self._file)
        except OSError as error:
            if not space.is_full(error):
                raise
            self._is_behind = True
        else:
            self._is_behind = False


def _end(entry: Identity) -> bool:
    """Kill the process and wait for its end; False if it was gone already. It need not be our child."""
    try:
        pidfd = os.pidfd_open(entry.pid)
    except ProcessLookupError:
        return False
    try:
        # The pidfd holds one process: checked once more now, the signal can hit no other.
        if identify(entry.pid) != entry:
            return False
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        if not select.select([pidfd], [], [], END_TIMEOUT_S)[0]:
            raise RuntimeError(f"process {entry.pid} of the last run doesn't end: {entry.command}")
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(pidfd)
