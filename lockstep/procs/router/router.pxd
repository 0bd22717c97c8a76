from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport CMD_ACTIVATE, CMD_EPOCH, CMD_MARKER, CMD_SNAPSHOT, CMD_TICK, CommandRecord
from lockstep.core.venue.agent cimport Agent
from lockstep.procs.router.balances cimport Balances
from lockstep.procs.router.board_writer cimport BoardWriter
from lockstep.procs.router.events cimport Announcer
from lockstep.procs.router.ingress cimport Ingress
from lockstep.procs.router.log_clock cimport LogClock
from lockstep.procs.router.log_source cimport JournalSource
from lockstep.procs.router.own_records cimport OwnRecords
from lockstep.procs.router.prefetch cimport Ahead
from lockstep.procs.router.schedule cimport Schedule
from lockstep.procs.router.sequencer cimport INGRESS_RINGS, Sequencer
from lockstep.procs.router.settlement cimport Settlement
from lockstep.shm.board cimport Board
from lockstep.shm.ring cimport Consumer, Producer

cdef enum State:
    WAITING = 1      # for the journaler
    REPLAYING = 2    # the journal, record by record
    SETTLING = 3     # all of it is in the log: waiting for what matchers make of it
    CONFIGURING = 4  # begins to lead: epoch, then what the configuration changes
    LEADING = 5

cdef class Router(Agent):
    cdef readonly Sequencer core
    cdef readonly State state
    cdef readonly OwnRecords own
    cdef Balances balances
    cdef Schedule schedule
    cdef Producer log
    cdef Announcer events
    cdef Board board
    cdef readonly JournalSource source
    cdef object changes        # gives the configuration's changes, once the state is known
    cdef object pending        # iterator over those changes
    cdef list group            # the change being sequenced
    cdef int refused           # the code that refused the change before, or CODE_OK
    cdef public object witnesses  # who know how far the journal was; None: there are none
    cdef object snapshots      # where its state is kept; None: nowhere
    cdef uint64_t generation   # of the journal that is waited for
    cdef Ingress ingress
    cdef Ahead ahead[INGRESS_RINGS]  # by the places of ingress rings
    cdef Settlement settlement
    cdef readonly bint follows  # another fills the log ring: what is repeated lies there already
    cdef char copied[120]      # what is repeated meanwhile, with the verdict that is decided here
    cdef BoardWriter showing
    cdef int next_place        # of ingress rings: the one whose turn it is
    cdef int moving            # 1 + the place of the ingress ring whose next command waits for quiet; 0: none
    cdef uint64_t log_claimed
    cdef uint64_t requests_fit  # so many more of gateways' requests, without another look at the rings
    cdef bint leftover
    cdef int64_t last_show_ns
    cdef LogClock clock
    cdef uint64_t led_since_ns  # until then, no balances are announced for having waited long
    cdef uint64_t last_tick    # its sequence, in this run
    cdef bint journal_full
    cdef uint64_t snapshots_done  # how many of those that were asked for
    cdef int64_t quiet_until_ns   # since then no command is taken, so that a snapshot can be; 0: none is waited for
    cdef int64_t snapshot_from_ns  # when the next one is tried
    cdef int wait_for_journal(self) except -1 nogil
    cdef int64_t lead(self, int64_t now_ns) except -1 nogil
    cdef bint is_closed(self) noexcept nogil
    cdef int64_t write_due(self, int64_t now_ns) except -1 nogil
    cdef int begin_epoch(self, int64_t now_ns) except -1 nogil
    cdef bint is_tick_due(self, int64_t now_ns) noexcept nogil
    cdef uint64_t time_of_next(self, int64_t now_ns) noexcept nogil
    cdef bint waits_for_snapshot(self, int64_t now_ns) except -1 nogil
    cdef int take_snapshot(self, int64_t now_ns) except -1 nogil
    cdef int keep_snapshot(self, uint64_t seq) except -1 nogil
    cdef bint has_room(self, uint8_t type) noexcept nogil
    cdef uint64_t count_fitting(self) noexcept nogil
    cdef int finish(self, char *record, int verdict) except -1 nogil
    cdef void stamp(self, char *record, int64_t now_ns) noexcept nogil
    cdef int write_own(self, uint8_t type, int64_t now_ns) except -1 nogil
    cdef int64_t take_commands(self, int64_t now_ns) except -1 nogil
    cdef int take_from(self, int place, Consumer ring, int64_t now_ns) except -1 nogil
    cdef int take_one(self, int place, Consumer ring, const char *source, int64_t now_ns) except -1 nogil
    cdef int64_t replay(self) except -1 nogil
    cdef int repeat(self, const char *recorded) except -1 nogil
    cdef int64_t settle_all(self, int64_t now_ns) except -1 nogil
    cdef int64_t configure(self, int64_t now_ns) except -1 nogil
    cdef void publish(self) noexcept nogil
    cdef void show(self) noexcept nogil


cdef inline bint is_routers_own(uint8_t type) noexcept nogil:
    return (
        type == CMD_MARKER or type == CMD_TICK or type == CMD_EPOCH or type == CMD_ACTIVATE or type == CMD_SNAPSHOT
    )
