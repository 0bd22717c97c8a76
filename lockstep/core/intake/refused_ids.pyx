"""The client order ids that this gateway refused for lack of balance, so that their resend cannot go live (LOG-6).

Such a refusal is not in the log, so the router cannot know; beyond 65,536 the oldest is forgotten. It has no file:
the message store refills it at start, from a part of a snapshot and what came since.

Memory: a circle of places, each in one chain of a table of heads; a place number of 0 ends a chain::

    place:  │ account 4 │ next 4 │ client order id 36, zero-padded │        heads[crc32c(account, id) mod 65536] → place
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.schema.records cimport CL_ORD_ID_SIZE
from lockstep.core.tables.saved cimport Loader, Saver

cdef extern from "<string.h>" nogil:
    void *memmem(const void *haystack, size_t haystack_size, const void *needle, size_t needle_size)

cdef enum:
    ROW_SIZE = 4 + CL_ORD_ID_SIZE

assert REMEMBERED & (REMEMBERED - 1) == 0
assert sizeof(RefusedId) == 44


cdef inline uint32_t head_of(uint32_t account, const char *cl_ord_id) noexcept nogil:
    return crc32c(account, cl_ord_id, CL_ORD_ID_SIZE) & (REMEMBERED - 1)


cdef class RefusedIds:
    """A bounded set of (account, client order id), oldest out first."""

    def __cinit__(self):
        self.ids = <RefusedId *> calloc(REMEMBERED + 1, sizeof(RefusedId))
        self.heads = <uint32_t *> calloc(REMEMBERED, sizeof(uint32_t))
        if self.ids == NULL or self.heads == NULL:
            raise MemoryError("no memory for the refused client order ids")
        self.next_place = 1

    def __dealloc__(self):
        free(self.ids)
        free(self.heads)

    cdef bint has(self, uint32_t account, const char *cl_ord_id) noexcept nogil:
        """Whether this id (36 bytes, zero-padded) was refused for the account. Expected time is constant."""
        cdef uint32_t place
        if self.count == 0:  # as nearly always: no need to touch the table
            return False
        place = self.heads[head_of(account, cl_ord_id)]
        while place:
            if self.ids[place].account == account and memcmp(self.ids[place].cl_ord_id, cl_ord_id, CL_ORD_ID_SIZE) == 0:
                return True
            place = self.ids[place].next
        return False

    cdef void remember(self, uint32_t account, const char *cl_ord_id) noexcept nogil:
        """Add an id; if the set is full, the oldest leaves. Account 0 never trades and marks an empty place."""
        cdef RefusedId *held
        cdef uint32_t head
        if self.has(account, cl_ord_id):
            return
        self.forget(self.next_place)
        held = &self.ids[self.next_place]
        held.account = account
        memcpy(held.cl_ord_id, cl_ord_id, CL_ORD_ID_SIZE)
        head = head_of(account, cl_ord_id)
        held.next = self.heads[head]
        self.heads[head] = self.next_place
        self.next_place = self.next_place % REMEMBERED + 1
        self.count += 1

    cdef void remember_of(self, uint32_t account, const char *order, size_t size) noexcept nogil:
        """Add the ClOrdID of a FIX message; nothing if it has none."""
        cdef char cl_ord_id[CL_ORD_ID_SIZE]
        cdef const char *value = <const char *> memmem(order, size, b"\x0111=", 4)
        cdef size_t length = 0
        if value == NULL:
            return
        value += 4
        memset(cl_ord_id, 0, CL_ORD_ID_SIZE)
        while value + length < order + size and value[length] != 1 and length < CL_ORD_ID_SIZE:
            cl_ord_id[length] = value[length]
            length += 1
        self.remember(account, cl_ord_id)

    cdef void forget(self, uint32_t place) noexcept nogil:
        """Take what lies in `place` out of its chain."""
        cdef RefusedId *held = &self.ids[place]
        cdef uint32_t *link
        if held.account == 0:
            return
        link = &self.heads[head_of(held.account, held.cl_ord_id)]
        while link[0] != place:
            link = &self.ids[link[0]].next
        link[0] = held.next
        held.account = 0
        self.count -= 1

    def save(self, Saver saver not None) -> None:
        """Add the ids to a part, the oldest first."""
        cdef uint32_t place = self.next_place
        cdef uint32_t _
        saver.put_64(self.count)
        for _ in range(REMEMBERED):
            if self.ids[place].account:
                saver.put(&self.ids[place], sizeof(RefusedId))
            place = place % REMEMBERED + 1

    def load(self, Loader loader not None) -> None:
        """Add the ids of a part, after those present."""
        cdef RefusedId held
        cdef uint64_t _
        for _ in range(loader.get_64()):
            loader.get(&held, sizeof(RefusedId))
            self.remember(held.account, held.cl_ord_id)

    def pack(self) -> bytes:
        """The ids as rows of a start file (see `starts`), the oldest first."""
        cdef uint32_t place = self.next_place
        cdef uint32_t _
        rows = []
        for _ in range(REMEMBERED if self.count else 0):
            if self.ids[place].account:
                rows.append((<const char *> &self.ids[place].account)[:sizeof(uint32_t)])
                rows.append(self.ids[place].cl_ord_id[:CL_ORD_ID_SIZE])
            place = place % REMEMBERED + 1
        return b"".join(rows)

    def unpack(self, bytes rows not None) -> None:
        """Add the ids of rows, after those present."""
        cdef const char *at = rows
        cdef uint32_t account
        cdef size_t i
        for i in range(len(rows) // ROW_SIZE):
            memcpy(&account, at + i * ROW_SIZE, sizeof(account))
            self.remember(account, at + i * ROW_SIZE + sizeof(account))

    def add(self, uint32_t account, bytes cl_ord_id) -> None:
        """`remember`, for Python callers; the id is at most 36 bytes."""
        cdef char padded[CL_ORD_ID_SIZE]
        pad(padded, cl_ord_id)
        self.remember(account, padded)

    def knows(self, uint32_t account, bytes cl_ord_id) -> bool:
        """`has`, for Python callers."""
        cdef char padded[CL_ORD_ID_SIZE]
        pad(padded, cl_ord_id)
        return self.has(account, padded)


cdef int pad(char *padded, bytes cl_ord_id) except -1:
    if len(cl_ord_id) > CL_ORD_ID_SIZE:
        raise ValueError(f"a client order id has at most {CL_ORD_ID_SIZE} bytes, not {len(cl_ord_id)}")
    memset(padded, 0, CL_ORD_ID_SIZE)
    memcpy(padded, <const char *> cl_ord_id, len(cl_ord_id))
    return 0
