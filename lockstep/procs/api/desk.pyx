"""Where the api meets the log: its clients' commands go into the ingress ring, released events say what came of them.

`Commands` writes the ring, `AccountState` reads the events, and `Listeners` are called with them.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.edge.released_events cimport RINGS, ReleasedEvents
from lockstep.core.intake.ingress_writer cimport IngressWriter
from lockstep.procs.api.account_state cimport AccountState
from lockstep.procs.api.commands cimport Commands
from lockstep.shm.board cimport API_PLACE, Board, Counts

NAME = "api"  # a venue has one
KEPT = 1048576  # closed orders, and fills: what PostgreSQL does not have yet, and what is asked for most

cdef enum:
    TEND_NS = 100_000_000           # between two looks at the disk's space


cdef class Desk(AccountState):
    """What the api knows, and its way to the router. `attach` comes first, or `load` before it."""

    def __init__(self, IngressWriter ingress not None, object snapshots, object future, uint32_t kept=KEPT):
        AccountState.__init__(self, future, kept)
        self.commands = Commands(ingress, self.listings, self.orders, self.requests)
        self.snapshots = snapshots

    def attach(self, consumers, Board board not None) -> None:
        """Begin with these event rings, or go on with them after a restart of the core.

        RuntimeError if they begin after what comes next.
        """
        ReleasedEvents.attach(self, consumers, board)
        self.join()
        self.commands.attach(board)

    def poll(self, int64_t now_ns) -> int:
        """Take what is released, answer what is complete, and give up what waited too long."""
        cdef int64_t work
        self.now_ns = self.commands.now_ns = now_ns
        self.commands.ingress.publish()
        if now_ns - self.tended_ns >= TEND_NS:
            self.tended_ns = now_ns
            self.commands.readiness.look(now_ns, False)
            self.show_counts()
        work = self.drain()
        if self.requests.working or self.requests.of_all:
            self.requests.finish(self.complete, self.by_ring)
        if self.requests.deadlines:
            self.requests.expire(now_ns)
        if self.settlement.waits:
            self.settlement.settle(now_ns)
        if self.commands.unsequenced:
            self.commands.show_sequenced()
        self.show_released()
        self.show_recent()
        if self.mark:
            self.snapshots.save(self.mark, NAME, self.save)
            self.mark = 0
        return work

    @property
    def released_seq(self) -> int:
        """Nobody was told anything of a later command than this."""
        return self.released

    def is_awaited(self) -> bool:
        """Whether anybody waits for what events say."""
        return bool(
            self.requests.waiting or self.requests.working or self.settlement.waits or self.commands.unsequenced
        )

    def is_ready(self) -> bool:
        """Whether the venue leads, and api and router know all that came before: the port may open."""
        return self.commands.readiness.is_level(self.handled[0], self.is_behind)

    cdef void show_counts(self) noexcept:
        """Show connections, open orders and refusals on the board."""
        cdef Counts counts
        counts.is_open = self.commands.is_open
        counts.connections = self.connections
        counts.sessions = <uint64_t> len(self.listeners)
        counts.open_orders = self.orders.open_count()
        self.refused[0] = self.commands.refused
        counts.refused = self.refused
        self.board.show_counts(API_PLACE, &counts)

    cdef void show_released(self) noexcept:
        """Publish on the board how far clients may have been told (LOG-12)."""
        cdef int ring
        for ring in range(1, RINGS):
            if self.by_ring[ring] != NULL:
                self.board.set_released(API_PLACE, ring, self.handled[ring])

    cdef int show_recent(self) except -1:
        """Streams may tell what no ring has more events of."""
        cdef uint64_t seq = self.complete[0]
        cdef int ring
        for ring in range(1, RINGS):
            if self.by_ring[ring] != NULL:
                seq = min(seq, self.complete[ring])
        self.recent.reached(seq)
        if not self.is_behind:
            self.level_ns = self.now_ns
        if self.recent.noted_count and self.recent.wake is not None:
            self.recent.wake()
        return 0

    def settled_of(self, uint32_t account) -> object:
        """A future that is done when balances have all that the account's orders changed (LOG-14), as known here."""
        cdef object outcome = self.settlement.future_of(account, self.now_ns)
        self.commands.kick()
        return outcome

    @property
    def committed(self) -> int:
        """How far the log is committed."""
        return self.board.commit_seq()
