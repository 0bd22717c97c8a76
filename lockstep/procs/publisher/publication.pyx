"""Publishes one instrument's market data: its events in, the messages of its streams out.

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
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

from lockstep.core.schema.digits cimport put_uint
from lockstep.core.schema.records cimport (
    EVT_INDICATIVE, EVT_PHASE_CHANGED, EVT_TRADED, CorrectedRecord, EventRecord, IndicativeRecord, PhaseChangedRecord,
    TradedRecord,
)
from lockstep.procs.publisher.book cimport (
    ASKS, BIDS, CADENCES, Best, changes_clear, changes_sort, levels_apply, levels_best, levels_complete, levels_move,
)
from lockstep.procs.publisher.candles cimport (
    MINUTE, PLACES, SECOND, Series, candle_position, interval_back, interval_next, interval_open,
)
from lockstep.procs.publisher.kinds cimport (
    ALL_LEVELS, CADENCE_KINDS, EVERY_100_MS, KIND_AGG_TRADE, KIND_ALL_MINI_TICKER, KIND_ALL_TICKER, KIND_ALL_TICKER_1H,
    KIND_AUCTION, KIND_AVG_PRICE, KIND_BOOK_5, KIND_BOOK_TICKER, KIND_CORRECTION, KIND_DEPTH_100, KIND_DEPTH_1000,
    KIND_KLINE, KIND_MINI_TICKER, KIND_PARTIAL_5_100, KIND_PARTIAL_5_1000, KIND_PHASE, KIND_TICKER, KIND_TICKER_1H,
    KIND_TRADE, KINDS, MICROSECONDS, WINDOWS, depth_of,
)
from lockstep.procs.publisher.market cimport Market, market_time
from lockstep.procs.publisher.messages cimport HEAD_SIZE, LEVEL_SIZE, write_changes, write_diff_head, write_state
from lockstep.procs.publisher.payloads cimport window_begin, write_latest
from lockstep.procs.publisher.tape cimport (
    average_open, day_open, tape_correct, tape_ends_aggregate, tape_settle, tape_trade,
)
from lockstep.procs.publisher.text cimport Text, put, text_reserve

cdef enum:
    NS_PER_MS = 1_000_000
    LENGTH_SIZE = 8
    MOST_AT_ONCE = 1000           # candles that end together: where no time was known for long
    STATES_FRAME_BYTES = 262144   # a frame of states is closed at this size: stock clients refuse messages of 1 MiB
    MAX_CHANGES = 8192            # a difference is published before its time when this many prices changed on a side

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

assert KIND_PARTIAL_5_100 - KIND_PARTIAL_5_1000 == CADENCE_KINDS and <int> CADENCE_KINDS == ALL_LEVELS
assert KIND_DEPTH_1000 + EVERY_100_MS == KIND_DEPTH_100 and CADENCES == 2
assert KIND_KLINE + PLACES <= MICROSECONDS and <int> KINDS == 2 * MICROSECONDS <= 128


cdef inline bint differs(const Best *a, const Best *b) noexcept nogil:
    return a.count != b.count or a.key != b.key or a.lots != b.lots


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
    out = write_diff_head(text.data, market.levels.time_ns // NS_PER_MS)
    out = put(put(out, b',"s":"'), market.tape.symbol)
    out = put_uint(put(out, b'","U":'), market.next_update[cadence])
    out = put_uint(put(out, b',"u":'), market.levels.last_number)
    out = write_changes(put(out, b',"b":'), &market.levels, &market.tape, BIDS, cadence)
    out = write_changes(put(out, b',"a":'), &market.levels, &market.tape, ASKS, cadence)
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
    text_reserve(out, HEAD_SIZE + 2 * depth_of(index) * LEVEL_SIZE)
    out.size = write_state(out.data + out.size, &market.levels, &market.tape, depth_of(index)) - out.data
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
        if leaves(minutes, window_begin(i, before_ns), window_begin(i, now_ns)):
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


cdef int publish_ticker(Market *market) except -1 nogil:
    cdef Best bid = levels_best(&market.levels, BIDS)
    cdef Best ask = levels_best(&market.levels, ASKS)
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
