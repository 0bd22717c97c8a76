"""Can the venue take commands now? One answer for gateway and api: it leads, commits continue, and there is room.

It reads the board, the ingress ring and the table of orders, and knows no command.
"""

from libc.stdint cimport int64_t, uint64_t

from lockstep.core.intake.ingress_writer cimport IngressWriter
from lockstep.core.intake.orders cimport ClientOrders
from lockstep.core.schema.records cimport CODE_JOURNAL_FULL, CODE_LIMIT_REACHED, CODE_OK, CODE_VENUE_BUSY
from lockstep.shm.board cimport WORD_COMMIT_BY, WORD_EPOCH, WORD_JOURNAL_FULL, WORD_LOG_END, WORD_READY_EVENT


cdef class Readiness:
    """The readiness of one edge. Set `board` before anything is asked; `look` at it every tenth of a second."""

    def __init__(self, IngressWriter ingress not None, ClientOrders orders not None):
        self.ingress = ingress
        self.orders = orders

    cdef bint leads(self) noexcept nogil:
        return self.board.load(WORD_EPOCH) != 0

    cdef bint is_level(self, uint64_t handled, bint is_behind) noexcept nogil:
        """Whether the venue leads, and edge and router know all that came before: the port may open.

        The edge has `handled` the router's events up to this number.
        """
        return (
            self.leads()
            and not self.board.is_shut()
            and handled >= self.board.load(WORD_READY_EVENT)
            and not is_behind
            and self.ingress.is_taken()
        )

    cdef void look(self, int64_t now_ns, bint lacks_space) noexcept nogil:
        """See whether there is space on the journal's disk, and on the edge's own, and whether commits continue.

        They don't while the other node acknowledges nothing for too long (LOG-13), or this one may release nothing.
        """
        cdef uint64_t commit = self.board.commit_seq()
        self.lacks_space = lacks_space or self.board.load(WORD_JOURNAL_FULL) != 0
        if self.board.load(WORD_COMMIT_BY) == 0 or commit != self.commit or commit >= self.board.load(WORD_LOG_END):
            self.commit = commit
            self.committed_ns = now_ns
        self.is_held_up = now_ns - self.committed_ns > BUSY_AFTER_NS or self.board.is_shut()

    cdef int refusal(self, Adds adds) noexcept nogil:
        """The code for a command that cannot be taken now, or CODE_OK."""
        if not self.ingress.has_room() or (adds and self.is_held_up):
            return CODE_VENUE_BUSY
        if adds and self.lacks_space:
            return CODE_JOURNAL_FULL
        return CODE_LIMIT_REACHED if adds == ADDS_ORDER and self.orders.is_full() else CODE_OK
