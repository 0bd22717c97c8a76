"""What a book and its events say on the streams, as JSON: each function writes one message, or a part of one.

It writes from levels, a tape and an event alone, into memory that its caller has reserved, and keeps nothing. Times are
in the unit that it is told.
"""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport strlen

from lockstep.core.schema.digits cimport put_uint
from lockstep.core.schema.records cimport (
    PHASE_DELISTED, PHASE_REASON_TIMER, SIDE_SELL, CorrectedRecord, IndicativeRecord, PhaseChangedRecord, TradedRecord,
)
from lockstep.procs.publisher.book cimport ASKS, BIDS, Best, Ladder, Levels, levels_best, quantity_at
from lockstep.procs.publisher.tape cimport Tape
from lockstep.procs.publisher.text cimport put, write_decimal, write_signed

from lockstep.core.schema.records import Phase, PhaseReason

cdef const char *DIFF_HEAD = b'{"e":"depthUpdate","E":'
# The names of phases and of the reasons to change them, as the schema has them.
cdef list PHASE_NAMES = [b""] + [phase.name.encode() for phase in Phase]
cdef list REASON_NAMES = [b""] + [reason.name.encode() for reason in PhaseReason]
cdef const char *phase_names[<int> PHASE_DELISTED + 1]
cdef const char *reason_names[<int> PHASE_REASON_TIMER + 1]
for _value in range(PHASE_DELISTED + 1):
    phase_names[<int> _value] = PHASE_NAMES[_value]
for _value in range(PHASE_REASON_TIMER + 1):
    reason_names[<int> _value] = REASON_NAMES[_value]

assert len(PHASE_NAMES) == PHASE_DELISTED + 1 and len(REASON_NAMES) == PHASE_REASON_TIMER + 1


cdef inline char *write_level(char *out, const Tape *tape, int64_t key, int64_t lots) noexcept nogil:
    out[0] = c"["
    out = write_decimal(out + 1, key if key > 0 else -key, &tape.price)
    out[0] = c","
    out = write_decimal(out + 1, lots, &tape.quantity)
    out[0] = c"]"
    out[1] = c","
    return out + 2


cdef char *write_side(char *out, const Levels *levels, const Tape *tape, int side, uint64_t limit) noexcept nogil:
    """Write up to `limit` levels, best first, as a JSON array; `out` has LEVEL_SIZE bytes for each."""
    cdef const Ladder *ladder = &levels.sides[side]
    cdef uint64_t shown = min(limit, ladder.count)
    cdef uint64_t i
    out[0] = c"["
    out += 1
    for i in range(ladder.count - 1, ladder.count - 1 - shown, -1):
        out = write_level(out, tape, ladder.levels[i].key, ladder.levels[i].quantity_lots)
    if shown:
        out -= 1
    out[0] = c"]"
    return out + 1


cdef char *write_trade(char *out, const Tape *tape, const TradedRecord *trade, uint64_t unit_ns) noexcept nogil:
    out = put_uint(put(out, b'{"e":"trade","E":'), trade.time_ns // unit_ns)
    out = put(put(out, b',"s":"'), tape.symbol)
    out = put_uint(put(out, b'","t":'), trade.number)
    out = write_decimal(put(out, b',"p":'), trade.price_ticks, &tape.price)
    out = write_decimal(put(out, b',"q":'), trade.quantity_lots, &tape.quantity)
    out = put_uint(put(out, b',"T":'), trade.time_ns // unit_ns)
    return put(out, b',"m":true,"M":true}' if trade.taker_side == SIDE_SELL else b',"m":false,"M":true}')


cdef inline char *write_head(char *out, const Tape *tape, const char *head, uint64_t time) noexcept nogil:
    """How a message of our own streams begins: its kind, its time, and the symbol."""
    out = put_uint(put(out, head), time)
    return put(put(put(out, b',"s":"'), tape.symbol), b'"')


cdef char *write_phase(char *out, const Tape *tape, const PhaseChangedRecord *event, uint64_t unit_ns) noexcept nogil:
    out = write_head(out, tape, b'{"e":"phase","E":', event.time_ns // unit_ns)
    out = put_uint(put(out, b',"u":'), event.number)
    out = put(put(out, b',"p":"'), phase_names[min(event.phase, <int> PHASE_DELISTED)])
    out = put(put(out, b'","P":"'), phase_names[min(event.old_phase, <int> PHASE_DELISTED)])
    out = put(put(out, b'","r":"'), reason_names[min(event.reason, <int> PHASE_REASON_TIMER)])
    out = put_uint(put(out, b'","T":'), event.ends_ns // unit_ns)
    out = write_decimal(put(out, b',"a":'), event.auction_price_ticks, &tape.price)
    out = write_decimal(put(out, b',"q":'), event.auction_lots, &tape.quantity)
    return put(write_decimal(put(out, b',"f":'), event.reference_price_ticks, &tape.price), b"}")


cdef char *write_auction(char *out, const Tape *tape, const IndicativeRecord *event, uint64_t unit_ns) noexcept nogil:
    out = write_head(out, tape, b'{"e":"auction","E":', event.time_ns // unit_ns)
    out = put_uint(put(out, b',"u":'), event.number)
    out = write_decimal(put(out, b',"p":'), event.price_ticks, &tape.price)
    out = write_decimal(put(out, b',"q":'), event.quantity_lots, &tape.quantity)
    return put(write_signed(put(out, b',"i":'), event.imbalance_lots, &tape.quantity), b"}")


cdef char *write_correction(char *out, const Tape *tape, const CorrectedRecord *event, uint64_t unit_ns) noexcept nogil:
    out = write_head(out, tape, b'{"e":"correction","E":', event.time_ns // unit_ns)
    out = put_uint(put(out, b',"t":'), event.trade_id)
    out = write_decimal(put(out, b',"p":'), event.price_ticks, &tape.price)
    out = write_decimal(put(out, b',"q":'), event.quantity_lots, &tape.quantity)
    return put(write_decimal(put(out, b',"n":'), event.new_price_ticks, &tape.price), b"}")


cdef char *write_best(
    char *out, const Best *best, const Tape *tape, const char *price, const char *lots
) noexcept nogil:
    out = write_decimal(put(out, price), best.key if best.key > 0 else -best.key, &tape.price)
    return write_decimal(put(out, lots), best.lots, &tape.quantity)


cdef char *write_ticker(char *out, const Levels *levels, const Tape *tape) noexcept nogil:
    """The best prices; price and quantity of an empty side are zero."""
    cdef Best bid = levels_best(levels, BIDS)
    cdef Best ask = levels_best(levels, ASKS)
    out = put_uint(put(out, b'{"u":'), levels.last_number)
    out = put(put(put(out, b',"s":"'), tape.symbol), b'"')
    out = write_best(out, &bid, tape, b',"b":', b',"B":')
    out = write_best(out, &ask, tape, b',"a":', b',"A":')
    return put(out, b"}")


cdef char *write_partial(char *out, const Levels *levels, const Tape *tape, int limit) noexcept nogil:
    out = put_uint(put(out, b'{"lastUpdateId":'), levels.last_number)
    out = write_side(put(out, b',"bids":'), levels, tape, BIDS, limit)
    out = write_side(put(out, b',"asks":'), levels, tape, ASKS, limit)
    return put(out, b"}")


cdef char *write_state(char *out, const Levels *levels, const Tape *tape, int limit) noexcept nogil:
    out = put_uint(put(out, b'{"U":'), levels.first_number)
    out = put_uint(put(out, b',"u":'), levels.last_number)
    out = put_uint(put(out, b',"s":'), levels.cause)
    out = write_side(put(out, b',"b":'), levels, tape, BIDS, limit)
    out = write_side(put(out, b',"a":'), levels, tape, ASKS, limit)
    return put(out, b"}")


cdef char *write_changes(char *out, const Levels *levels, const Tape *tape, int side, int cadence) noexcept nogil:
    """Write each changed level, best first, with its quantity now: zero where it is gone."""
    cdef const Ladder *ladder = &levels.sides[side]
    cdef uint64_t count = ladder.changes[cadence].count
    cdef uint64_t i
    cdef int64_t key
    out[0] = c"["
    out += 1
    for i in range(count):
        key = ladder.changes[cadence].items[count - 1 - i]
        out = write_level(out, tape, key, quantity_at(ladder, key))
    if count:
        out -= 1
    out[0] = c"]"
    return out + 1


cdef char *write_diff_head(char *out, uint64_t time) noexcept nogil:
    """How a difference begins: with its time."""
    return put_uint(put(out, DIFF_HEAD), time)


cdef size_t diff_rest(const char *diff) noexcept nogil:
    """Where a difference goes on behind its time."""
    cdef size_t at = strlen(DIFF_HEAD)
    while diff[at] != c",":
        at += 1
    return at
