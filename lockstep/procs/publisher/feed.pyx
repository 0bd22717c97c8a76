"""Market data from the event rings: every instrument's book, and the messages its streams have to send.

It keeps no subscriber and no socket, and never makes a Python object for an event.

A start's books are those of its snapshot, or none, and go on with the events that are emitted from there. Until the
router leads and everything it had emitted by then has been read, they do so in silence; then the feed is live and makes
messages. It stays live: when the core starts again, it emits events that the feed has had, and these are skipped.

The log's time goes on while nothing happens. The router shows a heartbeat between two of its turns: what it sequences
after that has a later time, and what it sequenced before is in the log. So once all of the log is taken that there was
after a heartbeat was read, nothing earlier than that can come any more, and `tick` ends candles by it.

At a snapshot's mark it stops, with everything before the mark handled and nothing after it, until `pass_mark`.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from lockstep.core.edge.released_events cimport RINGS, ReleasedEvents
from lockstep.core.schema.records cimport (
    EVT_CORRECTED, EVT_EXT_CLIENT_ID, EVT_INSTRUMENT_DEFINED, CorrectedRecord, EventRecord,
    InstrumentDefinedRecord,
)
from lockstep.core.tables.saved cimport Loader, Saver
from lockstep.procs.publisher.kinds cimport EVERY_1000_MS, KIND_ALL_TICKER, MICROSECONDS
from lockstep.procs.publisher.market cimport (
    Market, market_define, market_free, market_go_live, market_load, market_save, market_want,
)
from lockstep.procs.publisher.payloads cimport write_figures, write_latest
from lockstep.procs.publisher.publication cimport (
    market_apply, market_complete, market_correct, market_move, market_publish, market_roll, market_settle, market_tick,
)
from lockstep.procs.publisher.text cimport FRAME_HEADER_SIZE, Text, frame_header, text_append, text_free, text_reserve
from lockstep.shm.board cimport WORD_EPOCH, WORD_LOG_END, WORD_READY_EVENT, Board, HealthPayload
from lockstep.shm.ring cimport Consumer

cdef enum:
    MAX_INSTRUMENTS = 65536
    BATCH_BYTES = 262144     # of a ring's messages, at which a batch ends early: they are sent before more are made
    LENGTH_SIZE = 8
    NS_PER_MS = 1_000_000
    NS_PER_US = 1000

EVERYTHING = ALL


cdef bytes framed(const Text *messages, bytes wrap):
    """Each message of a buffer (see `publication`) in a frame, with `wrap` before the payload and a brace behind it."""
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


cdef class Feed(ReleasedEvents):
    """The books and messages of all instruments. `poll` it, send what `pending` lists, then `clear` that."""

    def __cinit__(self, consumers, Board board not None):
        self.live = False
        self.router_slot = -1
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
        for i in range(2 * ALL_KINDS):
            text_free(&self.all_out[i])
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
        cdef int64_t taken
        self.look_at_clock()
        taken = self.drain()
        self.finish_commands()
        self.take_clock()
        if not self.live and epoch and ready_event and self.handled[0] >= ready_event and not self.is_behind:
            self.go_live()
        self.publish()
        return taken

    def follow_clock(self, int router_slot, uint64_t anchor_ns) -> None:
        """Let the log's time go on by the heartbeats of the router, which has that place among those that show some."""
        self.router_slot = router_slot
        self.anchor_ns = anchor_ns

    @property
    def clock_ns(self) -> int:
        """The log's time as far as it is known: all commands before it have been taken. 0: not known."""
        return self.log_ns

    cdef int look_at_clock(self) except -1 nogil:
        """Read a heartbeat, and then how far the log is; not of a core that starts again."""
        cdef HealthPayload health
        if self.asked_ns or self.router_slot < 0 or not self.board.read_health(self.router_slot, &health):
            return 0
        self.asked_end = self.board.load(WORD_LOG_END)
        if self.board.load(WORD_EPOCH):
            self.asked_ns = health.heartbeat_ns + self.anchor_ns
        return 0

    cdef int take_clock(self) noexcept nogil:
        """Take the heartbeat's time, once all of the log up to then has been taken."""
        cdef int ring
        for ring in range(RINGS):
            if self.by_ring[ring] != NULL and self.complete[ring] < self.asked_end:
                return 0
        self.log_ns = max(self.log_ns, self.asked_ns)
        self.asked_ns = 0
        return 0

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
        if event.type < EVT_EXT_CLIENT_ID:  # an extension changes no market
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
        self.by_symbol[(<bytes> market.tape.symbol).decode().lower()] = event.instrument
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

    cdef Market *market_now(self, uint32_t instrument) except NULL:
        """An instrument with the time as it is, for a query."""
        cdef Market *market = self.market(instrument)
        market.clock_ns = max(market.clock_ns, self.log_ns)
        return market

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
            if market.tape.mend_count and not market.levels.under_way:
                market_settle(market, self.complete[market.matcher] + 1)
        return 0

    def tick(self, int cadence) -> None:
        """The time of a cadence has come: make the messages of what changed, or ended, since its last time."""
        cdef uint32_t instrument
        cdef Market *market
        for instrument in self.by_symbol.values():
            market = self.markets[instrument]
            market_roll(market, self.log_ns)
            market_tick(market, cadence)
            if market.due or market.wanted[0] | market.wanted[1]:
                self.touch(market)
        self.publish()
        if cadence == EVERY_1000_MS:
            self.tell_all()

    cdef int tell_all(self) except -1:
        """Make the messages about all instruments: those of which something changed since the last time."""
        cdef uint32_t instrument
        cdef int place
        cdef uint64_t told = 0
        for place in range(2 * ALL_KINDS):
            if self.all_wanted[place]:
                self.tell_all_of(place)
                told |= <uint64_t> 1 << (KIND_ALL_TICKER + place % ALL_KINDS)
        if told:
            for instrument in self.by_symbol.values():
                self.markets[instrument].changed &= ~told
        return 0

    cdef int tell_all_of(self, int place) except -1:
        cdef Text *out = &self.all_out[place]
        cdef int kind = KIND_ALL_TICKER + place % ALL_KINDS
        cdef uint64_t unit_ns = NS_PER_MS if place < ALL_KINDS else NS_PER_US
        cdef uint64_t start = out.size + LENGTH_SIZE
        cdef uint64_t length
        cdef uint32_t instrument
        text_reserve(out, LENGTH_SIZE + 1)
        out.size = start
        for instrument in self.by_symbol.values():
            if self.markets[instrument].changed >> kind & 1:
                text_append(out, b"," if out.size > start else b"[", 1)
                write_figures(self.markets[instrument], kind, unit_ns, out)
        if out.size == start:
            out.size = start - LENGTH_SIZE
            return 0
        text_append(out, b"]", 1)
        length = out.size - start
        memcpy(out.data + start - LENGTH_SIZE, &length, LENGTH_SIZE)
        return 0

    def pending(self) -> list[tuple[int, int]]:
        """(instrument, kind) of every stream with messages to send; `clear` each, or it is sent again."""
        cdef uint32_t i
        cdef uint32_t kept = 0
        cdef int kind, unit
        cdef uint64_t wanted
        cdef Market *market
        found = []
        for i in range(self.touched_count):
            market = self.markets[self.touched[i]]
            for unit in range(2):
                wanted = market.wanted[unit]
                kind = unit * MICROSECONDS
                while wanted:
                    if wanted & 1 and market.out[kind].size:
                        found.append((market.instrument, kind))
                    wanted >>= 1
                    kind += 1
            market.touched = market.levels.under_way or market.due != 0 or market.tape.mend_count != 0
            if market.touched:
                self.touched[kept] = market.instrument
                kept += 1
        self.touched_count = kept
        for kind in range(2 * ALL_KINDS):
            if self.all_out[kind].size:
                found.append((ALL, KIND_ALL_TICKER + kind % ALL_KINDS + kind // ALL_KINDS * MICROSECONDS))
        return found

    cdef Text *messages(self, uint32_t instrument, int kind) except NULL:
        """The messages of a stream that are to be sent."""
        if instrument == ALL:
            return &self.all_out[kind % MICROSECONDS - KIND_ALL_TICKER + kind // MICROSECONDS * ALL_KINDS]
        return &self.market(instrument).out[kind]

    def take(self, uint32_t instrument, int kind, bytes wrap=None) -> bytes:
        """The stream's messages to send, each in a WebSocket frame of its own, one after the other.

        With `wrap` each payload is put between it and a closing brace, as on combined connections.
        """
        return framed(self.messages(instrument, kind), wrap)

    def clear(self, uint32_t instrument, int kind) -> None:
        """Forget the stream's messages: they were sent."""
        self.messages(instrument, kind).size = 0

    def latest(self, uint32_t instrument, int kind, bytes wrap=None) -> bytes | None:
        """The stream's latest message in a frame. None if there was none, or the book is in the middle of a command.

        An event or difference is the last one published; everything else is as it is now. About all instruments
        together there is none.
        """
        cdef Text text
        cdef Market *market
        cdef uint64_t length
        if instrument == ALL:
            return None
        market = self.market(instrument)
        market_roll(market, self.log_ns)
        self.touch(market)
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
        cdef int place
        cdef uint32_t each
        if instrument != ALL:
            market_want(self.market(instrument), kind, wanted)
            return
        place = kind % MICROSECONDS - KIND_ALL_TICKER + kind // MICROSECONDS * ALL_KINDS
        if wanted and not self.all_wanted[place]:
            for each in self.by_symbol.values():
                self.markets[each].changed &= ~(<uint64_t> 1 << kind % MICROSECONDS)
        self.all_wanted[place] = wanted
        if not wanted:
            self.all_out[place].size = 0

    def instruments(self) -> list[int]:
        """All instruments, in the order in which they were listed."""
        return list(self.by_symbol.values())

    def find(self, str symbol not None) -> int | None:
        """The instrument of a symbol in lower case."""
        return self.by_symbol.get(symbol)
