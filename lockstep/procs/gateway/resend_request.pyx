"""Carries out a ResendRequest in bounded steps.

The session's new messages are stored meanwhile, and follow the repeated ones. It reads the store and writes into the
session's outbox; `resend_queue` decides when a step is due.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint32_t

from lockstep.procs.gateway.fix.connection cimport Connection
from lockstep.procs.gateway.fix.encode cimport Outbox
from lockstep.procs.gateway.fix_session cimport FixSession
from lockstep.procs.gateway.resend cimport Resend
from lockstep.procs.gateway.store cimport Store
from lockstep.procs.gateway.store_reader cimport KIND_OUT_APP, StoreEntry

cdef enum:
    WORK_A_STEP = 256            # entries of the store that are looked at
    BYTES_A_STEP = 65536         # that are sent
    CREDIT = 1_000_000           # entries that a session may have looked at in a row
    CREDIT_A_SECOND = 50_000     # and from then on, to bound what repeated resends cost others
    NS_PER_SECOND = 1_000_000_000


cdef class Repeat:
    """What the client of `connection` has asked for: its `resend_begin` to `resend_end`."""

    def __init__(self, Store store, FixSession session, Connection connection):
        self.store = store
        self.session = session
        self.connection = connection

    cdef void join(self, uint32_t begin, uint32_t end) noexcept:
        """Merge another requested range that is not repeated yet, if it touches this one."""
        cdef Connection connection = self.connection
        if begin == 0 or begin > connection.resend_end + 1 or connection.resend_begin > end + 1:
            return
        connection.resend_begin = connection.resend_next = min(begin, connection.resend_begin)
        connection.resend_end = max(end, connection.resend_end)

    cdef int step(self, object transport, int64_t now_ns) except -1:
        """Do a bounded part of it, into the outbox; returns how much work that was."""
        cdef FixSession session = self.session
        cdef int work
        if not self.begun:
            self.begin()
        if self.catching_up:
            return self.catch_up(transport, now_ns)
        if session.credited_ns == 0:
            session.resend_credit = CREDIT
        else:
            session.resend_credit = min(
                <int64_t> CREDIT,
                session.resend_credit + (now_ns - session.credited_ns) * CREDIT_A_SECOND // NS_PER_SECOND,
            )
        session.credited_ns = now_ns
        work = self.repeat(<int> min(<int64_t> WORK_A_STEP, session.resend_credit), now_ns)
        session.resend_credit -= work
        return work

    cdef int begin(self) except -1:
        """From here on the session's new messages are only stored."""
        self.begun = True
        self.left_begin = 0
        self.session.collect(self.connection.outbox)
        self.session.live = None
        self.resend = Resend(self.store, self.session.number, self.connection.resend_begin, self.connection.resend_end)
        return 0

    cdef int repeat(self, int work, int64_t now_ns) except -1:
        """Repeat what at most `work` finds; returns how much of that was used."""
        cdef Connection connection = self.connection
        cdef const StoreEntry *entry
        cdef int left = work
        while connection.outbox.used < BYTES_A_STEP:
            entry = self.resend.next(&left)
            if entry == NULL:
                if self.resend.is_done():
                    connection.now_ns = connection.sent_ns = now_ns
                    connection.fill_to(connection.resend_end + 1)
                    self.end_range()
                break
            if entry.kind == KIND_OUT_APP:
                connection.repeat(entry.msg_seq_num, <const char *> entry + sizeof(StoreEntry), entry.length, now_ns)
        return max(work - left, <int> (work > 0))

    cdef int leave(self) except -1:
        """Another request has come: stop repeating for this one."""
        if self.begun and not self.catching_up:
            self.left_begin, self.left_end = self.connection.resend_next, self.connection.resend_end
            self.end_range()
        return 0

    def end_range(self) -> None:
        self.connection.resend_next = 0
        self.catching_up = True
        self.resend = Resend(self.store, self.session.number, self.connection.outbox.next_out, 0x7FFFFFFE)

    cdef int catch_up(self, object transport, int64_t now_ns) except -1:
        """Send the messages stored while it ran, as they are; after the last, the session is live."""
        cdef Outbox outbox = self.connection.outbox
        cdef const StoreEntry *entry
        cdef int left = WORK_A_STEP
        cdef size_t size = 0
        parts = []
        while size < BYTES_A_STEP:
            entry = self.resend.next(&left)
            if entry == NULL:
                break
            parts.append(PyBytes_FromStringAndSize(<const char *> entry + sizeof(StoreEntry), entry.length))
            size += entry.length
            outbox.next_out = entry.msg_seq_num + 1
        if parts:
            transport.write(b"".join(parts))
        if self.resend.is_done():
            if outbox.next_out < self.store.sessions[self.session.number].next_out:
                self.end_range()
            else:
                self.session.live = self.connection
                self.connection.end_repeat(now_ns)
                self.is_done = True
        return 1
