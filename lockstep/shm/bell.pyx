"""Waking processes that sleep: a futex for the carried loops, a pollable message queue for event loops.

A bell wakes; it never says what happened: the host that wakes looks at its rings again.

Layout: 32 lines of 128 bytes, one a host process::

    │ waiting 4: mask of reasons the host sleeps for, 0 while awake │ word 4: the futex, counts rings │ kind 4 │ pad │

The sleeper stores `waiting`, fences, looks once more, then sleeps; the waker publishes, fences, then reads `waiting`.
One of the two sees the other. Every sleep has a timeout all the same.
"""

import mmap
from enum import IntFlag

import posix_ipc

from libc.stdint cimport int64_t, uint32_t

from lockstep.shm.atomics cimport (
    add_32, exchange_32, fence_full, futex_wait, futex_wake, load_acquire_32, store_release_32,
)

cdef extern from "<mqueue.h>" nogil:
    int mq_send(int queue, const char *data, size_t size, unsigned int priority) noexcept
    int mq_close(int queue) noexcept
    ssize_t mq_receive(int queue, char *data, size_t size, unsigned int *priority) noexcept

cdef enum:
    FUTEX = 1
    QUEUE = 2

assert sizeof(BellLine) == BELL_SIZE
assert BELL_SIZE * MAX_BELLS == BELLS_SIZE


class Reason(IntFlag):
    """What a sleeper waits for: any combination of these."""

    EVENTS = WAIT_EVENTS
    COMMIT = WAIT_COMMIT


def queue_name(prefix: str, bell: int) -> str:
    """The message queue of pollable bell `bell`."""
    return f"{prefix}-bell-{bell}"


cdef class Bells:
    """All bells of a venue. Attaching opens the queues of the pollable ones, so that ringing needs no name."""

    def __cinit__(self, object buffer, str prefix):
        cdef unsigned char[::1] view = buffer
        for bell in range(MAX_BELLS):
            self.queues[bell] = -1
        if len(view) < BELLS_SIZE:
            raise ValueError(f"bells take {BELLS_SIZE} bytes, not {len(view)}")
        self.lines = <BellLine *> &view[0]
        self.prefix = prefix
        self.buffer = [view]
        for bell in range(MAX_BELLS):
            if self.lines[bell].kind == QUEUE:
                queue = posix_ipc.MessageQueue(queue_name(prefix, bell))
                queue.block = False
                self.buffer.append(queue)
                self.queues[bell] = queue.mqd

    def __dealloc__(self) -> None:
        """Let go of the queues: one that is removed lives on, and counts, until nobody has it open."""
        cdef int bell
        for bell in range(MAX_BELLS):
            if self.queues[bell] >= 0:
                mq_close(self.queues[bell])

    @staticmethod
    def format(object buffer, str prefix, object pollable) -> None:
        """Make `buffer` a set of silent bells; those numbered in `pollable` get a message queue (depth 1, one byte)."""
        cdef unsigned char[::1] view = buffer
        cdef BellLine *lines = <BellLine *> &view[0]
        view[:BELLS_SIZE] = 0
        for bell in range(MAX_BELLS):
            lines[bell].kind = QUEUE if bell in pollable else FUTEX
            if bell in pollable:
                name = queue_name(prefix, bell)
                posix_ipc.MessageQueue(name, posix_ipc.O_CREX, mode=0o600, max_messages=1, max_message_size=1).close()

    @staticmethod
    def private() -> Bells:
        """Futex bells in this process's own memory."""
        buffer = mmap.mmap(-1, BELLS_SIZE)
        Bells.format(buffer, "", ())
        return Bells(buffer, "")

    @staticmethod
    def remove(str prefix) -> None:
        """Remove the message queues that bells named `prefix` left."""
        for bell in range(MAX_BELLS):
            try:
                posix_ipc.unlink_message_queue(queue_name(prefix, bell))
            except posix_ipc.ExistentialError:
                continue

    cdef void wake(self, uint32_t bell, uint32_t reason) noexcept nogil:
        """Ring `bell` if its host sleeps for `reason`. The caller has fenced since it published."""
        if bell >= MAX_BELLS:
            return
        if load_acquire_32(&self.lines[bell].waiting) & reason == 0:
            return
        # The waker that clears the mask rings, whatever else it held by now: a sleeper must not lose its only wake-up.
        if exchange_32(&self.lines[bell].waiting, 0) != 0:
            self.ring(bell)

    cdef void wake_all(self, uint32_t reason) noexcept nogil:
        """Ring every bell whose host sleeps for `reason`."""
        cdef uint32_t bell
        fence_full()
        for bell in range(MAX_BELLS):
            self.wake(bell, reason)

    cdef void ring(self, uint32_t bell) noexcept nogil:
        if self.queues[bell] >= 0:
            mq_send(self.queues[bell], b"!", 1, 0)  # full: it has been rung already
        else:
            add_32(&self.lines[bell].word, 1)
            futex_wake(&self.lines[bell].word)

    def signal(self, uint32_t reason) -> None:
        """`wake_all`, for Python callers."""
        self.wake_all(reason)


cdef class Sleeper:
    """The sleeping end of one bell: arm, look once more, then sleep (or return to the event loop)."""

    def __cinit__(self, Bells bells, uint32_t bell):
        if bell >= MAX_BELLS:
            raise ValueError(f"there are {MAX_BELLS} bells, none has the number {bell}")
        self.bells = bells
        self.bell = bell

    cdef void arm(self, uint32_t reasons) noexcept nogil:
        """Announce that the host is about to sleep for `reasons`. It must poll once more before it does."""
        cdef BellLine *line = &self.bells.lines[self.bell]
        self.expected = load_acquire_32(&line.word)
        store_release_32(&line.waiting, reasons)
        fence_full()

    cdef void disarm(self) noexcept nogil:
        store_release_32(&self.bells.lines[self.bell].waiting, 0)

    cdef void sleep(self, int64_t timeout_ns) noexcept nogil:
        """Sleep until rung, or for `timeout_ns`; a spurious return is possible. For futex bells."""
        futex_wait(&self.bells.lines[self.bell].word, self.expected, timeout_ns)
        self.disarm()

    @property
    def fd(self) -> int:
        """What an event loop watches: readable when rung. -1 for a futex bell."""
        return self.bells.queues[self.bell]

    def prepare(self, uint32_t reasons) -> None:
        """`arm`, for event-loop hosts."""
        self.arm(reasons)

    def cancel(self) -> None:
        """`disarm`, for event-loop hosts."""
        self.disarm()

    def drain(self) -> None:
        """Silence a pollable bell. Do so before polling the rings, or a later ring of the bell is lost."""
        cdef char byte[1]
        cdef unsigned int priority
        while mq_receive(self.bells.queues[self.bell], byte, 1, &priority) >= 0:
            pass

    def wait(self, int64_t timeout_ns) -> None:
        """`sleep` without the GIL, for Python callers."""
        with nogil:
            self.sleep(timeout_ns)
