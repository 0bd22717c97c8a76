"""One instrument's market data: its book, its last trade, and the messages that its streams are made of.

It writes each message once for all readers, as JSON into C buffers; it knows no ring, subscriber, socket or clock.

Three paces: a state (`@book<levels>`), and what is a single event (a trade, a phase), are written as their command is
applied, so that none is ever missed; the best prices (`@bookTicker`) at the end of a batch of events; depth, whole or
as differences, candles and statistics when their time has come. All but single events wait for the end of a command,
since a book in the middle of one is not to be shown.

An interval has ended when the log's time is past it: by an event of the instrument, or because `market_roll` is told
that nothing earlier can come any more. Its last message is made then, also where nothing was traded.

Times are those of the log, in milliseconds, and for who wants that once more in microseconds, as a kind of its own: a
message is written at most twice, and nothing of the second kind where nobody reads it.

Message buffer, `out[kind]`, filled by one batch and emptied when the batch was sent::

    ┌─────────────┬─────────────┬─────────────┬─────────────┬┈
    │ length 8    │ payload     │ length 8    │ payload     │
    └─────────────┴─────────────┴─────────────┴─────────────┴┈

Writing a length publishes its message; the one of a frame of states is written last, when the frame is closed.
"""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy, memset, strlen

from lockstep.core.schema.digits cimport put_uint
from lockstep.core.schema.records cimport (
    EVT_INDICATIVE, EVT_PHASE_CHANGED, EVT_TRADED, PHASE_CONTINUOUS, PHASE_DELISTED, PHASE_REASON_COMMAND,
    PHASE_REASON_TIMER, SIDE_SELL, CorrectedRecord, EventRecord, IndicativeRecord, InstrumentDefinedRecord,
    PhaseChangedRecord, TradedRecord,
)
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.publisher.book cimport (
    ASKS, BIDS, CADENCES, Ladder, changes_clear, changes_sort, levels_apply, levels_bare, levels_complete, levels_free,
    levels_load, levels_move, levels_save, quantity_at,
)
from lockstep.procs.publisher.candles cimport (
    MINUTE, PLACES, SECOND, Candle, Series, candle_at, candle_position, interval_back, interval_next, interval_open,
)
from lockstep.procs.publisher.figures cimport (
    FIGURES_SIZE, Quote, write_aggregate_event, write_average_event, write_day_event, write_kline_event,
    write_mini_event, write_window_event,
)
from lockstep.procs.publisher.tape cimport (
    average_open, day_open, last_price, tape_bare, tape_correct, tape_define, tape_ends_aggregate, tape_free,
    tape_load, tape_save, tape_settle, tape_trade, window_open,
)
from lockstep.procs.publisher.text cimport (
    NUMBER_SIZE, Text, put, text_append, text_free, text_reserve, write_decimal, write_signed,
)

from lockstep.core.schema.records import Phase, PhaseReason

cdef enum:
    NS_PER_US = 1000
    NS_PER_MS = 1_000_000
    LEVEL_SIZE = 2 * NUMBER_SIZE + 4     # ["price","quantity"],
    HEAD_SIZE = 8 * NUMBER_SIZE + 128    # of a message without its levels
    LENGTH_SIZE = 8
    MOST_AT_ONCE = 1000                  # candles that end together: where no time was known for long
    ALL_LEVELS = 3                       # KIND_…_5, _10 and _20
    WINDOWS = 3                          # KIND_TICKER_…

cdef int[ALL_LEVELS] DEPTHS = [5, 10, 20]
cdef uint64_t[WINDOWS] WINDOW_MINUTES = [60, 240, 1440]
cdef const char *WINDOW_NAMES[WINDOWS]
WINDOW_NAMES[:] = [b"1h", b"4h", b"1d"]
cdef uint64_t ONE = 1
cdef uint64_t MINUTE_NS = 60_000_000_000
# Bit k for each kind that is published by time: what shows the book (both differences and all partial books), what
# shows its best prices, and what is made of trades.
cdef uint64_t OF_BOOK = ((ONE << KIND_PHASE) - 1) & ~((ONE << KIND_DEPTH_1000) - 1) & ~(<uint64_t> 7 << KIND_BOOK_5)
cdef uint64_t OF_DIFFS = ONE << KIND_DEPTH_1000 | ONE << KIND_DEPTH_100  # the last one is kept, wanted or not
cdef uint64_t OF_BEST = ONE << KIND_TICKER | ONE << KIND_ALL_TICKER
cdef uint64_t OF_DAY = OF_BEST | ONE << KIND_MINI_TICKER | ONE << KIND_ALL_MINI_TICKER
cdef uint64_t OF_WINDOW = ONE << KIND_TICKER_1H | ONE << KIND_ALL_TICKER_1H  # of the first; each next is a bit higher
cdef uint64_t OF_WINDOWS = 7 * OF_WINDOW
cdef uint64_t KLINES = ((ONE << PLACES) - 1) << KIND_KLINE
cdef uint64_t SECONDS = ONE << KIND_KLINE | ONE << (KIND_KLINE + PLACES // 2)
cdef uint64_t OF_TRADES = OF_DAY | OF_WINDOWS | ONE << KIND_AVG_PRICE | KLINES
# What is due with each pace.
cdef uint64_t[3] PACED = [
    ONE << KIND_DEPTH_1000 | <uint64_t> 7 << KIND_PARTIAL_5_1000 | ONE << KIND_TICKER | ONE << KIND_MINI_TICKER
    | ONE << KIND_AVG_PRICE | <uint64_t> 7 << KIND_TICKER_1H | SECONDS,
    ONE << KIND_DEPTH_100 | <uint64_t> 7 << KIND_PARTIAL_5_100,
    KLINES & ~SECONDS,
]
# The names of phases and of the reasons to change them, as the schema has them.
cdef list PHASE_NAMES = [b""] + [phase.name.encode() for phase in Phase]
cdef list REASON_NAMES = [b""] + [reason.name.encode() for reason in PhaseReason]
cdef const char *phase_names[<int> PHASE_DELISTED + 1]
cdef const char *reason_names[<int> PHASE_REASON_TIMER + 1]
for _value in range(PHASE_DELISTED + 1):
    phase_names[<int> _value] = PHASE_NAMES[_value]
for _value in range(PHASE_REASON_TIMER + 1):
    reason_names[<int> _value] = REASON_NAMES[_value]

cdef const char *DIFF_HEAD = b'{"e":"depthUpdate","E":'

assert KIND_PARTIAL_5_100 - KIND_PARTIAL_5_1000 == CADENCE_KINDS and <int> CADENCE_KINDS == ALL_LEVELS
assert KIND_DEPTH_1000 + EVERY_100_MS == KIND_DEPTH_100 and CADENCES == 2
assert KIND_KLINE + PLACES <= MICROSECONDS and <int> KINDS == 2 * MICROSECONDS <= 128
assert len(PHASE_NAMES) == PHASE_DELISTED + 1 and len(REASON_NAMES) == PHASE_REASON_TIMER + 1


cdef inline char *write_level(char *out, const Market *market, int64_t key, int64_t lots) noexcept nogil:
    out[0] = c"["
    out = write_decimal(out + 1, key if key > 0 else -key, &market.tape.price)
    out[0] = c","
    out = write_decimal(out + 1, lots, &market.tape.quantity)
    out[0] = c"]"
    out[1] = c","
    return out + 2


cdef char *write_side(char *out, const Market *market, int side, uint64_t limit) noexcept nogil:
    """Write up to `limit` levels, best first, as a JSON array; `out` has LEVEL_SIZE bytes for each."""
    cdef const Ladder *ladder = &market.levels.sides[side]
    cdef uint64_t shown = min(limit, ladder.count)
    cdef uint64_t i
    out[0] = c"["
    out += 1
    for i in range(ladder.count - 1, ladder.count - 1 - shown, -1):
        out = write_level(out, market, ladder.levels[i].key, ladder.levels[i].quantity_lots)
    if shown:
        out -= 1
    out[0] = c"]"
    return out + 1


cdef char *write_trade(char *out, const Market *market, const TradedRecord *trade, uint64_t unit_ns) noexcept nogil:
    out = put_uint(put(out, b'{"e":"trade","E":'), trade.time_ns // unit_ns)
    out = put(put(out, b',"s":"'), market.tape.symbol)
    out = put_uint(put(out, b'","t":'), trade.number)
    out = write_decimal(put(out, b',"p":'), trade.price_ticks, &market.tape.price)
    out = write_decimal(put(out, b',"q":'), trade.quantity_lots, &market.tape.quantity)
    out = put_uint(put(out, b',"T":'), trade.time_ns // unit_ns)
    return put(out, b',"m":true,"M":true}' if trade.taker_side == SIDE_SELL else b',"m":false,"M":true}')


cdef inline char *write_head(char *out, const Market *market, const char *head, uint64_t time) noexcept nogil:
    """How a message of our own streams begins: its kind, its time, and the symbol."""
    out = put_uint(put(out, head), time)
    return put(put(put(out, b',"s":"'), market.tape.symbol), b'"')


cdef char *write_phase(char *out, const Market *market, const PhaseChangedRecord *event, uint64_t unit_ns) \
        noexcept nogil:
    out = write_head(out, market, b'{"e":"phase","E":', event.time_ns // unit_ns)
    out = put_uint(put(out, b',"u":'), event.number)
    out = put(put(out, b',"p":"'), phase_names[min(event.phase, <int> PHASE_DELISTED)])
    out = put(put(out, b'","P":"'), phase_names[min(event.old_phase, <int> PHASE_DELISTED)])
    out = put(put(out, b'","r":"'), reason_names[min(event.reason, <int> PHASE_REASON_TIMER)])
    out = put_uint(put(out, b'","T":'), event.ends_ns // unit_ns)
    out = write_decimal(put(out, b',"a":'), event.auction_price_ticks, &market.tape.price)
    out = write_decimal(put(out, b',"q":'), event.auction_lots, &market.tape.quantity)
    return put(write_decimal(put(out, b',"f":'), event.reference_price_ticks, &market.tape.price), b"}")


cdef char *write_auction(char *out, const Market *market, const IndicativeRecord *event, uint64_t unit_ns) \
        noexcept nogil:
    out = write_head(out, market, b'{"e":"auction","E":', event.time_ns // unit_ns)
    out = put_uint(put(out, b',"u":'), event.number)
    out = write_decimal(put(out, b',"p":'), event.price_ticks, &market.tape.price)
    out = write_decimal(put(out, b',"q":'), event.quantity_lots, &market.tape.quantity)
    return put(write_signed(put(out, b',"i":'), event.imbalance_lots, &market.tape.quantity), b"}")


cdef char *write_correction(char *out, const Market *market, const CorrectedRecord *event, uint64_t unit_ns) \
        noexcept nogil:
    out = write_head(out, market, b'{"e":"correction","E":', event.time_ns // unit_ns)
    out = put_uint(put(out, b',"t":'), event.trade_id)
    out = write_decimal(put(out, b',"p":'), event.price_ticks, &market.tape.price)
    out = write_decimal(put(out, b',"q":'), event.quantity_lots, &market.tape.quantity)
    return put(write_decimal(put(out, b',"n":'), event.new_price_ticks, &market.tape.price), b"}")


cdef Best best_of(const Market *market, int side) noexcept nogil:
    cdef const Ladder *ladder = &market.levels.sides[side]
    cdef Best best
    memset(&best, 0, sizeof(best))
    if ladder.count:
        best.count = 1
        best.key = ladder.levels[ladder.count - 1].key
        best.lots = ladder.levels[ladder.count - 1].quantity_lots
    return best


cdef inline bint differs(const Best *a, const Best *b) noexcept nogil:
    return a.count != b.count or a.key != b.key or a.lots != b.lots


cdef char *write_best(char *out, const Market *market, int side, const char *price, const char *lots) noexcept nogil:
    cdef Best best = best_of(market, side)
    cdef int64_t key = <int64_t> best.key
    out = write_decimal(put(out, price), key if key > 0 else -key, &market.tape.price)
    return write_decimal(put(out, lots), <int64_t> best.lots, &market.tape.quantity)


cdef char *write_ticker(char *out, const Market *market) noexcept nogil:
    """The best prices; price and quantity of an empty side are zero."""
    out = put_uint(put(out, b'{"u":'), market.levels.last_number)
    out = put(put(put(out, b',"s":"'), market.tape.symbol), b'"')
    out = write_best(out, market, BIDS, b',"b":', b',"B":')
    out = write_best(out, market, ASKS, b',"a":', b',"A":')
    return put(out, b"}")


cdef char *write_partial(char *out, const Market *market, int limit) noexcept nogil:
    out = put_uint(put(out, b'{"lastUpdateId":'), market.levels.last_number)
    out = write_side(put(out, b',"bids":'), market, BIDS, limit)
    out = write_side(put(out, b',"asks":'), market, ASKS, limit)
    return put(out, b"}")


cdef char *write_state(char *out, const Market *market, int limit) noexcept nogil:
    out = put_uint(put(out, b'{"U":'), market.levels.first_number)
    out = put_uint(put(out, b',"u":'), market.levels.last_number)
    out = put_uint(put(out, b',"s":'), market.levels.cause)
    out = write_side(put(out, b',"b":'), market, BIDS, limit)
    out = write_side(put(out, b',"a":'), market, ASKS, limit)
    return put(out, b"}")


cdef char *write_changes(char *out, const Market *market, int side, int cadence) noexcept nogil:
    """Write each changed level, best first, with its quantity now: zero where it is gone."""
    cdef const Ladder *ladder = &market.levels.sides[side]
    cdef uint64_t count = ladder.changes[cadence].count
    cdef uint64_t i
    cdef int64_t key
    out[0] = c"["
    out += 1
    for i in range(count):
        key = ladder.changes[cadence].items[count - 1 - i]
        out = write_level(out, market, key, quantity_at(ladder, key))
    if count:
        out -= 1
    out[0] = c"]"
    return out + 1


cdef int write_diff(Market *market, int cadence) except -1 nogil:
    """Write what changed since the last difference of this cadence into last_diff, and begin the next."""
    cdef Text *text = &market.last_diff[cadence]
    cdef uint64_t changes = 0
    cdef int side
    cdef char *out
    for side in range(2):
        changes_sort(&market.levels.sides[side], cadence)
        changes += market.levels.sides[side].changes[cadence].count
    text.size = 0
    text_reserve(text, HEAD_SIZE + changes * LEVEL_SIZE)
    market.last_diff_ns[cadence] = market.levels.time_ns
    out = put_uint(put(text.data, DIFF_HEAD), market.levels.time_ns // NS_PER_MS)
    out = put(put(out, b',"s":"'), market.tape.symbol)
    out = put_uint(put(out, b'","U":'), market.next_update[cadence])
    out = put_uint(put(out, b',"u":'), market.levels.last_number)
    out = write_changes(put(out, b',"b":'), market, BIDS, cadence)
    out = write_changes(put(out, b',"a":'), market, ASKS, cadence)
    text.size = put(out, b"}") - text.data
    market.next_update[cadence] = market.levels.last_number + 1
    for side in range(2):
        changes_clear(&market.levels.sides[side], cadence)
    return 0


cdef int begin(Text *out, size_t room) except -1 nogil:
    """Make room for a message with its length, and skip the length."""
    text_reserve(out, LENGTH_SIZE + room)
    out.size += LENGTH_SIZE
    return 0


cdef inline void close_at(Text *out, uint64_t start) noexcept nogil:
    """Write the length of the message whose payload begins at `start`."""
    cdef uint64_t length = out.size - start
    memcpy(out.data + start - LENGTH_SIZE, &length, LENGTH_SIZE)


cdef void close_states(Market *market, int index) noexcept nogil:
    """Close the frame of states that is open, if any."""
    cdef Text *out = &market.out[KIND_BOOK_5 + index]
    if market.open_at[index]:
        out.data[out.size - 1] = c"]"  # in place of the comma behind the last state
        close_at(out, market.open_at[index] - 1)
        market.open_at[index] = 0


cdef int add_state(Market *market, int index) except -1 nogil:
    """Append the book as it is now to the frame of states."""
    cdef Text *out = &market.out[KIND_BOOK_5 + index]
    cdef uint64_t before = out.size
    if market.open_at[index] == 0:
        begin(out, 1)
        market.open_at[index] = out.size + 1
        out.data[out.size] = c"["
        out.size += 1
    text_reserve(out, HEAD_SIZE + 2 * DEPTHS[index] * LEVEL_SIZE)
    out.size = write_state(out.data + out.size, market, DEPTHS[index]) - out.data
    out.data[out.size] = c","
    out.size += 1
    market.written += out.size - before
    if out.size - market.open_at[index] >= STATES_FRAME_BYTES:
        close_states(market, index)
    return 0


cdef int add_latest(Market *market, int kind) except -1 nogil:
    """Append the latest message of a kind, the book being complete, to what is to be sent, if there is one."""
    cdef Text *out = &market.out[kind]
    cdef uint64_t before = out.size
    cdef uint64_t start
    begin(out, 0)
    start = out.size
    if not write_latest(market, kind, out):
        out.size = before
        return 0
    close_at(out, start)
    market.written += out.size - start
    return 0


cdef int publish_latest(Market *market, int kind) except -1 nogil:
    """Append the latest message of a kind to what is to be sent, in each unit of time in which somebody reads it."""
    if market.wanted[0] >> kind & 1:
        add_latest(market, kind)
    if market.wanted[1] >> kind & 1:
        add_latest(market, kind + MICROSECONDS)
    return 0


cdef int write_latest(Market *market, int kind, Text *out) except -1 nogil:
    """Append the payload of a stream's latest message to `out`. Returns 0 if there is none, or none yet because the
    book is in the middle of a command. Events and differences are those published last, all else is the book now."""
    cdef int index
    cdef bint in_us = kind >= MICROSECONDS
    kind %= MICROSECONDS
    if kind >= KIND_TICKER:
        return write_figures(market, kind, NS_PER_US if in_us else NS_PER_MS, out)
    if kind == KIND_TRADE or kind >= KIND_PHASE:
        return write_event(market, kind, NS_PER_US if in_us else NS_PER_MS, out)
    if kind == KIND_DEPTH_1000 or kind == KIND_DEPTH_100:
        return write_last_diff(market, kind - KIND_DEPTH_1000, in_us, out)
    if market.levels.under_way:
        return 0
    text_reserve(out, HEAD_SIZE + 2 * DEPTHS[ALL_LEVELS - 1] * LEVEL_SIZE)
    if kind == KIND_BOOK_TICKER:
        out.size = write_ticker(out.data + out.size, market) - out.data
    elif kind < KIND_PARTIAL_5_1000:
        index = kind - KIND_BOOK_5
        out.data[out.size] = c"["
        out.size = write_state(out.data + out.size + 1, market, DEPTHS[index]) - out.data
        out.data[out.size] = c"]"
        out.size += 1
    else:
        index = (kind - KIND_PARTIAL_5_1000) % CADENCE_KINDS
        out.size = write_partial(out.data + out.size, market, DEPTHS[index]) - out.data
    return 1


cdef int write_last_diff(Market *market, int cadence, bint in_us, Text *out) except -1 nogil:
    """Append the last difference; 0 if there was none. Its levels are those of then: only its time is written again."""
    cdef const Text *last = &market.last_diff[cadence]
    cdef size_t head = strlen(DIFF_HEAD)
    cdef char *end
    if in_us and last.size:
        text_reserve(out, head + NUMBER_SIZE)
        end = put_uint(put(out.data + out.size, DIFF_HEAD), market.last_diff_ns[cadence] // NS_PER_US)
        out.size = end - out.data
        while last.data[head] != c",":
            head += 1
        text_append(out, last.data + head, last.size - head)
    else:
        text_append(out, last.data, last.size)
    return last.size > 0


cdef int write_event(Market *market, int kind, uint64_t unit_ns, Text *out) except -1 nogil:
    """Append the last event of a kind; 0 if there was none. An instrument begins in CONTINUOUS, no auction runs."""
    if not market.has_trade if kind == KIND_TRADE or kind == KIND_AGG_TRADE else (
        kind == KIND_CORRECTION and not market.has_correction
    ):
        return 0
    text_reserve(out, max(<int> HEAD_SIZE, <int> FIGURES_SIZE))
    if kind == KIND_TRADE:
        out.size = write_trade(out.data + out.size, market, &market.last_trade, unit_ns) - out.data
    elif kind == KIND_AGG_TRADE:
        out.size = write_aggregate_event(out.data + out.size, &market.tape, &market.tape.current, unit_ns) - out.data
    elif kind == KIND_PHASE:
        out.size = write_phase(out.data + out.size, market, &market.last_phase, unit_ns) - out.data
    elif kind == KIND_AUCTION:
        out.size = write_auction(out.data + out.size, market, &market.indicative, unit_ns) - out.data
    else:
        out.size = write_correction(out.data + out.size, market, &market.last_correction, unit_ns) - out.data
    return 1


cdef int after_command(Market *market) except -1 nogil:
    """The book is complete: write its state, and note what has to be published when its time comes."""
    cdef int i, side, cadence
    close_aggregate(market)
    if market.levels.moved:
        market.levels.moved = False
        market.changed |= OF_BOOK
    if not market.live:
        return 0
    for i in range(ALL_LEVELS):
        if market.wanted[0] >> (KIND_BOOK_5 + i) & 1:
            add_state(market, i)
    for side in range(2):
        for cadence in range(CADENCES):
            if market.levels.sides[side].changes[cadence].count >= MAX_CHANGES:
                write_diff(market, cadence)
                market.changed &= ~(ONE << (KIND_DEPTH_1000 + cadence))
                market.due &= market.changed
                publish_latest(market, KIND_DEPTH_1000 + cadence)
    return 0


cdef int publish_event(Market *market, int kind) except -1 nogil:
    return publish_latest(market, kind) if market.live else 0


cdef int close_aggregate(Market *market) except -1 nogil:
    """The fills of an aggregate have all come."""
    if not market.tape.is_open:
        return 0
    market.tape.is_open = False
    return publish_event(market, KIND_AGG_TRADE)


cdef int take_trade(Market *market, const TradedRecord *event) except -1 nogil:
    memcpy(&market.last_trade, event, sizeof(TradedRecord))
    market.has_trade = True
    if tape_ends_aggregate(&market.tape, event):
        close_aggregate(market)
    tape_trade(&market.tape, market.matcher, event)
    market.changed |= OF_TRADES
    return publish_event(market, KIND_TRADE)


cdef int market_settle(Market *market, uint64_t below) except -1 nogil:
    """All commands before `below` are complete: carry out their corrections."""
    if tape_settle(&market.tape, below):
        market.changed |= OF_TRADES
    return 0


cdef int market_apply(Market *market, const EventRecord *event) except -1 nogil:
    """Apply the instrument's next event, and write the messages that are due with every command."""
    if market.levels.under_way and event.cause != market.levels.cause:
        market_complete(market)
    if market.tape.mend_count:
        market_settle(market, event.cause)
    levels_apply(&market.levels, event)
    if event.type == EVT_TRADED:
        return take_trade(market, <const TradedRecord *> event)
    if event.type == EVT_PHASE_CHANGED:
        memcpy(&market.last_phase, event, sizeof(PhaseChangedRecord))
        market.last_phase.number = market.levels.last_number
        memset(&market.indicative, 0, sizeof(IndicativeRecord))
        return publish_event(market, KIND_PHASE)
    if event.type == EVT_INDICATIVE:
        memcpy(&market.indicative, event, sizeof(IndicativeRecord))
        market.indicative.number = market.levels.last_number
        return publish_event(market, KIND_AUCTION)
    return 0


cdef int market_complete(Market *market) except -1 nogil:
    """The command under way has no more events: write its state; the book may be shown."""
    levels_complete(&market.levels)
    return after_command(market)


cdef int market_move(Market *market, int matcher, uint64_t next_number) except -1 nogil:
    """The instrument went to another matcher: what is under way is complete, and update ids go on growing."""
    if market.levels.under_way:
        market_complete(market)
    market.matcher = matcher
    levels_move(&market.levels, next_number)
    return 0


cdef int market_correct(Market *market, const CorrectedRecord *event) except -1:
    """Take the correction of a trade, from the router."""
    memcpy(&market.last_correction, event, sizeof(CorrectedRecord))
    market.has_correction = True
    tape_correct(&market.tape, event)
    return publish_event(market, KIND_CORRECTION)


cdef void market_tick(Market *market, int cadence) noexcept nogil:
    """The time of a cadence has come: what changed is due."""
    market.due |= PACED[cadence] & market.changed


cdef uint64_t market_time(const Market *market) noexcept nogil:
    """The log's time, as far as the instrument's events or the clock have it."""
    return max(market.clock_ns, market.levels.time_ns)


cdef void market_want(Market *market, int kind, bint wanted) noexcept nogil:
    """Begin or stop making a kind's messages."""
    cdef int base = kind % MICROSECONDS
    if not wanted:
        market.wanted[kind // MICROSECONDS] &= ~(ONE << base)
        market.out[kind].size = 0
        return
    if base >= KIND_KLINE and not (market.wanted[0] | market.wanted[1]) >> base & 1:
        market.told_ns[base - KIND_KLINE] = 0
    market.wanted[kind // MICROSECONDS] |= ONE << base


cdef int roll_klines(Market *market, int interval) except -1 nogil:
    """Tell the candles that have ended since the last one that was told, the last thousand at most."""
    cdef uint64_t open_ns = interval_open(interval, market_time(market))
    if market.told_ns[interval] == 0:
        market.told_ns[interval] = open_ns
    market.told_ns[interval] = max(market.told_ns[interval], interval_back(interval, open_ns, MOST_AT_ONCE))
    while market.told_ns[interval] < open_ns:
        publish_latest(market, KIND_KLINE + interval)
        market.told_ns[interval] = interval_next(interval, market.told_ns[interval])
    return 0


cdef bint leaves(const Series *series, uint64_t before_ns, uint64_t now_ns) noexcept nogil:
    """Whether a window that moved its beginning has lost something."""
    return candle_position(series, before_ns) != candle_position(series, now_ns)


cdef void roll_windows(Market *market, uint64_t before_ns, uint64_t now_ns) noexcept nogil:
    """A minute has begun: note the statistics whose window has lost something."""
    cdef const Series *minutes = &market.tape.candles.series[MINUTE]
    cdef int i
    if leaves(minutes, day_open(before_ns), day_open(now_ns)):
        market.changed |= OF_DAY
    for i in range(WINDOWS):
        if leaves(minutes, window_open(WINDOW_MINUTES[i], before_ns), window_open(WINDOW_MINUTES[i], now_ns)):
            market.changed |= OF_WINDOW << i


cdef int market_roll(Market *market, uint64_t clock_ns) except -1 nogil:
    """The log's time is at `clock_ns` at least: end what has ended by then."""
    cdef uint64_t before_ns = market.rolled_ns
    cdef uint64_t kinds = (market.wanted[0] | market.wanted[1]) & KLINES
    cdef int interval = 0
    cdef uint64_t now_ns
    market.clock_ns = max(market.clock_ns, clock_ns)
    now_ns = market.rolled_ns = market_time(market)
    if before_ns // MINUTE_NS != now_ns // MINUTE_NS:
        roll_windows(market, before_ns, now_ns)
    if leaves(&market.tape.candles.series[SECOND], average_open(before_ns), average_open(now_ns)):
        market.changed |= ONE << KIND_AVG_PRICE
    while kinds:
        if kinds >> (KIND_KLINE + interval) & 1:
            roll_klines(market, interval)
            kinds &= ~(ONE << (KIND_KLINE + interval))
        interval += 1
    return 0


cdef Quote market_quote(const Market *market) noexcept nogil:
    """The best prices as they are; in the middle of a command those that were told last."""
    cdef Quote quote
    cdef Best bid = market.shown[BIDS] if market.levels.under_way else best_of(market, BIDS)
    cdef Best ask = market.shown[ASKS] if market.levels.under_way else best_of(market, ASKS)
    quote.bid_ticks = <int64_t> bid.key
    quote.bid_lots = <int64_t> bid.lots
    quote.ask_ticks = -<int64_t> ask.key
    quote.ask_lots = <int64_t> ask.lots
    return quote


cdef char *write_price_row(char *out, const Market *market) noexcept nogil:
    """The last price, as a query has it."""
    out = put(put(put(out, b'{"symbol":"'), market.tape.symbol), b'","price":')
    return put(write_decimal(out, last_price(&market.tape), &market.tape.price), b"}")


cdef char *write_best_row(char *out, const Market *market) noexcept nogil:
    """The best prices, as a query has them."""
    cdef Quote quote = market_quote(market)
    out = put(put(put(out, b'{"symbol":"'), market.tape.symbol), b'","bidPrice":')
    out = write_decimal(out, quote.bid_ticks, &market.tape.price)
    out = write_decimal(put(out, b',"bidQty":'), quote.bid_lots, &market.tape.quantity)
    out = write_decimal(put(out, b',"askPrice":'), quote.ask_ticks, &market.tape.price)
    out = write_decimal(put(out, b',"askQty":'), quote.ask_lots, &market.tape.quantity)
    return put(out, b"}")


cdef int write_depth(const Market *market, uint64_t limit, Text *out) except -1 nogil:
    """Append the best `limit` levels, as a query has them; 0 if the book is in the middle of a command."""
    cdef uint64_t levels
    if market.levels.under_way:
        return 0
    levels = min(limit, market.levels.sides[BIDS].count) + min(limit, market.levels.sides[ASKS].count)
    text_reserve(out, HEAD_SIZE + levels * LEVEL_SIZE)
    out.size = write_partial(out.data + out.size, market, limit) - out.data
    return 1


cdef int write_figures(const Market *market, int kind, uint64_t unit_ns, Text *out) except -1 nogil:
    """Append what is made of trades; 0 if there is nothing to tell, since nothing was ever traded.

    A candle is the one that `told_ns` says, where that has ended; else the one that is under way.
    """
    cdef uint64_t now_ns = market_time(market)
    cdef Quote quote = market_quote(market)
    cdef int interval = kind - KIND_KLINE
    cdef int window
    cdef uint64_t open_ns
    cdef Candle candle
    text_reserve(out, FIGURES_SIZE)
    if kind >= KIND_KLINE:
        open_ns = market.told_ns[interval] or interval_open(interval, now_ns)
        if not candle_at(&market.tape.candles, interval, open_ns, &candle):
            return 0
        out.size = write_kline_event(
            out.data + out.size, &market.tape, interval, &candle, now_ns,
            interval_next(interval, open_ns) <= now_ns, unit_ns,
        ) - out.data
    elif kind == KIND_AVG_PRICE:
        out.size = write_average_event(out.data + out.size, &market.tape, now_ns, unit_ns) - out.data
    elif kind == KIND_TICKER or kind == KIND_ALL_TICKER:
        out.size = write_day_event(out.data + out.size, &market.tape, &quote, now_ns, unit_ns) - out.data
    elif kind == KIND_MINI_TICKER or kind == KIND_ALL_MINI_TICKER:
        out.size = write_mini_event(out.data + out.size, &market.tape, now_ns, unit_ns) - out.data
    else:
        window = kind - (KIND_ALL_TICKER_1H if kind >= KIND_ALL_TICKER_1H else KIND_TICKER_1H)
        open_ns = window_open(WINDOW_MINUTES[window], now_ns)
        out.size = write_window_event(
            out.data + out.size, &market.tape, WINDOW_NAMES[window], open_ns, now_ns, unit_ns
        ) - out.data
    return 1


cdef int publish_ticker(Market *market) except -1 nogil:
    cdef Best bid = best_of(market, BIDS)
    cdef Best ask = best_of(market, ASKS)
    if differs(&bid, &market.shown[BIDS]) or differs(&ask, &market.shown[ASKS]):
        market.shown[BIDS] = bid
        market.shown[ASKS] = ask
        market.changed |= OF_BEST
        publish_latest(market, KIND_BOOK_TICKER)
    return 0


cdef int market_publish(Market *market) except -1 nogil:
    """Write what is due, and what belongs at a batch's end. Returns 0 when the book is in the middle of a command,
    and it must be called again."""
    cdef int kind
    cdef uint64_t read
    for kind in range(ALL_LEVELS):
        close_states(market, kind)
    if market.levels.under_way:
        return 0
    publish_ticker(market)
    read = market.due & (market.wanted[0] | market.wanted[1] | OF_DIFFS)
    for kind in range(MICROSECONDS if read else 0):
        if read >> kind & 1:
            if kind == KIND_DEPTH_1000 or kind == KIND_DEPTH_100:
                if market.levels.last_number < market.next_update[kind - KIND_DEPTH_1000]:
                    continue  # what changed did so before it went live, in the command that was under way then
                write_diff(market, kind - KIND_DEPTH_1000)
            elif kind >= KIND_KLINE:
                roll_klines(market, kind - KIND_KLINE)
            publish_latest(market, kind)
    market.changed &= ~market.due
    market.due = 0
    return 1


cdef void market_go_live(Market *market) noexcept nogil:
    """Begin to make messages. Differences count from what the book is now."""
    cdef int cadence
    market.live = True
    market.levels.recording = True
    market.changed = 0
    for cadence in range(CADENCES):
        market.next_update[cadence] = market.levels.last_number + 1


cdef int market_define(Market *market, const InstrumentDefinedRecord *event) except -1:
    """Take a definition: the instrument's first, or a new one in its place. ValueError for what can't be shown."""
    market.instrument = event.instrument
    tape_define(&market.tape, event)
    if market.last_phase.phase == 0:
        market.matcher = event.matcher
        market.last_phase.phase = market.last_phase.old_phase = PHASE_CONTINUOUS
        market.last_phase.reason = PHASE_REASON_COMMAND
    return 0


cdef int market_save(const Market *market, Saver out) except -1:
    """Write an instrument between two commands, as if it had been rebuilt in silence: no subscribers, no messages."""
    cdef Market bare = market[0]
    if market.levels.under_way:
        raise RuntimeError(f"instrument {market.instrument} is saved in the middle of command {market.levels.cause}")
    bare.live = bare.touched = False
    bare.wanted[0] = bare.wanted[1] = bare.changed = bare.due = 0
    bare.written = bare.clock_ns = bare.rolled_ns = 0
    memset(bare.told_ns, 0, sizeof(bare.told_ns))
    memset(bare.shown, 0, sizeof(bare.shown))
    memset(bare.next_update, 0, sizeof(bare.next_update))
    memset(bare.last_diff, 0, sizeof(bare.last_diff))
    memset(bare.last_diff_ns, 0, sizeof(bare.last_diff_ns))
    memset(bare.out, 0, sizeof(bare.out))
    memset(bare.open_at, 0, sizeof(bare.open_at))
    levels_bare(&bare.levels)
    tape_bare(&bare.tape)
    out.put(&bare, sizeof(bare))
    levels_save(&market.levels, out)
    return tape_save(&market.tape, out)


cdef int market_load(Market *market, Loader part) except -1:
    """Take what `market_save` wrote, into a market that is all zero."""
    part.get(market, sizeof(market[0]))
    levels_load(&market.levels, part)
    return tape_load(&market.tape, part)


cdef void market_free(Market *market) noexcept nogil:
    cdef int i
    levels_free(&market.levels)
    tape_free(&market.tape)
    for i in range(KINDS):
        text_free(&market.out[i])
    for i in range(CADENCES):
        text_free(&market.last_diff[i])
