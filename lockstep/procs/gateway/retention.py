"""How much of the message store is kept: which segments may go, and their removal in a thread.

It knows no message; the store says what a session or a start still needs.
"""

from __future__ import annotations

import itertools
from functools import partial
from pathlib import Path

from msgspec import Struct

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.files import atomic_file
from lockstep.procs.gateway import background, starts
from lockstep.procs.gateway.starts import Started
from lockstep.procs.gateway.store_reader import path_of

NS_PER_DAY = 86_400 * 10**9
IDLE_NS = 3600 * 10**9  # what no session needs stays this long all the same: the log may lack some of it


class Keep(Struct, frozen=True):
    """What of the store is kept: by age, in all, and of each session's own messages."""

    days: int
    total_bytes: int
    session_bytes: int


class Retention:
    """Removes the oldest segments in `folder` of those at `bases`, a list that it shortens."""

    def __init__(self, folder: Path, bases: list[int], keep: Keep) -> None:
        self.keep = keep
        self._folder = folder
        self._bases = bases
        self._remover = background.Background()

    def removable(self, end: int, needed: int, now_ns: int) -> int:
        """How many of the oldest segments may go, where the store ends at `end` and sessions need it from `needed` on.

        The last two stay, and so does one whose successor has no start file on disk: a start needs it.
        """
        if self._remover.is_busy:
            if not self._remover.is_done():
                return 0
            self._remover.finish()
        count = too_early = 0
        for base, following in itertools.pairwise(self._bases[:-1]):
            age_ns = now_ns - path_of(self._folder, base).stat().st_mtime_ns  # of the last that is in it
            is_idle = following <= needed and age_ns > IDLE_NS
            is_old = age_ns > self.keep.days * NS_PER_DAY
            if not is_idle and not is_old and end - base <= self.keep.total_bytes:
                break
            count += 1
            if following > needed and not is_old:
                too_early = count
        while count and not starts.path_of(self._folder, self._bases[count]).exists():
            count -= 1
        if min(count, too_early):
            log.warning(
                "messages removed early",
                segments=min(count, too_early),
                reason="fix.store_bytes is reached: sessions lose messages within fix.store_session_bytes",
            )
        return count

    def remove(self, count: int) -> None:
        """Begin to remove the oldest segments; from here on they count as gone."""
        gone = self._bases[:count]
        del self._bases[:count]
        self._remover.begin(partial(remove, self._folder, gone))


def note_start(folder: Path, base: int, started: Started) -> None:
    """Write the start file of the segment at `base`. Where that fails, what is before it can't be removed; no more."""
    try:
        starts.write(folder, base, started)
    except OSError as error:
        log.warning("start file not written", file=str(starts.path_of(folder, base)), reason=error.strerror)


def remove(folder: Path, bases: list[int]) -> None:
    """Remove segments, the oldest first: what a crash or an error leaves has no hole."""
    try:
        for base in bases:
            path_of(folder, base).unlink(missing_ok=True)
            starts.path_of(folder, base).unlink(missing_ok=True)
        atomic_file.sync(folder)
    except OSError as error:
        log.warning("old messages not removed", folder=str(folder), reason=error.strerror)
