from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport ReservationRecord
from lockstep.core.tables.pool cimport Pool, pool_at
from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    ACCOUNT_LINES = 65536    # account and session numbers there can be, 0 included

cdef enum:
    ACCOUNT_BLOCKED = 1      # by the kill switch of the account
    SESSION_BLOCKED = 2      # by that of the session with this number
    ACCOUNT_OPERATOR = 4
    ACCOUNT_POSITIONS = 8    # it has position limits
    ACCOUNT_ADMIN = 16       # with ACCOUNT_OPERATOR
    ACCOUNT_AUDITOR = 32
    ACCOUNT_REGISTERED = 64  # its owner defined it
    SESSION_ENDED = 128      # the session with this number logged on with rights that have ended

# All that an order needs of its account, and of the session with the same number: one cache line.
cdef struct Account:
    uint64_t window_ns        # length of the windows in which orders are counted
    uint64_t window           # number of the window that `orders` counts in
    uint32_t orders
    uint32_t max_orders       # 0: no limit, as everywhere
    uint32_t open_orders
    uint32_t max_open_orders
    uint32_t msg_seq_num      # of the session's last sequenced command
    uint8_t flags
    uint8_t self_trade
    uint8_t fee_tier
    uint8_t gateway           # the ring that the session logged on by last; 0: not known
    uint32_t generation       # of the session's last reservation of numbers, its `first` and its `end`; 0: none
    uint32_t first
    uint32_t end
    uint8_t fix_version
    uint8_t reserved[3]
    uint64_t rights           # the record that last ended the rights of its sessions; 0: none has

cdef class Accounts:
    cdef Pool pool
    cdef uint32_t count
    cdef uint16_t fault(
        self, uint32_t account, uint32_t session, uint64_t time_ns, uint32_t orders, uint32_t opened
    ) noexcept nogil
    cdef void note_orders(self, uint32_t account, uint64_t time_ns, uint32_t orders) noexcept nogil
    cdef void end_sessions(self, uint32_t account, uint64_t seq) noexcept nogil
    cdef bint have_ended(self, uint32_t account, uint64_t rights) noexcept nogil
    cdef void log_on(self, uint32_t session, uint64_t rights) noexcept nogil
    cdef uint16_t reserve(self, const ReservationRecord *record) noexcept nogil
    cdef uint64_t digest(self) noexcept nogil
    cdef int save(self, Saver saver) except -1
    cdef int load(self, Loader loader) except -1


cdef inline uint32_t session_line(uint32_t session) noexcept nogil:
    """The line of a FIX session; that of 0, which nothing blocks, for a command of the api."""
    return session if session < ACCOUNT_LINES else 0


cdef inline Account *account_at(Accounts accounts, uint32_t account) noexcept nogil:
    return <Account *> pool_at(&accounts.pool, account)


cdef inline bint is_account(Accounts accounts, uint32_t account) noexcept nogil:
    return 0 < account <= accounts.count
