"""One instrument's market: its book, what it traded, and the messages that its streams have to send.

It is told what happens (`publication`); it knows no ring, subscriber, socket or clock, and writes no message.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memset

from lockstep.core.schema.records cimport PHASE_CONTINUOUS, PHASE_REASON_COMMAND, InstrumentDefinedRecord
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.publisher.book cimport (
    ASKS, BIDS, CADENCES, Best, levels_bare, levels_best, levels_free, levels_load, levels_save,
)
from lockstep.procs.publisher.figures cimport Quote
from lockstep.procs.publisher.kinds cimport KIND_KLINE, KINDS, MICROSECONDS
from lockstep.procs.publisher.tape cimport tape_bare, tape_define, tape_free, tape_load, tape_save
from lockstep.procs.publisher.text cimport text_free


cdef int market_define(Market *market, const InstrumentDefinedRecord *event) except -1:
    """Take a definition: the instrument's first, or a new one in its place. ValueError for what can't be shown."""
    market.instrument = event.instrument
    tape_define(&market.tape, event)
    if market.last_phase.phase == 0:
        market.matcher = event.matcher
        market.last_phase.phase = market.last_phase.old_phase = PHASE_CONTINUOUS
        market.last_phase.reason = PHASE_REASON_COMMAND
    return 0


cdef void market_go_live(Market *market) noexcept nogil:
    """Begin to make messages. Differences count from what the book is now."""
    cdef int cadence
    market.live = True
    market.levels.recording = True
    market.changed = 0
    for cadence in range(CADENCES):
        market.next_update[cadence] = market.levels.last_number + 1


cdef void market_want(Market *market, int kind, bint wanted) noexcept nogil:
    """Begin or stop making a kind's messages."""
    cdef int base = kind % MICROSECONDS
    if not wanted:
        market.wanted[kind // MICROSECONDS] &= ~(<uint64_t> 1 << base)
        market.out[kind].size = 0
        return
    if base >= KIND_KLINE and not (market.wanted[0] | market.wanted[1]) >> base & 1:
        market.told_ns[base - KIND_KLINE] = 0
    market.wanted[kind // MICROSECONDS] |= <uint64_t> 1 << base


cdef uint64_t market_time(const Market *market) noexcept nogil:
    """The log's time, as far as the instrument's events or the clock have it."""
    return max(market.clock_ns, market.levels.time_ns)


cdef Quote market_quote(const Market *market) noexcept nogil:
    """The best prices as they are; in the middle of a command those that were told last."""
    cdef Quote quote
    cdef Best bid = market.shown[BIDS] if market.levels.under_way else levels_best(&market.levels, BIDS)
    cdef Best ask = market.shown[ASKS] if market.levels.under_way else levels_best(&market.levels, ASKS)
    quote.bid_ticks = bid.key
    quote.bid_lots = bid.lots
    quote.ask_ticks = -ask.key
    quote.ask_lots = ask.lots
    return quote


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
