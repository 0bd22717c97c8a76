"""The board: latest values that processes show each other, never a history and never a queue.

Single words are stored and loaded whole. Entries of several words are kept as two copies and a version, so that a
writer that dies half-way leaves the other copy good, and no reader waits for it.

Layout (every writer has its own cache lines)::

    0        magic 8 │ schema hash 8
    128      64 words, a line of 128 bytes each                          (Word says who writes which)
    8320     released[gateway 8, api][matcher 8], a line each
    17536    session_in[65536], 4 bytes each                             (router)
    279680   64 health entries                                           (each agent's host)
    287872   16384 balance entries, an open-addressing table             (router)
    2385024  known[batcher, gateway 8], a line each                      (batcher, gateways)
    2386176  counts[gateway 8, api], a line each                         (gateways, api)

    cell:   │ version 8 │ copy 0: 56 │ copy 1: 56 │ pad 8 │    copy (version & 1) is good; storing `version` publishes
"""

import mmap
from enum import IntEnum

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from lockstep.core.schema.records cimport SCHEMA_HASH
from lockstep.shm.atomics cimport (
    fence_acquire,
    fence_release,
    load_acquire,
    load_acquire_32,
    load_relaxed,
    prefetch_for_write,
    store_release,
    store_release_32,
)
from lockstep.shm.clock cimport boottime_ns

cdef uint64_t MAGIC = 0x31445242534C0000  # "\0\0LSBRD1", little-endian

cdef enum:
    LINE = 128
    AT_WORDS = LINE
    AT_RELEASED = AT_WORDS + MAX_WORDS * LINE
    AT_SESSIONS = AT_RELEASED + MAX_INTAKES * 8 * LINE
    AT_HEALTH = AT_SESSIONS + MAX_SESSIONS * 4
    AT_BALANCES = AT_HEALTH + MAX_AGENTS * LINE
    AT_KNOWN = AT_BALANCES + BALANCE_CAPACITY * LINE
    AT_COUNTS = AT_KNOWN + (1 + MAX_GATEWAYS) * LINE
    BOARD_SIZE = AT_COUNTS + MAX_INTAKES * LINE
    READ_TRIES = 64  # a reader that is overtaken this often gives up: the value is unknown then

cdef struct BoardCell:
    uint64_t version
    char copies[2][PAYLOAD_SIZE]
    uint64_t pad

assert sizeof(BoardCell) == LINE
assert sizeof(Known) <= LINE
assert sizeof(Counts) <= LINE
assert sizeof(HealthPayload) == PAYLOAD_SIZE
assert sizeof(BalancePayload) <= PAYLOAD_SIZE
assert BALANCE_CAPACITY & (BALANCE_CAPACITY - 1) == 0

SIZE = BOARD_SIZE


class Word(IntEnum):
    """The board's words; SETTLED and MATCHER_… are the first of eight, one a matcher. Who writes which: board.pxd."""

    DURABLE_SEQ = WORD_DURABLE_SEQ
    ACKED_SEQ = WORD_ACKED_SEQ
    ROUTER_DONE = WORD_ROUTER_DONE
    LOG_END = WORD_LOG_END
    EPOCH = WORD_EPOCH
    READY_EVENT = WORD_READY_EVENT
    JOURNAL_READY = WORD_JOURNAL_READY
    SPOOLED = WORD_SPOOLED
    DATABASE_SEQ = WORD_DATABASE_SEQ
    JOURNAL_FULL = WORD_JOURNAL_FULL
    GENERATION = WORD_GENERATION
    SNAPSHOT_ASKED = WORD_SNAPSHOT_ASKED
    SNAPSHOT_SEQ = WORD_SNAPSHOT_SEQ
    PROMOTED = WORD_PROMOTED
    PRIMARY_COMMIT = WORD_PRIMARY_COMMIT
    COMMIT_BY = WORD_COMMIT_BY
    FENCED = WORD_FENCED
    PROMOTE = WORD_PROMOTE
    LINK = WORD_LINK
    PEER_SEQ = WORD_PEER_SEQ
    DIFFERS = WORD_DIFFERS
    HANDOVER = WORD_HANDOVER
    COMPARED = WORD_COMPARED
    WHOLE_NS = WORD_WHOLE_NS
    EPOCH_WANTED = WORD_EPOCH_WANTED
    STALLED_NS = WORD_STALLED_NS
    WAITED_FOR = WORD_WAITED_FOR
    PEER_ANCHOR_NS = WORD_PEER_ANCHOR_NS
    LEASE_UNTIL = WORD_LEASE_UNTIL
    LOG_AHEAD_NS = WORD_LOG_AHEAD_NS
    SETTLED = WORD_SETTLED
    MATCHER_DONE = WORD_MATCHER_DONE
    MATCHER_DUE = WORD_MATCHER_DUE


class Handover(IntEnum):
    """What HANDOVER says on the board of a node that leads."""

    NO = 0
    ASKED = HANDOVER_ASKED
    CLOSING = HANDOVER_CLOSING
    CLOSED = HANDOVER_CLOSED


cdef void write_cell(BoardCell *cell, const void *payload, size_t size) noexcept nogil:
    cdef uint64_t version = cell.version + 1
    fence_release()  # the version that named the other copy must be out before this copy changes
    memcpy(cell.copies[version & 1], payload, size)
    store_release(&cell.version, version)


cdef bint read_cell(const BoardCell *cell, void *out, size_t size) noexcept nogil:
    cdef uint64_t version
    cdef int _
    for _ in range(READ_TRIES):
        version = load_acquire(&cell.version)
        if version == 0:
            return False
        memcpy(out, cell.copies[version & 1], size)
        fence_acquire()
        if load_relaxed(&cell.version) == version:
            return True
    return False


cdef inline uint32_t balance_slot(uint32_t account, uint32_t asset) noexcept nogil:
    cdef uint64_t key = (<uint64_t> account << 32 | asset) * <uint64_t> 0x9E3779B97F4A7C15
    return <uint32_t> (key >> 40) & (BALANCE_CAPACITY - 1)


cdef class Board:
    """A view of the board. Which process may write what is a convention: see Word and the layout."""

    def __cinit__(self, object buffer):
        cdef unsigned char[::1] view = buffer
        if len(view) < BOARD_SIZE:
            raise ValueError(f"a board takes {BOARD_SIZE} bytes, not {len(view)}")
        self.buffer = view
        self.base = <char *> &view[0]
        if (<uint64_t *> self.base)[0] != MAGIC or (<uint64_t *> self.base)[1] != SCHEMA_HASH:
            raise ValueError("this memory holds no board of this version of the code")

    @staticmethod
    def format(object buffer) -> None:
        """Make `buffer`, zeroed, an empty board."""
        cdef unsigned char[::1] view = buffer
        (<uint64_t *> &view[0])[1] = SCHEMA_HASH
        store_release(<uint64_t *> &view[0], MAGIC)

    @staticmethod
    def private() -> Board:
        """A board in this process's own memory."""
        buffer = mmap.mmap(-1, BOARD_SIZE)
        Board.format(buffer)
        return Board(buffer)

    cdef uint64_t load(self, int word) noexcept nogil:
        return load_acquire(<uint64_t *> (self.base + AT_WORDS + word * LINE))

    cdef void store(self, int word, uint64_t value) noexcept nogil:
        store_release(<uint64_t *> (self.base + AT_WORDS + word * LINE), value)

    cdef uint64_t commit_seq(self) noexcept nogil:
        """The last log sequence that is committed: this node's journal has it, and the word that COMMIT_BY names."""
        cdef uint64_t durable = self.load(WORD_DURABLE_SEQ)
        cdef uint64_t word = self.load(WORD_COMMIT_BY)
        return min(durable, self.load(<int> word)) if word else durable

    cdef uint64_t release_seq(self) noexcept nogil:
        """Events caused up to here may leave the venue (LOG-13); 0 while `is_shut`.

        That is asked last: this process may have been stopped meanwhile (I9).
        """
        cdef uint64_t done = self.done_seq()
        return 0 if self.is_shut() else done

    cdef uint64_t done_seq(self) noexcept nogil:
        """Committed up to here, and the router's own events of it are all published."""
        cdef uint64_t commit = self.commit_seq()
        cdef uint64_t done = self.load(WORD_ROUTER_DONE)
        return commit if commit < done else done

    cdef bint is_shut(self) noexcept nogil:
        """Whether nothing may leave: another node leads, or is about to, or may, as this one's lease has ended."""
        if self.load(WORD_FENCED):
            return True
        cdef uint64_t until = self.load(WORD_LEASE_UNTIL)
        return until != 0 and <uint64_t> boottime_ns() >= until

    cdef void set_released(self, int gateway, int matcher, uint64_t number) noexcept nogil:
        """Gateway `gateway` (from 0), or the api, has released matcher `matcher`'s (from 1) events up to `number`."""
        store_release(<uint64_t *> (self.base + AT_RELEASED + (gateway * 8 + matcher - 1) * LINE), number)

    cdef uint64_t highest_released(self, int matcher) noexcept nogil:
        cdef uint64_t highest = 0
        cdef uint64_t number
        cdef int gateway
        for gateway in range(MAX_INTAKES):
            number = load_acquire(<uint64_t *> (self.base + AT_RELEASED + (gateway * 8 + matcher - 1) * LINE))
            if number > highest:
                highest = number
        return highest

    cdef void set_session_in(self, uint32_t session, uint64_t msg_seq_num) noexcept nogil:
        if session < MAX_SESSIONS:
            store_release_32(<uint32_t *> (self.base + AT_SESSIONS) + session, <uint32_t> msg_seq_num)

    cdef uint64_t session_in(self, uint32_t session) noexcept nogil:
        """MsgSeqNum of the last command of `session` in the log; 0 for none."""
        return load_acquire_32(<uint32_t *> (self.base + AT_SESSIONS) + session) if session < MAX_SESSIONS else 0

    cdef void write_health(self, int agent, const HealthPayload *payload) noexcept nogil:
        write_cell(<BoardCell *> (self.base + AT_HEALTH + agent * LINE), payload, sizeof(HealthPayload))

    cdef bint read_health(self, int agent, HealthPayload *out) noexcept nogil:
        return read_cell(<const BoardCell *> (self.base + AT_HEALTH + agent * LINE), out, sizeof(HealthPayload))

    cdef void expect_balance(self, uint32_t account, uint32_t asset) noexcept nogil:
        """It will be written soon: prefetch where it most probably is. A hint."""
        cdef BoardCell *cell = <BoardCell *> (self.base + AT_BALANCES) + balance_slot(account, asset)
        prefetch_for_write(cell)
        prefetch_for_write(<char *> cell + sizeof(BoardCell) // 2)

    cdef bint write_balance(self, const BalancePayload *payload) noexcept nogil:
        """Show an account's balance of an asset; False if the table is full (it is a hint: LOG-12)."""
        cdef BoardCell *table = <BoardCell *> (self.base + AT_BALANCES)
        cdef uint32_t slot = balance_slot(payload.account, payload.asset)
        cdef BalancePayload *held
        cdef int _
        for _ in range(BALANCE_CAPACITY):
            held = <BalancePayload *> table[slot].copies[table[slot].version & 1]
            if table[slot].version == 0 or (held.account == payload.account and held.asset == payload.asset):
                write_cell(&table[slot], payload, sizeof(BalancePayload))
                return True
            slot = (slot + 1) & (BALANCE_CAPACITY - 1)
        return False

    cdef bint read_balance(self, uint32_t account, uint32_t asset, BalancePayload *out) noexcept nogil:
        """Find an account's balance of an asset; False if it is not known."""
        cdef const BoardCell *table = <const BoardCell *> (self.base + AT_BALANCES)
        cdef uint32_t slot = balance_slot(account, asset)
        cdef int _
        for _ in range(BALANCE_CAPACITY):
            if not read_cell(&table[slot], out, sizeof(BalancePayload)):
                return False
            if out.account == account and out.asset == asset:
                return True
            slot = (slot + 1) & (BALANCE_CAPACITY - 1)
        return False

    cdef Known *known(self, int witness) noexcept nogil:
        """What witness 0 (the batcher) or n (gateway n) knows; good once `is_told` is read with acquire."""
        return <Known *> (self.base + AT_KNOWN + witness * LINE)

    def show_known(self, int witness, uint64_t seq, numbers) -> None:
        """Say what a stage's own files know to have been released, before it takes part in a run."""
        cdef Known *known = self.known(witness)
        for ring, number in enumerate(numbers):
            known.numbers[ring] = number
        known.seq = seq
        store_release(&known.is_told, 1)

    def known_by(self, int witness) -> tuple[int, list[int]] | None:
        """What `show_known` said, as (seq, numbers); None before it was called."""
        cdef Known *known = self.known(witness)
        if not load_acquire(&known.is_told):
            return None
        return known.seq, [known.numbers[ring] for ring in range(MAX_RINGS)]

    cdef void show_counts(self, int gateway, const Counts *counts) noexcept nogil:
        """Show how much gateway `gateway` (from 0), or the api, has to do."""
        cdef const uint64_t *values = <const uint64_t *> counts
        cdef uint64_t *words = <uint64_t *> (self.base + AT_COUNTS + gateway * LINE)
        cdef size_t i
        for i in range(sizeof(Counts) // sizeof(uint64_t)):
            store_release(&words[i], values[i])

    def counts(self, int gateway) -> dict[str, int | list[int]]:
        """What gateway `gateway` (from 0) has shown last, as Counts' fields; all 0 before its first."""
        cdef const uint64_t *words = <const uint64_t *> (self.base + AT_COUNTS + gateway * LINE)
        cdef Counts counts
        cdef size_t i
        for i in range(sizeof(Counts) // sizeof(uint64_t)):
            (<uint64_t *> &counts)[i] = load_acquire(&words[i])
        return counts

    def get(self, int word) -> int:
        """A word's value."""
        return self.load(word)

    def set(self, int word, uint64_t value) -> None:
        """Store a word; its one writer does so."""
        self.store(word, value)

    def commit_position(self) -> int:
        """`commit_seq`, for Python callers."""
        return self.commit_seq()

    def release_position(self) -> int:
        """`release_seq`, for Python callers."""
        return self.release_seq()

    def is_closed(self) -> bool:
        """`is_shut`, for Python callers."""
        return self.is_shut()

    def balance(self, uint32_t account, uint32_t asset) -> tuple[int, int] | None:
        """(free, held) of an account's asset in smallest units, or None if it is not known."""
        cdef BalancePayload payload
        return (payload.free, payload.held) if self.read_balance(account, asset, &payload) else None

    def show_health(self, int agent, dict values) -> None:
        """Write an agent's health; the keys are HealthPayload's."""
        cdef HealthPayload payload = values
        self.write_health(agent, &payload)

    def health(self, int agent) -> dict[str, int] | None:
        """An agent's health as HealthPayload's fields, or None before its first."""
        cdef HealthPayload payload
        return payload if self.read_health(agent, &payload) else None
