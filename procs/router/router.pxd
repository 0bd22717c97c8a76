from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from cpython.ref cimport PyObject

from procs.agent cimport Agent
from procs.router.balances cimport Balances
from procs.router.events cimport Announcer
from procs.router.schedule cimport Schedule
from procs.router.sequencer cimport Sequencer
from procs.router.source cimport JournalSource
from shm.board cimport Board
from shm.records cimport ActivateRecord, EpochRecord, EventRecord, MAX_MATCHERS, PhaseChangeRecord
from shm.ring cimport Consumer, Producer

cdef enum:
    MAX_INGRESS = 9     # eight gateways' and the operators'

cdef enum State:
    WAITING = 1      # for the journaler
    REPLAYING = 2    # the journal, record by record
    SETTLING = 3     # all of it is in the log: waiting for what matchers make of it
    CONFIGURING = 4  # begins to lead: epoch, then what the configuration changes
    LEADING = 5

cdef class Router(Agent):
    cdef readonly Sequencer core
    cdef readonly State state
    cdef Balances balances
    cdef Schedule schedule
    cdef Producer log
    cdef Announcer events
    cdef Board board
    cdef JournalSource source
    cdef object changes        # what gives the configuration's changes, once the state is known
    cdef object pending        # iterator over those changes
    cdef list group            # the change being sequenced
    cdef bytes boot_id
    cdef list rings            # keeps alive what is below
    cdef PyObject *ingress[MAX_INGRESS]
    cdef uint64_t ingress_end[MAX_INGRESS]
    cdef uint16_t ingress_number[MAX_INGRESS]
    cdef int gateways
    cdef int moving            # 1 + the ingress ring whose next command waits for quiet; 0: none
    cdef PyObject *matchers[MAX_MATCHERS]
    cdef PyObject *early[MAX_MATCHERS]
    cdef uint64_t arrived[MAX_MATCHERS]
    cdef uint64_t settled[MAX_MATCHERS]
    cdef uint64_t log_claimed
    cdef bint owed
    cdef bint leftover
    cdef int64_t last_show_ns
    cdef uint64_t behind_ns     # how far the wall clock was behind the log when this router began to lead
    cdef uint64_t led_since_ns  # nothing is told before because it had waited long
    cdef uint64_t last_tick    # its sequence, in this run
    cdef int wait_for_journal(self) except -1 nogil
    cdef int64_t lead(self, int64_t now_ns) except -1 nogil
    cdef int64_t write_due(self, int64_t now_ns) except -1 nogil
    cdef bint is_tick_due(self, int64_t now_ns) noexcept nogil
    cdef uint64_t time_of_next(self, int64_t now_ns) noexcept nogil
    cdef int fill_epoch(self, EpochRecord *record) except -1 nogil
    cdef void fill_activation(self, ActivateRecord *record) noexcept nogil
    cdef void fill_phase(self, PhaseChangeRecord *record) noexcept nogil
    cdef bint is_quiet(self) noexcept nogil
    cdef uint64_t count_request(self, int gateway, Consumer ring) noexcept nogil
    cdef int64_t drain(self) except -1 nogil
    cdef int64_t drain_ring(self, int index, Consumer ring) except -1 nogil
    cdef int apply_early(self, int index, uint64_t last) except -1 nogil
    cdef bint has_room(self, uint8_t type) noexcept nogil
    cdef char *claim(self) noexcept nogil
    cdef int finish(self, char *record, int verdict) except -1 nogil
    cdef void stamp(self, char *record, int64_t now_ns) noexcept nogil
    cdef int write_own(self, uint8_t type, int64_t now_ns) except -1 nogil
    cdef int64_t take_commands(self, int64_t now_ns) except -1 nogil
    cdef int take_from(self, int gateway, Consumer ring, int64_t now_ns) except -1 nogil
    cdef int take_one(self, int gateway, Consumer ring, const char *source, int64_t now_ns) except -1 nogil
    cdef int64_t replay(self) except -1 nogil
    cdef int repeat(self, const char *recorded) except -1 nogil
    cdef int can_settle(self, const char *marker) except -1 nogil
    cdef int64_t settle_all(self, int64_t now_ns) except -1 nogil
    cdef int64_t configure(self, int64_t now_ns) except -1 nogil
    cdef void publish(self) noexcept nogil
    cdef void show(self) noexcept nogil
