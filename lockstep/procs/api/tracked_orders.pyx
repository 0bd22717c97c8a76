"""The orders of each account, the newest first, and when they were created and changed last.

It lies beside the table of clients' orders (intake/orders.pyx), place by place, and reads no event itself. An
order that the table has forgotten stays in its chain until its place is taken again: what is known of it is still true.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

from lockstep.core.intake.chains cimport CHUNK_ORDERS
from lockstep.core.intake.orders cimport ClientOrders, is_closed
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.api.list_names cimport ListNames

assert sizeof(Tracked) == 72


cdef class TrackedOrders:
    """The chains over `orders`."""

    def __cinit__(self, ClientOrders orders not None):
        cdef int chain
        self.orders = orders
        self.list_names = ListNames()
        self.open_counts = <uint32_t *> calloc(ACCOUNTS, sizeof(uint32_t))
        for chain in range(2):
            self.newest[chain] = <uint32_t *> calloc(ACCOUNTS, sizeof(uint32_t))
        if self.open_counts == NULL or self.newest[OPEN] == NULL or self.newest[CLOSED] == NULL:
            raise MemoryError("no memory for the accounts' orders")

    def __dealloc__(self):
        free(self.tracked)
        free(self.open_counts)
        free(self.newest[OPEN])
        free(self.newest[CLOSED])

    cdef Tracked *at(self, uint32_t place) noexcept nogil:
        return &self.tracked[place]

    cdef int begin(self, uint32_t place, uint64_t time_ns, uint64_t seq) except -1 nogil:
        """A new order has this place in the table."""
        cdef Tracked *tracked
        self.reach(place)
        tracked = self.at(place)
        if tracked.order_id:
            if tracked.list_kind:
                self.list_names.forget(max(tracked.order_id, tracked.mate_id), tracked.account)
            self.unlink(place)
        tracked.order_id = self.orders.at(place).order_id
        tracked.account = self.orders.at(place).account
        tracked.created_ns = time_ns
        tracked.mate_id = 0
        tracked.list_kind = 0
        tracked.self_trade = 0
        tracked.prevented_lots = 0
        tracked.prevented_match = 0
        tracked.end_reason = 0
        self.link(place, OPEN)
        self.update(place, time_ns, seq)
        return 0

    cdef void update(self, uint32_t place, uint64_t time_ns, uint64_t seq) noexcept nogil:
        """Something happened to the order at a place, which the table knows already."""
        cdef Tracked *tracked = self.at(place)
        tracked.updated_ns = time_ns
        tracked.updated_seq = seq
        if tracked.chain == OPEN and is_closed(self.orders.at(place)):
            self.unlink(place)
            self.link(place, CLOSED)

    cdef uint64_t forgotten_seq(self) noexcept nogil:
        """All orders that were closed by later commands are kept; 0: all orders."""
        cdef uint32_t place = self.orders.oldest_closed()
        return self.at(place).updated_seq if place else 0

    cdef void link(self, uint32_t place, uint8_t chain) noexcept nogil:
        cdef Tracked *tracked = self.at(place)
        cdef uint32_t *newest = &self.newest[chain][tracked.account]
        tracked.chain = chain
        tracked.newer = 0
        tracked.older = newest[0]
        if tracked.older:
            self.at(tracked.older).newer = place
        newest[0] = place
        self.open_counts[tracked.account] += chain == OPEN

    cdef void unlink(self, uint32_t place) noexcept nogil:
        cdef Tracked *tracked = self.at(place)
        if tracked.older:
            self.at(tracked.older).newer = tracked.newer
        if tracked.newer:
            self.at(tracked.newer).older = tracked.older
        else:
            self.newest[tracked.chain][tracked.account] = tracked.older
        self.open_counts[tracked.account] -= tracked.chain == OPEN

    cdef int reach(self, uint32_t place) except -1 nogil:
        """Have room for a place. Places are handed out one after the other, so it grows by chunks."""
        cdef uint64_t wanted = (place // CHUNK_ORDERS + 1) * <uint64_t> CHUNK_ORDERS
        cdef Tracked *grown
        if place < self.places:
            return 0
        wanted = max(wanted, self.places + self.places // 2)
        grown = <Tracked *> realloc(self.tracked, wanted * sizeof(Tracked))
        if grown == NULL:
            with gil:
                raise MemoryError(f"no memory to track {wanted} orders")
        memset(grown + self.places, 0, (wanted - self.places) * sizeof(Tracked))
        self.tracked = grown
        self.places = wanted
        return 0

    def save(self, Saver saver not None) -> None:
        """Add everything to a part, behind the table of orders."""
        saver.put_64(self.places)
        saver.put(self.tracked, self.places * sizeof(Tracked))
        saver.put(self.newest[OPEN], ACCOUNTS * sizeof(uint32_t))
        saver.put(self.newest[CLOSED], ACCOUNTS * sizeof(uint32_t))
        saver.put(self.open_counts, ACCOUNTS * sizeof(uint32_t))
        self.list_names.save(saver)

    def load(self, Loader loader not None) -> None:
        """Load what was saved, behind the table of orders. DamagedPart, MemoryError."""
        cdef uint64_t places = loader.get_64()
        if places:
            self.reach(<uint32_t> (places - 1))
        loader.get(self.tracked, places * sizeof(Tracked))
        loader.get(self.newest[OPEN], ACCOUNTS * sizeof(uint32_t))
        loader.get(self.newest[CLOSED], ACCOUNTS * sizeof(uint32_t))
        loader.get(self.open_counts, ACCOUNTS * sizeof(uint32_t))
        self.list_names.load(loader)
