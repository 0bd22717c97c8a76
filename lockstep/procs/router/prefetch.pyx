"""Looks at commands before their turn, and prefetches what they will touch in tables.

It changes no state. Only the tags are exact: whatever else it finds may be out of date.
"""

from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.schema.client_ids cimport SHORT_ID, has_both_ids
from lockstep.core.schema.records cimport (
    CMD_CANCEL, CMD_EXT_CLIENT_ID, CMD_NEW_ORDER, CMD_REPLACE, SIDE_BUY, CancelRecord, CommandRecord,
    ExtClientIdRecord, InstrumentRecord, NewOrderRecord, ReplaceRecord,
)
from lockstep.core.tables.index cimport Index, index_expect, index_next, index_prefetch
from lockstep.core.tables.pool cimport NIL
from lockstep.procs.router.accounts cimport account_at
from lockstep.procs.router.balances cimport balance_at, tag_of_balance
from lockstep.procs.router.extensions cimport MAX_GROUP
from lockstep.procs.router.ids cimport CLOSED, ClientIds, id_at, tag_of_id, tag_of_short
from lockstep.procs.router.orders cimport order_at, tag_of_order
from lockstep.procs.router.sequencer cimport Glimpse
from lockstep.shm.atomics cimport prefetch
from lockstep.shm.ring cimport Consumer, prefetch_record, record_at

# In records, of which most requests have one.
cdef enum:
    FARTHEST = 24
    FAR = 19
    MIDDLE = 13
    NEAR = 8
    NEAREST = 4
    ARRIVAL = 6          # and so far ahead of that, the record itself: another core has just written it

assert <int> FARTHEST < <int> GLIMPSES and GLIMPSES & (GLIMPSES - 1) == 0
assert <size_t> &(<NewOrderRecord *> NULL).cl_ord_id == <size_t> &(<ExtClientIdRecord *> NULL).orig_cl_ord_id
assert <size_t> &(<NewOrderRecord *> NULL).cl_ord_id == <size_t> &(<CancelRecord *> NULL).cl_ord_id
assert <size_t> &(<NewOrderRecord *> NULL).cl_ord_id == <size_t> &(<ReplaceRecord *> NULL).cl_ord_id
assert FARTHEST >= <int> MAX_GROUP  # all of a request has been looked at when its turn comes


cdef void look_ahead(Ahead *ahead, Ledger ledger, Consumer ring, uint64_t end, uint64_t log_seq) noexcept nogil:
    """Look ahead from the ring's next record, whose sequence will be about `log_seq`, never to `end` or beyond.

    The ring may have moved on meanwhile: to where the log ends, or past what was voided.
    """
    cdef uint64_t at
    for at in range(max(ahead.farthest, ring.next), min(ring.next + FARTHEST, end)):
        if at + ARRIVAL < end:
            prefetch_record(ring, at + ARRIVAL)
        look_at(ledger, <const CommandRecord *> record_at(ring, at), &ahead.glimpses[at % GLIMPSES])
    ahead.farthest = min(ring.next + FARTHEST, end)
    for at in range(max(ahead.far, ring.next), min(ring.next + FAR, end)):
        ask_index(ledger, &ahead.glimpses[at % GLIMPSES], log_seq + at - ring.next)
    ahead.far = min(ring.next + FAR, end)
    for at in range(max(ahead.middle, ring.next), min(ring.next + MIDDLE, end)):
        ask_id(ledger, &ahead.glimpses[at % GLIMPSES])
    ahead.middle = min(ring.next + MIDDLE, end)
    for at in range(max(ahead.near, ring.next), min(ring.next + NEAR, end)):
        ask_order(ledger, &ahead.glimpses[at % GLIMPSES])
    ahead.near = min(ring.next + NEAR, end)
    for at in range(max(ahead.nearest, ring.next), min(ring.next + NEAREST, end)):
        ask_payer(ledger, &ahead.glimpses[at % GLIMPSES])
    ahead.nearest = min(ring.next + NEAREST, end)


cdef inline void look_at(Ledger ledger, const CommandRecord *record, Glimpse *seen) noexcept nogil:
    """Compute the tags of what the record names; prefetch their places in the indexes, and the account."""
    cdef const ReplaceRecord *request = <const ReplaceRecord *> record
    seen[0] = Glimpse(0, 0, NIL, 0)
    prefetch(account_at(ledger.accounts, record.account))
    if (record.type == CMD_REPLACE or record.type == CMD_CANCEL) and has_both_ids(request):
        seen.own_tag = tag_of_short(ledger.ids, record.account, request.cl_ord_id)
        seen.meant_tag = tag_of_short(ledger.ids, record.account, request.cl_ord_id + SHORT_ID)
        index_expect(&ledger.ids.index, seen.meant_tag)
    else:
        seen.own_tag = tag_of_id(ledger.ids, record.account, request.cl_ord_id)
    index_expect(&ledger.ids.index, seen.own_tag)
    if record.type == CMD_EXT_CLIENT_ID:
        seen.meant_tag = seen.own_tag
    elif record.type == CMD_NEW_ORDER:
        seen.payer_tag = tag_of_payer(ledger, <const NewOrderRecord *> record)


cdef inline uint32_t tag_of_payer(Ledger ledger, const NewOrderRecord *record) noexcept nogil:
    cdef const InstrumentRecord *terms
    if record.instrument > ledger.instrument_count:
        return 0
    terms = &ledger.listings[record.instrument].terms
    return tag_of_balance(
        ledger.balances, record.account, terms.quote_asset if record.side == SIDE_BUY else terms.base_asset
    )


cdef inline void ask_index(Ledger ledger, const Glimpse *seen, uint64_t log_seq) noexcept nogil:
    """Prefetch the indexes' slots of what the record names, and of the order that it will be."""
    index_prefetch(&ledger.ids.index, seen.own_tag)
    if seen.meant_tag != 0:
        index_prefetch(&ledger.ids.index, seen.meant_tag)
    if seen.payer_tag != 0:
        index_prefetch(&ledger.balances.index, seen.payer_tag)
        index_prefetch(&ledger.orders.index, tag_of_order(ledger.orders, log_seq))


cdef inline uint32_t first_of(const Index *index, uint32_t tag) noexcept nogil:
    """The first item with this tag: nearly always the right one."""
    cdef uint32_t place = tag
    return index_next(index, tag, &place)


cdef inline void ask_id(Ledger ledger, Glimpse *seen) noexcept nogil:
    """Find the items that are most probably the id or the balance in question, and prefetch them."""
    if seen.meant_tag != 0:
        seen.meant_id = first_of(&ledger.ids.index, seen.meant_tag)
        prefetch(id_at(ledger.ids, seen.meant_id))
    elif seen.payer_tag != 0:
        prefetch(balance_at(ledger.balances, first_of(&ledger.balances.index, seen.payer_tag)))


cdef inline uint32_t order_of(ClientIds ids, uint32_t item) noexcept nogil:
    """The order that an id means; the nil item if it means none."""
    cdef uint32_t order = id_at(ids, item).order
    return order if order != CLOSED and item != NIL else NIL


cdef inline void ask_order(Ledger ledger, const Glimpse *seen) noexcept nogil:
    if seen.meant_id != NIL:
        prefetch(order_at(ledger.orders, order_of(ledger.ids, seen.meant_id)))


cdef inline void ask_payer(Ledger ledger, const Glimpse *seen) noexcept nogil:
    """Prefetch the balance that pays for the order in question."""
    if seen.meant_id != NIL:
        prefetch(balance_at(ledger.balances, order_at(ledger.orders, order_of(ledger.ids, seen.meant_id)).payer))
