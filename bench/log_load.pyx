"""Load for the journal's benchmark: a log at full speed, the journaler's loop, and single commits beside bare syncs.

For benchmarks only; no part of the venue uses it, and it measures nothing that Python does in between.
"""

from libc.errno cimport errno as c_errno
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memset
from posix.unistd cimport fdatasync, pwrite

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.journal.journal cimport PAGE_SIZE
from lockstep.core.journal.writer cimport JournalWriter, Span
from lockstep.core.schema.records cimport CMD_NEW_ORDER, RECORD_SIZE, SLOT_SIZE, NewOrderRecord
from lockstep.procs.journaler.journaler cimport Journaler
from lockstep.shm.atomics cimport cpu_relax
from lockstep.shm.clock cimport monotonic_ns
from lockstep.shm.ring cimport Producer

cdef enum:
    BATCH = 256


cdef void fill(NewOrderRecord *record, uint64_t seq) noexcept nogil:
    memset(record, 0, RECORD_SIZE)
    record.type = CMD_NEW_ORDER
    record.version = 1
    record.epoch = 1
    record.seq = seq
    record.account = 1 + <uint8_t> seq
    record.price_ticks = 10_000 + <uint8_t> (seq >> 3)
    record.quantity_lots = 1 + <uint8_t> (seq >> 5)
    record.crc = crc32c(0, <const char *> record + 4, RECORD_SIZE - 4)


def produce(Producer producer, int64_t for_ns) -> None:
    """Publish stamped orders for this long, as fast as the ring has room, 256 at a time."""
    cdef uint64_t room, seq
    cdef int64_t end = monotonic_ns() + for_ns
    with nogil:
        while monotonic_ns() < end:
            room = min(producer.free(BATCH), <uint64_t> BATCH)
            if room == 0:
                cpu_relax()
                continue
            for seq in range(producer.next, producer.next + room):
                fill(<NewOrderRecord *> producer.claim(seq), seq)
            producer.publish(producer.next + room - 1)


def drain(Journaler journaler, int64_t for_ns) -> tuple[int, int, int]:
    """Poll for this long from the first record on; returns (records, batches, nanoseconds)."""
    cdef int64_t begun, now, work
    cdef int64_t records = 0, batches = 0
    with nogil:
        while journaler.log.available() == 0:
            cpu_relax()
        begun = now = monotonic_ns()
        while now - begun < for_ns:
            work = journaler.poll(now)
            records += work
            batches += work > 0
            now = monotonic_ns()
    return records, batches, now - begun


def commit_beside_sync(JournalWriter writer, int fd, uint64_t count) -> tuple[list[int], list[int]]:
    """Commit `count` single records, and after each write and sync one page of `fd`; nanoseconds of both, in turn."""
    cdef char slot[SLOT_SIZE]
    cdef char page[PAGE_SIZE]
    cdef int64_t begun, committed, done
    cdef uint64_t i
    memset(page, 1, PAGE_SIZE)
    memset(slot, 0, SLOT_SIZE)
    commits, syncs = [], []
    for i in range(count):
        fill(<NewOrderRecord *> (slot + SLOT_SIZE - RECORD_SIZE), writer.end.seq + 1)
        with nogil:
            begun = monotonic_ns()
            writer.commit(Span(<const char *> slot, 1), Span(<const char *> slot, 0))
            committed = monotonic_ns()
            if pwrite(fd, page, PAGE_SIZE, i * PAGE_SIZE) != PAGE_SIZE or fdatasync(fd) != 0:
                with gil:
                    raise OSError(c_errno, "can't write and sync the page beside the journal")
            done = monotonic_ns()
        commits.append(committed - begun)
        syncs.append(done - committed)
    return commits, syncs
