from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport (
    ActivateRecord, CancelRecord, CommandRecord, EpochRecord, NewOrderRecord, ReplaceRecord, ReservationRecord,
    SessionRecord,
)
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.router.balances cimport Balance
from lockstep.procs.router.extensions cimport Extensions
from lockstep.procs.router.orders cimport OpenOrder
from lockstep.procs.router.state cimport State

cdef enum:
    RULES_VERSION = 1      # of what follows from a log: its verdicts and events, and their numbers
    MAX_FLUSH = 32         # BALANCE events of one cause: well below the smallest event ring, which must hold them all
    FLUSH_REST_NS = 1_000_000  # of the log's clock: markers closer together than this don't all announce balances
    SECOND_NS = 1_000_000_000
    INGRESS_RINGS = 11     # numbers of ingress rings: 0 is the router itself, 9 the operators', 10 the api's

# What the last cancel or replace meant; all zero if no open order.
cdef struct Target:
    uint64_t order_id
    int64_t price_ticks
    int64_t quantity_lots
    uint8_t side

# What was found of a record before its turn; 0 if nothing has looked, or it has none.
cdef struct Glimpse:
    uint32_t own_tag      # of its client id,
    uint32_t meant_tag    # and of the id of the order that a cancel or replace means
    uint32_t meant_id     # the item that has it, most probably
    uint32_t payer_tag    # of the balance that pays for a new order

# Where the log's last record from an ingress ring stood in that ring, by its number (LOG-5).
cdef struct Taken:
    uint64_t seq
    uint32_t incarnation

cdef class Sequencer(State):
    cdef readonly uint64_t last_seq
    cdef readonly uint64_t last_time_ns
    cdef readonly uint32_t epoch
    cdef uint32_t rules        # the version that the log goes by; 0 before its first epoch
    cdef Glimpse seen          # of the next record, if it has been looked at already
    cdef Glimpse seen_before   # of the EXT_CLIENT_ID sequenced last
    cdef uint32_t id_tag       # of the client id of the record that is being decided
    cdef char own_id[36]       # of the cancel or replace sequenced last,
    cdef char meant_id[36]     # and of the order that it means
    cdef Extensions extensions
    cdef Target target
    cdef Balance flushed[MAX_FLUSH]
    cdef uint64_t flushed_count
    cdef uint64_t flushed_key
    cdef readonly uint64_t flushed_ns  # log time at which balances were told last
    cdef bint unsettled        # something was settled since SETTLED was told last
    cdef bint tells_settled    # with the record sequenced last
    cdef Taken taken[INGRESS_RINGS]
    cdef int sequence(self, char *record, int imposed) except -1 nogil
    cdef int decide(self, char *record, int imposed) except -1 nogil
    cdef int begin_epoch(self, const EpochRecord *record) except -1 nogil
    cdef void flush(self, const CommandRecord *record) noexcept nogil
    cdef int administer(self, char *record, int imposed) except -1
    cdef int new_order(self, NewOrderRecord *record, int imposed) except -1 nogil
    cdef int new_list(self, NewOrderRecord *record, int imposed) except -1 nogil
    cdef uint16_t judge_key(self, const CommandRecord *record) noexcept nogil
    cdef uint16_t judge_resend(self, const CommandRecord *record, uint64_t back) noexcept nogil
    cdef void note_session(self, uint32_t session, uint32_t msg_seq_num) noexcept nogil
    cdef int activate(self, ActivateRecord *record) except -1 nogil
    cdef int cancel(self, CancelRecord *record, int imposed) except -1 nogil
    cdef int replace(self, ReplaceRecord *record, int imposed) except -1 nogil
    cdef uint16_t begin_request(self, const ReplaceRecord *record, int imposed, uint32_t *item) noexcept nogil
    cdef const Glimpse *read_ids(self, const ReplaceRecord *record) noexcept nogil
    cdef uint32_t resolve(self, uint32_t account, const Glimpse *seen) noexcept nogil
    cdef uint16_t judge_request(self, const CommandRecord *record, const char *text, int imposed) noexcept nogil
    cdef uint16_t judge_target(self, uint32_t item, uint32_t instrument, uint8_t side) noexcept nogil
    cdef int session(self, SessionRecord *record) noexcept nogil
    cdef int reserve(self, const ReservationRecord *record) noexcept nogil
    cdef uint64_t digest(self)
    cdef int save(self, Saver saver) except -1
    cdef int load(self, Loader loader) except -1
