"""Which numbers the log lets each session's messages have: what another host knows when this one is lost.

A gateway sends no number that the log's committed records don't cover. It asks for a block ahead, as a command like
any other, and waits for none: what is not covered yet is stored, and sent later. It writes no ring and no file.
"""

from collections.abc import Iterable

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from lockstep.core.schema.records cimport CMD_RESERVATION, RECORD_SIZE, ReservationRecord
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.gateway.reserved_seq_nums cimport Reserve
from lockstep.procs.gateway.sessions cimport SessionState
from lockstep.shm.board cimport MAX_SESSIONS

from lockstep.procs.gateway import seq_num_file

cdef enum:
    ASKING = 0xFFFFFFFF             # in place of a number: more are asked for already
    HIGHEST = 0x7FFFFFFF            # FIX libraries hold a MsgSeqNum in 31 bits
    TOLD_NS = 10_000_000_000        # of the log's time: by then a report was made, and a client that reads has read it


cdef class Reservations:
    """Of all sessions. `learn` what the journal has, before any number is given."""

    def __cinit__(self):
        self.rows = <Reservation *> calloc(MAX_SESSIONS, sizeof(Reservation))
        if self.rows == NULL:
            raise MemoryError("no memory for the reserved numbers")
        self.block = seq_num_file.BLOCK
        self.short = set()

        self.elsewhere = <uint8_t *> calloc(MAX_SESSIONS, 1)
        if self.elsewhere == NULL:
            raise MemoryError("no memory for the sessions of other gateways")

    def __dealloc__(self):
        free(self.rows)
        free(self.elsewhere)

    def learn(self, records: Iterable[bytes]) -> None:
        """Take in records of the journal, in order; those that the router refused say nothing."""
        cdef const ReservationRecord *record
        cdef const char *at
        for data in records:
            at = data
            record = <const ReservationRecord *> at
            if len(data) != RECORD_SIZE or record.type != CMD_RESERVATION:
                raise ValueError("this is no reservation of numbers")
            if record.verdict == 0 and record.session < MAX_SESSIONS:
                self.note(
                    record.session, record.generation, record.first, record.end, record.fix_version, record.seq,
                    record.time_ns,
                )

    cdef int note(
        self, uint32_t session, uint32_t generation, uint32_t first, uint32_t end, uint32_t version, uint64_t seq,
        uint64_t time_ns
    ) except -1:
        """A record of the log, perhaps one that is known."""
        cdef Reservation *row = &self.rows[session]
        if seq <= row.seq:
            return 0
        if row.seq == 0:
            row.candidate, row.candidate_ns = seq, time_ns
        elif time_ns - row.candidate_ns >= TOLD_NS:
            row.told_before = row.candidate
            row.candidate, row.candidate_ns = seq, time_ns
        row.seq, row.time_ns = seq, time_ns
        row.generation, row.first, row.end, row.version = generation, first, end, version
        self.top = max(self.top, session + 1)
        return 0

    cdef bint has_any(self) noexcept:
        """Whether the log has reserved numbers for any session of this gateway."""
        cdef uint32_t session
        for session in range(self.top):
            if self.rows[session].seq and not self.elsewhere[session]:
                return True
        return False

    cdef bint is_ahead(self, uint32_t session, uint32_t generation, uint32_t reserved) noexcept nogil:
        """Whether another host may have given numbers: the log has more than a store asked for, which knows that."""
        cdef const Reservation *row = &self.rows[session]
        return row.seq != 0 and not self.elsewhere[session] and (
            row.generation > generation or (row.generation == generation and row.end > reserved)
        )

    cdef bint give_way(self, const SessionState *sessions, Reserve reserve) except -1:
        """Have all sessions that had numbers given by another host go on behind those; whether there are any."""
        cdef const Reservation *row
        cdef uint32_t session
        cdef bint found = False
        for session in range(self.top):
            row = &self.rows[session]
            if self.is_ahead(session, sessions[session].generation, sessions[session].reserved):
                reserve.give_way(session, row.generation, row.end, row.version)
                found = True
        return found

    cdef void begin(self, uint32_t session, uint32_t generation) noexcept nogil:
        """The store is at this generation of the session: what covers numbers of another one covers none of its own."""
        cdef Reservation *row = &self.rows[session]
        if generation != row.own:
            row.own = generation
            row.released = row.ask_at = 0

    cdef bint covers(self, uint32_t session, uint32_t next_out) noexcept nogil:
        """Whether all numbers below `next_out` may be sent."""
        return next_out <= self.rows[session].released

    cdef int use(self, uint32_t session, uint32_t generation, uint32_t next_out) except -1 nogil:
        """A session has used numbers up to `next_out`, or was reset: see that it has enough ahead."""
        cdef Reservation *row = &self.rows[session]
        self.begin(session, generation)
        if row.ask_at == ASKING or next_out <= max(row.ask_at, 1):
            return 0
        if next_out + self.block // 2 <= row.released:
            row.ask_at = row.released - self.block // 2
            return 0
        row.ask_at = ASKING
        with gil:
            self.short.add(session)
        return 0

    cdef uint32_t ask(self, uint32_t session, uint32_t next_out) except? 0:
        """More numbers are asked for: up to which, and none of them included."""
        cdef Reservation *row = &self.rows[session]
        cdef uint32_t end = min(next_out + self.block, <uint32_t> HIGHEST)
        self.short.discard(session)
        row.ask_at = end - self.block // 2
        return end

    cdef void release(self, uint32_t session, uint32_t generation, uint32_t end) noexcept nogil:
        """A record of the log is committed. One of another generation than the present one covers nothing."""
        cdef Reservation *row = &self.rows[session]
        if generation == row.own:
            row.released = max(row.released, end)

    cdef int save(self, Saver saver) except -1:
        """Add to a part what the log has said up to its mark."""
        cdef uint32_t session
        for session in range(self.top):
            if self.rows[session].seq:
                saver.put_64(session)
                saver.put(&self.rows[session], sizeof(Reservation))
        return saver.put_64(MAX_SESSIONS)

    cdef int load(self, Loader loader) except -1:
        cdef Reservation *row
        cdef uint64_t session
        while True:
            session = loader.get_64()
            if session >= MAX_SESSIONS:
                return 0
            row = &self.rows[session]
            loader.get(row, sizeof(Reservation))
            row.ask_at = 0
            self.top = max(self.top, <uint32_t> session + 1)
