"""Looks at commands before their turn: what they will look at in tables is on its way when they come.

It changes no state. All but the tags are hints: whatever it guesses may turn out otherwise.
"""

from libc.stdint cimport uint32_t, uint64_t

from procs.router.ids cimport CLOSED, ClientIds, id_at, tag_of_id, tag_of_short
from procs.router.orders cimport OpenOrders, order_at, tag_of_order
from procs.router.sequencer cimport MAX_GROUP, IdTags
from procs.tables.index cimport index_next, index_prefetch
from procs.tables.pool cimport NIL
from shm.atomics cimport prefetch
from shm.client_ids cimport SHORT_ID, has_both_ids
from shm.records cimport (
    CMD_CANCEL, CMD_EXT_CLIENT_ID, CMD_NEW_ORDER, CMD_REPLACE, CancelRecord, CommandRecord, ExtClientIdRecord,
    NewOrderRecord, ReplaceRecord,
)
from shm.ring cimport Consumer, prefetch_record, record_at

# In records, of which most requests have one. A request has no more than `NEAR`: all of it has its tags.
cdef enum:
    FAR = 16
    MIDDLE = 10
    NEAR = 5
    ARRIVAL = 6          # and so far before that, the record itself: another core has just written it

assert <int> FAR < <int> TAGS and TAGS & (TAGS - 1) == 0
assert <size_t> &(<NewOrderRecord *> NULL).cl_ord_id == <size_t> &(<ExtClientIdRecord *> NULL).orig_cl_ord_id
assert <size_t> &(<NewOrderRecord *> NULL).cl_ord_id == <size_t> &(<CancelRecord *> NULL).cl_ord_id
assert <size_t> &(<NewOrderRecord *> NULL).cl_ord_id == <size_t> &(<ReplaceRecord *> NULL).cl_ord_id
assert NEAR >= <int> MAX_GROUP


cdef void look_ahead(Ahead *ahead, Ledger ledger, Consumer ring, uint64_t end, uint64_t log_seq) noexcept nogil:
    """Look from where the ring's next record is, whose sequence will be about `log_seq`, never at `end` or beyond.

    The ring may have gone on without it: to where the log ends, or over what was voided.
    """
    cdef uint64_t last = min(ring.next + FAR, end)
    ahead.far = max(ahead.far, ring.next)
    while ahead.far < last:
        if ahead.far + ARRIVAL < end:
            prefetch_record(ring, ahead.far + ARRIVAL)
        ask_index(
            ledger.ids, ledger.orders, <const CommandRecord *> record_at(ring, ahead.far),
            log_seq + ahead.far - ring.next, &ahead.tags[ahead.far % TAGS],
        )
        ahead.far += 1
    last = min(ring.next + MIDDLE, end)
    ahead.middle = max(ahead.middle, ring.next)
    while ahead.middle < last:
        if ahead.tags[ahead.middle % TAGS].meant != 0:
            prefetch(id_at(ledger.ids, named(ledger.ids, ahead.tags[ahead.middle % TAGS].meant)))
        ahead.middle += 1
    last = min(ring.next + NEAR, end)
    ahead.near = max(ahead.near, ring.next)
    while ahead.near < last:
        if ahead.tags[ahead.near % TAGS].meant != 0:
            ask_order(ledger.ids, ledger.orders, named(ledger.ids, ahead.tags[ahead.near % TAGS].meant))
        ahead.near += 1


cdef inline void ask_index(
    ClientIds ids, OpenOrders orders, const CommandRecord *record, uint64_t log_seq, IdTags *tags
) noexcept nogil:
    """Ask for where indexes have the record's client ids, and a new order; fills `tags`."""
    cdef const ReplaceRecord *request = <const ReplaceRecord *> record
    tags[0] = IdTags(0, 0)
    if record.type == CMD_EXT_CLIENT_ID:
        tags.meant = ask(ids, tag_of_id(ids, record.account, (<const ExtClientIdRecord *> record).orig_cl_ord_id))
        return
    if (record.type == CMD_REPLACE or record.type == CMD_CANCEL) and has_both_ids(request):
        tags.own = ask(ids, tag_of_short(ids, record.account, request.cl_ord_id))
        tags.meant = ask(ids, tag_of_short(ids, record.account, request.cl_ord_id + SHORT_ID))
        return
    tags.own = ask(ids, tag_of_id(ids, record.account, request.cl_ord_id))
    if record.type == CMD_NEW_ORDER:
        index_prefetch(&orders.index, tag_of_order(orders, log_seq))


cdef inline uint32_t ask(ClientIds ids, uint32_t tag) noexcept nogil:
    index_prefetch(&ids.index, tag)
    return tag


cdef inline uint32_t named(ClientIds ids, uint32_t tag) noexcept nogil:
    """The item that a client id most probably is."""
    cdef uint32_t place = tag
    return index_next(&ids.index, tag, &place)


cdef inline void ask_order(ClientIds ids, OpenOrders orders, uint32_t item) noexcept nogil:
    cdef uint32_t order = id_at(ids, item).order
    if item != NIL and order != CLOSED:
        prefetch(order_at(orders, order))
