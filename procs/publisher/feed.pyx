"""Market data from the event rings: every instrument's book, and the messages its streams have to send.

It takes only released events (LOG-13), keeps no subscriber and no socket, and never makes a Python object for an event.

A start's books are those of its snapshot, or none, and go on with the events that are emitted from there. Until the
router leads and everything it had emitted by then has been read, they do so in silence; then the feed is live and makes
messages. It stays live: when the core starts again, it emits events that the feed has had, and these are skipped.

At a snapshot's mark it stands still, with everything before the mark handled and nothing behind it, until `pass_mark`.
"""

from enum import IntEnum

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from procs.publisher.market cimport (
    EVERY_100_MS, EVERY_1000_MS, KIND_AUCTION, KIND_BOOK_5, KIND_BOOK_10, KIND_BOOK_20, KIND_BOOK_TICKER,
    KIND_CORRECTION, KIND_DEPTH_100, KIND_DEPTH_1000, KIND_PARTIAL_5_100, KIND_PARTIAL_5_1000, KIND_PARTIAL_10_100,
    KIND_PARTIAL_10_1000, KIND_PARTIAL_20_100, KIND_PARTIAL_20_1000, KIND_PHASE, KIND_TRADE, KINDS, Market,
    market_apply, market_complete, market_correct, market_define, market_free, market_go_live, market_load, market_move,
    market_publish, market_save, market_tick, write_latest,
)
from procs.publisher.text cimport FRAME_HEADER_SIZE, Text, frame_header, text_free, text_reserve
from procs.tables.saved cimport Loader, Saver
from shm.board cimport WORD_EPOCH, WORD_MATCHER_DONE, WORD_READY_EVENT, WORD_SNAPSHOT_SEQ, Board
from shm.records cimport (
    EVT_CORRECTED, EVT_EXT_CLIENT_ID, EVT_EXT_TERMS, EVT_INSTRUMENT_DEFINED, EVT_SNAPSHOT, MAX_MATCHERS,
    CorrectedRecord, EventRecord, InstrumentDefinedRecord, SnapshotTakenRecord,
)
from shm.ring cimport Consumer

cdef enum:
    MAX_INSTRUMENTS = 65536
    BATCH_EVENTS = 4096      # taken from one matcher's ring in one poll
    BATCH_BYTES = 262144     # of messages, at which a batch ends early, so that they are sent before more are made
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
    """What a stream of an instrument says, how deep, and how often (in ms) where it goes by time."""

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


class Cadence(IntEnum):
    """The paces of the streams that go by time."""

    MS_1000 = EVERY_1000_MS
    MS_100 = EVERY_100_MS


cdef class Feed:
    """The books and messages of all instruments. `poll` it, send what `pending` lists, then `clear` that.

    `matchers` has the consumer of each matcher's ring, by the matcher's number.
    """

    def __cinit__(self, Consumer router not None, matchers, Board board not None):
        self.live = False
        self.attach(router, matchers, board)
        self.by_symbol = {}
        self.markets = <Market **> calloc(MAX_INSTRUMENTS, sizeof(Market *))
        self.touched = <uint32_t *> calloc(MAX_INSTRUMENTS, sizeof(uint32_t))
        if self.markets == NULL or self.touched == NULL:
            raise MemoryError("no memory for the table of instruments")

    def __dealloc__(self):
        cdef uint32_t i
        if self.markets != NULL:
            for i in range(MAX_INSTRUMENTS):
                if self.markets[i] != NULL:
                    market_free(self.markets[i])
                    free(self.markets[i])
        free(self.markets)
        free(self.touched)

    def attach(self, Consumer router not None, matchers, Board board not None) -> None:
        """Go on with these ends of rings, behind what was handled so far."""
        self.router = router
        self.matchers = dict(matchers)
        if any(not 1 <= matcher <= MAX_MATCHERS for matcher in self.matchers):
            raise ValueError(f"matchers are numbered 1 to {MAX_MATCHERS}")
        self.board = board
        self.joined = False

    def save(self, Saver out not None) -> None:
        """Write the books, and what was handled, as they are at a mark."""
        cdef uint32_t instrument
        out.put(self.handled, sizeof(self.handled))
        out.object(self.by_symbol)
        instruments = sorted(set(self.by_symbol.values()))
        out.object(instruments)
        for instrument in instruments:
            market_save(self.markets[instrument], out)

    def load(self, Loader part not None) -> None:
        """Take what `save` wrote, into a feed that has handled nothing. DamagedPart."""
        cdef uint32_t instrument
        part.get(self.handled, sizeof(self.handled))
        self.by_symbol = part.object(dict[str, int])
        for instrument in part.object(list[int]):
            market_load(self.make_market(instrument), part)

    def poll(self) -> int:
        """Take a batch of released events and make their messages; returns how many events were taken.

        A command is complete when an event with another cause follows it, or when its matcher had said so before.
        RuntimeError for events that contradict each other, or that are missing: a bug of the venue.
        """
        if not self.joined:
            self.join()
        cdef uint64_t epoch = self.board.load(WORD_EPOCH)
        cdef uint64_t ready_event = self.board.load(WORD_READY_EVENT)
        cdef uint64_t release = self.board.release_seq()  # read before the rings: all that it covers is in them
        cdef int64_t taken
        cdef int64_t total = self.drain_definitions(release)
        cdef bint whole = True
        self.held = False
        if self.mark:
            release = min(release, self.mark)
        for matcher, consumer in self.matchers.items():
            self.written = 0  # for each, so that a busy matcher doesn't keep the others' rings from being drained
            taken = self.drain_matcher(matcher, <Consumer> consumer, release)
            whole = whole and taken < BATCH_EVENTS
            total += taken
        self.finish_commands()
        if not self.live and epoch and ready_event and self.router.next > ready_event and whole and not self.held:
            self.go_live()
        self.publish()
        return total

    def unreleased(self) -> bool:
        """Whether events are in sight that no commit covers yet: then more of them are of no use."""
        if self.router.available():
            return True
        return any((<Consumer> consumer).available() for consumer in self.matchers.values())

    @property
    def at_mark(self) -> int:
        """The mark of the snapshot that is wanted, once everything before it is handled; 0 otherwise."""
        if not self.mark:
            return 0
        for matcher in self.matchers:
            if self.handled[<int> matcher] != self.mark_numbers[<int> matcher]:
                return 0
        return self.mark

    def pass_mark(self) -> None:
        """Go on: the feed at the mark is saved."""
        self.mark = 0

    cdef int join(self) except -1:
        """Skip what was handled. RuntimeError where a ring begins behind what comes next."""
        cdef Consumer consumer
        cdef int ring
        for ring, consumer in [(0, self.router), *self.matchers.items()]:
            if consumer.next > self.handled[ring] + 1:
                raise RuntimeError(
                    f"ring {ring} goes on with event {consumer.next}, where {self.handled[ring]} was the last handled")
            consumer.follow(self.handled[ring])
        self.joined = True
        return 0

    cdef int64_t drain_definitions(self, uint64_t release) except -1:
        """Read the router's ring up to `release`, whole: a matcher's events may rest on any of these definitions."""
        cdef uint64_t available = self.router.available()  # first: it skips what was handled
        cdef uint64_t first = self.router.next
        cdef uint64_t end = first if self.mark else first + available
        cdef uint64_t seq = first
        cdef const EventRecord *event
        while seq < end and not self.mark:
            event = <const EventRecord *> self.router.at(seq)
            if event.cause > release:
                break
            if event.type == EVT_INSTRUMENT_DEFINED:
                self.define(event)
            elif event.type == EVT_CORRECTED:
                self.correct(event)
            elif event.type == EVT_SNAPSHOT:
                self.see_mark(<const SnapshotTakenRecord *> event)
            seq += 1
        if seq > first:
            self.router.release(seq - 1)
            self.handled[0] = seq - 1
        return seq - first

    cdef void see_mark(self, const SnapshotTakenRecord *event) noexcept nogil:
        """Stand still at a mark whose snapshot is wanted; what was recorded of others is passed by."""
        cdef int matcher
        if event.cause != self.board.load(WORD_SNAPSHOT_SEQ):
            return
        self.mark = event.cause
        for matcher in range(MAX_MATCHERS):
            self.mark_numbers[matcher + 1] = event.event_numbers[matcher]

    cdef int64_t drain_matcher(self, int matcher, Consumer consumer, uint64_t release) except -1 nogil:
        """Apply a matcher's events up to `release`, at most a batch of them, and learn which commands are complete."""
        cdef uint64_t done = self.board.load(WORD_MATCHER_DONE + matcher - 1)  # read before the ring, which has it all
        cdef uint64_t count = consumer.available()  # before `next`: it skips what was handled
        cdef uint64_t first = consumer.next
        cdef uint64_t available = first + count
        cdef uint64_t end = min(available, first + <uint64_t> BATCH_EVENTS)
        cdef uint64_t seq = first
        cdef const EventRecord *event
        while seq < end and self.written < BATCH_BYTES:
            event = <const EventRecord *> consumer.at(seq)
            if event.cause > release:
                break
            if event.type != EVT_EXT_CLIENT_ID and event.type != EVT_EXT_TERMS and not self.handle(matcher, event):
                break
            seq += 1
        if seq < available:  # what is left may go on with the last command
            done = (<const EventRecord *> consumer.at(seq)).cause - 1
        elif seq > first:
            done = max(done, (<const EventRecord *> consumer.at(seq - 1)).cause - 1)
        self.complete[matcher] = done
        if seq > first:
            consumer.release(seq - 1)
            self.handled[matcher] = seq - 1
        return seq - first

    cdef int handle(self, int matcher, const EventRecord *event) except -1 nogil:
        """Apply an event; 0 where it has to wait, since the ring that its instrument left has not been read so far."""
        cdef Market *market = self.markets[event.instrument] if event.instrument < MAX_INSTRUMENTS else NULL
        cdef uint64_t before
        if market == NULL:
            with gil:
                raise RuntimeError(f"event {event.number} is about instrument {event.instrument}, which is not defined")
        self.touch(market)
        if market.matcher != matcher:
            if self.complete[market.matcher] + 1 < event.cause:
                self.held = True
                return 0
            market_move(market, matcher, event.number)
        before = market.written
        market_apply(market, event)
        self.written += market.written - before
        return 1

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
        """End the batch for every instrument that it touched, or that something was due for."""
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
                if market.out[kind].size:
                    found.append((market.instrument, kind))
            market.touched = market.levels.under_way or market.due != 0
            if market.touched:
                self.touched[kept] = market.instrument
                kept += 1
        self.touched_count = kept
        return found

    def take(self, uint32_t instrument, int kind, bytes wrap=None) -> bytes:
        """The stream's messages to send, each in a WebSocket frame of its own, one behind the other.

        With `wrap` each payload is put between it and a closing brace, as on combined connections.
        """
        return framed(&self.market(instrument).out[kind], wrap)

    def clear(self, uint32_t instrument, int kind) -> None:
        """Forget the stream's messages: they were sent."""
        self.market(instrument).out[kind].size = 0

    def latest(self, uint32_t instrument, int kind, bytes wrap=None) -> bytes | None:
        """The stream's latest message in a frame. None where there was none, or the book is in the middle of a command.

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
        """Begin or stop to make a stream's messages: whether anybody is subscribed to it."""
        cdef Market *market = self.market(instrument)
        if wanted:
            market.wanted |= <uint32_t> 1 << kind
        else:
            market.wanted &= ~(<uint32_t> 1 << kind)
            market.out[kind].size = 0

    def find(self, str symbol not None) -> int | None:
        """The instrument of a symbol in lower case."""
        return self.by_symbol.get(symbol)
