"""Looks at commands before their turn: what they will look at in a book is on its way when they come.

It changes no state: whatever it guesses may turn out otherwise.
"""

from libc.stdint cimport uint32_t, uint64_t

from procs.matcher.levels cimport level_at, level_expect, level_find
from procs.matcher.orders cimport OWNER_STEP, Order, book_side, key_of, order_at
from procs.tables.index cimport Index, index_next, index_prefetch, tag_of_serial
from procs.tables.pool cimport pool_at, prefetch
from shm.records cimport CMD_CANCEL, CMD_NEW_ORDER, CMD_REPLACE, CancelRecord, NewOrderRecord, ReplaceRecord


cdef inline uint64_t target_of(const CommandRecord *command) noexcept nogil:
    """The order that a cancel or replace means."""
    if command.type == CMD_CANCEL:
        return (<const CancelRecord *> command).order_id
    return (<const ReplaceRecord *> command).order_id


cdef inline uint32_t index_hint(const Index *index, uint32_t tag) noexcept nogil:
    """The first item with this tag: nearly always the one that is meant."""
    cdef uint32_t place = tag
    return index_next(index, tag, &place)


cdef void expect(Orders orders, const CommandRecord *command, const CommandRecord *nearer) noexcept nogil:
    """These come soon, `nearer` first: ask for the memory that they will need.

    What asks for a line touches only what was asked for before: nothing here waits for memory.
    """
    cdef const NewOrderRecord *order = <const NewOrderRecord *> command
    cdef int side = book_side(order.side)
    cdef uint32_t tag
    if command.type == CMD_NEW_ORDER:
        index_prefetch(&orders.by_id, tag_of_serial(&orders.by_id, command.seq))
        level_expect(&orders.levels, order.instrument * OWNER_STEP + side, key_of(side, order.price_ticks))
    elif command.type == CMD_CANCEL or command.type == CMD_REPLACE:
        index_prefetch(&orders.by_id, tag_of_serial(&orders.by_id, target_of(command)))
    if nearer.type == CMD_CANCEL or nearer.type == CMD_REPLACE:
        tag = tag_of_serial(&orders.by_id, target_of(nearer))
        prefetch(pool_at(&orders.pool, index_hint(&orders.by_id, tag)))


cdef void expect_next(Orders orders, const CommandRecord *command) noexcept nogil:
    """This comes very soon, and was expected before: ask for what stands around its order."""
    cdef const NewOrderRecord *entered = <const NewOrderRecord *> command
    cdef int side
    cdef uint32_t tag, place
    cdef const Order *order
    if command.type == CMD_NEW_ORDER:
        side = book_side(entered.side)
        place = level_find(&orders.levels, entered.instrument * OWNER_STEP + side, key_of(side, entered.price_ticks))
        prefetch(pool_at(&orders.pool, level_at(&orders.levels, place).tail))
    elif command.type == CMD_CANCEL or command.type == CMD_REPLACE:
        tag = tag_of_serial(&orders.by_id, target_of(command))
        order = order_at(orders, index_hint(&orders.by_id, tag))
        prefetch(level_at(&orders.levels, order.level))
        prefetch(order_at(orders, order.prev))
        prefetch(order_at(orders, order.next))
