"""The venue's state as a function of its log: decides each record's verdict, stamps it and applies what it says.

It sees one record after the other and knows no ring, clock or process: a leading router, a replay and a test get the
same from it. What depends on anything outside the log (the time, and whether a command came too late) is told to it.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from procs.router.digest cimport scramble
from procs.router.ids cimport CLOSED, CLOSED_IDS, id_at, tag_of_id
from procs.router.ledger cimport (
    BALANCE_CHANGED, MAX_ACCOUNTS, MAX_ASSETS, MAX_INSTRUMENTS, Ledger, Listing, balance_at,
)
from procs.router.orders cimport Order, int128, order_at, tag_of_order
from procs.tables.index cimport index_next, index_prefetch
from procs.tables.pool cimport NIL, prefetch
from shm.board cimport MAX_SESSIONS
from shm.crc32c cimport crc32c
from shm.records cimport *

cdef enum:
    MAX_BPS = 10_000
    MAX_SCALE = 18

assert MAX_SESSIONS == MAX_ACCOUNTS + 1


cdef uint16_t *verdict_of(char *record) noexcept nogil:
    """Where a record's verdict is; NULL for types that have none."""
    cdef uint8_t type = (<CommandRecord *> record).type
    if type == CMD_NEW_ORDER:
        return &(<NewOrderRecord *> record).verdict
    if type == CMD_CANCEL:
        return &(<CancelRecord *> record).verdict
    if type == CMD_REPLACE:
        return &(<ReplaceRecord *> record).verdict
    if type == CMD_DEPOSIT:
        return &(<DepositRecord *> record).verdict
    if type == CMD_ASSET:
        return &(<AssetRecord *> record).verdict
    if type == CMD_INSTRUMENT:
        return &(<InstrumentRecord *> record).verdict
    if type == CMD_ACCOUNT:
        return &(<AccountRecord *> record).verdict
    if type == CMD_SESSION:
        return &(<SessionRecord *> record).verdict
    return NULL


cdef int64_t collar_of(const Listing *listing, uint8_t side) noexcept nogil:
    """The worst price of a market order in ticks: from the last trade, else the reference price; 0 for none."""
    cdef int64_t price = listing.last_price_ticks if listing.last_price_ticks else listing.terms.reference_price_ticks
    cdef int128 scaled
    if price <= 0:
        return 0
    if side == SIDE_BUY:
        scaled = <int128> price * (MAX_BPS + listing.terms.collar_bps) // MAX_BPS
        return <int64_t> scaled if scaled < INT64_MAX else INT64_MAX
    scaled = (<int128> price * (MAX_BPS - listing.terms.collar_bps) + MAX_BPS - 1) // MAX_BPS
    return <int64_t> scaled if scaled > 0 else 1


cdef class Sequencer:
    """State, and the one way to change it: `sequence`."""

    def __cinit__(self, uint32_t closed_ids=CLOSED_IDS):
        self.ledger = Ledger(closed_ids)
        self.sessions = <uint32_t *> calloc(MAX_SESSIONS, sizeof(uint32_t))
        if self.sessions == NULL:
            raise MemoryError("no memory for sessions")
        self.assets = {}
        self.instruments = {}
        self.accounts = {}
        self.credentials = {}

    def __dealloc__(self):
        free(self.sessions)

    cdef int sequence(self, char *record, bint too_old) except -1 nogil:
        """Decide, apply and stamp the record behind `last_seq`, in place; returns its verdict.

        Its seq, epoch and time are stamped already. `flushed` has the balances to announce with it afterwards.
        """
        cdef CommandRecord *header = <CommandRecord *> record
        cdef uint16_t *verdict = verdict_of(record)
        cdef int decided
        self.flushed_count = 0
        decided = self.decide(record, too_old)
        if verdict != NULL:
            verdict[0] = <uint16_t> decided
        header.crc = crc32c(0, record + 4, RECORD_SIZE - 4)
        self.last_seq = header.seq
        self.last_time_ns = header.time_ns
        if header.type == CMD_EXT_CLIENT_ID or header.type == CMD_EXT_CREDENTIAL:
            memcpy(self.extension, record, RECORD_SIZE)
        return decided

    cdef void expect(self, const CommandRecord *record, uint64_t seq) noexcept nogil:
        """The record will be sequenced soon, at about `seq`: ask for the places in tables that it will look at.

        A hint: it changes nothing, and whatever it guesses may turn out otherwise.
        """
        cdef const NewOrderRecord *order = <const NewOrderRecord *> record
        cdef const char *text
        if record.type == CMD_NEW_ORDER:
            index_prefetch(&self.ledger.orders.index, tag_of_order(self.ledger.orders, seq))
        if record.type == CMD_EXT_CLIENT_ID:
            text = &(<const ExtClientIdRecord *> record).orig_cl_ord_id[0]
        else:
            text = &order.cl_ord_id[0]
        index_prefetch(&self.ledger.ids.index, tag_of_id(self.ledger.ids, record.account, text))

    cdef void expect_target(self, const CommandRecord *record) noexcept nogil:
        """As `expect`, nearer: the client id that a cancel or replace means, which is where the index says."""
        cdef uint32_t tag, place
        if record.type == CMD_EXT_CLIENT_ID:
            place = tag = tag_of_id(
                self.ledger.ids, record.account, &(<const ExtClientIdRecord *> record).orig_cl_ord_id[0]
            )
            prefetch(id_at(self.ledger.ids, index_next(&self.ledger.ids.index, tag, &place)))

    cdef int decide(self, char *record, bint too_old) except -1 nogil:
        cdef uint8_t type = (<CommandRecord *> record).type
        if type == CMD_NEW_ORDER:
            return self.new_order(<NewOrderRecord *> record, too_old)
        if type == CMD_CANCEL:
            return self.cancel(<CancelRecord *> record, too_old)
        if type == CMD_REPLACE:
            return self.replace(<ReplaceRecord *> record, too_old)
        if type == CMD_DEPOSIT:
            return self.deposit(<DepositRecord *> record, too_old)
        if type == CMD_SESSION:
            return self.session(<SessionRecord *> record)
        if type == CMD_MARKER or type == CMD_TICK:
            self.ledger.ids.settle()
            self.flushed_count = self.ledger.take_changed(self.flushed, MAX_FLUSH, self.flushed_key)
            if self.flushed_count:
                self.flushed_key = (
                    <uint64_t> self.flushed[self.flushed_count - 1].account << 32
                    | self.flushed[self.flushed_count - 1].asset
                )
        elif type == CMD_EPOCH:
            self.epoch = (<CommandRecord *> record).epoch
        elif type == CMD_ASSET or type == CMD_INSTRUMENT or type == CMD_ACCOUNT:
            with gil:
                if type == CMD_ASSET:
                    return self.define_asset(<AssetRecord *> record)
                if type == CMD_INSTRUMENT:
                    return self.define_instrument(<InstrumentRecord *> record)
                return self.define_account(<AccountRecord *> record)
        elif type != CMD_EXT_CLIENT_ID and type != CMD_EXT_CREDENTIAL:
            with gil:
                raise ValueError(f"a record of type {type} can't be sequenced: the schema has none such")
        return CODE_OK

    cdef bint extended_by(self, const CommandRecord *record, uint8_t type) noexcept nogil:
        """Whether the record right before this one in the log is its extension of that type."""
        cdef const CommandRecord *extension = <const CommandRecord *> self.extension
        return extension.seq == record.seq - 1 and extension.type == type and extension.account == record.account

    cdef uint16_t judge_request(self, const CommandRecord *record, const char *text, bint too_old) noexcept nogil:
        """What can be wrong with any request that has a client id, of which it notes the tag."""
        if record.account == 0 or record.account > self.ledger.account_count or record.session >= MAX_SESSIONS:
            return CODE_UNKNOWN_ACCOUNT
        self.id_tag = tag_of_id(self.ledger.ids, record.account, text)
        if self.ledger.ids.find(record.account, text, self.id_tag) != NIL:
            return CODE_DUPLICATE_CLIENT_ID
        return CODE_TOO_OLD if too_old else CODE_OK

    cdef int new_order(self, NewOrderRecord *record, bint too_old) except -1 nogil:
        cdef uint16_t verdict = self.judge_request(<const CommandRecord *> record, record.cl_ord_id, too_old)
        cdef const Listing *listing
        cdef uint32_t payer = NIL
        self.note_session(record.session, record.msg_seq_num)
        if verdict == CODE_OK:
            verdict = self.judge_order(record, &payer)
        elif verdict != CODE_TOO_OLD:
            return verdict
        if verdict != CODE_OK:
            self.ledger.ids.add_closed(record.account, record.cl_ord_id, self.id_tag, record.seq)
            return verdict
        listing = &self.ledger.listings[record.instrument]
        record.maker_fee_ppm = listing.terms.maker_fee_ppm
        record.taker_fee_ppm = listing.terms.taker_fee_ppm
        self.ledger.open(record, payer, self.id_tag)
        return CODE_OK

    cdef void note_session(self, uint32_t session, uint32_t msg_seq_num) noexcept nogil:
        if session < MAX_SESSIONS:
            self.sessions[session] = msg_seq_num

    cdef uint16_t judge_order(self, NewOrderRecord *record, uint32_t *payer) noexcept nogil:
        """The terms of a new order; stamps a market order's collar. Gateways have refused what is wrong in itself."""
        if record.instrument == 0 or record.instrument > self.ledger.instrument_count:
            return CODE_UNKNOWN_INSTRUMENT
        if record.side != SIDE_BUY and record.side != SIDE_SELL:
            return CODE_UNSUPPORTED_SIDE
        if record.time_in_force != TIF_GTC and record.time_in_force != TIF_IOC:
            return CODE_UNSUPPORTED_TIME_IN_FORCE
        if record.quantity_lots <= 0:
            return CODE_QUANTITY_NOT_POSITIVE
        if record.ord_type == ORD_TYPE_MARKET:
            record.price_ticks = collar_of(&self.ledger.listings[record.instrument], record.side)
            if record.price_ticks == 0:
                return CODE_NO_REFERENCE_PRICE
        elif record.ord_type != ORD_TYPE_LIMIT:
            return CODE_UNSUPPORTED_ORDER_TYPE
        elif record.price_ticks <= 0:
            return CODE_PRICE_NOT_POSITIVE
        return self.ledger.can_open(record, payer)

    cdef uint32_t resolve(self, const CommandRecord *record) noexcept nogil:
        """The open order that a cancel or replace means by the extension before it, or NIL; fills `target`."""
        cdef uint32_t id = NIL
        cdef uint32_t item = NIL
        cdef const char *text
        cdef const Order *order
        memset(&self.target, 0, sizeof(Target))
        if self.extended_by(record, CMD_EXT_CLIENT_ID):
            text = &(<const ExtClientIdRecord *> self.extension).orig_cl_ord_id[0]
            id = self.ledger.ids.find(record.account, text, tag_of_id(self.ledger.ids, record.account, text))
        if id != NIL and id_at(self.ledger.ids, id).order != CLOSED:
            item = id_at(self.ledger.ids, id).order
        if item != NIL:
            order = order_at(self.ledger.orders, item)
            self.target.order_id = order.order_id
            self.target.price_ticks = order.price_ticks
            self.target.quantity_lots = order.quantity_lots
            self.target.side = order.side
        return item

    cdef uint16_t judge_target(self, uint32_t item, uint32_t instrument, uint8_t side) noexcept nogil:
        if instrument == 0 or instrument > self.ledger.instrument_count:
            return CODE_UNKNOWN_INSTRUMENT
        if item == NIL:
            return CODE_UNKNOWN_ORDER
        if order_at(self.ledger.orders, item).instrument != instrument:
            return CODE_SYMBOL_MISMATCH
        if side != 0 and side != self.target.side:
            return CODE_SIDE_MISMATCH
        return CODE_OK

    cdef int cancel(self, CancelRecord *record, bint too_old) except -1 nogil:
        """A cancel's own id is closed at once, whatever its verdict: it never means an order."""
        cdef uint16_t verdict = self.judge_request(<const CommandRecord *> record, record.cl_ord_id, too_old)
        cdef uint32_t item = self.resolve(<const CommandRecord *> record)
        self.note_session(record.session, record.msg_seq_num)
        record.order_id = self.target.order_id
        if verdict == CODE_OK:
            verdict = self.judge_target(item, record.instrument, record.side)
        elif verdict != CODE_TOO_OLD:
            return verdict
        self.ledger.ids.add_closed(record.account, record.cl_ord_id, self.id_tag, record.seq)
        return verdict

    cdef int replace(self, ReplaceRecord *record, bint too_old) except -1 nogil:
        cdef uint16_t verdict = self.judge_request(<const CommandRecord *> record, record.cl_ord_id, too_old)
        cdef uint32_t item = self.resolve(<const CommandRecord *> record)
        self.note_session(record.session, record.msg_seq_num)
        record.order_id = self.target.order_id
        if verdict == CODE_OK:
            verdict = self.judge_target(item, record.instrument, 0)
        elif verdict != CODE_TOO_OLD:
            return verdict
        if verdict == CODE_OK and record.price_ticks <= 0:
            verdict = CODE_PRICE_NOT_POSITIVE
        if verdict == CODE_OK and record.quantity_lots <= 0:
            verdict = CODE_QUANTITY_NOT_POSITIVE
        if verdict == CODE_OK:
            verdict = self.ledger.can_replace(item, record)
        if verdict == CODE_OK:
            self.ledger.begin_replace(item, record, self.id_tag)
        else:
            self.ledger.ids.add_closed(record.account, record.cl_ord_id, self.id_tag, record.seq)
        return verdict

    cdef int deposit(self, DepositRecord *record, bint too_old) except -1 nogil:
        cdef uint16_t verdict = self.judge_request(<const CommandRecord *> record, record.cl_ord_id, too_old)
        cdef uint32_t item
        if verdict != CODE_OK and verdict != CODE_TOO_OLD:
            return verdict
        if verdict == CODE_OK and (record.asset == 0 or record.asset > self.ledger.asset_count):
            verdict = CODE_INVALID_DEFINITION
        elif verdict == CODE_OK and record.amount <= 0:
            verdict = CODE_QUANTITY_NOT_POSITIVE
        elif verdict == CODE_OK:
            verdict = self.ledger.can_deposit(record.asset, record.amount)
        self.ledger.ids.add_closed(record.account, record.cl_ord_id, self.id_tag, record.seq)
        if verdict == CODE_OK:
            item = self.ledger.deposit(record.account, record.asset, record.amount)
            balance_at(self.ledger, item).flags &= ~BALANCE_CHANGED  # its own event says so
            self.flushed[0] = balance_at(self.ledger, item)[0]
            self.flushed_count = 1
        return verdict

    cdef int session(self, SessionRecord *record) noexcept nogil:
        if record.account == 0 or record.account > self.ledger.account_count or record.session >= MAX_SESSIONS:
            return CODE_UNKNOWN_ACCOUNT
        if record.reset:
            self.sessions[record.session] = record.next_msg_seq_num - 1
        return CODE_OK

    cdef int define_asset(self, AssetRecord *record) except -1:
        cdef bytes name = record.name[:SYMBOL_SIZE].rstrip(b"\0")
        if record.asset != self.ledger.asset_count + 1 or name in self.assets or not name or record.scale > MAX_SCALE:
            return CODE_INVALID_DEFINITION
        if record.asset > MAX_ASSETS:
            return CODE_LIMIT_REACHED
        self.assets[name] = (record.asset, record.scale)
        self.ledger.asset_count += 1
        return CODE_OK

    cdef int define_instrument(self, InstrumentRecord *record) except -1:
        """A new instrument, or new fees, collar and reference price of one that is listed; all else stays as it is."""
        cdef bytes symbol = record.symbol[:SYMBOL_SIZE].rstrip(b"\0")
        cdef InstrumentRecord *terms
        if (
            record.instrument == 0 or record.instrument > self.ledger.instrument_count + 1 or not symbol
            or not 0 < record.base_asset <= self.ledger.asset_count or record.base_asset == record.quote_asset
            or not 0 < record.quote_asset <= self.ledger.asset_count or not 0 < record.matcher <= MAX_MATCHERS
            or record.unit_value <= 0 or record.lot_units <= 0 or record.reference_price_ticks < 0
            or not 0 < record.collar_bps <= MAX_BPS or record.maker_fee_ppm < 0 or record.taker_fee_ppm < 0
        ):
            return CODE_INVALID_DEFINITION
        if record.instrument > MAX_INSTRUMENTS:
            return CODE_LIMIT_REACHED
        if self.instruments.get(symbol, self.ledger.instrument_count + 1) != record.instrument:
            return CODE_INVALID_DEFINITION
        terms = &self.ledger.listings[record.instrument].terms
        if symbol in self.instruments and not (
            terms.base_asset == record.base_asset and terms.quote_asset == record.quote_asset
            and terms.tick_mantissa == record.tick_mantissa and terms.lot_mantissa == record.lot_mantissa
            and terms.price_scale == record.price_scale and terms.quantity_scale == record.quantity_scale
            and terms.matcher == record.matcher and terms.unit_value == record.unit_value
            and terms.lot_units == record.lot_units
        ):
            return CODE_INVALID_DEFINITION
        if symbol not in self.instruments:
            self.instruments[symbol] = record.instrument
            self.ledger.instrument_count += 1
        terms[0] = record[0]
        return CODE_OK

    cdef int define_account(self, AccountRecord *record) except -1:
        cdef bytes name = record.name[:CL_ORD_ID_SIZE].rstrip(b"\0")
        if not self.extended_by(<const CommandRecord *> record, CMD_EXT_CREDENTIAL) or not name:
            return CODE_INVALID_DEFINITION
        if record.account == 0 or self.accounts.get(name, self.ledger.account_count + 1) != record.account:
            return CODE_INVALID_DEFINITION
        if record.account > MAX_ACCOUNTS:
            return CODE_LIMIT_REACHED
        if name not in self.accounts:
            self.accounts[name] = record.account
            self.ledger.account_count += 1
        self.credentials[record.account] = self.extension[:RECORD_SIZE]
        return CODE_OK

    cdef uint64_t digest(self) noexcept nogil:
        cdef uint64_t digest = scramble(self.ledger.state_hash(), self.epoch)
        cdef uint64_t i
        for i in range(MAX_SESSIONS):
            if self.sessions[i]:
                digest += scramble(self.sessions[i], i)
        return scramble(scramble(digest, self.flushed_key), self.last_seq)

    def state_hash(self) -> int:
        """A digest of all that the log determines; equal for equal logs, wherever and whenever they were applied.

        Compare it at settled points only: between events applied and their marker the state belongs to no sequence.
        """
        return self.digest()

    def instrument(self, uint32_t instrument) -> dict[str, object]:
        """A listed instrument's definition, by the names of its record's fields. KeyError where there is none such."""
        if not 0 < instrument <= self.ledger.instrument_count:
            raise KeyError(instrument)
        return self.ledger.listings[instrument].terms

    def session_in(self, uint32_t session) -> int:
        """MsgSeqNum of the session's last sequenced command."""
        return self.sessions[session]
