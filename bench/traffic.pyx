"""Synthetic traffic through one ring: numbered records that the reading end copies and checks byte for byte.

For the benchmark of the ring and for the tests that hammer it; no part of the venue uses it.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from lockstep.core.schema.records cimport RECORD_SIZE
from lockstep.shm.atomics cimport cpu_relax
from lockstep.shm.board cimport BalancePayload, Board
from lockstep.shm.ring cimport OBSERVED_NOTHING_YET, OBSERVED_RECORD, Consumer, Observed, Observer, Producer

cdef extern from "<sched.h>" nogil:
    int sched_yield() noexcept

cdef enum:
    WORDS = 15  # a record as 64-bit words
    SPINS = 256
    LANDING = 1024  # records

assert WORDS * 8 == RECORD_SIZE


# Where consumers copy to: memory that outlives the loop, or the compiler would check records in place and copy nothing.
cdef uint64_t landing[LANDING * WORDS]


cdef inline void wait(uint64_t *spins) noexcept nogil:
    """Spin, and now and then give the core away: the other end may be waiting for it."""
    spins[0] += 1
    if spins[0] % SPINS == 0:
        sched_yield()
    else:
        cpu_relax()


cdef inline void fill(uint64_t *record, uint64_t seq) noexcept nogil:
    cdef uint64_t i
    for i in range(WORDS):
        record[i] = seq * 31 + i


cdef inline bint is_whole(const uint64_t *record, uint64_t seq) noexcept nogil:
    cdef uint64_t i
    cdef uint64_t wrong = 0
    for i in range(WORDS):
        wrong |= record[i] ^ (seq * 31 + i)
    return wrong == 0


def produce(Producer producer, uint64_t count, uint64_t batch) -> int:
    """Publish `count` records, at most `batch` at a time, waiting while the ring is full; returns the last one's."""
    cdef uint64_t last = producer.next + count - 1
    cdef uint64_t spins = 0
    cdef uint64_t room, upto, seq
    with nogil:
        while producer.next <= last:
            room = producer.free(batch)
            if room == 0:
                wait(&spins)
                continue
            upto = producer.next + min(room, batch) - 1
            if upto > last:
                upto = last
            for seq in range(producer.next, upto + 1):
                fill(<uint64_t *> producer.claim(seq), seq)
            producer.publish(upto)
    return last


def abandon(Producer producer, uint64_t count) -> None:
    """Claim `count` slots and half-write them, as a producer does that is killed before it publishes."""
    cdef uint64_t seq
    if producer.free(count) < count:
        raise BufferError("the ring is too full")
    for seq in range(producer.next, producer.next + count):
        (<uint64_t *> producer.claim(seq))[0] = 0xDEAD


def consume(Consumer consumer, uint64_t last, uint64_t batch) -> int:
    """Copy and check every record up to `last`, giving back at most `batch` at once; returns how many were wrong."""
    cdef uint64_t *copied
    cdef uint64_t wrong = 0
    cdef uint64_t spins = 0
    cdef uint64_t ready, upto, seq
    with nogil:
        while consumer.next <= last:
            ready = consumer.available()
            if ready == 0:
                wait(&spins)
                continue
            upto = min(consumer.next + min(ready, batch) - 1, last)
            for seq in range(consumer.next, upto + 1):
                copied = &landing[seq % LANDING * WORDS]
                memcpy(copied, consumer.at(seq), RECORD_SIZE)
                wrong += not is_whole(copied, seq)
            consumer.release(upto)
    return wrong


def observe(Observer observer, uint64_t last) -> tuple[int, int, int]:
    """Follow a ring without gating until `last` is seen or overrun; returns (whole, torn, overrun) counts."""
    cdef uint64_t copied[WORDS]
    cdef uint64_t whole = 0, torn = 0, overrun = 0
    cdef uint64_t seq = 1
    cdef uint64_t spins = 0
    cdef Observed outcome
    with nogil:
        while seq <= last:
            outcome = observer.copy(seq, <char *> copied)
            if outcome == OBSERVED_NOTHING_YET:
                wait(&spins)
                continue
            if outcome == OBSERVED_RECORD:
                whole += 1
                torn += not is_whole(copied, seq)
            else:
                overrun += 1
            seq += 1
    return whole, torn, overrun


def write_balances(Board board, account, uint64_t count) -> None:
    """Overwrite one balance entry `count` times with values that belong together."""
    cdef BalancePayload payload
    cdef uint64_t i
    payload.account = account
    payload.asset = 1
    with nogil:
        for i in range(count):
            payload.free = <int64_t> i
            payload.held = -<int64_t> i
            board.write_balance(&payload)


def read_balances(Board board, account, uint64_t count) -> tuple[int, int]:
    """Read the entry `count` times; returns (read, torn)."""
    cdef BalancePayload payload
    cdef uint64_t _, read = 0, torn = 0
    cdef unsigned int number = account
    with nogil:
        for _ in range(count):
            if board.read_balance(number, 1, &payload):
                read += 1
                torn += payload.free != -payload.held
    return read, torn
