"""The orders that one command ends or wakes: collected first, then taken one by one, by order id.

It finds and sorts them, and acts on none: between two of them the event ring may fill up, or an order may end with its
list. Memory for the largest worklist so far is kept for the next.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc

from lockstep.core.schema.records cimport PHASE_HALT
from lockstep.core.tables.pool cimport NIL
from lockstep.procs.matcher.expiry cimport heap_first, heap_put, heap_remove
from lockstep.procs.matcher.levels cimport level_at
from lockstep.procs.matcher.orders cimport IS_SHARED_DAY, LADDERS, Order, find, listing_of, order_at, terms_at

cdef enum:
    FIRST_CAPACITY = 1024


cdef int worklist_open(Worklist *worklist) except -1:
    """Make `worklist` empty. MemoryError."""
    worklist.found = <WorklistItem *> malloc(FIRST_CAPACITY * sizeof(WorklistItem))
    if worklist.found == NULL:
        raise MemoryError("no memory for a worklist")
    worklist.capacity = FIRST_CAPACITY
    worklist_begin(worklist, 0)
    return 0


cdef void worklist_close(Worklist *worklist) noexcept:
    free(worklist.found)
    worklist.found = NULL


cdef void worklist_begin(Worklist *worklist, uint8_t reason) noexcept nogil:
    worklist.count = worklist.next = 0
    worklist.reason = reason


cdef int worklist_add(Worklist *worklist, const Order *order) except -1 nogil:
    cdef uint64_t capacity = 2 * worklist.capacity
    cdef WorklistItem *grown
    if worklist.count == worklist.capacity:
        grown = <WorklistItem *> realloc(worklist.found, capacity * sizeof(WorklistItem))
        if grown == NULL:
            with gil:
                raise MemoryError(f"no memory for a worklist of {capacity} orders")
        worklist.found = grown
        worklist.capacity = capacity
    worklist.found[worklist.count].order_id = order.order_id
    worklist.found[worklist.count].instrument = order.instrument
    worklist.count += 1
    return 0


cdef inline bint is_wanted(Orders orders, const OrderFilter *wanted, const Order *order) noexcept nogil:
    return (
        (wanted.account == 0 or order.account == wanted.account)
        and (wanted.side == 0 or order.side == wanted.side)
        and (wanted.flags == 0 or order.flags & wanted.flags)
        and not (wanted.spares_halted and listing_of(orders, order.instrument).phase == PHASE_HALT)
    )


cdef int worklist_add_ladder(Worklist *worklist, Orders orders, const OrderFilter *wanted, int ladder) except -1 nogil:
    """Add what is wanted on one ladder of the wanted instrument."""
    cdef uint32_t at = listing_of(orders, wanted.instrument).ladders[ladder].best
    cdef uint32_t item
    while at != NIL:
        item = level_at(&orders.levels, at).head
        while item != NIL:
            if is_wanted(orders, wanted, order_at(orders, item)):
                worklist_add(worklist, order_at(orders, item))
            item = order_at(orders, item).next
        at = level_at(&orders.levels, at).worse
    return 0


cdef int worklist_add_all(Worklist *worklist, Orders orders, const OrderFilter *wanted) except -1 nogil:
    """Add what is wanted of one instrument, or of all of them: those in memory order, which is faster."""
    cdef uint32_t item
    cdef int ladder
    if wanted.instrument != 0:
        for ladder in range(LADDERS):
            worklist_add_ladder(worklist, orders, wanted, ladder)
        return 0
    for item in range(NIL + 1, orders.pool.used):
        if order_at(orders, item).level != NIL and is_wanted(orders, wanted, order_at(orders, item)):
            worklist_add(worklist, order_at(orders, item))
    return 0


cdef int worklist_add_expired(Worklist *worklist, Orders orders, uint64_t time_ns) except -1 nogil:
    """Add all orders whose time has come."""
    cdef uint32_t terms = heap_first(&orders.expiries)
    cdef uint32_t instrument, i
    cdef OrderFilter wanted
    while terms != NIL and terms_at(orders, terms).expire_ns <= time_ns:
        heap_remove(&orders.expiries, &orders.terms, terms)
        worklist_add(worklist, order_at(orders, terms_at(orders, terms).order))
        terms = heap_first(&orders.expiries)
    wanted.account = wanted.side = 0
    wanted.spares_halted = False
    wanted.flags = IS_SHARED_DAY
    for i in range(orders.listed_count):
        instrument = orders.listed[i]
        if listing_of(orders, instrument).day_orders and listing_of(orders, instrument).day_ends_ns <= time_ns:
            wanted.instrument = instrument
            worklist_add_all(worklist, orders, &wanted)
    return 0


cdef inline void swap(WorklistItem *a, WorklistItem *b) noexcept nogil:
    cdef WorklistItem kept = a[0]
    a[0] = b[0]
    b[0] = kept


cdef void worklist_sort(Worklist *worklist) noexcept nogil:
    """By order id: a heap sort, which needs no memory and never more than n log n steps."""
    cdef uint64_t start = worklist.count // 2
    cdef uint64_t end = worklist.count
    while start > 0:
        start -= 1
        sift(worklist.found, start, end)
    while end > 1:
        end -= 1
        swap(&worklist.found[0], &worklist.found[end])
        sift(worklist.found, 0, end)


cdef void sift(WorklistItem *found, uint64_t at, uint64_t end) noexcept nogil:
    cdef uint64_t below = 2 * at + 1
    while below < end:
        if below + 1 < end and found[below + 1].order_id > found[below].order_id:
            below += 1
        if found[at].order_id >= found[below].order_id:
            return
        swap(&found[at], &found[below])
        at = below
        below = 2 * at + 1


cdef uint32_t worklist_next(Worklist *worklist, Orders orders) noexcept nogil:
    """The next order that is still open, or NIL."""
    cdef uint32_t item = NIL
    while item == NIL and worklist.next < worklist.count:
        item = find(orders, worklist.found[worklist.next].order_id, worklist.found[worklist.next].instrument)
        worklist.next += 1
    return item


cdef int worklist_abandon(Worklist *worklist, Orders orders) except -1 nogil:
    """Drop the orders not taken yet: those that were to expire go back into the heap of expiries."""
    cdef uint32_t item = worklist_next(worklist, orders)
    cdef uint32_t at
    while item != NIL:
        at = order_at(orders, item).terms
        if at != NIL and terms_at(orders, at).expire_ns != 0 and terms_at(orders, at).place == 0:
            heap_put(&orders.expiries, &orders.terms, at)
        item = worklist_next(worklist, orders)
    return 0
