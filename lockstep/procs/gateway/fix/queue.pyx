"""Messages that came before their turn, kept until the gap below them is filled.

It copies them into memory of a fixed size and never asks for what is missing.
"""

from libc.stdint cimport uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy


cdef class Queue:
    """An empty queue. It takes its memory with the first message: few sessions ever have a gap."""

    def __dealloc__(self):
        free(self.entries)
        free(self.data)

    cdef int take_memory(self) except -1 nogil:
        self.entries = <Queued *> malloc(MAX_QUEUED_MESSAGES * sizeof(Queued))
        self.data = <char *> malloc(MAX_QUEUED)
        if self.entries == NULL or self.data == NULL:
            with gil:
                raise MemoryError("no memory for messages above a gap")
        return 0

    cdef int push(self, uint32_t msg_seq_num, const char *data, uint32_t size, bint served) except -1 nogil:
        """Keep a message. One that does not fit, or does not come behind the last one, is not kept."""
        cdef Queued *queued
        if self.entries == NULL:
            self.take_memory()
        if self.head == self.count:
            self.clear()
        if self.count == MAX_QUEUED_MESSAGES or self.used + size > MAX_QUEUED:
            return 0
        if self.count and msg_seq_num <= self.entries[self.count - 1].msg_seq_num:
            return 0
        queued = &self.entries[self.count]
        queued.msg_seq_num = msg_seq_num
        queued.offset = self.used
        queued.size = size
        queued.served = served
        if size:
            memcpy(self.data + self.used, data, size)
        self.used += size
        self.count += 1
        return 0

    cdef const Queued *pop(self, uint32_t next_in) noexcept nogil:
        """The message with number `next_in`, or NULL; those below are dropped. Its bytes last until push()."""
        cdef Queued *queued
        while self.head < self.count and self.entries[self.head].msg_seq_num <= next_in:
            queued = &self.entries[self.head]
            self.head += 1
            if queued.msg_seq_num == next_in:
                return queued
        return NULL

    cdef void clear(self) noexcept nogil:
        self.head = self.count = self.used = 0
