"""Moves the spool into the database, batch by batch, on a thread of its own.

It survives whatever PostgreSQL does, and nothing waits for it: while the database is away, the spool grows.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import psycopg
from msgspec import Struct

from lockstep.core.diagnostics.log_lines import log
from lockstep.core.journal.journal import JournalError
from lockstep.core.venue.snapshot_parts import NotSyncedError
from lockstep.procs.batcher.author import Author
from lockstep.procs.batcher.backfill_process import FillError
from lockstep.procs.batcher.database import CONNECT_TIMEOUT_S, Embedded, Remote, UnavailableError, migrate
from lockstep.procs.batcher.extent import note_loaded
from lockstep.procs.batcher.position import Judge, position
from lockstep.procs.batcher.reader import Reader
from lockstep.procs.batcher.remedy import with_remedy
from lockstep.procs.batcher.requests import Records
from lockstep.procs.batcher.rows import Batch
from lockstep.procs.batcher.spool import Spool
from lockstep.procs.batcher.writer import RefusedError, Session

FIRST_BACK_OFF_S = 0.1
MAX_BACK_OFF_S = 5.0
# What has come up after a pause makes one transaction: small batches would cost more than they carry.
PAUSE_S = 0.05
# Of this thread, and of an embedded server that it starts: if cores are short, rows may lag; orders may not.
NICENESS = 15
LAG_REPORT_S = 10.0
LAG_BYTES = 2**20


# Brings the database from what it has to where the journal is committed, for an epoch and the time of the first event;
# returns when that is done, or soon after the event is set. FillError if it can't be.
# See `batcher.backfill_process`.
Fill = Callable[[int, int, threading.Event], None]


class Loading(Struct, frozen=True):
    """How rows get into a database.

    If it ends before the spool begins (it was emptied, or restored from a backup), `fill` closes the gap. `records` are
    the log's of which `requests` has rows: see `batcher.requests`. `judge` checks a database against the journal before
    it is claimed. `tell` gets the reason why nothing is written, or "".

    `spool_first`, for a journal that is not synced: the spool is, before the database gets its rows. They survive a
    loss of power that takes the journal's end, and the next start learns of them from the spool.
    """

    server: Embedded | Remote
    batch_rows: int
    fill: Fill
    records: Records | None = None
    judge: Judge = Judge()
    tell: Callable[[str], None] = lambda _: None
    spool_first: bool = False


class Loader:
    """`position` is how far the database has the spool, `complete_seq` the sequence up to which it has everything.

    If our own code is at fault, `failure` is the exception that ended the thread. `author` says as whom rows are
    written; until it is known (None) none are, since only an epoch gives the right to. Rows wait while not
    `may_write`. `is_heard`: the database was checked, or can't be asked now; `objection` says why it must not be
    written, if so.
    """

    def __init__(
        self,
        spool: Spool,
        loading: Loading,
        author: Callable[[], Author | None],
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        self.may_write = may_write
        self._spool = spool
        self._server = loading.server
        self._author = author
        self._fill = loading.fill
        self._records = loading.records
        self._judge = loading.judge
        self._tell = loading.tell
        self._batch_rows = loading.batch_rows
        self._spool_first = loading.spool_first
        self._synced_end = 0  # of the spool
        self._batch = Batch(loading.batch_rows)
        self._reader = Reader(spool)
        self._stop_at = float("inf")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="loader", daemon=True)
        self.position = spool.start
        self.complete_seq = 0
        self.rows = 0
        self.is_started = False
        self.is_heard = loading.server.is_new
        self.objection = ""
        self.failure: BaseException | None = None

    def start(self) -> None:
        self.is_started = True
        self._thread.start()

    def stop(self, drain_s: float, timeout_s: float) -> None:
        """Load what is spooled for at most `drain_s` longer, then end; wait for that at most `timeout_s`."""
        self._stop_at = time.monotonic() + drain_s
        self._stopping.set()
        self._thread.join(timeout_s)

    def reaches_spool(self, session: Session) -> bool:
        """Whether the database has all that stood before the spool."""
        before = self._spool.first_numbers()
        missing = any(first > number for first, number in zip(before, session.numbers, strict=True))
        if missing:
            log.warning("the database has a gap", has=session.numbers, spool_begins_behind=before)
        return not missing

    def _run(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        back_off_s = FIRST_BACK_OFF_S
        try:
            while not self._ended():
                before = self.position
                try:
                    self._serve()
                except NotSyncedError:
                    raise  # after a failed sync, a second one says nothing about the disk
                except (psycopg.Error, UnavailableError, RefusedError, FillError, JournalError, OSError) as error:
                    if self.position > before:
                        back_off_s = FIRST_BACK_OFF_S
                    self._complain(with_remedy(error), round(back_off_s, 1))
                    self._stopping.wait(back_off_s)
                    back_off_s = min(2 * back_off_s, MAX_BACK_OFF_S)
                    if self._stopping.is_set():
                        return
        except BaseException as error:
            self.failure = error

    def _complain(self, reason: str, retry_s: float) -> None:
        """Say why nothing is written."""
        self.is_heard = True
        if not self._stopping.is_set():
            self._tell(reason)
        log.warning("database unavailable", reason=reason, retry_s=retry_s)

    def _ended(self) -> bool:
        return self._stopping.is_set() and (self.position >= self._spool.end or time.monotonic() >= self._stop_at)

    def _serve(self) -> None:
        """One connection's life."""
        self._server.start()
        migrate(self._server.url)
        while not self._judge.is_open():
            if self._stopping.wait(PAUSE_S):
                return
        self._hold_against_journal()
        while (author := self._author()) is None or not self._spool.born_ns:
            if self._stopping.wait(PAUSE_S):
                return
        if not self._load_session(author):
            self._fill(author.epoch, self._spool.born_ns, self._stopping)

    def _hold_against_journal(self) -> None:
        """RefusedError if the database is not of this journal, or of more than that has."""
        with psycopg.connect(self._server.url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
            found = position(connection)
        try:
            self.objection = self._judge.objection(found) or ""
        except JournalError as error:
            self.objection = str(error)
        self.is_heard = True
        if self.objection:
            raise RefusedError(self.objection)

    def _load_session(self, author: Author) -> bool:
        """Load as long as the session lasts; False at once if the database does not reach the spool's start."""
        if self._spool_first:
            self._spool.sync()  # the claim tells the database about an epoch that the journal may lose
        session = Session(self._server.url, author, self._spool.born_ns, self._records)
        try:
            if not self.reaches_spool(session):
                return False
            session.teach(self._batch)
            self._reader.seek(self.position)
            log.info("database connected", complete_seq=session.complete_seq)
            self._load(session)
            return True
        finally:
            session.close()
            self._note()

    def _note(self) -> None:
        """Note how far the database is, for commands that look at it while the venue is stopped."""
        try:
            note_loaded(self._spool.folder, self._spool.born_ns, self.complete_seq)
        except OSError as error:
            log.warning("how far the database is could not be noted", reason=str(error))

    def _load(self, session: Session) -> None:
        reported = time.monotonic()
        is_noted = False
        while not self._ended():
            is_full = self.may_write() and self._load_batch(session)
            self._tell("")  # not before: a connection says nothing of whether rows are taken
            if not is_noted and self.complete_seq:
                self._note()
                is_noted = True
            if not is_full and not (self.may_write() and session.make_missing()):
                self._stopping.wait(PAUSE_S)
            lag = self._spool.end - self.position
            if lag > LAG_BYTES and time.monotonic() - reported > LAG_REPORT_S:
                reported = time.monotonic()
                log.info("database lags", spooled_bytes=lag, complete_seq=self.complete_seq)

    def _load_batch(self, session: Session) -> bool:
        """Load up to a batch; True if it was full, so that more waits."""
        batch = self._batch
        batch.begin(session.numbers, session.complete_seq)
        self._reader.fill(batch)
        if batch.events or batch.complete_seq > session.complete_seq:
            if self._spool_first:
                end = self._spool.end
                self._spool.sync()
                self._synced_end = end
            session.write(batch)
            self.rows += batch.created + batch.changed + batch.history.trades + batch.balances
        self.position = self._reader.position
        self.complete_seq = session.complete_seq
        # A segment goes once a synced one says what it held.
        self._spool.discard(max(0, min(self.position, self._synced_end - 1)) if self._spool_first else self.position)
        return batch.events >= self._batch_rows
