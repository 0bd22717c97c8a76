"""Where some of a session's messages lie in the store, so that no search starts at the store's beginning.

Marks are hints of where to begin to read; their number is bounded however long a session is.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memmove

from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    FIRST_MARKS = 16

assert sizeof(Mark) == 16


cdef int reserve(ResendIndex *marks, uint32_t capacity) except -1 nogil:
    cdef void *grown
    if capacity <= marks.capacity:
        return 0
    grown = realloc(marks.marks, capacity * sizeof(Mark))
    if grown == NULL:
        with gil:
            raise MemoryError("no memory for the index of the message store")
    marks.marks = <Mark *> grown
    marks.capacity = capacity
    return 0


cdef int add_mark(ResendIndex *marks, uint32_t msg_seq_num, uint64_t position, uint32_t kib) except -1 nogil:
    """Note where a message lies, unless one of the last `stride` of its session was noted."""
    cdef uint32_t i
    if marks.since:
        marks.since -= 1
        return 0
    if marks.count == MAX_MARKS:
        for i in range(MAX_MARKS // 2):
            marks.marks[i] = marks.marks[2 * i]
        marks.count = MAX_MARKS // 2
        marks.stride *= 2
    elif marks.count == marks.capacity:
        reserve(marks, marks.capacity * 2 if marks.capacity else FIRST_MARKS)
    marks.marks[marks.count].msg_seq_num = msg_seq_num
    marks.marks[marks.count].position = position
    marks.marks[marks.count].kib = kib
    marks.count += 1
    marks.since = marks.stride - 1
    return 0


cdef uint32_t count_up_to(const ResendIndex *marks, bint by_kib, uint32_t most) noexcept nogil:
    """How many marks, the first ones, have at most this MsgSeqNum, or so many KiB before them."""
    cdef uint32_t low = 0
    cdef uint32_t high = marks.count
    cdef uint32_t middle
    while low < high:
        middle = (low + high) // 2
        if (marks.marks[middle].kib if by_kib else marks.marks[middle].msg_seq_num) <= most:
            low = middle + 1
        else:
            high = middle
    return low


cdef inline uint64_t last_of(const ResendIndex *marks, uint32_t count, uint64_t otherwise) noexcept nogil:
    """The position of the last of the first `count` marks, or of the first one; `otherwise` if there is none."""
    return marks.marks[max(count, 1) - 1].position if marks.count else otherwise


cdef uint64_t find_mark(const ResendIndex *marks, uint32_t msg_seq_num, uint64_t otherwise) noexcept nogil:
    """A position at or before that of message `msg_seq_num`; `otherwise` if no message was noted."""
    return last_of(marks, count_up_to(marks, False, msg_seq_num), otherwise)


cdef uint64_t reach_of(const ResendIndex *marks, uint32_t kib, uint64_t otherwise) noexcept nogil:
    """The position of the last mark with at most so many KiB before it; `otherwise` if no message was noted."""
    return last_of(marks, count_up_to(marks, True, kib), otherwise)


cdef const Mark *mark_above(const ResendIndex *marks, uint32_t msg_seq_num) noexcept nogil:
    """The first mark of a message behind `msg_seq_num`; NULL if none was noted."""
    cdef uint32_t count = count_up_to(marks, False, msg_seq_num)
    return &marks.marks[count] if count < marks.count else NULL


cdef void drop_marks(ResendIndex *marks, uint64_t position) noexcept nogil:
    """Forget marks before `position`: those messages are gone."""
    cdef uint32_t gone = 0
    while gone < marks.count and marks.marks[gone].position < position:
        gone += 1
    marks.count -= gone
    memmove(marks.marks, marks.marks + gone, marks.count * sizeof(Mark))


cdef void clear_marks(ResendIndex *marks) noexcept nogil:
    marks.count = marks.since = 0
    marks.stride = MARK_STRIDE


cdef int save_marks(const ResendIndex *marks, Saver saver) except -1:
    saver.put_64(marks.count)
    saver.put_64(marks.stride)
    saver.put_64(marks.since)
    return saver.put(marks.marks, marks.count * sizeof(Mark))


cdef int load_marks(ResendIndex *marks, Loader loader) except -1:
    """Give a session without marks those of a part."""
    cdef uint32_t count = <uint32_t> loader.get_64()
    marks.stride = <uint32_t> loader.get_64()
    marks.since = <uint32_t> loader.get_64()
    reserve(marks, count)
    marks.count = count
    return loader.get(marks.marks, count * sizeof(Mark))
