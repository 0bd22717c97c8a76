"""The last events of accounts, each with its order as it stood then: what their streams tell, now or once more.

It is one ring of fixed size for all accounts, and a chain through it for each account and ring of events. An event's
*position* is the sequence of its command, its ring, its number there, and which telling of it this is: a function of
the log alone, so it is the same after any restart and on the other node.

Rings are read one after the other, so events come here out of order; each chain is in order. A `Cursor` merges an
account's chains up to `told`, behind which a command may still have events that no ring has given.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    MOST_STEPS = 100_000     # along chains, to where a stream goes on: some milliseconds
    RING_SHIFT = 60
    NUMBER_SHIFT = 2
    WATCHED = 1
    NOTED = 2

OPERATORS = OPERATORS_CHAIN
KEPT = 262_144  # events of all accounts
POSITION_SIZE = 32  # of its text
DIGITS = frozenset("0123456789abcdef")

assert sizeof(Recent) == 304


class TooOld(Exception):
    """Memory lacks events behind a position. `args[0]` is the oldest position that a stream may go on from."""


class Ahead(Exception):
    """A position that the log has not reached: it is none of this venue's."""


cdef inline Position position_of(const Recent *recent) noexcept nogil:
    cdef const EventRecord *event = <const EventRecord *> recent.record
    cdef Position position
    position.seq = event.cause
    position.within = <uint64_t> recent.ring << RING_SHIFT | event.number << NUMBER_SHIFT | recent.part
    return position


cdef inline bint is_behind(Position a, Position b) noexcept nogil:
    """Whether `a` comes after `b`."""
    return a.seq > b.seq or (a.seq == b.seq and a.within > b.within)


cdef str text_of(Position position):
    return f"{position.seq:016x}{position.within:016x}"


cdef Position position_called(str text) except *:
    """ValueError."""
    cdef Position position
    if len(text) != POSITION_SIZE or not DIGITS.issuperset(text):
        raise ValueError(f"a position has {POSITION_SIZE} hexadecimal digits, in lower case")
    position.seq = int(text[:16], 16)
    position.within = int(text[16:], 16)
    return position


cdef class RecentEvents:
    """The last `most` events. Memory is touched as it is used: 304 bytes an event."""

    def __cinit__(self, uint32_t most=KEPT):
        self.most = most
        self.items = <Recent *> calloc(most, sizeof(Recent))
        self.newest = <uint64_t *> calloc(CHAINS * RINGS, sizeof(uint64_t))
        self.forgotten = <Position *> calloc(CHAINS, sizeof(Position))
        self.watched = <uint8_t *> calloc(CHAINS, 1)
        self.noted = <uint32_t *> calloc(CHAINS, sizeof(uint32_t))
        if not (self.items and self.newest and self.forgotten and self.watched and self.noted):
            raise MemoryError("no memory for the last events")

    def __dealloc__(self):
        free(self.items)
        free(self.newest)
        free(self.forgotten)
        free(self.watched)
        free(self.noted)

    cdef void add(
        self, uint32_t account, int ring, const EventRecord *event, const ClientOrder *order, const Tracked *tracked,
        const FurtherTerms *further, int part
    ) noexcept nogil:
        """An account is told of an event, and of its order (NULL: there is none) as it stands after it."""
        cdef Recent *recent = &self.items[self.count % self.most]
        if account >= CHAINS:  # of a request that was refused for that
            return
        if self.count >= self.most:
            self.forget(recent)
        recent.account = account
        recent.ring = <uint8_t> ring
        recent.part = <uint8_t> part
        memcpy(recent.record, event, RECORD_SIZE)
        recent.order.order_id = 0
        if order != NULL:
            recent.order = order[0]
            recent.further = further[0]
            recent.entered_ns = tracked.created_ns
            recent.list_id = max(tracked.order_id, tracked.mate_id) if tracked.mate_id else 0  # as OrderView has it
            recent.self_trade = tracked.self_trade
        self.link(recent)
        if self.watched[account] == WATCHED:
            self.watched[account] = NOTED
            self.noted[self.noted_count] = account
            self.noted_count += 1

    cdef void link(self, Recent *recent) noexcept nogil:
        """Make it the newest of its chain."""
        cdef uint64_t *newest = &self.newest[recent.account * RINGS + recent.ring]
        cdef Recent *before = self.kept(newest[0])
        self.count += 1
        recent.older = newest[0]
        recent.newer = 0
        if before != NULL:
            before.newer = self.count
        newest[0] = self.count

    cdef void forget(self, const Recent *recent) noexcept nogil:
        cdef Position position = position_of(recent)
        if is_behind(position, self.forgotten[recent.account]):
            self.forgotten[recent.account] = position

    cdef Recent *kept(self, uint64_t number) noexcept nogil:
        """The event of a number that counts from 1, or NULL where there is none, or no more."""
        return &self.items[(number - 1) % self.most] if number and number + self.most > self.count else NULL

    cdef void reached(self, uint64_t seq) noexcept nogil:
        """All events of commands up to `seq` are here."""
        self.told = max(self.told, seq)

    # For streams.

    @property
    def end(self) -> str:
        """The position behind all that may be told now."""
        cdef Position position
        position.seq = self.told + 1
        position.within = 0
        return text_of(position)

    def is_settled(self, uint32_t account) -> bool:
        """Whether nothing is known of an account that may not be told yet: tables are as of `end`."""
        cdef const Recent *newest
        cdef int ring
        for ring in range(RINGS):
            newest = self.kept(self.newest[account * RINGS + ring])
            if newest != NULL and (<const EventRecord *> newest.record).cause > self.told:
                return False
        return True

    def watch(self, uint32_t account, bint is_on) -> None:
        """Note whether an account has news, or do so no more."""
        cdef uint32_t i
        if is_on:
            self.watched[account] = self.watched[account] or WATCHED
            return
        self.watched[account] = 0
        for i in range(self.noted_count):
            if self.noted[i] == account:
                self.noted_count -= 1
                self.noted[i] = self.noted[self.noted_count]
                return

    def take_noted(self) -> list[int]:
        """The accounts that are watched and have had news since this was asked last."""
        cdef uint32_t i
        found = [self.noted[i] for i in range(self.noted_count)]
        for i in range(self.noted_count):
            self.watched[self.noted[i]] = WATCHED
        self.noted_count = 0
        return found

    # Parts of snapshots.

    def save(self, Saver saver not None) -> None:
        """Add everything to a part."""
        saver.put_64(self.count)
        saver.put_64(self.told)
        saver.put(self.items, min(self.count, self.most) * sizeof(Recent))
        saver.put(self.forgotten, CHAINS * sizeof(Position))

    def load(self, Loader loader not None) -> None:
        """Load what was saved. DamagedPart."""
        cdef uint64_t number
        cdef const Recent *recent
        self.count = loader.get_64()
        self.told = loader.get_64()
        loader.get(self.items, min(self.count, self.most) * sizeof(Recent))
        loader.get(self.forgotten, CHAINS * sizeof(Position))
        for number in range(self.count - min(self.count, self.most) + 1, self.count + 1):
            recent = self.kept(number)
            self.newest[recent.account * RINGS + recent.ring] = number


cdef class Cursor:
    """A place in what an account is told, and operators are, where they are in `accounts`; it only goes forward.

    It begins behind `position`, None: behind all that may be told now. ValueError, TooOld, Ahead.
    """

    def __init__(self, RecentEvents events not None, list accounts not None, str position=None):
        self.events = events
        self.chains = accounts
        self.position = position_called(events.end if position is None else position)
        if self.position.seq > events.told + 1:
            raise Ahead
        self.check()
        for place in range(len(accounts)):
            for ring in range(RINGS):
                self.after(place, ring)

    @property
    def text(self) -> str:
        """Its position, as texts that are in the same order."""
        return text_of(self.position)

    @property
    def seq(self) -> int:
        """All of commands up to here has been passed."""
        return max(1, self.position.seq) - 1

    @property
    def event(self) -> tuple[bytes, int, int]:
        """The event that `next` came to: its record, ring and part."""
        return self.recent.record[:RECORD_SIZE], self.recent.ring, self.recent.part

    def check(self) -> None:
        """TooOld where memory lacks what comes next."""
        cdef Position oldest = self.position
        cdef uint32_t chain
        for chain in self.chains:
            if is_behind(self.events.forgotten[chain], oldest):
                oldest = self.events.forgotten[chain]
        if is_behind(oldest, self.position):
            raise TooOld(text_of(oldest))

    def next(self) -> bool:
        """Pass the next event that may be told; False where there is none: it is behind all of them. TooOld."""
        cdef Position best, position
        cdef const Recent *found = NULL
        cdef uint64_t number
        cdef int place, ring, best_place = 0, best_ring = 0
        self.check()
        self.steps = 0
        self.is_early = False
        for place in range(len(self.chains)):
            for ring in range(RINGS):
                number = self.after(place, ring)
                if not number:
                    continue
                position = position_of(self.events.kept(number))
                if position.seq > self.events.told:
                    self.is_early = True
                elif found == NULL or is_behind(best, position):
                    found = self.events.kept(number)
                    best, best_place, best_ring = position, place, ring
        self.recent = found
        if found == NULL:
            self.position.seq = self.events.told + 1
            self.position.within = 0
            return False
        self.position = best
        self.last[best_place][best_ring] = self.upcoming[best_place][best_ring]
        self.upcoming[best_place][best_ring] = 0
        return True

    cdef uint64_t after(self, int place, int ring) except? 0:
        """The number of a chain's first event behind the position; 0: it has none."""
        cdef uint64_t newest = self.events.newest[<uint32_t> self.chains[place] * RINGS + ring]
        cdef uint64_t *upcoming = &self.upcoming[place][ring]
        cdef uint64_t *last = &self.last[place][ring]
        cdef const Recent *passed
        if not upcoming[0] and newest != last[0]:
            passed = self.events.kept(last[0])
            upcoming[0] = self.first_after(newest) if passed == NULL else passed.newer
            if not upcoming[0]:
                last[0] = newest
        return upcoming[0]

    cdef uint64_t first_after(self, uint64_t newest) except? 0:
        """Go back from a chain's newest event to the first one behind the position. TooOld where it, and those that it
        was asked of before, are too many.
        """
        cdef const Recent *recent = self.events.kept(newest)
        cdef const Recent *older
        cdef uint64_t number = newest
        if recent == NULL or not is_behind(position_of(recent), self.position):
            return 0
        while self.steps < MOST_STEPS:
            older = self.events.kept(recent.older)
            if older == NULL or not is_behind(position_of(older), self.position):
                return number
            number, recent = recent.older, older
            self.steps += 1
        raise TooOld(text_of(position_of(recent)))
