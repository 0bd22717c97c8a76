"""Market data from the event rings: every instrument's book, and the messages its streams have to send.

It keeps no subscriber and no socket, and never makes a Python object for an event.

A start's books are those of its snapshot, or none, and go on with the events that are emitted from there. Until the
router leads and everything it had emitted by then has been read, they do so in silence; then the feed is live and makes
messages. It stays live: when the core starts again, it emits events that the feed has had, and these are skipped.

At a snapshot's mark it stops, with everything before the mark handled and nothing after it, until `pass_mark`.
"""

from enum import IntEnum

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from procs.edge.released_events cimport ReleasedEvents
from procs.publisher.market cimport (
    EVERY_100_MS, EVERY_1000_MS, KIND_AUCTION, KIND_BOOK_5, KIND_BOOK_10, KIND_BOOK_20, KIND_BOOK_TICKER,
    KIND_CORRECTION, KIND_DEPTH_100, KIND_DEPTH_1000, KIND_PARTIAL_5_100, KIND_PARTIAL_5_1000, KIND_PARTIAL_10_100,
    KIND_PARTIAL_10_1000, KIND_PARTIAL_20_100, KIND_PARTIAL_20_1000, KIND_PHASE, KIND_TRADE, KINDS, MICROSECONDS,
    Market, market_apply, market_complete, market_correct, market_define, market_free, market_go_live, market_load,
    market_move, market_publish, market_save, market_tick, write_latest,
)
from procs.publisher.text cimport FRAME_HEADER_SIZE, Text, frame_header, text_free, text_reserve
from procs.tables.saved cimport Loader, Saver
from shm.board cimport WORD_EPOCH, WORD_READY_EVENT, Board
from shm.records cimport (
    EVT_CORRECTED, EVT_EXT_CLIENT_ID, EVT_EXT_TERMS, EVT_INSTRUMENT_DEFINED, CorrectedRecord, EventRecord,
    InstrumentDefinedRecord,
)
from shm.ring cimport Consumer

cdef enum:
    MAX_INSTRUMENTS = 65536
    BATCH_BYTES = 262144     # of a ring's messages, at which a batch ends early: they are sent before more are made
    LENGTH_SIZE = 8


cdef bytes framed(const Text *messages, bytes wrap):
    """Each message of a buffer (see market.pyx) in a frame, with `wrap` before the payload and a brace behind it."""
    cdef uint64_t around = len(wrap) + 1 if wrap is not None else 0
    cdef uint64_t at = 0
    cdef uint64_t total = 0
    cdef uint64_t length
    cdef char header[FRAME_HEADER_SIZE]
    cdef bytes result
    cdef char *out
    while at < messages.size:
        memcpy(&length, messages.data + at, LENGTH_SIZE)
        total += frame_header(header, length + around) + length + around
        at += LENGTH_SIZE + length
    result = PyBytes_FromStringAndSize(NULL, total)
    out = PyBytes_AS_STRING(result)
    at = 0
    while at < messages.size:
        memcpy(&length, messages.data + at, LENGTH_SIZE)
        out += frame_header(out, length + around)
        if around:
            memcpy(out, PyBytes_AS_STRING(wrap), around - 1)
            out += around - 1
        memcpy(out, messages.data + at + LENGTH_SIZE, length)
        out += length
        if around:
            out[0] = c"}"
            out += 1
        at += LENGTH_SIZE + length
    return result


class Kind(IntEnum):
    """What a stream of an instrument says, how deep, how often (in ms) if it is timed, and in which unit of time."""

    TRADE = KIND_TRADE
    BOOK_TICKER = KIND_BOOK_TICKER
    DEPTH_1000 = KIND_DEPTH_1000
    DEPTH_100 = KIND_DEPTH_100
    BOOK_5 = KIND_BOOK_5
    BOOK_10 = KIND_BOOK_10
    BOOK_20 = KIND_BOOK_20
    PARTIAL_5_1000 = KIND_PARTIAL_5_1000
    PARTIAL_10_1000 = KIND_PARTIAL_10_1000
    PARTIAL_20_1000 = KIND_PARTIAL_20_1000
    PARTIAL_5_100 = KIND_PARTIAL_5_100
    PARTIAL_10_100 = KIND_PARTIAL_10_100
    PARTIAL_20_100 = KIND_PARTIAL_20_100
    PHASE = KIND_PHASE
    AUCTION = KIND_AUCTION
    CORRECTION = KIND_CORRECTION
    TRADE_US = KIND_TRADE + MICROSECONDS
    DEPTH_1000_US = KIND_DEPTH_1000 + MICROSECONDS
    DEPTH_100_US = KIND_DEPTH_100 + MICROSECONDS
    PHASE_US = KIND_PHASE + MICROSECONDS
    AUCTION_US = KIND_AUCTION + MICROSECONDS
    CORRECTION_US = KIND_CORRECTION + MICROSECONDS


class Cadence(IntEnum):
    """The paces of the timed streams."""

    MS_1000 = EVERY_1000_MS
    MS_100 = EVERY_100_MS


cdef class Feed(ReleasedEvents):
    """The books and messages of all instruments. `poll` it, send what `pending` lists, then `clear` that."""

    def __cinit__(self, consumers, Board board not None):
        self.live = False
        self.by_symbol = {}
        self.markets = <Market **> calloc(MAX_INSTRUMENTS, sizeof(Market *))
        self.touched = <uint32_t *> calloc(MAX_INSTRUMENTS, sizeof(uint32_t))
        if self.markets == NULL or self.touched == NULL:
            raise MemoryError("no memory for the table of instruments")

    def __init__(self, consumers, Board board not None):
        self.attach(consumers, board)

    def __dealloc__(self):
        cdef uint32_t i
        if self.markets != NULL:
            for i in range(MAX_INSTRUMENTS):
                if self.markets[i] != NULL:
                    market_free(self.markets[i])
                    free(self.markets[i])
        free(self.markets)
        free(self.touched)

    def save(self, Saver out not None) -> None:
        """Write the books, and the position, as they are at a mark."""
        cdef uint32_t instrument
        self.save_position(out)
        out.object(self.by_symbol)
        instruments = sorted(set(self.by_symbol.values()))
        out.object(instruments)
        for instrument in instruments:
            market_save(self.markets[instrument], out)

    def load(self, Loader part not None) -> None:
        """Take what `save` wrote, into a feed that has handled nothing. DamagedPart."""
        cdef uint32_t instrument
        self.load_position(part)
        self.by_symbol = part.object(dict[str, int])
        for instrument in part.object(list[int]):
            market_load(self.make_market(instrument), part)

    @property
    def may_tell(self) -> bool:
        """Whether the books are true and this node may release: it may have been stopped since it looked (I9)."""
        return self.live and not self.board.is_shut()

    def poll(self) -> int:
        """Take a batch of released events and make their messages; returns how many events were taken.

        A command is complete when an event with another cause follows, or when its matcher has said so.
        RuntimeError for events that contradict each other, or that are missing: a bug of the venue.
        """
        cdef uint64_t epoch = self.board.load(WORD_EPOCH)
        cdef uint64_t ready_event = self.board.load(WORD_READY_EVENT)
        cdef int64_t taken = self.drain()
        self.finish_commands()
        if not self.live and epoch and ready_event and self.handled[0] >= ready_event and not self.is_behind:
            self.go_live()
        self.publish()
        return taken

    cdef uint64_t apply_all(self, int ring, Consumer consumer, uint64_t first, uint64_t count) except? 0 nogil:
        self.written = 0  # for each, so that a busy matcher doesn't keep the others' rings from being drained
        return ReleasedEvents.apply_all(self, ring, consumer, first, count)

    cdef bint apply(self, int ring, const EventRecord *event) except -1 nogil:
        if ring == 0:
            if event.type == EVT_INSTRUMENT_DEFINED or event.type == EVT_CORRECTED:
                with gil:
                    self.define(event) if event.type == EVT_INSTRUMENT_DEFINED else self.correct(event)
            return True
        if self.written >= BATCH_BYTES:
            return False
        if event.type != EVT_EXT_CLIENT_ID and event.type != EVT_EXT_TERMS:
            self.handle(ring, event)
        return True

    cdef int handle(self, int matcher, const EventRecord *event) except -1 nogil:
        """Apply a matcher's event. An instrument has moved if its event comes in another ring than before."""
        cdef Market *market = self.markets[event.instrument] if event.instrument < MAX_INSTRUMENTS else NULL
        cdef uint64_t before
        if market == NULL:
            with gil:
                raise RuntimeError(f"event {event.number} is about instrument {event.instrument}, which is not defined")
        self.touch(market)
        if market.matcher != matcher:
            market_move(market, matcher, event.number)
        before = market.written
        market_apply(market, event)
        self.written += market.written - before
        return 0

    cdef int correct(self, const EventRecord *event) except -1:
        cdef Market *market = self.market(event.instrument)
        self.touch(market)
        return market_correct(market, <const CorrectedRecord *> event)

    cdef int define(self, const EventRecord *event) except -1:
        cdef Market *market = self.make_market(event.instrument)
        market_define(market, <const InstrumentDefinedRecord *> event)
        self.by_symbol[(<bytes> market.symbol).decode().lower()] = event.instrument
        if self.live and not market.live:
            market_go_live(market)
        return 0

    cdef Market *make_market(self, uint32_t instrument) except NULL:
        """The market of an instrument, made where there is none."""
        cdef Market *market
        if instrument >= MAX_INSTRUMENTS:
            raise RuntimeError(f"instrument {instrument} is beyond the table of {MAX_INSTRUMENTS}")
        market = self.markets[instrument]
        if market == NULL:
            market = <Market *> calloc(1, sizeof(Market))
            if market == NULL:
                raise MemoryError("no memory for an instrument")
            self.markets[instrument] = market
        return market

    cdef void touch(self, Market *market) noexcept nogil:
        if not market.touched:
            market.touched = True
            self.touched[self.touched_count] = market.instrument
            self.touched_count += 1

    cdef Market *market(self, uint32_t instrument) except NULL:
        if instrument >= MAX_INSTRUMENTS or self.markets[instrument] == NULL:
            raise KeyError(f"there is no instrument {instrument}")
        return self.markets[instrument]

    cdef int go_live(self) except -1:
        self.live = True
        for instrument in self.by_symbol.values():
            market_go_live(self.markets[<uint32_t> instrument])
        return 0

    cdef int publish(self) except -1 nogil:
        """End the batch for every instrument that it touched, or that had something due."""
        cdef uint32_t i
        if self.live:
            for i in range(self.touched_count):
                market_publish(self.markets[self.touched[i]])
        return 0

    cdef int finish_commands(self) except -1 nogil:
        """Complete the commands that have no more events, before anything is shown of the books."""
        cdef uint32_t i
        cdef Market *market
        for i in range(self.touched_count):
            market = self.markets[self.touched[i]]
            if market.levels.under_way and market.levels.cause <= self.complete[market.matcher]:
                market_complete(market)
        return 0

    def tick(self, int cadence) -> None:
        """The time of a cadence has come: make the messages of what changed since its last time."""
        cdef uint32_t instrument
        for instrument in self.by_symbol.values():
            market_tick(self.markets[instrument], cadence)
            if self.markets[instrument].due:
                self.touch(self.markets[instrument])
        self.publish()

    def pending(self) -> list[tuple[int, int]]:
        """(instrument, kind) of every stream with messages to send; `clear` each, or it is sent again."""
        cdef uint32_t i
        cdef uint32_t kept = 0
        cdef int kind
        cdef Market *market
        found = []
        for i in range(self.touched_count):
            market = self.markets[self.touched[i]]
            for kind in range(KINDS):
                if market.wanted >> kind & 1 and market.out[kind].size:
                    found.append((market.instrument, kind))
            market.touched = market.levels.under_way or market.due != 0
            if market.touched:
                self.touched[kept] = market.instrument
                kept += 1
        self.touched_count = kept
        return found

    def take(self, uint32_t instrument, int kind, bytes wrap=None) -> bytes:
        """The stream's messages to send, each in a WebSocket frame of its own, one after the other.

        With `wrap` each payload is put between it and a closing brace, as on combined connections.
        """
        return framed(&self.market(instrument).out[kind], wrap)

    def clear(self, uint32_t instrument, int kind) -> None:
        """Forget the stream's messages: they were sent."""
        self.market(instrument).out[kind].size = 0

    def latest(self, uint32_t instrument, int kind, bytes wrap=None) -> bytes | None:
        """The stream's latest message in a frame. None if there was none, or the book is in the middle of a command.

        An event or difference is the last one published; everything else is the book as it is now.
        """
        cdef Text text
        cdef Market *market = self.market(instrument)
        cdef uint64_t length
        memset(&text, 0, sizeof(text))
        try:
            text_reserve(&text, LENGTH_SIZE)
            text.size = LENGTH_SIZE
            if not write_latest(market, kind, &text):
                return None
            length = text.size - LENGTH_SIZE
            memcpy(text.data, &length, LENGTH_SIZE)
            return framed(&text, wrap)
        finally:
            text_free(&text)

    def want(self, uint32_t instrument, int kind, bint wanted) -> None:
        """Begin or stop making a stream's messages, as it gains or loses its subscribers."""
        cdef Market *market = self.market(instrument)
        if wanted:
            market.wanted |= <uint32_t> 1 << kind
        else:
            market.wanted &= ~(<uint32_t> 1 << kind)
            market.out[kind].size = 0

    def find(self, str symbol not None) -> int | None:
        """The instrument of a symbol in lower case."""
        return self.by_symbol.get(symbol)
