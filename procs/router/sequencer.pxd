from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from procs.router.ledger cimport Balance, Ledger
from shm.records cimport (
    AccountRecord, AssetRecord, CancelRecord, CommandRecord, DepositRecord, InstrumentRecord, NewOrderRecord,
    ReplaceRecord, SessionRecord,
)

cdef enum:
    MAX_FLUSH = 32   # BALANCE events of one cause: well below the smallest event ring, which must hold them all

# What the cancel or replace sequenced last meant; all zero where it meant no open order.
cdef struct Target:
    uint64_t order_id
    int64_t price_ticks
    int64_t quantity_lots
    uint8_t side

cdef class Sequencer:
    cdef readonly Ledger ledger
    cdef readonly uint64_t last_seq
    cdef readonly uint64_t last_time_ns
    cdef readonly uint32_t epoch
    cdef uint32_t *sessions
    cdef uint32_t id_tag       # of the client id of the record that is being decided
    cdef char extension[120]
    cdef Target target
    cdef Balance flushed[MAX_FLUSH]
    cdef uint64_t flushed_count
    cdef uint64_t flushed_key
    cdef readonly dict assets
    cdef readonly dict instruments
    cdef readonly dict accounts
    cdef readonly dict credentials
    cdef void expect(self, const CommandRecord *record, uint64_t seq) noexcept nogil
    cdef void expect_target(self, const CommandRecord *record) noexcept nogil
    cdef int sequence(self, char *record, bint too_old) except -1 nogil
    cdef int decide(self, char *record, bint too_old) except -1 nogil
    cdef int new_order(self, NewOrderRecord *record, bint too_old) except -1 nogil
    cdef void note_session(self, uint32_t session, uint32_t msg_seq_num) noexcept nogil
    cdef uint16_t judge_order(self, NewOrderRecord *record, uint32_t *payer) noexcept nogil
    cdef int cancel(self, CancelRecord *record, bint too_old) except -1 nogil
    cdef int replace(self, ReplaceRecord *record, bint too_old) except -1 nogil
    cdef uint32_t resolve(self, const CommandRecord *record) noexcept nogil
    cdef uint16_t judge_request(self, const CommandRecord *record, const char *text, bint too_old) noexcept nogil
    cdef uint16_t judge_target(self, uint32_t item, uint32_t instrument, uint8_t side) noexcept nogil
    cdef int deposit(self, DepositRecord *record, bint too_old) except -1 nogil
    cdef int session(self, SessionRecord *record) noexcept nogil
    cdef int define_asset(self, AssetRecord *record) except -1
    cdef int define_instrument(self, InstrumentRecord *record) except -1
    cdef int define_account(self, AccountRecord *record) except -1
    cdef bint extended_by(self, const CommandRecord *record, uint8_t type) noexcept nogil
    cdef uint64_t digest(self) noexcept nogil

cdef uint16_t *verdict_of(char *record) noexcept nogil
