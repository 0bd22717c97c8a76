"""Prepares the journal's next segment while the one before is in use, so that no commit waits for 64 MiB of zeros.

It writes zeros under a neutral name and syncs them (LOG-27). It never touches a segment that has its name, except to
sync it.
"""

# In a thread of its own if the disk can be used by two; else in turns, a step at each `look`, so that a simulation
# meets the same crashes between a commit and a preparation, and meets them again.

cimport cython
from libc.errno cimport EIO, ENOSPC
from libc.stdint cimport int64_t, uint64_t

from lockstep.core.files.disk cimport CREATE, Disk, iovec
from lockstep.core.journal.format cimport PAGE_SIZE
from lockstep.shm.atomics cimport load_acquire_32, store_release_32

cdef enum:
    ZERO_BLOCK = 65536
    ZERO_SPANS = 16
    PACE_BYTES = ZERO_BLOCK * ZERO_SPANS  # handed to the disk at a time: a commit may have to wait for it
    TURNS = 8  # steps in which a disk without threads gets a segment

cdef extern from "<pthread.h>" nogil:
    ctypedef void *(*pthread_run)(void *) noexcept nogil
    int pthread_create(pthread_t *thread, void *attributes, pthread_run run, void *argument) noexcept
    int pthread_join(pthread_t thread, void **result) noexcept

cdef extern from *:
    """static const char prepared_zeros[65536];"""
    const char zeros "prepared_zeros"[ZERO_BLOCK]

PREPARED_NAME = "prepared"
cdef const char *prepared_name = b"prepared"


cdef int64_t write_zeros(Disk disk, int handle, uint64_t begin, uint64_t end) noexcept nogil:
    """Fill [begin, end) of a file with zeros; 0 or a negative errno."""
    cdef iovec spans[ZERO_SPANS]
    cdef uint64_t at = begin, planned, size
    cdef int count
    while at < end:
        planned, count = at, 0
        while planned < end and count < ZERO_SPANS:
            size = min(<uint64_t> ZERO_BLOCK, end - planned)
            spans[count] = iovec(<void *> zeros, size)
            planned += size
            count += 1
        done = disk.write(handle, spans, count, at)
        if done <= 0:
            return done if done < 0 else -ENOSPC
        at += <uint64_t> done
    return 0


cdef void *run_preparation(void *argument) noexcept nogil:
    """The thread: it uses the object that its starter keeps alive until it has joined it."""
    while (<Preparation> argument).step() == PREPARING and not load_acquire_32(&(<Preparation> argument).stop):
        pass
    return NULL


@cython.no_gc_clear
cdef class Preparation:
    """The file `prepared` on its way to `segment_bytes` of synced zeros.

    `begin` starts, `look` says how far it is, `finish` waits. Only the step that is its last one changes `state`.
    """

    def __cinit__(self) -> None:
        self.handle = self.retired = -1

    def __init__(self, Disk disk, segment_bytes: int) -> None:
        self.disk = disk
        self.segment_bytes = segment_bytes
        self.pace_bytes = PACE_BYTES
        if not disk.threads:
            self.pace_bytes = max(<uint64_t> PAGE_SIZE, segment_bytes // TURNS // PAGE_SIZE * PAGE_SIZE)
        self.state = PREPARED_FULL

    def __dealloc__(self) -> None:
        self.halt()

    cdef int begin(self, int retired) noexcept nogil:
        """Start on the next segment, after syncing and closing the complete one (or -1). 0 or a negative errno."""
        cdef int code
        self.finish()
        self.retired = retired
        self.error = 0
        self.stop = 0
        self.state = PREPARING
        if not self.disk.threads:
            return 0
        code = pthread_create(&self.thread, NULL, run_preparation, <void *> self)
        if code != 0:
            self.state = PREPARED_FAILED
            self.error = -code
            return -code
        self.running = True
        return 0

    cdef Prepared look(self) noexcept nogil:
        """How far it is, without waiting; a disk without threads does a step."""
        if not self.disk.threads and self.state == PREPARING:
            return self.step()
        return <Prepared> load_acquire_32(&self.state)

    cdef Prepared finish(self) noexcept nogil:
        """Wait for its end."""
        if self.running:
            pthread_join(self.thread, NULL)
            self.running = False
        while self.state == PREPARING and not self.stop:
            self.step()
        return <Prepared> self.state

    cdef Prepared step(self) noexcept nogil:
        """One MiB, or what comes before the first and after the last."""
        cdef uint64_t end
        cdef int64_t code
        if self.retired >= 0:
            return self.retire()
        if self.handle < 0:
            code = self.open()
            return PREPARING if code >= 0 else self.settle(code)
        if self.at < self.segment_bytes:
            end = min(self.at + self.pace_bytes, self.segment_bytes)
            code = write_zeros(self.disk, self.handle, self.at, end)
            if code == 0:
                code = self.disk.flow(self.handle, self.at, end - self.at)
            if code != 0:
                return self.settle(code)
            self.at = end
            return PREPARING
        code = self.disk.sync(self.handle)
        if code == -ENOSPC:
            self.disk.remove(prepared_name)  # what was written may be lost: the next try starts over
            self.at = 0
        return self.settle(code)

    cdef Prepared retire(self) noexcept nogil:
        """Sync and close the segment that is complete: in mode none, this is when it becomes durable."""
        code = self.disk.sync(self.retired)
        self.disk.close_file(self.retired)
        self.retired = -1
        # A sync is never tried again later, not even when the disk is full.
        return PREPARING if code == 0 else self.settle(-EIO if code == -ENOSPC else code)

    cdef int open(self) noexcept nogil:
        """Take up the file, or make it, if the disk has room for all of it: others need the space that it would fill.

        A file that an earlier process left is written over: a power loss may have changed it.
        """
        cdef int64_t size, left
        cdef int code
        handle = self.disk.open(prepared_name, CREATE)
        if handle < 0:
            return handle
        self.handle = handle
        size = self.disk.size(handle)
        left = self.disk.free_bytes()
        if size < 0 or left < 0:
            return <int> min(size, left)
        if <uint64_t> size > self.segment_bytes:
            code = self.disk.truncate(handle, self.segment_bytes)
            if code != 0:
                return code
        return 0 if left + size >= <int64_t> self.segment_bytes else -ENOSPC

    cdef Prepared settle(self, int64_t code) noexcept nogil:
        """The end of it: ready, no room, or an error that is final."""
        cdef Prepared state = PREPARED if code == 0 else PREPARED_FULL if code == -ENOSPC else PREPARED_FAILED
        if self.handle >= 0:
            self.disk.close_file(self.handle)
        self.handle = -1
        if state != PREPARED_FULL:
            self.at = 0
        self.error = code
        store_release_32(&self.state, state)
        return state

    cdef void halt(self) noexcept nogil:
        """Stop soon, and wait for the thread. May be called twice."""
        store_release_32(&self.stop, 1)
        if self.running:
            pthread_join(self.thread, NULL)
            self.running = False
        if self.handle >= 0:
            self.disk.close_file(self.handle)
        if self.retired >= 0:
            self.disk.close_file(self.retired)
        self.handle = self.retired = -1
