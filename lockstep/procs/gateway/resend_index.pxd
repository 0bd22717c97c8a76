from libc.stdint cimport uint32_t, uint64_t

from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    MARK_STRIDE = 64         # messages between two marks of a session's index, at first
    MAX_MARKS = 16384        # a full index drops every second mark and doubles its stride

cdef struct Mark:
    uint64_t position
    uint32_t msg_seq_num
    uint32_t kib             # of the session's messages before it, all together

cdef struct ResendIndex:
    Mark *marks
    uint32_t count
    uint32_t capacity
    uint32_t stride
    uint32_t since

cdef int add_mark(ResendIndex *marks, uint32_t msg_seq_num, uint64_t position, uint32_t kib) except -1 nogil
cdef uint64_t find_mark(const ResendIndex *marks, uint32_t msg_seq_num, uint64_t otherwise) noexcept nogil
cdef const Mark *mark_above(const ResendIndex *marks, uint32_t msg_seq_num) noexcept nogil
cdef uint64_t reach_of(const ResendIndex *marks, uint32_t kib, uint64_t otherwise) noexcept nogil
cdef void drop_marks(ResendIndex *marks, uint64_t position) noexcept nogil
cdef void clear_marks(ResendIndex *marks) noexcept nogil
cdef int save_marks(const ResendIndex *marks, Saver saver) except -1
cdef int load_marks(ResendIndex *marks, Loader loader) except -1
