"""The table of clients' orders, rebuilt from events: what reports and answers say beyond the event itself.

It holds every open order and those that closed last; it decides nothing and reads no ring.

Memory: chunks of 16,384 orders of 104 bytes, allocated as they are needed; place p lies in chunk p / 16,384, and place
0 is never used. Two indexes (`chains`) name places: by order id, and by account and client id::

    order:  │ order id 8 │ price 8 │ quantity 8 │ cum 8 │ notional 16 │ account 4 │ instrument 4 │
            │ client order id 36, zero-padded │ side 1 │ type 1 │ time in force 1 │ OrdStatus 1 │
            │ place of its further terms 4 │ flags 2 │ state 1 │ by api 1 │

With a link and a head in each index an order takes 104 + 2 × 12 (up to 2 × 16 just after `heads` grew) bytes. What
few orders have lies aside, in a pool (`tables.pool`) of 40 bytes each.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.intake.chains cimport (
    CHUNK_ORDERS,
    MAX_CHUNKS,
    Index,
    Link,
    bucket_of,
    buckets_of,
    chains_close,
    chains_extend,
    chains_load,
    chains_open,
    chains_put,
    chains_remove,
    chains_save,
    link_of,
)
from lockstep.core.schema.records cimport (
    API_SESSION,
    CANCEL_REASON_AUCTION_ENDED,
    CANCEL_REASON_EXPIRED,
    CL_ORD_ID_SIZE,
    AcceptedRecord,
    CancelledRecord,
    ExtTermsEventRecord,
    RejectedRecord,
    ReplacedRecord,
    RestatedRecord,
    TriggeredRecord,
)
from lockstep.core.tables.pool cimport (
    pool_at,
    pool_check,
    pool_close,
    pool_give,
    pool_load,
    pool_open,
    pool_save,
    pool_take,
    prefetch,
)
from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    FIRST_FURTHER = 4096
    SPARE_CHUNKS = 128  # for orders on their way, which may fill an ingress and a log ring of the largest size

assert sizeof(ClientOrder) == 104
assert sizeof(FurtherTerms) == 40

ORDER_SIZE = sizeof(ClientOrder) + 2 * sizeof(Link)  # without its heads
MOST_ORDERS = (MAX_CHUNKS - SPARE_CHUNKS) * CHUNK_ORDERS


cdef FurtherTerms NO_TERMS  # all 0


cdef inline uint32_t hash_id(uint64_t order_id) noexcept nogil:
    # Order ids count up by about one: their low bits already spread over the buckets, and neighbours share cache lines.
    return <uint32_t> order_id


cdef inline uint32_t hash_client(uint32_t account, const char *cl_ord_id) noexcept nogil:
    return crc32c(account, cl_ord_id, CL_ORD_ID_SIZE)


cdef inline uint32_t hash_of(int which, const ClientOrder *order) noexcept nogil:
    return hash_id(order.order_id) if which == BY_ID else hash_client(order.account, order.cl_ord_id)


cdef class ClientOrders:
    """The table. If an event names an order that it does not hold, that is a bug: LookupError.

    With `most` of them it is full: there is still room for those on their way, and new ones must be refused.
    `closed_kept` closed ones stay readable.
    """

    def __cinit__(self, uint32_t closed_kept=CLOSED_KEPT):
        self.closed_kept = closed_kept
        self.most = MOST_ORDERS
        chains_open(&self.indexes[BY_ID])
        chains_open(&self.indexes[BY_CLIENT])
        self.closed = <uint32_t *> calloc(closed_kept, sizeof(uint32_t))
        if self.closed == NULL:
            raise MemoryError("no memory for the order table")
        self.next_place = 1
        pool_open(&self.aside, sizeof(FurtherTerms), FIRST_FURTHER)

    def __dealloc__(self):
        cdef uint32_t chunk
        for chunk in range(self.chunk_count):
            free(self.chunks[chunk])
        chains_close(&self.indexes[BY_ID])
        chains_close(&self.indexes[BY_CLIENT])
        free(self.closed)
        pool_close(&self.aside)

    cdef ClientOrder *at(self, uint32_t place) noexcept nogil:
        return &self.chunks[place // CHUNK_ORDERS][place % CHUNK_ORDERS]

    cdef bint is_full(self) noexcept nogil:
        return self.count >= self.most

    cdef uint64_t open_count(self) noexcept nogil:
        """How many there are, less the closed ones that are kept."""
        return self.count - min(self.closed_count, <uint64_t> self.closed_kept)

    cdef ClientOrder *find(self, uint64_t order_id) noexcept nogil:
        """The order, or NULL. Expected time is constant. The pointer is valid until the next event is applied."""
        cdef uint32_t place = self.place_of(order_id)
        return self.at(place) if place else NULL

    cdef ClientOrder *find_client(self, uint32_t account, const char *cl_ord_id) noexcept nogil:
        """The account's order whose current client order id this is (36 bytes, zero-padded), or NULL."""
        cdef Index *index = &self.indexes[BY_CLIENT]
        cdef uint32_t place = index.heads[bucket_of(index, hash_client(account, cl_ord_id))]
        cdef ClientOrder *order
        while place:
            order = self.at(place)
            if order.account == account and memcmp(order.cl_ord_id, cl_ord_id, CL_ORD_ID_SIZE) == 0:
                return order
            place = link_of(&self.indexes[BY_CLIENT], place).next
        return NULL

    cdef void expect(self, const AcceptedRecord *event) noexcept nogil:
        """Prefetch the memory that `accepted` will need for an event some places ahead."""
        cdef Index *index = &self.indexes[BY_CLIENT]
        prefetch(&index.heads[bucket_of(index, hash_client(event.account, event.cl_ord_id))])

    cdef const FurtherTerms *further_of(self, const ClientOrder *order) noexcept nogil:
        """The order's further terms, all 0 if it has none."""
        return <const FurtherTerms *> pool_at(&self.aside, order.further) if order.further else &NO_TERMS

    cdef ClientOrder *accepted(self, const AcceptedRecord *event, const ExtTermsEventRecord *terms) except NULL nogil:
        """An order entered its matcher; `terms` is NULL if it has no further ones."""
        cdef ClientOrder *order = self.at(self.insert(event.order_id, event.account, event.cl_ord_id))
        order.instrument = event.instrument
        order.price_ticks = event.price_ticks
        order.quantity_lots = event.quantity_lots
        order.side = event.side
        order.ord_type = event.ord_type
        order.time_in_force = event.time_in_force
        order.status = STATUS_NEW
        order.flags = event.flags
        order.state = event.state
        order.by_api = event.session >= API_SESSION
        self.note_terms_of(order, terms)
        return order

    cdef ClientOrder *rejected(self, const RejectedRecord *event) except NULL nogil:
        """A new order was refused: keep it as a closed one, so that its status can be queried."""
        cdef uint32_t place = self.insert(event.order_id, event.account, event.cl_ord_id)
        cdef ClientOrder *order = self.at(place)
        order.instrument = event.instrument
        order.price_ticks = event.price_ticks
        order.quantity_lots = event.quantity_lots
        order.side = event.side
        order.ord_type = event.ord_type
        order.time_in_force = event.time_in_force
        order.by_api = event.session >= API_SESSION
        self.close(place, STATUS_REJECTED)
        return order

    cdef ClientOrder *filled(
        self, uint64_t order_id, int64_t lots, int64_t price_ticks, int64_t leaves_lots
    ) except NULL nogil:
        """One side of a trade. The order stays readable after the fill that completes it."""
        cdef uint32_t place = self.known(order_id)
        cdef ClientOrder *order = self.at(place)
        cdef int128 notional = notional_of(order) + <int128> lots * price_ticks
        order.cum_lots += lots
        order.notional_low = <uint64_t> notional
        order.notional_high = <int64_t> (notional >> 64)
        order.status = STATUS_PARTIALLY_FILLED
        if leaves_lots == 0:
            self.close(place, STATUS_FILLED)
        return order

    cdef ClientOrder *cancelled(self, const CancelledRecord *event) except NULL nogil:
        """The rest of an order left the book. It keeps its client order id: the cancel's own id is the event's."""
        cdef uint32_t place = self.known(event.order_id)
        cdef bint expired = event.reason == CANCEL_REASON_EXPIRED or event.reason == CANCEL_REASON_AUCTION_ENDED
        self.close(place, STATUS_EXPIRED if expired else STATUS_CANCELED)
        return self.at(place)

    cdef ClientOrder *triggered(self, const TriggeredRecord *event) except NULL nogil:
        """An order that waited begins to work, up to a price that may be another than before."""
        cdef ClientOrder *order = self.at(self.known(event.order_id))
        order.price_ticks = event.price_ticks
        order.state = event.state
        if order.further and event.stop_price_ticks:
            (<FurtherTerms *> pool_at(&self.aside, order.further)).stop_price_ticks = event.stop_price_ticks
        return order

    cdef ClientOrder *restated(self, const RestatedRecord *event) except NULL nogil:
        """The venue itself changed an order's price or quantity."""
        cdef ClientOrder *order = self.at(self.known(event.order_id))
        order.price_ticks = event.price_ticks
        order.quantity_lots += event.leaves_lots - event.old_leaves_lots
        order.state = event.state
        return order

    cdef ClientOrder *replaced(self, const ReplacedRecord *event, const ExtTermsEventRecord *terms) except NULL nogil:
        """An order took new terms and the client order id of the request."""
        cdef uint32_t place = self.known(event.order_id)
        cdef ClientOrder *order = self.at(place)
        chains_remove(&self.indexes[BY_CLIENT], place)
        memcpy(order.cl_ord_id, event.cl_ord_id, CL_ORD_ID_SIZE)
        chains_put(&self.indexes[BY_CLIENT], place, hash_of(BY_CLIENT, order), self.count)
        order.price_ticks = event.price_ticks
        order.quantity_lots = order.cum_lots + event.leaves_lots
        order.state = event.state
        self.note_terms_of(order, terms)
        return order

    cdef int note_terms_of(self, ClientOrder *order, const ExtTermsEventRecord *terms) except -1 nogil:
        """Take the terms that came with an event; if none did, the order no longer has any."""
        cdef FurtherTerms *further
        if order.further == 0:
            if terms == NULL:
                return 0
            order.further = pool_take(&self.aside)
        further = <FurtherTerms *> pool_at(&self.aside, order.further)
        if terms == NULL:
            further[0] = NO_TERMS
            return 0
        further.stop_price_ticks = terms.stop_price_ticks
        further.trail_ticks = terms.trail_ticks
        further.display_lots = terms.display_lots
        further.minimum_lots = terms.minimum_lots
        further.expire_ns = terms.expire_ns
        return 0

    cdef uint32_t place_of(self, uint64_t order_id) noexcept nogil:
        cdef Index *index = &self.indexes[BY_ID]
        cdef uint32_t place = index.heads[bucket_of(index, hash_id(order_id))]
        while place and self.at(place).order_id != order_id:
            place = link_of(&self.indexes[BY_ID], place).next
        return place

    cdef uint32_t known(self, uint64_t order_id) except 0 nogil:
        cdef uint32_t place = self.place_of(order_id)
        if place == 0:
            with gil:
                raise LookupError(f"an event names order {order_id}, which is not in the order table")
        return place

    cdef uint32_t insert(self, uint64_t order_id, uint32_t account, const char *cl_ord_id) except 0 nogil:
        cdef uint32_t place = self.take_place()
        cdef ClientOrder *order = self.at(place)
        memset(order, 0, sizeof(ClientOrder))
        order.order_id = order_id
        order.account = account
        memcpy(order.cl_ord_id, cl_ord_id, CL_ORD_ID_SIZE)
        chains_put(&self.indexes[BY_ID], place, hash_of(BY_ID, order), self.count)
        chains_put(&self.indexes[BY_CLIENT], place, hash_of(BY_CLIENT, order), self.count)
        self.count += 1
        return place

    cdef uint32_t oldest_closed(self) noexcept nogil:
        """The place of the order that closed first of those that are kept; 0 as long as none was forgotten."""
        return self.closed[self.closed_count % self.closed_kept]

    cdef void close(self, uint32_t place, Status status) noexcept nogil:
        """An order is closed: it can be queried until `closed_kept` others have closed."""
        cdef uint32_t *kept = &self.closed[self.closed_count % self.closed_kept]
        if kept[0]:
            chains_remove(&self.indexes[BY_ID], kept[0])
            chains_remove(&self.indexes[BY_CLIENT], kept[0])
            link_of(&self.indexes[BY_ID], kept[0]).next = self.free_place
            self.free_place = kept[0]
            if self.at(kept[0]).further:
                pool_give(&self.aside, self.at(kept[0]).further)
            self.count -= 1
        kept[0] = place
        self.closed_count += 1
        self.at(place).status = status

    cdef uint32_t take_place(self) except 0 nogil:
        cdef uint32_t place = self.free_place
        if place:
            self.free_place = link_of(&self.indexes[BY_ID], place).next
            return place
        place = self.next_place
        if place // CHUNK_ORDERS == self.chunk_count:
            self.add_chunk()
        self.next_place += 1
        return place

    cdef int add_chunk(self) except -1 nogil:
        cdef uint32_t chunk = self.chunk_count
        if chunk == MAX_CHUNKS:
            with gil:
                raise MemoryError(f"no memory for more than {self.count} orders")
        self.chunk_count += 1
        self.chunks[chunk] = <ClientOrder *> calloc(CHUNK_ORDERS, sizeof(ClientOrder))
        if self.chunks[chunk] == NULL:
            with gil:
                raise MemoryError(f"no memory for more than {self.count} orders")
        chains_extend(&self.indexes[BY_ID])
        return chains_extend(&self.indexes[BY_CLIENT])

    def save(self, Saver saver not None) -> None:
        """Add the whole table to a part, as it lies in memory."""
        cdef uint32_t chunk
        saver.put_64(self.chunk_count)
        saver.put_64(self.next_place)
        saver.put_64(self.free_place)
        saver.put_64(self.count)
        saver.put_64(self.closed_count)
        saver.put(self.closed, self.closed_kept * sizeof(uint32_t))
        for chunk in range(self.chunk_count):
            saver.put(self.chunks[chunk], CHUNK_ORDERS * sizeof(ClientOrder))
        chains_save(&self.indexes[BY_ID], saver)
        chains_save(&self.indexes[BY_CLIENT], saver)
        pool_save(&self.aside, saver)

    def load(self, Loader loader not None) -> None:
        """Load saved state into an empty table. DamagedPart, MemoryError."""
        cdef uint64_t chunks = loader.get_64()
        self.next_place = <uint32_t> loader.get_64()
        self.free_place = <uint32_t> loader.get_64()
        self.count = loader.get_64()
        self.closed_count = loader.get_64()
        loader.get(self.closed, self.closed_kept * sizeof(uint32_t))
        while self.chunk_count < chunks:
            self.add_chunk()
            loader.get(self.chunks[self.chunk_count - 1], CHUNK_ORDERS * sizeof(ClientOrder))
        chains_load(&self.indexes[BY_ID], loader)
        chains_load(&self.indexes[BY_CLIENT], loader)
        pool_load(&self.aside, loader)

    def further(self, uint64_t order_id) -> dict[str, int] | None:
        """An order's further terms, or None if it has none."""
        cdef ClientOrder *order = self.find(order_id)
        cdef const FurtherTerms *terms
        if order == NULL or order.further == 0:
            return None
        terms = self.further_of(order)
        return {
            "stop_price_ticks": terms.stop_price_ticks,
            "trail_ticks": terms.trail_ticks,
            "display_lots": terms.display_lots,
            "minimum_lots": terms.minimum_lots,
            "expire_ns": terms.expire_ns,
        }

    def __len__(self) -> int:
        return self.count

    def check(self) -> None:
        """Assert that both indexes hold the table's orders, each in its bucket, and `aside` only their terms."""
        cdef uint64_t bucket
        cdef uint64_t seen
        cdef uint64_t with_terms = 0
        cdef uint32_t place
        cdef int which
        for which in range(2):
            seen = 0
            for bucket in range(buckets_of(&self.indexes[which])):
                place = self.indexes[which].heads[bucket]
                while place:
                    assert link_of(&self.indexes[which], place).hash == hash_of(which, self.at(place))
                    assert bucket_of(&self.indexes[which], link_of(&self.indexes[which], place).hash) == bucket
                    seen += 1
                    with_terms += self.at(place).further != 0
                    place = link_of(&self.indexes[which], place).next
            assert seen == self.count, f"index {which} holds {seen} orders, the table {self.count}"
        assert with_terms == 2 * self.aside.live, f"{self.aside.live} terms are kept, {with_terms // 2} used"
        pool_check(&self.aside)
