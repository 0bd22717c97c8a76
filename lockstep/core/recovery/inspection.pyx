"""Looks into tables that only compiled code can see, and through journal and events for one record of many.

It copies what it finds into plain values; it changes nothing and words nothing.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from lockstep.core.journal.journal cimport JournalReader
from lockstep.core.schema.client_ids cimport copy_own_id
from lockstep.core.schema.records cimport (
    CL_ORD_ID_SIZE, CMD_CANCEL, CMD_EXT_LEG, CMD_MASS_CANCEL, CMD_NEW_ORDER, CMD_REPLACE, CODE_OK, RECORD_SIZE,
    CommandRecord, EventRecord, NewOrderRecord, ReplaceRecord,
)
from lockstep.core.tables.index cimport index_item, index_span
from lockstep.core.tables.pool cimport NIL
from lockstep.procs.matcher.bands cimport Band, both_bands, static_band
from lockstep.procs.matcher.book cimport Book
from lockstep.procs.matcher.orders cimport Listing as Traded
from lockstep.procs.matcher.orders cimport is_listed
from lockstep.procs.matcher.orders cimport listing_of as traded_at
from lockstep.procs.router.accounts cimport Account, account_at
from lockstep.procs.router.holds cimport Cost, Stake, stake_of
from lockstep.procs.router.ids cimport CLOSED, find_id, id_at, tag_of_id
from lockstep.procs.router.ledger cimport Ledger
from lockstep.procs.router.orders cimport ORDER_BUDGET, ORDER_IDLE, OpenOrder, order_at
from lockstep.shm.ring cimport Consumer


cdef class Skim:
    """Empties rings, and keeps the events whose cause is `from_cause` or later, in `events`."""

    cdef readonly list events
    cdef list consumers
    cdef uint64_t from_cause

    def __init__(self, consumers, uint64_t from_cause):
        self.consumers = list(consumers)
        self.from_cause = from_cause
        self.events = []

    def step(self) -> int:
        """Take what is there; returns how many events that were."""
        cdef uint64_t count, number, total = 0
        cdef Consumer ring
        for ring in self.consumers:
            count = ring.available()
            for number in range(ring.next, ring.next + count):
                if (<const EventRecord *> ring.at(number)).cause >= self.from_cause:
                    self.events.append(ring.at(number)[:RECORD_SIZE])
            if count:
                ring.release(ring.next + count - 1)
            total += count
        return total


cdef class Seek:
    """Empties rings, given by their numbers, and keeps the event of one of them that has a number, in `found`."""

    cdef readonly bytes found
    cdef dict consumers
    cdef object ring
    cdef uint64_t number

    def __init__(self, dict consumers, ring, uint64_t number):
        self.consumers = consumers
        self.ring = ring
        self.number = number
        self.found = b""

    def step(self) -> int:
        """Take what is there; returns how many events that were."""
        cdef uint64_t count, total = 0
        cdef Consumer consumer
        for ring, consumer in self.consumers.items():
            count = consumer.available()
            if ring == self.ring and consumer.next <= self.number < consumer.next + count:
                self.found = consumer.at(self.number)[:RECORD_SIZE]
            if count:
                consumer.release(consumer.next + count - 1)
            total += count
        return total


cdef dict described(Ledger ledger, const OpenOrder *order):
    cdef Stake stake = stake_of(ledger, order)
    return {
        "order_id": order.order_id,
        "account": order.account,
        "instrument": order.instrument,
        "side": order.side,
        "ord_type": order.ord_type,
        "price_ticks": order.price_ticks,
        "quantity": order.quantity_lots,
        "leaves": order.leaves_lots,
        "is_budget": bool(order.flags & ORDER_BUDGET),
        "is_idle": bool(order.flags & ORDER_IDLE),
        "replaces": order.pending != NIL,
        "contingent": order_at(ledger.orders, order.contingent).order_id if order.contingent != NIL else 0,
        "cl_ord_id": (<const char *> id_at(ledger.ids, order.ids).text)[:CL_ORD_ID_SIZE].rstrip(b"\0"),
        "held": stake.held,
    }


def orders_of(Ledger ledger, accounts) -> list[dict[str, object]]:
    """The open orders of these accounts, by order id. `held` of two that exclude each other is for both."""
    cdef uint64_t place
    cdef uint32_t item
    wanted = set(accounts)
    found = []
    for place in range(index_span(&ledger.orders.index)):
        item = index_item(&ledger.orders.index, place)
        if item != NIL and order_at(ledger.orders, item).account in wanted:
            found.append(described(ledger, order_at(ledger.orders, item)))
    found.sort(key=lambda order: order["order_id"])
    return found


def order_of(Ledger ledger, uint64_t order_id) -> dict[str, object] | None:
    """An open order; None if there is none such."""
    cdef uint32_t item = ledger.orders.find(order_id)
    return described(ledger, order_at(ledger.orders, item)) if item != NIL else None


def account_of(Ledger ledger, uint32_t account) -> dict[str, int]:
    """What is counted of an account; 0 if it has no such limit."""
    cdef const Account *line = account_at(ledger.accounts, account)
    return {
        "open_orders": line.open_orders,
        "max_open_orders": line.max_open_orders,
        "orders": line.orders,
        "max_orders": line.max_orders,
        "window_ns": line.window_ns,
    }


def client_id_of(Ledger ledger, uint32_t account, bytes text) -> tuple[int, int] | None:
    """Which record brought the account's client id, and the open order that it means, or 0; None where unknown."""
    cdef char padded[CL_ORD_ID_SIZE]
    cdef uint32_t item
    if len(text) > CL_ORD_ID_SIZE:
        return None
    memset(padded, 0, CL_ORD_ID_SIZE)
    memcpy(padded, <const char *> text, len(text))
    item = find_id(ledger.ids, account, padded, tag_of_id(ledger.ids, account, padded))
    if item == NIL:
        return None
    order = id_at(ledger.ids, item).order
    order_id = 0 if order == CLOSED or order == NIL else order_at(ledger.orders, order).order_id
    return id_at(ledger.ids, item).seq, order_id


def cost_of(
    Ledger ledger, uint32_t instrument, uint8_t side, bint is_budget, int64_t price, int64_t quantity
) -> dict[str, int] | None:
    """What an order comes to, in smallest units; None if that is more than the venue can hold, or has no price."""
    cdef Cost cost
    if price <= 0 or ledger.cost_of(&ledger.listings[instrument], side, is_budget, price, quantity, &cost) != CODE_OK:
        return None
    return {"held": cost.held, "incoming": cost.incoming, "lots": cost.lots, "value": cost.value}


def listing_of(Book book, uint32_t instrument) -> dict[str, int]:
    """What a matcher knows of one of its instruments. KeyError if it is none of them."""
    cdef const Traded *listing
    cdef Band inner, outer
    if not is_listed(book.orders, instrument):
        raise KeyError(instrument)
    listing = traded_at(book.orders, instrument)
    inner, outer = both_bands(listing), static_band(listing)
    return {
        "phase": listing.phase,
        "reference_ticks": listing.reference_ticks,
        "last_ticks": listing.last_ticks,
        "low_ticks": inner.low_ticks,
        "high_ticks": inner.high_ticks,
        "static_low_ticks": outer.low_ticks,
        "static_high_ticks": outer.high_ticks,
        "auction_ends_ns": listing.auction_ends_ns,
        "trailing": listing.trailing,
    }


def last_before(object directory, uint64_t first, uint64_t last, uint64_t time_ns) -> int:
    """The last record of `first` to `last` that was sequenced at `time_ns` or before; 0 if none was."""
    cdef JournalReader reader = JournalReader(directory, first, last)
    cdef const CommandRecord *record
    cdef uint64_t found = 0
    try:
        with nogil:
            while True:
                record = <const CommandRecord *> reader.peek()
                if record == NULL or record.time_ns > time_ns:
                    break
                found = record.seq
                reader.advance()
    finally:
        reader.close()
    return found


cdef inline bint has_client_id(uint8_t type) noexcept nogil:
    """Whether such a record has its client id where a new order has it, and is a client's request."""
    return (
        type == CMD_NEW_ORDER or type == CMD_CANCEL or type == CMD_REPLACE or type == CMD_MASS_CANCEL
        or type == CMD_EXT_LEG
    )


cdef inline bint is_own_id(const NewOrderRecord *record, const char *padded) noexcept nogil:
    cdef char own_id[CL_ORD_ID_SIZE]
    if record.type != CMD_CANCEL and record.type != CMD_REPLACE:
        return memcmp(record.cl_ord_id, padded, CL_ORD_ID_SIZE) == 0
    copy_own_id(own_id, <const ReplaceRecord *> record)
    return memcmp(own_id, padded, CL_ORD_ID_SIZE) == 0


def with_client_id(
    object directory, uint64_t first, uint64_t last, uint32_t account, bytes text
) -> list[int]:
    """The records of `first` to `last` by which the account sent that client order id, in order."""
    cdef JournalReader reader = JournalReader(directory, first, last)
    cdef const NewOrderRecord *record
    cdef char padded[CL_ORD_ID_SIZE]
    if len(text) > CL_ORD_ID_SIZE:
        return []
    memset(padded, 0, CL_ORD_ID_SIZE)
    memcpy(padded, <const char *> text, len(text))
    found = []
    try:
        while True:
            with nogil:
                record = <const NewOrderRecord *> reader.peek()
                while record != NULL and not (
                    record.account == account and has_client_id(record.type)
                    and is_own_id(record, padded)
                ):
                    reader.advance()
                    record = <const NewOrderRecord *> reader.peek()
            if record == NULL:
                return found
            found.append(record.seq)
            reader.advance()
    finally:
        reader.close()
