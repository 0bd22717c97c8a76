"""Where stages leave their parts of a snapshot, and where a stage that starts finds its own.

A part is written by a forked child, so that its stage goes on at once; which snapshots are whole, which of them a start
begins with, and which are removed, is the supervisor's to decide.
"""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, Protocol

import msgspec
from msgspec import Struct

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.files import atomic_file
from lockstep.core.tables.saved import Loader, Saver
from lockstep.core.venue.parent_death import die_with

RINGS = 9  # the router's event ring, 0, and those of eight matchers
FOLDER = "snapshots"
NICENESS = 10  # a tenth of what a stage gets of a busy processor. With 19, a hundredth, a snapshot takes minutes there
FIRST_FREE_FD = 3
NOT_SYNCED = os.EX_IOERR  # a child's exit code

Write = Callable[[Saver], None]
Digests = Callable[[], dict[str, int]]  # 64 bits that stand for each table of a stage


class Start(Struct, frozen=True):
    """Where a run, or a generation of its core, begins: behind log record `seq`, with nothing under way.

    `numbers` are the last events before it of each ring, the router's first; `time_ns`, `epoch` and `chain` are that
    record's and the journal's there. `folder` has the parts of the snapshot; None: there is none, and all begins at 1.
    """

    seq: int = 0
    numbers: tuple[int, ...] = (0,) * RINGS
    time_ns: int = 0
    epoch: int = 0
    chain: int = 0
    folder: str | None = None

    @classmethod
    def genesis(cls) -> Start:
        """The start of a journal: nothing was before."""
        return cls()


class NotSyncedError(OSError):
    """The disk may lack what a stage has written to files of its own, and will not say so again: the stage must end."""


class Snapshots(Protocol):
    """Parts of snapshots as a stage sees them. `start` is the snapshot that it begins with."""

    start: Start

    def save(self, seq: int, agent: str, write: Write, digests: Digests | None = None) -> None:
        """Have `agent`'s part of the snapshot at record `seq` written. What `write` finds now is what is saved.

        Beside it goes what `digests` says of the same state, by which two nodes compare theirs.
        Returns at once; OSError if not even that can be had.
        """

    def load(self, agent: str) -> Loader | None:
        """`agent`'s part of `start`; None if that has no parts. DamagedPart, OSError."""

    def reap(self) -> None:
        """Look after what `save` began; to be called now and then. A part that came to nothing is logged.

        NotSyncedError if that was for the stage's own files: a failed sync is never retried (LOG-20).
        """


def folder_of(data: Path, seq: int) -> Path:
    """Where the parts of the snapshot at record `seq` lie."""
    return data / FOLDER / f"{seq:020}"


def part_name(agent: str) -> str:
    """The file name of `agent`'s part."""
    return f"{agent}.part"


def digests_of(folder: Path, agent: str) -> Path:
    """The file beside `agent`'s part that has the digests of its tables; written before the part."""
    return folder / f"{agent}.digests"


def load_part(start: Start, agent: str) -> Loader | None:
    """`agent`'s part of the snapshot that `start` stands for, None if there is none. DamagedPart, OSError."""
    return None if start.folder is None else Loader(Path(start.folder) / part_name(agent))


class Filed:
    """Parts as files below `data`. A part is written by a forked child: copy on write, at a low priority.

    The child dies with its parent, and holds nothing of it open: no lock outlives the stage.
    """

    def __init__(self, data: Path, start: Start) -> None:
        self.start = start
        self._data = data
        self._children: dict[int, str] = {}

    def save(self, seq: int, agent: str, write: Write, digests: Digests | None = None) -> None:
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            _save_and_exit(parent, folder_of(self._data, seq), agent, write, digests)
        self._children[child] = f"{agent}'s part of snapshot {seq}"

    def load(self, agent: str) -> Loader | None:
        return load_part(self.start, agent)

    def reap(self) -> None:
        for child, what in list(self._children.items()):
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid == 0:
                continue
            del self._children[child]
            if status:
                code = os.waitstatus_to_exitcode(status)
                log.warning("part_not_saved", part=what, exit_code=code)
                if code == NOT_SYNCED:
                    raise NotSyncedError(errno.EIO, f"the files that {what} is about cannot be synced")


def _save_and_exit(parent: int, folder: Path, agent: str, write: Write, digests: Digests | None) -> NoReturn:
    """What the child does. It must not return into its parent's code, whatever happens."""
    code = 1
    try:
        if die_with(parent):
            os.closerange(FIRST_FREE_FD, os.sysconf("SC_OPEN_MAX"))
            os.nice(NICENESS)
            os.sched_setaffinity(0, range(os.cpu_count() or 1))  # a stage's own core is not for this
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if digests is not None:
                atomic_file.replace(digests_of(folder, agent), msgspec.json.encode(digests()))
            _write_part(folder, agent, write)
            code = 0
    except NotSyncedError:
        code = NOT_SYNCED
        traceback.print_exc()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _write_part(folder: Path, agent: str, write: Write) -> None:
    """Write, sync, rename: under its name a part is whole. A failure leaves no file behind."""
    temporary = folder / f"{agent}.{os.getpid()}.new"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        saver = Saver(fd)
        write(saver)
        saver.finish()
        os.fsync(fd)
        temporary.rename(folder / part_name(agent))
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)


class Kept:
    """Parts in this process's memory: for tests, verification and simulation. `start` may be changed between runs."""

    def __init__(self, start: Start | None = None) -> None:
        self.start = start or Start.genesis()
        self._parts: dict[tuple[int, str], int] = {}

    def __del__(self) -> None:
        for fd in self._parts.values():
            os.close(fd)

    def save(self, seq: int, agent: str, write: Write, digests: Digests | None = None) -> None:  # noqa: ARG002
        fd = os.memfd_create(f"{agent}-{seq}", os.MFD_CLOEXEC)
        saver = Saver(fd)
        write(saver)
        saver.finish()
        replaced = self._parts.pop((seq, agent), None)
        if replaced is not None:
            os.close(replaced)
        self._parts[seq, agent] = fd

    def load(self, agent: str) -> Loader | None:
        fd = self._parts.get((self.start.seq, agent))
        return load_part(self.start, agent) if fd is None else Loader(fd)

    def reap(self) -> None:
        """Nothing is under way when `save` has returned."""

    def agents(self, seq: int) -> set[str]:
        """Whose parts of the snapshot at `seq` are there."""
        return {agent for at, agent in self._parts if at == seq}
