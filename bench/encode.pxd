from libc.stdint cimport int64_t, uint32_t, uint64_t

from bench.workload cimport Step, Workload

cdef class Encoder:
    cdef readonly Workload workload
    cdef readonly int64_t next      # the command that is encoded next
    cdef uint64_t *targets          # by command: the log sequence that its order's NEW_ORDER takes
    cdef uint32_t *msg_seq_nums     # by account

    cdef int number(self, uint64_t seq) except -1
    cdef void request(self, char *out) noexcept nogil
    cdef void sequenced(self, char *out, uint64_t seq) noexcept nogil
    cdef void order(self, const Step *step, char *out) noexcept nogil
    cdef void follow_up(self, const Step *step, char *out) noexcept nogil
    cdef void head(self, char *out, int type, uint32_t account) noexcept nogil
