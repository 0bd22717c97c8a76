"""Ring buffers of 128-byte slots between one producer and its consumers, in any writable buffer.

A full ring is backpressure, never loss; a ring never sleeps and knows nothing of what its records mean.

Layout::

    0      ┌──────────────────────────────────────────────────────────────────────────┐
           │ magic 8 │ schema hash 8 │ capacity 8 │ first seq 8 │ incarnation 4 │ n 4 │
    128    ├──────────────────────────────────────────────────────────────────────────┤
           │ published 8: the producer's cursor. Storing it publishes.                │
    256    ├──────────────────────────────────────────────────────────────────────────┤
           │ consumer 0: cursor 8 │ gating 4 │ bell 4 │ name 32 │ left 8  (a line of 128)│
           │ … 16 consumers. Storing a cursor gives the slots up to it back.          │
    4096   ├──────────────────────────────────────────────────────────────────────────┤
           │ slot 0: word 8 = 2 × seq + (1 while it is being written) │ record 120     │
           │ … capacity slots; sequence s lies in slot s mod capacity                 │
           └──────────────────────────────────────────────────────────────────────────┘

Consumers gate: the producer claims no slot that one of them still needs, and they read in place. Observers do not gate:
they copy a slot between two looks at its word (a seqlock) and learn when it was overwritten. Both trust only the
published cursor: slots beyond it were never published, and a successor of a dead producer writes them again.

A consumer whose process is gone may be taken out of the gate, so that the producer does not wait for it. Its successor
enters again after what is published then, and gets what it missed from elsewhere.
"""

import mmap

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset

from lockstep.core.schema.records cimport RECORD_SIZE, SCHEMA_HASH, SLOT_SIZE
from lockstep.shm.atomics cimport (
    fence_acquire,
    fence_full,
    load_acquire,
    load_acquire_32,
    load_relaxed,
    store_release,
    store_release_32,
)
from lockstep.shm.bell cimport WAIT_EVENTS, Bells


cdef uint64_t MAGIC = 0x31474E4952534C00  # "\0LSRING1", little-endian
NO_BELL = 0xFFFFFFFF

assert sizeof(RingHeader) <= RING_HEADER_SIZE
assert sizeof(ConsumerLine) == 128


class SchemaMismatch(RuntimeError):
    """A segment was made by other code than this: it must not be attached."""


cdef class Ring:
    """A view of a ring. Makes its producer, consumers and observers; holds the buffer alive."""

    def __cinit__(self, object buffer, Bells bells=None):
        cdef unsigned char[::1] view = buffer
        self.buffer = view
        self.bells = bells
        self.header = <RingHeader *> &view[0]
        if self.header.magic != MAGIC:
            raise SchemaMismatch("this memory holds no ring: it was not formatted, or not by Lockstep")
        if self.header.schema_hash != SCHEMA_HASH:
            raise SchemaMismatch(
                f"the ring's schema is {self.header.schema_hash:016x}, this code's is {SCHEMA_HASH:016x}: "
                "stop the venue and start it again with one version of the code"
            )
        if len(view) < RING_HEADER_SIZE + self.header.capacity * SLOT_SIZE:
            raise ValueError("the buffer is smaller than the ring that its header describes")
        self.slots = <char *> &view[0] + RING_HEADER_SIZE
        self.mask = self.header.capacity - 1

    @staticmethod
    def size_for(uint64_t capacity) -> int:
        """Bytes that a ring of `capacity` slots (a power of two) takes."""
        if capacity < 2 or capacity & (capacity - 1):
            raise ValueError(f"a ring's capacity is a power of two of at least 2, not {capacity}")
        return RING_HEADER_SIZE + capacity * SLOT_SIZE

    @staticmethod
    def format(
        object buffer, uint64_t capacity, object consumers, uint32_t incarnation=1, uint64_t first_seq=1
    ) -> None:
        """Make `buffer` an empty ring whose first record will be `first_seq`.

        `consumers` lists (name, bell) pairs; they gate from now on, attached or not. `bell` is NO_BELL for none.
        """
        cdef unsigned char[::1] view = buffer
        cdef RingHeader *header = <RingHeader *> &view[0]
        if len(view) < Ring.size_for(capacity):
            raise ValueError(f"a ring of {capacity} slots takes {Ring.size_for(capacity)} bytes, not {len(view)}")
        if len(consumers) > MAX_CONSUMERS:
            raise ValueError(f"a ring has at most {MAX_CONSUMERS} consumers, not {len(consumers)}")
        memset(header, 0, RING_HEADER_SIZE)
        memset(&view[RING_HEADER_SIZE], 0, capacity * SLOT_SIZE)
        header.schema_hash = SCHEMA_HASH
        header.capacity = capacity
        header.first_seq = first_seq
        header.incarnation = incarnation
        header.consumer_count = len(consumers)
        header.published = first_seq - 1
        for i, (name, bell) in enumerate(consumers):
            encoded = name.encode()
            if len(encoded) >= sizeof(header.consumers[0].name):
                raise ValueError(f"the consumer name {name!r} is longer than 31 bytes")
            memcpy(header.consumers[i].name, <const char *> encoded, len(encoded))
            header.consumers[i].cursor = first_seq - 1
            header.consumers[i].gating = 1
            header.consumers[i].bell = bell
        store_release(&header.magic, MAGIC)

    @staticmethod
    def private(uint64_t capacity, object consumers, Bells bells=None, uint64_t first_seq=1) -> Ring:
        """A ring in this process's own memory, for tests, verification and simulation; `consumers` lists names."""
        buffer = mmap.mmap(-1, Ring.size_for(capacity))
        Ring.format(buffer, capacity, [(name, NO_BELL) for name in consumers], first_seq=first_seq)
        return Ring(buffer, bells)

    cdef uint64_t lowest_cursor(self) noexcept nogil:
        cdef uint64_t lowest = 0xFFFFFFFFFFFFFFFF
        cdef uint64_t cursor
        cdef uint32_t i
        fence_full()  # pairs with the one in Consumer.enter: either we see it gate or it sees what we have published
        for i in range(self.header.consumer_count):
            if load_acquire_32(&self.header.consumers[i].gating):
                cursor = load_acquire(&self.header.consumers[i].cursor)
                if cursor < lowest:
                    lowest = cursor
        return lowest

    cdef ConsumerLine *line_of(self, str name) except NULL:
        cdef bytes wanted = name.encode()
        cdef uint32_t i
        for i in range(self.header.consumer_count):
            if <bytes> self.header.consumers[i].name == wanted:
                return &self.header.consumers[i]
        raise KeyError(f"the ring has no consumer {name!r}; it has {', '.join(self.cursors()) or 'none'}")

    @property
    def capacity(self) -> int:
        return self.header.capacity

    @property
    def incarnation(self) -> int:
        return self.header.incarnation

    @property
    def published(self) -> int:
        """The sequence of the last published record; first_seq - 1 if there is none."""
        return load_acquire(&self.header.published)

    def cursors(self) -> dict[str, int]:
        """The sequence that each consumer has released, by name."""
        return {
            (<bytes> self.header.consumers[i].name).decode(): load_acquire(&self.header.consumers[i].cursor)
            for i in range(self.header.consumer_count)
        }

    def take_out(self, str name, uint64_t now_ns) -> None:
        """Take the consumer `name` out of the gate. Its process must be gone, since it reads in place.

        Until it enters again, `left` has `now_ns` as the time of this.
        """
        cdef ConsumerLine *line = self.line_of(name)
        line.left_ns = now_ns
        store_release_32(&line.gating, 0)

    def left(self) -> dict[str, int]:
        """The consumers that are out of the gate, each with the time at which it was taken out."""
        return {
            (<bytes> self.header.consumers[i].name).decode(): self.header.consumers[i].left_ns
            for i in range(self.header.consumer_count)
            if not load_acquire_32(&self.header.consumers[i].gating)
        }

    def producer(self) -> Producer:
        """The ring's one producer. A successor continues after the last published record."""
        return Producer(self)

    def consumer(self, str name) -> Consumer:
        """The gating consumer `name`, continuing after what it released last. KeyError if there is no such consumer."""
        return Consumer(self, name)

    def observer(self) -> Observer:
        """A reader that never holds the producer up."""
        return Observer(self)


cdef class Producer:
    """The writing end. Claim slots in order, fill them, publish them together.

    Slots claimed but not published may be claimed again: no reader has seen them.
    """

    def __cinit__(self, Ring ring):
        self.ring = ring
        self.next = load_acquire(&ring.header.published) + 1
        self.gate = 0

    cdef uint64_t free(self, uint64_t wanted) noexcept nogil:
        """How many slots from `next` on can be claimed; asks the consumers only when fewer than `wanted` seem free."""
        cdef uint64_t used = self.next - 1 - self.gate
        if self.ring.header.capacity - used < wanted or used > self.ring.header.capacity:
            self.gate = self.ring.lowest_cursor()
            if self.gate > self.next - 1:
                self.gate = self.next - 1
            used = self.next - 1 - self.gate
        return self.ring.header.capacity - used

    cdef char *claim(self, uint64_t seq) noexcept nogil:
        """The record of slot `seq`, marked as being written. Contract: next <= seq < next + free."""
        return claim_at(self, seq)

    cdef void publish(self, uint64_t last) noexcept nogil:
        """Show every claimed record up to `last` to the consumers, and wake those that sleep."""
        cdef uint64_t seq
        cdef RingHeader *header = self.ring.header
        cdef uint32_t i
        if last < self.next:
            return
        for seq in range(self.next, last + 1):
            store_release(<uint64_t *> (self.ring.slots + (seq & self.ring.mask) * SLOT_SIZE), seq << 1)
        store_release(&header.published, last)
        self.next = last + 1
        if self.ring.bells is not None:
            fence_full()  # pairs with the one in Sleeper.arm: either we see it waiting or it sees the record
            for i in range(header.consumer_count):
                self.ring.bells.wake(header.consumers[i].bell, WAIT_EVENTS)

    def put(self, bytes record) -> int:
        """Publish one record of 120 bytes and return its sequence. BufferError if the ring is full."""
        cdef const char *data = record
        if len(record) != RECORD_SIZE:
            raise ValueError(f"a record is {RECORD_SIZE} bytes, not {len(record)}")
        if self.free(1) == 0:
            raise BufferError("the ring is full")
        cdef uint64_t seq = self.next
        memcpy(self.claim(seq), data, RECORD_SIZE)
        self.publish(seq)
        return seq

    def room(self) -> int:
        """How many slots can be claimed now."""
        return self.free(self.ring.header.capacity)


cdef class Consumer:
    """A gating reader. Records are read in place and stay valid until they are released."""

    def __cinit__(self, Ring ring, str name):
        self.ring = ring
        self.line = ring.line_of(name)
        self.next = load_acquire(&self.line.cursor) + 1
        self.seen = self.next - 1

    @property
    def gates(self) -> bool:
        """Whether the producer waits for it. Outside the gate it must not read: slots may be overwritten."""
        return load_acquire_32(&self.line.gating) != 0

    def enter(self) -> int:
        """Gate from after the last published record, which is returned.

        Until it gates, the producer may overwrite anything up to what it had published when it last looked. So the
        place is chosen after that: a producer that looked before has published no more than is seen here.
        """
        store_release(&self.line.cursor, load_acquire(&self.ring.header.published))
        store_release_32(&self.line.gating, 1)
        fence_full()
        self.release(load_acquire(&self.ring.header.published))
        return self.next - 1

    cdef uint64_t available(self) noexcept nogil:
        """How many published records, from `next` on, can be read."""
        self.seen = load_acquire(&self.ring.header.published)
        return self.seen - self.next + 1 if self.seen >= self.next else 0

    cdef const char *at(self, uint64_t seq) noexcept nogil:
        """The record `seq`, in place. Contract: next <= seq < next + available."""
        return record_at(self, seq)

    cdef void release(self, uint64_t last) noexcept nogil:
        """Give the slots up to `last` back to the producer."""
        store_release(&self.line.cursor, last)
        self.next = last + 1

    def take(self, uint64_t max=0xFFFFFFFF) -> list[bytes]:
        """Copy and release up to `max` records."""
        cdef uint64_t count = min(self.available(), max)
        cdef uint64_t first = self.next
        taken = [(<const char *> self.at(seq))[:RECORD_SIZE] for seq in range(first, first + count)]
        if count:
            self.release(first + count - 1)
        return taken

    def pending(self) -> int:
        """How many published records wait for this consumer."""
        return self.available()


cdef class Observer:
    """A reader that does not gate: it may be too late, and learns so instead of reading torn data."""

    def __cinit__(self, Ring ring):
        self.ring = ring

    cdef Observed copy(self, uint64_t seq, char *out) noexcept nogil:
        """Copy record `seq` into `out` (120 bytes), or say that it is not there yet or no longer."""
        cdef const char *slot = self.ring.slots + (seq & self.ring.mask) * SLOT_SIZE
        cdef uint64_t before
        if load_acquire(&self.ring.header.published) < seq:
            return OBSERVED_NOTHING_YET
        before = load_acquire(<const uint64_t *> slot)
        if before != seq << 1:
            return OBSERVED_OVERRUN
        memcpy(out, slot + 8, RECORD_SIZE)
        fence_acquire()
        return OBSERVED_RECORD if load_relaxed(<const uint64_t *> slot) == before else OBSERVED_OVERRUN

    def read(self, uint64_t seq) -> bytes | None:
        """Record `seq`, or None if it is not published yet. LookupError if it has been overwritten."""
        cdef char out[RECORD_SIZE]
        cdef Observed outcome = self.copy(seq, out)
        if outcome == OBSERVED_OVERRUN:
            raise LookupError(f"record {seq} has been overwritten")
        return out[:RECORD_SIZE] if outcome == OBSERVED_RECORD else None
