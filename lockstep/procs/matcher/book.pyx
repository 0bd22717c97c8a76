"""The order books of one matcher: all its instruments, from commands to events.

It is a pure function of the commands: no clock, no socket, no name of a ring. It never drops an event: if there is
no slot for the next one, it stops in mid-command and goes on from there when it is called again.

A command goes through stages (`Stage`): an order comes in and is matched; what it triggers comes in
after it; a change of phase trades what was collected, cancels, wakes. docs/rules.md has the rules, and the modules
beside this one carry them out; this one puts them in order.
"""

from types import MappingProxyType

from libc.stdint cimport UINT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from lockstep.core.schema.records cimport (
    CANCEL_REASON_EXPIRED, CANCEL_REASON_MASS_CANCEL, CANCEL_REASON_VOIDED, CMD_ACCOUNT_LIMITS, CMD_ACTIVATE,
    CMD_EXT_CLIENT_ID, CMD_EXT_LEG, CMD_EXT_LIST_NAME, CMD_EXT_TERMS, CMD_INSTRUMENT, CMD_LIMITS, CMD_MASS_CANCEL,
    CMD_NEW_ORDER, CMD_PHASE, CMD_REPLACE, CMD_TICK, ORDER_FLAG_TERMS, PHASE_CONTINUOUS, PHASE_REASON_COMMAND,
    PHASE_REASON_PRICE_BAND, PHASE_REASON_TIMER, PHASE_VOLATILITY_AUCTION, RECORD_SIZE, SIDE_BUY, SIDE_SELL,
    TRIGGER_REASON_AUCTION, TRIGGER_REASON_STOP, ActivateRecord, CancelRecord, ExtClientIdRecord, ExtLegRecord,
    ExtListNameRecord, ExtTermsRecord, ReplaceRecord,
)
from lockstep.core.tables.array cimport array_at, array_close, array_open, array_push
from lockstep.core.tables.index cimport index_size
from lockstep.core.tables.pool cimport NIL
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.matcher.amend cimport cancel, replace
from lockstep.procs.matcher.auction cimport Crossing, crossing_of, uncross
from lockstep.procs.matcher.check cimport check_orders
from lockstep.procs.matcher.entry cimport activate, enter, note_leg, note_name, note_terms, start
from lockstep.procs.matcher.event_writer cimport answers, is_full
from lockstep.procs.matcher.expiry cimport heap_first
from lockstep.procs.matcher.image cimport give_away, image_of, take_over
from lockstep.procs.matcher.inspection cimport depth_of, shown_of, standing_at
from lockstep.procs.matcher.matching cimport finish_incoming, match
from lockstep.procs.matcher.orders cimport (
    MAX_ACCOUNTS, QUEUE, book_side, is_listed, is_trading, list_instrument, listing_of, order_at, terms_at,
)
from lockstep.procs.matcher.phases cimport (
    announce, begin_change, collect_awaited, collect_closed, collect_ended, ends_in_trades, indicate, listings_due,
    set_limits, volatility_ends,
)
from lockstep.procs.matcher.resting cimport withdraw
from lockstep.procs.matcher.state cimport digest_listing, digest_orders, load_orders, save_orders
from lockstep.procs.matcher.stop_orders cimport first_in_queue, look
from lockstep.procs.matcher.voided_command cimport void_command
from lockstep.procs.matcher.worklist cimport (
    OrderFilter, worklist_abandon, worklist_add_all, worklist_add_expired, worklist_begin, worklist_close,
    worklist_next, worklist_open, worklist_sort,
)
from lockstep.shm.ring cimport Producer

NOTHING = MappingProxyType({})
DEFAULT_ORDERS = 65536
DEFAULT_LEVELS = 8192

cdef enum:
    NEAR_ORDERS = 8192      # with their index and levels, about a megabyte


cdef int fail(const char *what, uint64_t seq) except -1 nogil:
    """A command that the router should have refused is a bug: the process ends."""
    with gil:
        raise RuntimeError(f"{what.decode()}: command {seq} of the log")


cdef inline const Voided *voided_at(Book book, uint64_t place) noexcept nogil:
    return <const Voided *> array_at(&book.voided, place)


cdef class Book:
    """The books of one matcher, emitting into `events`. Pools for `orders` and `levels` are there from the start.

    `voided` are commands that an operator took out, by log sequence: how many of their events had been shown before.

    For each command: `execute` until it returns 1, with `writer.open` in between to make slots available;
    `writer.publish` then shows what was emitted so far.
    """

    def __cinit__(
        self, Producer events, uint32_t orders=DEFAULT_ORDERS, uint32_t levels=DEFAULT_LEVELS, object voided=NOTHING
    ):
        self.writer = EventWriter(events)
        self.orders = Orders(self.writer, orders, levels)
        self.stage = self.after = IDLE
        memset(&self.incoming, 0, sizeof(Incoming))
        memset(&self.extensions, 0, sizeof(Extensions))
        worklist_open(&self.worklist)
        array_open(&self.voided, sizeof(Voided), len(voided) + 1)
        for seq, published in sorted(voided.items()):
            (<Voided *> array_push(&self.voided))[0] = Voided(seq, published)
        self.find_void(0)

    def __dealloc__(self):
        worklist_close(&self.worklist)
        array_close(&self.voided)

    cdef bint lists(self, uint32_t instrument) noexcept nogil:
        return is_listed(self.orders, instrument)

    cdef uint64_t due(self) noexcept nogil:
        """The log time, in ns, from which a tick changes something; 0: none does."""
        cdef uint32_t first = heap_first(&self.orders.expiries)
        if self.orders.is_due_stale:
            self.orders.is_due_stale = False
            self.listings_due_ns = listings_due(self.orders)
        if first == NIL:
            return self.listings_due_ns
        if self.listings_due_ns == 0:
            return terms_at(self.orders, first).expire_ns
        return min(self.listings_due_ns, terms_at(self.orders, first).expire_ns)

    cdef bint is_large(self) noexcept nogil:
        """Whether open orders have outgrown the core's caches: then it pays to prefetch for commands."""
        return self.orders.pool.live > NEAR_ORDERS

    cdef int execute(self, const CommandRecord *command) except -1 nogil:
        """Carry out an accepted command for a listed instrument, or note an extension of the command after it.

        Returns 1 when it is done, and 0 when it waits for slots: then the same command must come again. RuntimeError
        for a command that the router should have refused.
        """
        if self.stage == IDLE:
            if command.type == CMD_EXT_CLIENT_ID:
                self.writer.name_target(<const ExtClientIdRecord *> command)
                return 1
            if command.seq >= self.next_void.seq:
                self.find_void(command.seq)
            self.stage = self.begin(command) if command.seq != self.next_void.seq else self.begin_void(command)
        else:
            self.orders.is_due_stale = True  # `due` was asked in the middle of this command
        if self.is_voided:
            self.go_on_voided()
        while self.stage != DONE:
            if is_full(self.writer):
                return 0
            self.stage = self.step()
        if self.writer.spilled:
            return 0
        self.stage = IDLE
        return 1

    cdef Stage begin(self, const CommandRecord *command) except? IDLE nogil:
        """Begin a command, or note an extension; returns its next stage."""
        if command.type <= CMD_REPLACE:
            self.writer.begin(command)
            self.is_tick = False
            return self.begin_order(command)
        if command.type == CMD_EXT_TERMS:
            note_terms(&self.extensions, <const ExtTermsRecord *> command)
            return DONE
        if command.type == CMD_EXT_LEG:
            note_leg(&self.extensions, <const ExtLegRecord *> command)
            return DONE
        if command.type == CMD_EXT_LIST_NAME:
            note_name(&self.extensions, <const ExtListNameRecord *> command)
            return DONE
        self.writer.begin(command)
        self.is_tick = command.type == CMD_TICK
        return self.begin_other(command)

    cdef void find_void(self, uint64_t seq) noexcept nogil:
        """Find the first voided command from `seq` on, if there is one."""
        while self.void_place < self.voided.count and voided_at(self, self.void_place).seq < seq:
            self.void_place += 1
        self.next_void.seq = UINT64_MAX
        if self.void_place < self.voided.count:
            self.next_void = voided_at(self, self.void_place)[0]

    cdef Stage begin_void(self, const CommandRecord *command) except? IDLE nogil:
        """Report a voided command instead of carrying it out; if some of its events exist, begin it and abandon it."""
        cdef bint stands = command.type in (CMD_EXT_TERMS, CMD_EXT_LEG, CMD_EXT_LIST_NAME, CMD_INSTRUMENT)
        self.began = self.writer.number
        self.is_voided = True
        if self.next_void.published != 0 or stands:
            return self.begin(command)
        self.writer.begin(command)
        self.orders.is_due_stale = True
        if command.type <= CMD_REPLACE:
            self.require((<const NewOrderRecord *> command).instrument, command.seq)
        elif command.type == CMD_ACTIVATE:
            self.require((<const ActivateRecord *> command).instrument, command.seq)
        void_command(self.orders, command, &self.extensions)
        return DONE

    cdef int go_on_voided(self) except -1 nogil:
        """Carry out a voided command as far as its events were shown, then end the order that came in; drop the rest.

        It is DONE then, or waits for slots.
        """
        cdef uint64_t end = self.writer.end
        while self.stage != DONE and self.writer.number < end:
            if self.writer.number - self.began >= self.next_void.published:
                self.abandon()
                self.stage = DONE
                break
            self.writer.end = min(end, self.began + self.next_void.published)
            self.stage = self.step()
            self.writer.end = end
            self.writer.pour()
        self.is_voided = self.stage != DONE
        return 0

    cdef int abandon(self) except -1 nogil:
        self.orders.is_due_stale = True
        if self.stage == MATCHING:
            self.incoming.ended = CANCEL_REASON_VOIDED
            finish_incoming(self.orders, &self.incoming)
        elif self.stage == CANCELLING:
            worklist_abandon(&self.worklist, self.orders)
        return 0

    cdef Stage begin_order(self, const CommandRecord *command) except? IDLE nogil:
        """A command about one order. It has at most one incoming order; only that may wait for slots."""
        cdef const NewOrderRecord *order = <const NewOrderRecord *> command
        cdef const ReplaceRecord *change = <const ReplaceRecord *> command
        cdef const ExtTermsRecord *terms = NULL
        cdef bint comes_in = False
        self.require(order.instrument, command.seq)
        if command.type == CMD_NEW_ORDER:
            if order.quantity_lots <= 0 or (order.side != SIDE_BUY and order.side != SIDE_SELL):
                fail(b"an order without a side or a quantity", command.seq)
            answers(self.writer, command.seq, command.session, order.msg_seq_num)
            comes_in = enter(self.orders, &self.incoming, order, &self.extensions)
        elif command.type == CMD_REPLACE:
            if change.flags & ORDER_FLAG_TERMS:
                terms = &self.extensions.terms
            comes_in = replace(self.orders, &self.incoming, change, terms)
        else:
            cancel(self.orders, <const CancelRecord *> command)
            return DONE
        return MATCHING if comes_in else self.rest_of_queue()

    cdef Stage begin_other(self, const CommandRecord *command) except? IDLE nogil:
        cdef const PhaseChangeRecord *phase = <const PhaseChangeRecord *> command
        cdef const AccountLimitsRecord *limits = <const AccountLimitsRecord *> command
        if command.type == CMD_TICK:
            return self.begin_tick()
        if command.type == CMD_MASS_CANCEL:
            return self.begin_mass_cancel(<const MassCancelRecord *> command)
        if command.type == CMD_ACTIVATE:
            self.require((<const ActivateRecord *> command).instrument, command.seq)
            if activate(self.orders, &self.incoming, <const ActivateRecord *> command):
                return MATCHING
            return self.rest_of_queue()
        if command.type == CMD_PHASE:
            self.require(phase.instrument, command.seq)
            if begin_change(self.orders, &self.change, phase.instrument, phase.phase, PHASE_REASON_COMMAND):
                return CHANGING
        elif command.type == CMD_LIMITS:
            self.require((<const LimitsRecord *> command).instrument, command.seq)
            set_limits(self.orders, <const LimitsRecord *> command)
        elif command.type == CMD_ACCOUNT_LIMITS:
            if limits.target >= MAX_ACCOUNTS:
                fail(b"an account's number is out of range", command.seq)
            self.orders.groups[limits.target] = limits.self_trade_group
        elif command.type == CMD_INSTRUMENT:
            list_instrument(self.orders, <const InstrumentRecord *> command)
        else:
            fail(b"no command for a book", command.seq)
        return DONE

    cdef int require(self, uint32_t instrument, uint64_t seq) except -1 nogil:
        """The command is about this instrument, which must be listed."""
        if not is_listed(self.orders, instrument):
            return fail(b"a command for an instrument that is not listed", seq)
        self.instrument = instrument
        self.writer.head.instrument = instrument
        if not is_trading(listing_of(self.orders, instrument)):
            self.orders.is_due_stale = True  # the indicative price may have to be published
        return 0

    cdef Stage begin_tick(self) except? IDLE nogil:
        """First all orders that expire, then each instrument's auctions."""
        worklist_begin(&self.worklist, CANCEL_REASON_EXPIRED)
        worklist_add_expired(&self.worklist, self.orders, self.writer.head.time_ns)
        worklist_sort(&self.worklist)
        self.orders.is_due_stale = True
        self.ticked = 0
        self.after = TICKING
        return CANCELLING

    cdef Stage begin_mass_cancel(self, const MassCancelRecord *command) except? IDLE nogil:
        cdef OrderFilter wanted
        wanted.instrument = command.instrument
        wanted.account = command.target
        wanted.side = command.side
        wanted.flags = 0
        wanted.spares_halted = command.target != 0 and command.target == command.account
        worklist_begin(&self.worklist, CANCEL_REASON_MASS_CANCEL)
        if command.instrument != 0:
            self.require(command.instrument, command.seq)
        worklist_add_all(&self.worklist, self.orders, &wanted)
        worklist_sort(&self.worklist)
        self.orders.is_due_stale = True
        self.after = DONE
        return CANCELLING

    cdef Stage step(self) except? IDLE nogil:
        """Go on with the stage that the command is in, as far as there are slots; returns the stage it is in then."""
        if self.stage == MATCHING:
            return self.finish_order() if match(self.orders, &self.incoming) else MATCHING
        if self.stage == TRIGGERING:
            return self.next_triggered()
        if self.stage == CANCELLING:
            return self.next_cancelled()
        if self.stage == TICKING:
            return self.next_instrument()
        if self.stage == WAKING:
            return self.next_awaited()
        return self.next_change()

    cdef Stage finish_order(self) except? IDLE nogil:
        """An incoming order is done: stops look at its prices, and a band that it met may end trading."""
        cdef const Incoming *incoming = &self.incoming
        if incoming.has_traded:
            look(self.orders, incoming.instrument, incoming.first_ticks)
            if incoming.last_ticks != incoming.first_ticks:
                look(self.orders, incoming.instrument, incoming.last_ticks)
        if incoming.has_breached:
            begin_change(
                self.orders, &self.change, incoming.instrument, PHASE_VOLATILITY_AUCTION, PHASE_REASON_PRICE_BAND
            )
            return CHANGING
        return self.rest_of_queue()

    cdef Stage rest_of_queue(self) noexcept nogil:
        """Orders that have triggered, if any, come in next."""
        if listing_of(self.orders, self.instrument).ladders[QUEUE].best != NIL:
            return TRIGGERING
        return TICKING if self.is_tick else DONE

    cdef Stage next_triggered(self) except? IDLE nogil:
        """The next triggered order comes in, if the instrument is trading."""
        cdef uint32_t item = first_in_queue(self.orders, self.instrument)
        if item == NIL or not is_trading(listing_of(self.orders, self.instrument)):
            return TICKING if self.is_tick else DONE
        start(self.orders, &self.incoming, item, TRIGGER_REASON_STOP)
        return MATCHING

    cdef Stage next_change(self) except? IDLE nogil:
        """A change of phase, part by part: the orders that a part ends or wakes come before the next part."""
        if self.stage == CHANGING:
            if ends_in_trades(&self.change) and not uncross(self.orders, self.change.instrument, &self.change.auction):
                return CHANGING
            announce(self.orders, &self.change)
            collect_ended(self.orders, &self.change, &self.worklist)
            self.after = CLOSING
            return CANCELLING
        if self.stage == CLOSING:
            collect_closed(self.orders, &self.change, &self.worklist)
            self.after = AWAITED
            return CANCELLING
        if self.stage == AWAITED:
            collect_awaited(self.orders, &self.change, &self.worklist)
            return WAKING
        if self.change.phase == PHASE_CONTINUOUS and listing_of(self.orders, self.change.instrument).has_traded:
            look(self.orders, self.change.instrument, listing_of(self.orders, self.change.instrument).last_ticks)
        return TRIGGERING

    cdef Stage next_cancelled(self) except? IDLE nogil:
        cdef uint32_t item
        while not is_full(self.writer):
            item = worklist_next(&self.worklist, self.orders)
            if item == NIL:
                return self.after
            self.writer.head.instrument = order_at(self.orders, item).instrument
            withdraw(self.orders, item, self.worklist.reason, NULL)
        return CANCELLING

    cdef Stage next_awaited(self) except? IDLE nogil:
        """The next order that waited for the auction comes into its book."""
        cdef uint32_t item = worklist_next(&self.worklist, self.orders)
        if item == NIL:
            return OPENED
        start(self.orders, &self.incoming, item, TRIGGER_REASON_AUCTION)
        finish_incoming(self.orders, &self.incoming)
        return WAKING

    cdef Stage next_instrument(self) except? IDLE nogil:
        """The next instrument for which the tick changes something."""
        cdef uint32_t instrument
        while not is_full(self.writer):
            if self.ticked == self.orders.listed_count:
                return DONE
            instrument = self.instrument = self.orders.listed[self.ticked]
            self.ticked += 1
            self.writer.head.instrument = instrument
            if volatility_ends(listing_of(self.orders, instrument), self.writer.head.time_ns):
                begin_change(self.orders, &self.change, instrument, PHASE_CONTINUOUS, PHASE_REASON_TIMER)
                return CHANGING
            indicate(self.orders, instrument)
        return TICKING

    def give_away(self, uint32_t instrument) -> bytes:
        """Hand over everything about an instrument and its orders, and forget them."""
        image = image_of(self.orders, instrument)
        give_away(self.orders, instrument)
        return image

    def take_over(self, uint32_t instrument, bytes image not None) -> None:
        """Take over an instrument that another matcher gave away. ValueError if the image is not of this build."""
        take_over(self.orders, instrument, image)

    def save(self, Saver saver not None) -> None:
        """Add the state to a part, between two commands. OSError; RuntimeError in the middle of a command."""
        if self.stage != IDLE:
            raise RuntimeError("a book is saved between two commands only")
        saver.put_64(self.writer.number)
        save_orders(self.orders, saver)

    def load(self, Loader loader not None) -> None:
        """Load a saved book into a new one, whose event ring begins where the saved one's events ended.

        DamagedPart, MemoryError; RuntimeError if the ring begins elsewhere.
        """
        cdef uint64_t number = loader.get_64()
        if number != self.writer.number:
            raise RuntimeError(f"the book goes on with event {number}, and its ring with {self.writer.number}")
        load_orders(self.orders, loader)

    def digests(self) -> dict[str, int]:
        """The digest of each instrument that is listed here, with its orders, by a name that has its number."""
        listed = sorted(self.orders.listed[i] for i in range(self.orders.listed_count))
        return {f"instrument {number}": digest_listing(self.orders, number, 1) for number in listed}

    def digest(self) -> int:
        """64 bits that are equal for equal books, whether live, replayed or loaded."""
        return digest_orders(self.orders)

    def apply(self, bytes record) -> bool:
        """Execute one record of 120 bytes and publish, for tests and tools. False: out of slots, apply it again."""
        if len(record) != RECORD_SIZE:
            raise ValueError(f"a record is {RECORD_SIZE} bytes, not {len(record)}")
        self.writer.open(self.writer.events.ring.capacity)
        done = self.execute(<const CommandRecord *> <const char *> record)
        self.writer.publish()
        return bool(done)

    def depth(self, uint32_t instrument, uint8_t side) -> list[tuple[int, int, int]]:
        """All levels of one side, best first: price in ticks, sum of leaves in lots, hidden too, number of orders."""
        return depth_of(self.orders, instrument, book_side(side))

    def queue(self, uint32_t instrument, uint8_t side, int64_t price_ticks) -> list[tuple[int, int]]:
        """The orders at one price, in the order in which they will trade: order_id, leaves in lots."""
        return [(order_id, leaves) for order_id, leaves, _ in self.standing(instrument, book_side(side), price_ticks)]

    def shown(self, uint32_t instrument, uint8_t side) -> list[tuple[int, int]]:
        """All levels of one side, best first: price in ticks, and what the book shows there."""
        return shown_of(self.orders, instrument, book_side(side))

    def standing(self, uint32_t instrument, int ladder, int64_t price_ticks) -> list[tuple[int, int, int]]:
        """The orders on one level of one ladder: order_id, leaves, and what one match may take, in lots."""
        return standing_at(self.orders, instrument, ladder, price_ticks)

    def crossing(self, uint32_t instrument) -> tuple[int, int]:
        """Where an auction would trade now: price in ticks, lots; (0, 0) if nothing would."""
        cdef Crossing found = crossing_of(&self.orders.levels, listing_of(self.orders, instrument))
        return found.price_ticks, (<int64_t> (found.lots >> 64)) * 2**64 + <uint64_t> found.lots

    def memory(self) -> dict[str, int]:
        """Bytes in use by open orders, their index, their further terms, and levels."""
        cdef Orders orders = self.orders
        return {
            "orders": orders.pool.live * orders.pool.item_size,
            "terms": orders.terms.live * orders.terms.item_size + orders.expiries.count * sizeof(uint32_t),
            "index": index_size(&orders.by_id),
            "levels": orders.levels.pool.live * orders.levels.pool.item_size + index_size(&orders.levels.index),
        }

    @property
    def due_ns(self) -> int:
        """The log time from which a tick changes something; 0: none does."""
        return self.due()

    @property
    def resting(self) -> int:
        """How many orders are open in all books, waiting ones included."""
        return self.orders.pool.live

    def check(self) -> None:
        """AssertionError unless ladders, pools, indexes, chains and heap agree, and no book that trades is crossed."""
        check_orders(self.orders, self.incoming.item if self.stage == MATCHING else NIL, self.stage != IDLE)
