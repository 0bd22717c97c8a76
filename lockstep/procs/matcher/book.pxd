cimport cython
from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.schema.records cimport (
    AccountLimitsRecord, CommandRecord, InstrumentRecord, LimitsRecord, MassCancelRecord, NewOrderRecord,
    PhaseChangeRecord,
)
from lockstep.core.tables.array cimport Array
from lockstep.procs.matcher.entry cimport Extensions
from lockstep.procs.matcher.event_writer cimport EventWriter
from lockstep.procs.matcher.incoming cimport Incoming
from lockstep.procs.matcher.orders cimport Orders
from lockstep.procs.matcher.phases cimport Change
from lockstep.procs.matcher.worklist cimport Worklist

# Where in a command the book is. Each stage may have to wait for slots in the event ring.
cdef enum Stage:
    IDLE            # between commands
    DONE            # all is done; what was spilled may not be out yet
    MATCHING        # the incoming order
    TRIGGERING      # who is next in the queue of the triggered
    CHANGING        # a change of phase: first, the trades of the auction that it ends
    CANCELLING      # orders that end, by order id; then `after`
    CLOSING         # a change of phase: orders that end as it begins
    AWAITED         # a change of phase: what waited for it
    WAKING          # orders that waited for an auction, by order id
    OPENED          # a change of phase is over: stops look at the last trade
    TICKING         # the next instrument for which a tick changes something


# A command that an operator took out.
cdef struct Voided:
    uint64_t seq
    uint64_t published      # events of it that had been shown before: these stand


@cython.final
cdef class Book:
    cdef EventWriter writer
    cdef Orders orders
    cdef Stage stage
    cdef Stage after            # what follows CANCELLING
    cdef uint32_t instrument    # of the command, or that a tick has come to
    cdef bint is_tick
    cdef uint32_t ticked        # how many instruments the tick is past
    cdef Incoming incoming
    cdef Change change
    cdef Worklist worklist
    cdef Extensions extensions
    cdef uint64_t listings_due_ns
    cdef Array voided           # of Voided, by sequence
    cdef uint64_t void_place
    cdef Voided next_void       # or the one under way
    cdef bint is_voided         # the command under way
    cdef uint64_t began         # the number of its first event

    cdef bint lists(self, uint32_t instrument) noexcept nogil
    cdef uint64_t due(self) noexcept nogil
    cdef bint is_large(self) noexcept nogil
    cdef int execute(self, const CommandRecord *command) except -1 nogil

    cdef Stage begin(self, const CommandRecord *command) except? IDLE nogil
    cdef void find_void(self, uint64_t seq) noexcept nogil
    cdef Stage begin_void(self, const CommandRecord *command) except? IDLE nogil
    cdef int go_on_voided(self) except -1 nogil
    cdef int abandon(self) except -1 nogil
    cdef Stage begin_order(self, const CommandRecord *command) except? IDLE nogil
    cdef Stage begin_other(self, const CommandRecord *command) except? IDLE nogil
    cdef Stage begin_tick(self) except? IDLE nogil
    cdef Stage begin_mass_cancel(self, const MassCancelRecord *command) except? IDLE nogil
    cdef int require(self, uint32_t instrument, uint64_t seq) except -1 nogil
    cdef Stage step(self) except? IDLE nogil
    cdef Stage finish_order(self) except? IDLE nogil
    cdef Stage next_triggered(self) except? IDLE nogil
    cdef Stage next_change(self) except? IDLE nogil
    cdef Stage next_cancelled(self) except? IDLE nogil
    cdef Stage next_awaited(self) except? IDLE nogil
    cdef Stage next_instrument(self) except? IDLE nogil
    cdef Stage rest_of_queue(self) noexcept nogil
