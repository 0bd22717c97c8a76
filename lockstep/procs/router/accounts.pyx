"""What each account may do: its kill switch, its counts of orders and their limits, its defaults, its session's number.

It counts and compares, without looking at orders or balances.
"""

from libc.stdint cimport uint16_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport (
    CODE_INVALID_DEFINITION, CODE_KILL_SWITCH, CODE_OK, CODE_ORDER_RATE, CODE_ROLE_NOT_ALLOWED,
    CODE_TOO_MANY_OPEN_ORDERS, ReservationRecord,
)
from lockstep.core.tables.digest cimport scramble
from lockstep.core.tables.pool cimport pool_close, pool_open
from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    RESERVED_AHEAD = 131_072     # numbers that a session may have reserved ahead at most: a block of a gateway's
    HIGHEST_NUMBER = 0x7FFFFFFF  # FIX libraries hold a MsgSeqNum in 31 bits

assert sizeof(Account) == 64


cdef class Accounts:
    """One line for each account number there can be, 0 and unknown ones included; `count` are defined."""

    def __cinit__(self):
        pool_open(&self.pool, sizeof(Account), ACCOUNT_LINES)

    def __dealloc__(self):
        pool_close(&self.pool)

    cdef uint16_t fault(
        self, uint32_t account, uint32_t session, uint64_t time_ns, uint32_t orders, uint32_t opened
    ) noexcept nogil:
        """Why `orders` more, of which `opened` stay open, may not come now: a code, or CODE_OK."""
        cdef const Account *line = account_at(self, account)
        if line.flags & ACCOUNT_BLOCKED or account_at(self, session_line(session)).flags & SESSION_BLOCKED:
            return CODE_KILL_SWITCH
        if line.flags & ACCOUNT_AUDITOR:
            return CODE_ROLE_NOT_ALLOWED
        if line.max_orders != 0 and orders + counted(line, time_ns) > line.max_orders:
            return CODE_ORDER_RATE
        if line.max_open_orders != 0 and opened != 0 and line.open_orders + opened > line.max_open_orders:
            return CODE_TOO_MANY_OPEN_ORDERS
        return CODE_OK

    cdef void note_orders(self, uint32_t account, uint64_t time_ns, uint32_t orders) noexcept nogil:
        """They were accepted: count them, if anything limits them."""
        cdef Account *line = account_at(self, account)
        if line.max_orders != 0:
            line.orders = counted(line, time_ns) + orders
            line.window = time_ns // line.window_ns

    cdef void end_sessions(self, uint32_t account, uint64_t seq) noexcept nogil:
        """Record `seq` ends the rights of the account's FIX session: nothing of it is accepted before the next logon.
        """
        cdef Account *line = account_at(self, account)
        line.rights = seq
        line.flags |= SESSION_ENDED

    cdef bint have_ended(self, uint32_t account, uint64_t rights) noexcept nogil:
        """Return whether the rights of record `rights`, 0 for those from the start, are no longer the account's."""
        return account < ACCOUNT_LINES and account_at(self, account).rights > rights

    cdef void log_on(self, uint32_t session, uint64_t rights) noexcept nogil:
        """The session logged on. Its gateway checked the password when the rights were those of record `rights`."""
        cdef Account *line = account_at(self, session)
        if rights >= line.rights:
            line.flags &= ~SESSION_ENDED

    cdef uint16_t reserve(self, const ReservationRecord *record) noexcept nogil:
        """Numbers for a session of an account that is there: by its own gateway, never less than it has said before,
        and few at a time. The same word again is no fault: a gateway that has died may have said it.
        """
        cdef Account *line = account_at(self, record.session)
        if (
            (line.gateway != 0 and record.ingress != line.gateway) or record.generation < line.generation
            or not 0 < record.first <= record.end <= HIGHEST_NUMBER or record.end - record.first > RESERVED_AHEAD
        ):
            return CODE_INVALID_DEFINITION
        if record.generation == line.generation and (record.first < line.first or record.end < line.end):
            return CODE_INVALID_DEFINITION
        line.generation, line.first, line.end = record.generation, record.first, record.end
        line.fix_version = record.fix_version
        return CODE_OK

    cdef uint64_t digest(self) noexcept nogil:
        cdef uint64_t digest = self.count
        cdef uint64_t one
        cdef uint32_t account
        cdef const Account *line
        for account in range(ACCOUNT_LINES):
            line = account_at(self, account)
            one = scramble(line.msg_seq_num, <uint64_t> line.flags << 32 | line.open_orders)
            if one == 0 and line.end == 0 and line.gateway == 0:
                continue
            one = scramble(one, scramble(line.orders, line.window))
            one = scramble(one, <uint64_t> line.first << 32 | line.end)
            one = scramble(one, <uint64_t> line.generation << 16 | line.gateway << 8 | line.fix_version)
            digest += scramble(scramble(one, line.rights), account)
        return digest

    cdef int save(self, Saver saver) except -1:
        saver.put_64(self.count)
        return saver.put(self.pool.items, ACCOUNT_LINES * sizeof(Account))

    cdef int load(self, Loader loader) except -1:
        self.count = <uint32_t> loader.get_64()
        return loader.get(self.pool.items, ACCOUNT_LINES * sizeof(Account))


cdef inline uint32_t counted(const Account *line, uint64_t time_ns) noexcept nogil:
    """How many orders the window of this moment has."""
    return line.orders if line.window == time_ns // line.window_ns else 0
