"""The order books of one matcher: price-time priority over all its instruments, from commands to events.

It is a pure function of the commands: no clock, no socket, no name of a ring; and it never drops an event: where there
is no slot for the next one, it stops in mid-command and goes on from there when it is called again.

What a command emits, in this order::

    NEW_ORDER   ACCEPTED, TRADED*, and CANCELLED (rested 0) for what an IOC or market order could not trade
    CANCEL      CANCELLED (rested 1), or EXT_CLIENT_ID and REJECTED
    REPLACE     REPLACED, TRADED*, or EXT_CLIENT_ID and REJECTED
    INSTRUMENT, EXT_CLIENT_ID   nothing

A market order is an IOC order at its collar. A side's prices are kept as keys of which the best is the least: the price
itself for asks, its complement for bids (which, other than its negative, exists for every 64-bit price).
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset

from procs.matcher.fees cimport base_fee, quote_fee
from procs.tables.index cimport (
    index_check, index_close, index_find, index_next, index_open, index_prefetch, index_put, index_remove,
    index_size, tag_of_serial,
)
from procs.matcher.levels cimport (
    Ladder, Level, int128, ladder_check, level_add, level_at, level_find, level_remove, levels_check, levels_close,
    levels_open,
)
from procs.matcher.outcome cimport Outcome, Withdrawal
from procs.tables.pool cimport NIL, pool_at, pool_check, pool_close, pool_give, pool_open, pool_take, prefetch
from shm.records cimport (
    CANCEL_REASON_IOC_REMAINDER, CANCEL_REASON_MARKET_REMAINDER, CANCEL_REASON_REQUESTED, CMD_CANCEL, CMD_EXT_CLIENT_ID,
    CMD_INSTRUMENT, CMD_NEW_ORDER, CMD_REPLACE, CODE_ORDER_CLOSED, CODE_QUANTITY_BELOW_FILLED, ORD_TYPE_LIMIT,
    ORD_TYPE_MARKET, RECORD_SIZE, SIDE_BUY, SIDE_SELL, TIF_GTC, CancelRecord, CommandRecord, ExtClientIdRecord,
    InstrumentRecord, NewOrderRecord, ReplaceRecord, TradedRecord,
)
from shm.ring cimport Producer

cdef enum:
    ASKS = 0
    BIDS = 1
    MAX_INSTRUMENTS = 65536
    START_SLOTS = 2     # events that a command may emit before it can wait for more slots

DEFAULT_ORDERS = 65536
DEFAULT_LEVELS = 8192

assert sizeof(Order) == 48


cdef int fail(const char *what, uint64_t seq) except -1 nogil:
    """A command that the router must not let through is a bug of ours: the process ends."""
    with gil:
        raise RuntimeError(f"{what.decode()}: command {seq} of the log")


cdef uint32_t tag_of_item(const Index *index, const char *item) noexcept nogil:
    return tag_of_serial(index, (<const Order *> item).order_id)


cdef inline int ladder_side(uint8_t side) noexcept nogil:
    return BIDS if side == SIDE_BUY else ASKS


cdef inline int64_t key_of(int ladder, int64_t price_ticks) noexcept nogil:
    """From price to key, and back: its own inverse."""
    return ~price_ticks if ladder == BIDS else price_ticks


cdef inline int64_t price_of(const Level *level) noexcept nogil:
    return key_of(level.owner & 1, level.key)


cdef inline uint8_t side_of(const Level *level) noexcept nogil:
    return SIDE_BUY if level.owner & 1 else SIDE_SELL


cdef class Book:
    """The books of one matcher, emitting into `events`. Pools for `orders` and `levels` are there from the start.

    For each command: `execute` until it returns 1, with `outcome.open` in between to make slots available;
    `outcome.publish` then shows what was emitted so far.
    """

    def __cinit__(self, Producer events, uint32_t orders=DEFAULT_ORDERS, uint32_t levels=DEFAULT_LEVELS):
        self.outcome = Outcome(events)
        self.listings = NULL
        self.listing_count = 0
        memset(&self.incoming, 0, sizeof(Incoming))
        pool_open(&self.orders, sizeof(Order), orders)
        index_open(&self.by_id)
        levels_open(&self.levels, levels)

    def __dealloc__(self):
        pool_close(&self.orders)
        index_close(&self.by_id)
        levels_close(&self.levels)
        free(self.listings)

    cdef bint lists(self, uint32_t instrument) noexcept nogil:
        return instrument < self.listing_count and self.listings[instrument].listed

    cdef int execute(self, const CommandRecord *command) except -1 nogil:
        """Carry out an accepted command for a listed instrument, or note a client id for the command after it.

        Returns 1 when it is done, and 0 when it waits for slots: then the same command must come again. RuntimeError
        for a command that the router should have refused.
        """
        if self.incoming.active:
            return self.match()
        if self.outcome.end - self.outcome.number < START_SLOTS:
            return 0
        self.outcome.begin(command)
        if command.type == CMD_NEW_ORDER:
            return self.enter(<const NewOrderRecord *> command)
        if command.type == CMD_CANCEL:
            return self.cancel(<const CancelRecord *> command)
        if command.type == CMD_REPLACE:
            return self.replace(<const ReplaceRecord *> command)
        if command.type == CMD_EXT_CLIENT_ID:
            self.outcome.name_target(<const ExtClientIdRecord *> command)
            return 1
        if command.type == CMD_INSTRUMENT:
            return self.define(<const InstrumentRecord *> command)
        return fail(b"no command for a book", command.seq)

    cdef void expect(self, const CommandRecord *command, const CommandRecord *nearer) noexcept nogil:
        """These come soon, `nearer` first: ask for the memory that they will need. A hint, it changes nothing."""
        cdef const NewOrderRecord *order = <const NewOrderRecord *> command
        cdef int side = ladder_side(order.side)
        cdef uint32_t tag, place
        if command.type == CMD_NEW_ORDER:
            index_prefetch(&self.by_id, tag_of_serial(&self.by_id, command.seq))
            place = level_find(&self.levels, order.instrument * 2 + side, key_of(side, order.price_ticks))
            prefetch(pool_at(&self.orders, level_at(&self.levels, place).tail))
        elif command.type == CMD_CANCEL:
            index_prefetch(&self.by_id, tag_of_serial(&self.by_id, (<const CancelRecord *> command).order_id))
        elif command.type == CMD_REPLACE:
            index_prefetch(&self.by_id, tag_of_serial(&self.by_id, (<const ReplaceRecord *> command).order_id))
        if nearer.type == CMD_CANCEL:
            place = tag = tag_of_serial(&self.by_id, (<const CancelRecord *> nearer).order_id)
            prefetch(pool_at(&self.orders, index_next(&self.by_id, tag, &place)))

    cdef int define(self, const InstrumentRecord *command) except -1 nogil:
        """List an instrument, or change the terms of a listed one; its resting orders stay. Returns 1."""
        cdef uint32_t count = self.listing_count if self.listing_count else 64
        cdef Listing *grown
        if command.instrument >= MAX_INSTRUMENTS:
            return fail(b"an instrument's number is out of range", command.seq)
        while count <= command.instrument:
            count *= 2
        if count > self.listing_count:
            grown = <Listing *> realloc(self.listings, count * sizeof(Listing))
            if grown == NULL:
                with gil:
                    raise MemoryError(f"no memory for {count} instruments")
            memset(grown + self.listing_count, 0, (count - self.listing_count) * sizeof(Listing))
            self.listings = grown
            self.listing_count = count
        self.listings[command.instrument].listed = True
        self.listings[command.instrument].unit_value = command.unit_value
        self.listings[command.instrument].lot_units = command.lot_units
        return 1

    cdef int enter(self, const NewOrderRecord *command) except -1 nogil:
        cdef Incoming *incoming = &self.incoming
        if not self.lists(command.instrument):
            return fail(b"an order for an instrument that is not listed", command.seq)
        if command.quantity_lots <= 0 or (command.side != SIDE_BUY and command.side != SIDE_SELL):
            return fail(b"an order without a side or a quantity", command.seq)
        self.outcome.head.instrument = command.instrument
        self.outcome.accepted(command)
        incoming.active = True
        incoming.rests = command.ord_type == ORD_TYPE_LIMIT and command.time_in_force == TIF_GTC
        incoming.side = command.side
        incoming.reason = (
            CANCEL_REASON_MARKET_REMAINDER if command.ord_type == ORD_TYPE_MARKET else CANCEL_REASON_IOC_REMAINDER
        )
        incoming.order_id = command.seq
        incoming.account = command.account
        incoming.session = command.session
        incoming.msg_seq_num = command.msg_seq_num
        incoming.price_ticks = command.price_ticks
        incoming.leaves_lots = command.quantity_lots
        incoming.filled_lots = 0
        incoming.maker_fee_ppm = command.maker_fee_ppm
        incoming.taker_fee_ppm = command.taker_fee_ppm
        return self.match()

    cdef int cancel(self, const CancelRecord *command) except -1 nogil:
        cdef uint32_t item = self.find(command.order_id, command.instrument)
        cdef const Order *order
        cdef Withdrawal withdrawal
        self.outcome.head.instrument = command.instrument
        if item == NIL:
            self.outcome.refused(
                <const CommandRecord *> command, command.cl_ord_id, command.msg_seq_num, command.order_id, 0, 0,
                command.side, CODE_ORDER_CLOSED,
            )
            return 1
        order = <const Order *> pool_at(&self.orders, item)
        withdrawal.order_id = order.order_id
        withdrawal.price_ticks = price_of(level_at(&self.levels, order.level))
        withdrawal.leaves_lots = order.leaves_lots
        withdrawal.account = order.account
        withdrawal.session = command.session
        withdrawal.msg_seq_num = command.msg_seq_num
        withdrawal.side = side_of(level_at(&self.levels, order.level))
        withdrawal.reason = CANCEL_REASON_REQUESTED
        withdrawal.cl_ord_id = <const char *> &command.cl_ord_id[0]
        self.outcome.cancelled(&withdrawal)
        self.remove(item)
        return 1

    cdef int replace(self, const ReplaceRecord *command) except -1 nogil:
        """Less at the same price keeps its place in the queue; anything else goes to the tail, or trades at once."""
        cdef uint32_t item = self.find(command.order_id, command.instrument)
        cdef Order *order
        cdef Level *level
        cdef int64_t leaves_lots
        cdef bint kept
        self.outcome.head.instrument = command.instrument
        if item == NIL:
            return self.refuse(command, 0, CODE_ORDER_CLOSED)
        order = <Order *> pool_at(&self.orders, item)
        level = level_at(&self.levels, order.level)
        if command.quantity_lots <= order.filled_lots:
            return self.refuse(command, side_of(level), CODE_QUANTITY_BELOW_FILLED)
        leaves_lots = command.quantity_lots - order.filled_lots
        kept = price_of(level) == command.price_ticks and leaves_lots <= order.leaves_lots
        self.outcome.replaced(command, side_of(level), leaves_lots, price_of(level), order.leaves_lots, kept)
        if kept:
            level.lots -= order.leaves_lots - leaves_lots
            order.leaves_lots = leaves_lots
            return 1
        return self.move(item, command.price_ticks, leaves_lots)

    cdef int refuse(self, const ReplaceRecord *command, uint8_t side, int code) noexcept nogil:
        self.outcome.refused(
            <const CommandRecord *> command, command.cl_ord_id, command.msg_seq_num, command.order_id,
            command.price_ticks, command.quantity_lots, side, code,
        )
        return 1

    cdef int move(self, uint32_t item, int64_t price_ticks, int64_t leaves_lots) except -1 nogil:
        """Take an order out of the book and let it come in again with new terms."""
        cdef const Order *order = <const Order *> pool_at(&self.orders, item)
        cdef Incoming *incoming = &self.incoming
        incoming.active = True
        incoming.rests = True
        incoming.side = side_of(level_at(&self.levels, order.level))
        incoming.order_id = order.order_id
        incoming.account = order.account
        incoming.price_ticks = price_ticks
        incoming.leaves_lots = leaves_lots
        incoming.filled_lots = order.filled_lots
        incoming.maker_fee_ppm = order.maker_fee_ppm
        incoming.taker_fee_ppm = order.taker_fee_ppm
        self.remove(item)
        return self.match()

    cdef int match(self) except -1 nogil:
        """Trade the incoming order while it crosses, then rest or cancel what is left. Returns 0 when out of slots."""
        cdef Incoming *incoming = &self.incoming
        cdef int against = 1 - ladder_side(incoming.side)
        cdef Ladder *ladder = &self.listings[self.outcome.head.instrument].ladders[against]
        cdef int64_t limit = key_of(against, incoming.price_ticks)
        cdef Level *level
        while incoming.leaves_lots and ladder.best != NIL:
            level = level_at(&self.levels, ladder.best)
            if level.key > limit:
                break
            if self.outcome.number == self.outcome.end:
                return 0
            self.trade(ladder, level)
        if incoming.leaves_lots and incoming.rests:
            self.rest()
        elif incoming.leaves_lots:
            if self.outcome.number == self.outcome.end:
                return 0
            self.give_up()
        incoming.active = False
        return 1

    cdef void give_up(self) noexcept nogil:
        """Cancel what is left of an incoming order that may not rest."""
        cdef const Incoming *incoming = &self.incoming
        cdef Withdrawal withdrawal
        withdrawal.order_id = incoming.order_id
        withdrawal.price_ticks = incoming.price_ticks
        withdrawal.leaves_lots = incoming.leaves_lots
        withdrawal.account = incoming.account
        withdrawal.session = incoming.session
        withdrawal.msg_seq_num = incoming.msg_seq_num
        withdrawal.side = incoming.side
        withdrawal.reason = incoming.reason
        withdrawal.cl_ord_id = NULL
        self.outcome.cancelled(&withdrawal)

    cdef int trade(self, Ladder *ladder, Level *level) except -1 nogil:
        """One match, with the order that has waited longest at the best price."""
        cdef Incoming *incoming = &self.incoming
        cdef const Listing *listing = &self.listings[self.outcome.head.instrument]
        cdef uint32_t item = level.head
        cdef const Order *maker = <const Order *> pool_at(&self.orders, item)
        cdef int64_t lots = maker.leaves_lots if maker.leaves_lots < incoming.leaves_lots else incoming.leaves_lots
        cdef int64_t price_ticks = price_of(level)
        cdef bint buys = incoming.side == SIDE_BUY
        cdef int64_t in_base = base_fee(
            listing.lot_units, lots, incoming.taker_fee_ppm if buys else maker.maker_fee_ppm
        )
        cdef int64_t in_quote = quote_fee(
            listing.unit_value, price_ticks, lots, maker.maker_fee_ppm if buys else incoming.taker_fee_ppm
        )
        cdef TradedRecord *event = self.outcome.traded()
        incoming.leaves_lots -= lots
        incoming.filled_lots += lots
        event.maker_order_id = maker.order_id
        event.taker_order_id = incoming.order_id
        event.price_ticks = price_ticks
        event.quantity_lots = lots
        event.maker_leaves_lots = maker.leaves_lots - lots
        event.taker_leaves_lots = incoming.leaves_lots
        event.maker_fee = in_quote if buys else in_base
        event.taker_fee = in_base if buys else in_quote
        event.maker_account = maker.account
        event.taker_account = incoming.account
        event.taker_side = incoming.side
        self.shrink(ladder, item, lots)
        return 0

    cdef int rest(self) except -1 nogil:
        """Put what is left of the incoming order at the tail of its price."""
        cdef Incoming *incoming = &self.incoming
        cdef int side = ladder_side(incoming.side)
        cdef uint32_t owner = self.outcome.head.instrument * 2 + side
        cdef int64_t key = key_of(side, incoming.price_ticks)
        cdef uint32_t item = pool_take(&self.orders)
        cdef uint32_t at = level_find(&self.levels, owner, key)
        cdef Order *order = <Order *> pool_at(&self.orders, item)
        cdef Level *level
        if at == NIL:
            at = level_add(&self.levels, &self.listings[self.outcome.head.instrument].ladders[side], owner, key)
        level = level_at(&self.levels, at)
        order.order_id = incoming.order_id
        order.instrument = self.outcome.head.instrument
        order.account = incoming.account
        order.leaves_lots = incoming.leaves_lots
        order.filled_lots = incoming.filled_lots
        order.level = at
        order.next = NIL
        order.prev = level.tail
        order.maker_fee_ppm = incoming.maker_fee_ppm
        order.taker_fee_ppm = incoming.taker_fee_ppm
        if level.tail != NIL:
            (<Order *> pool_at(&self.orders, level.tail)).next = item
        else:
            level.head = item
        level.tail = item
        level.orders += 1
        level.lots += incoming.leaves_lots
        index_put(&self.by_id, tag_of_serial(&self.by_id, order.order_id), item)
        return 0

    cdef void shrink(self, Ladder *ladder, uint32_t item, int64_t lots) noexcept nogil:
        """Take traded lots off a resting order, and the order out of the book when nothing is left."""
        cdef Order *order = <Order *> pool_at(&self.orders, item)
        if order.leaves_lots == lots:
            self.remove(item)
            return
        order.leaves_lots -= lots
        order.filled_lots += lots
        level_at(&self.levels, order.level).lots -= lots

    cdef void remove(self, uint32_t item) noexcept nogil:
        """Take a resting order out of its queue and the index, and its level out of the ladder if it was the last."""
        cdef Order *order = <Order *> pool_at(&self.orders, item)
        cdef Level *level = level_at(&self.levels, order.level)
        index_remove(&self.by_id, tag_of_serial(&self.by_id, order.order_id), item)
        if order.prev != NIL:
            (<Order *> pool_at(&self.orders, order.prev)).next = order.next
        else:
            level.head = order.next
        if order.next != NIL:
            (<Order *> pool_at(&self.orders, order.next)).prev = order.prev
        else:
            level.tail = order.prev
        level.orders -= 1
        level.lots -= order.leaves_lots
        if level.orders == 0:
            level_remove(&self.levels, self.ladder_of(level), order.level)
        pool_give(&self.orders, item)

    cdef uint32_t find(self, uint64_t order_id, uint32_t instrument) noexcept nogil:
        """The resting order with this id in this instrument, or NIL."""
        cdef uint32_t tag = tag_of_serial(&self.by_id, order_id)
        return index_find(&self.by_id, &self.orders, tag, order_id, instrument)

    cdef Ladder *ladder_of(self, const Level *level) noexcept nogil:
        return &self.listings[level.owner >> 1].ladders[level.owner & 1]

    def apply(self, bytes record) -> bool:
        """Execute one record of 120 bytes and publish, for tests and tools. False: out of slots, apply it again."""
        if len(record) != RECORD_SIZE:
            raise ValueError(f"a record is {RECORD_SIZE} bytes, not {len(record)}")
        self.outcome.open(self.outcome.events.ring.capacity)
        done = self.execute(<const CommandRecord *> <const char *> record)
        self.outcome.publish()
        return bool(done)

    def depth(self, uint32_t instrument, uint8_t side) -> list[tuple[int, int, int]]:
        """All levels of one side, best first: price in ticks, sum of leaves in lots, number of orders."""
        cdef const Level *level
        cdef uint32_t item = self.listings[instrument].ladders[ladder_side(side)].best
        found = []
        while item != NIL:
            level = level_at(&self.levels, item)
            lots = (<int64_t> (level.lots >> 64)) * 2**64 + <uint64_t> level.lots
            found.append((price_of(level), lots, level.orders))
            item = level.worse
        return found

    def queue(self, uint32_t instrument, uint8_t side, int64_t price_ticks) -> list[tuple[int, int]]:
        """The orders at one price, in the order in which they will trade: order_id, leaves in lots."""
        cdef int ladder = ladder_side(side)
        cdef uint32_t at = level_find(&self.levels, instrument * 2 + ladder, key_of(ladder, price_ticks))
        cdef uint32_t item = level_at(&self.levels, at).head if at != NIL else NIL
        cdef const Order *order
        found = []
        while item != NIL:
            order = <const Order *> pool_at(&self.orders, item)
            found.append((order.order_id, order.leaves_lots))
            item = order.next
        return found

    def memory(self) -> dict[str, int]:
        """Bytes in use by resting orders, their index, and all that price levels need."""
        return {
            "orders": self.orders.live * self.orders.item_size,
            "index": index_size(&self.by_id),
            "levels": self.levels.pool.live * self.levels.pool.item_size + index_size(&self.levels.index),
        }

    @property
    def resting(self) -> int:
        """How many orders rest in all books."""
        return self.orders.live

    def check(self) -> None:
        """AssertionError unless queues, sums, chains, trees, indexes and pools agree, and nothing is crossed."""
        cdef uint32_t instrument, side, item
        cdef uint64_t levels = 0
        cdef uint64_t orders = 0
        cdef Ladder *ladders
        for instrument in range(self.listing_count):
            ladders = self.listings[instrument].ladders
            for side in range(2):
                ladder_check(&self.levels, &ladders[side], instrument * 2 + side)
                levels += ladders[side].count
                item = ladders[side].best
                while item != NIL:
                    orders += self.check_queue(item)
                    item = level_at(&self.levels, item).worse
            if ladders[ASKS].best != NIL and ladders[BIDS].best != NIL and not self.incoming.active:
                ask = price_of(level_at(&self.levels, ladders[ASKS].best))
                bid = price_of(level_at(&self.levels, ladders[BIDS].best))
                assert bid < ask, f"instrument {instrument} is crossed: {bid} is bid and {ask} is asked"
        pool_check(&self.orders)
        assert levels_check(&self.levels) == levels, "there are levels that no ladder has"
        assert index_check(&self.by_id, &self.orders, tag_of_item) == orders, "index and queues have other orders"
        assert self.orders.live == orders, f"{self.orders.live} orders in the pool, {orders} in the queues"

    cdef int check_queue(self, uint32_t level) except -1:
        """The number of orders at a level. AssertionError unless links, sums and the index are right."""
        cdef const Level *at = level_at(&self.levels, level)
        cdef uint32_t item = at.head
        cdef uint32_t before = NIL
        cdef uint32_t count = 0
        cdef int128 lots = 0
        cdef const Order *order
        while item != NIL:
            order = <const Order *> pool_at(&self.orders, item)
            assert order.level == level and order.instrument == at.owner >> 1, f"order {order.order_id} is misplaced"
            assert order.prev == before, f"order {order.order_id} does not link back"
            assert order.leaves_lots > 0 and order.filled_lots >= 0, f"order {order.order_id} has nothing left"
            assert self.find(order.order_id, order.instrument) == item, f"order {order.order_id} is not in the index"
            lots += order.leaves_lots
            count += 1
            before = item
            item = order.next
        assert at.tail == before and at.orders == count and count > 0, f"level {level} counts {at.orders}, has {count}"
        assert at.lots == lots, f"level {level} sums its orders up wrongly"
        return count
