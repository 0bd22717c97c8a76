"""Sweeps: the orders that one command ends, collected first, then taken by order id.

It finds and sorts them, and cancels none: between two of them the event ring may be full, or one may be gone with its
list. Memory for the largest sweep so far is kept for the next.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc

from procs.matcher.expiry cimport heap_first, heap_put, heap_remove
from procs.matcher.levels cimport level_at
from procs.matcher.orders cimport IS_SHARED_DAY, LADDERS, Order, find, listing_of, order_at, terms_at
from procs.tables.pool cimport NIL
from shm.records cimport PHASE_HALT

cdef enum:
    FIRST_SWEPT = 1024


cdef int sweep_open(Sweep *sweep) except -1:
    """Make `sweep` empty. MemoryError."""
    sweep.found = <Swept *> malloc(FIRST_SWEPT * sizeof(Swept))
    if sweep.found == NULL:
        raise MemoryError("no memory for a sweep")
    sweep.capacity = FIRST_SWEPT
    sweep_begin(sweep, 0)
    return 0


cdef void sweep_close(Sweep *sweep) noexcept:
    free(sweep.found)
    sweep.found = NULL


cdef void sweep_begin(Sweep *sweep, uint8_t reason) noexcept nogil:
    sweep.count = sweep.next = 0
    sweep.reason = reason


cdef int sweep_add(Sweep *sweep, const Order *order) except -1 nogil:
    cdef uint64_t capacity = 2 * sweep.capacity
    cdef Swept *grown
    if sweep.count == sweep.capacity:
        grown = <Swept *> realloc(sweep.found, capacity * sizeof(Swept))
        if grown == NULL:
            with gil:
                raise MemoryError(f"no memory for a sweep of {capacity} orders")
        sweep.found = grown
        sweep.capacity = capacity
    sweep.found[sweep.count].order_id = order.order_id
    sweep.found[sweep.count].instrument = order.instrument
    sweep.count += 1
    return 0


cdef inline bint is_wanted(Orders orders, const Wanted *wanted, const Order *order) noexcept nogil:
    return (
        (wanted.account == 0 or order.account == wanted.account)
        and (wanted.side == 0 or order.side == wanted.side)
        and (wanted.flags == 0 or order.flags & wanted.flags)
        and not (wanted.spares_halted and listing_of(orders, order.instrument).phase == PHASE_HALT)
    )


cdef int sweep_ladder(Sweep *sweep, Orders orders, const Wanted *wanted, int ladder) except -1 nogil:
    """Add what is wanted on one ladder of the wanted instrument."""
    cdef uint32_t at = listing_of(orders, wanted.instrument).ladders[ladder].best
    cdef uint32_t item
    while at != NIL:
        item = level_at(&orders.levels, at).head
        while item != NIL:
            if is_wanted(orders, wanted, order_at(orders, item)):
                sweep_add(sweep, order_at(orders, item))
            item = order_at(orders, item).next
        at = level_at(&orders.levels, at).worse
    return 0


cdef int sweep_all(Sweep *sweep, Orders orders, const Wanted *wanted) except -1 nogil:
    """Add what is wanted of one instrument, or, in the order of memory, which is faster, of all of them."""
    cdef uint32_t item
    cdef int ladder
    if wanted.instrument != 0:
        for ladder in range(LADDERS):
            sweep_ladder(sweep, orders, wanted, ladder)
        return 0
    for item in range(NIL + 1, orders.pool.used):
        if order_at(orders, item).level != NIL and is_wanted(orders, wanted, order_at(orders, item)):
            sweep_add(sweep, order_at(orders, item))
    return 0


cdef int sweep_expired(Sweep *sweep, Orders orders, uint64_t time_ns) except -1 nogil:
    """Add all orders whose time has come."""
    cdef uint32_t terms = heap_first(&orders.expiries)
    cdef uint32_t instrument, i
    cdef Wanted wanted
    while terms != NIL and terms_at(orders, terms).expire_ns <= time_ns:
        heap_remove(&orders.expiries, &orders.terms, terms)
        sweep_add(sweep, order_at(orders, terms_at(orders, terms).order))
        terms = heap_first(&orders.expiries)
    wanted.account = wanted.side = 0
    wanted.spares_halted = False
    wanted.flags = IS_SHARED_DAY
    for i in range(orders.listed_count):
        instrument = orders.listed[i]
        if listing_of(orders, instrument).day_orders and listing_of(orders, instrument).day_ends_ns <= time_ns:
            wanted.instrument = instrument
            sweep_all(sweep, orders, &wanted)
    return 0


cdef inline void swap(Swept *a, Swept *b) noexcept nogil:
    cdef Swept kept = a[0]
    a[0] = b[0]
    b[0] = kept


cdef void sweep_sort(Sweep *sweep) noexcept nogil:
    """By order id: a heap sort, which needs no memory and never more than n log n steps."""
    cdef uint64_t start = sweep.count // 2
    cdef uint64_t end = sweep.count
    while start > 0:
        start -= 1
        sift(sweep.found, start, end)
    while end > 1:
        end -= 1
        swap(&sweep.found[0], &sweep.found[end])
        sift(sweep.found, 0, end)


cdef void sift(Swept *found, uint64_t at, uint64_t end) noexcept nogil:
    cdef uint64_t below = 2 * at + 1
    while below < end:
        if below + 1 < end and found[below + 1].order_id > found[below].order_id:
            below += 1
        if found[at].order_id >= found[below].order_id:
            return
        swap(&found[at], &found[below])
        at = below
        below = 2 * at + 1


cdef uint32_t sweep_next(Sweep *sweep, Orders orders) noexcept nogil:
    """The next order that is still open, or NIL."""
    cdef uint32_t item = NIL
    while item == NIL and sweep.next < sweep.count:
        item = find(orders, sweep.found[sweep.next].order_id, sweep.found[sweep.next].instrument)
        sweep.next += 1
    return item


cdef int sweep_abandon(Sweep *sweep, Orders orders) except -1 nogil:
    """Leave what the sweep has not come to: those of its orders that were to expire are to expire again."""
    cdef uint32_t item = sweep_next(sweep, orders)
    cdef uint32_t at
    while item != NIL:
        at = order_at(orders, item).terms
        if at != NIL and terms_at(orders, at).expire_ns != 0 and terms_at(orders, at).place == 0:
            heap_put(&orders.expiries, &orders.terms, at)
        item = sweep_next(sweep, orders)
    return 0
