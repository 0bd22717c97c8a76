"""Looks at commands before their turn, and prefetches what they will touch in a book.

A command leads along a chain: an index's slot names an item, the item its level and neighbours, a new price's slot
a level, and that its last order. Each step prefetches one link for a stride of commands, and touches only what the step
before it, a stride earlier, prefetched: nothing here waits for memory for long, and misses overlap.
It changes no state: its guesses may be wrong.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport (
    CMD_CANCEL, CMD_NEW_ORDER, CMD_REPLACE, CancelRecord, CommandRecord, NewOrderRecord, ReplaceRecord,
)
from lockstep.core.tables.index cimport Index, index_next, index_prefetch, tag_of, tag_of_serial
from lockstep.core.tables.pool cimport NIL
from lockstep.procs.matcher.levels cimport level_at
from lockstep.procs.matcher.orders cimport OWNER_STEP, Order, book_side, key_of, order_at
from lockstep.shm.atomics cimport prefetch
from lockstep.shm.ring cimport record_at

cdef enum:
    STRIDE = 8
    TAIL = STRIDE           # how far the last step looks, and each before it a stride further
    LEVEL = TAIL + STRIDE
    AROUND = LEVEL + STRIDE
    ITEM = AROUND + STRIDE
    INDEX = ITEM + STRIDE

assert <int> INDEX <= <int> NOTES


cdef inline uint32_t hint(const Index *index, uint32_t tag) noexcept nogil:
    """The first item with this tag: nearly always the right one."""
    cdef uint32_t place = tag
    return index_next(index, tag, &place)


cdef inline void expect_level(
    Orders orders, Note *note, uint32_t instrument, uint8_t side, int64_t price
) noexcept nogil:
    """Prefetch for an order of this side that may come to rest at this price."""
    cdef int ladder = book_side(side)
    note.level_tag = tag_of(
        &orders.levels.index, <uint64_t> key_of(ladder, price), instrument * OWNER_STEP + ladder
    )
    index_prefetch(&orders.levels.index, note.level_tag)


cdef inline void ask_index(Orders orders, const CommandRecord *command, Note *note) noexcept nogil:
    cdef const NewOrderRecord *entered = <const NewOrderRecord *> command
    cdef uint64_t order_id
    note.item = note.level_tag = note.level = NIL
    if command.type == CMD_NEW_ORDER:
        order_id = command.seq
        expect_level(orders, note, entered.instrument, entered.side, entered.price_ticks)
    elif command.type == CMD_CANCEL:
        order_id = (<const CancelRecord *> command).order_id
    elif command.type == CMD_REPLACE:
        order_id = (<const ReplaceRecord *> command).order_id
    else:
        return
    note.tag = tag_of_serial(&orders.by_id, order_id)
    index_prefetch(&orders.by_id, note.tag)


cdef inline void ask_item(Orders orders, const CommandRecord *command, Note *note) noexcept nogil:
    if command.type == CMD_CANCEL or command.type == CMD_REPLACE:
        note.item = hint(&orders.by_id, note.tag)
        prefetch(order_at(orders, note.item))


cdef inline void ask_around(Orders orders, const CommandRecord *command, Note *note) noexcept nogil:
    """Prefetch the neighbours of the order in question, and where its new price is found."""
    cdef const ReplaceRecord *replace = <const ReplaceRecord *> command
    cdef const Order *order
    if note.item == NIL:
        return
    order = order_at(orders, note.item)
    prefetch(level_at(&orders.levels, order.level))
    prefetch(order_at(orders, order.prev))
    prefetch(order_at(orders, order.next))
    if command.type == CMD_REPLACE:
        expect_level(orders, note, replace.instrument, order.side, replace.price_ticks)


cdef inline void ask_level(Orders orders, Note *note) noexcept nogil:
    if note.level_tag != NIL:
        note.level = hint(&orders.levels.index, note.level_tag)
        prefetch(level_at(&orders.levels, note.level))


cdef inline void ask_tail(Orders orders, const Note *note) noexcept nogil:
    if note.level != NIL:
        prefetch(order_at(orders, level_at(&orders.levels, note.level).tail))


cdef inline const CommandRecord *command_at(Consumer log, uint64_t seq) noexcept nogil:
    return <const CommandRecord *> record_at(log, seq)


cdef void look_ahead(Ahead *ahead, Orders orders, Consumer log, uint64_t seq, uint64_t end) noexcept nogil:
    """Look ahead from record `seq`, whose turn it is, never to `end` or beyond."""
    cdef uint64_t at
    for at in range(max(ahead.index, seq), min(seq + INDEX, end)):
        ask_index(orders, command_at(log, at), &ahead.notes[at % NOTES])
    ahead.index = min(seq + INDEX, end)
    for at in range(max(ahead.item, seq), min(seq + ITEM, end)):
        ask_item(orders, command_at(log, at), &ahead.notes[at % NOTES])
    ahead.item = min(seq + ITEM, end)
    for at in range(max(ahead.around, seq), min(seq + AROUND, end)):
        ask_around(orders, command_at(log, at), &ahead.notes[at % NOTES])
    ahead.around = min(seq + AROUND, end)
    for at in range(max(ahead.level, seq), min(seq + LEVEL, end)):
        ask_level(orders, &ahead.notes[at % NOTES])
    ahead.level = min(seq + LEVEL, end)
    for at in range(max(ahead.tail, seq), min(seq + TAIL, end)):
        ask_tail(orders, &ahead.notes[at % NOTES])
    ahead.tail = min(seq + TAIL, end)
