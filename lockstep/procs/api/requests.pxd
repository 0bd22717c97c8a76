from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.edge.released_events cimport RINGS

cdef enum:
    OUTCOME_NS = 10_000_000_000     # that a request waits at most
    OF_ALL = -1                     # ring: events of any


cdef class Request:
    cdef object future                   # makes what is awaited
    cdef object awaited
    cdef public object then              # called when it is over
    cdef readonly bint is_over
    cdef readonly bint is_unknown        # nothing told of it in time
    cdef readonly uint32_t account
    cdef readonly int command
    cdef readonly bytes cl_ord_id        # padded
    cdef readonly uint64_t seq           # of the command; 0 before its first event
    cdef readonly uint64_t order_id
    cdef readonly int code               # of its refusal; 0
    cdef readonly uint64_t proposal      # that it made, or approved; 0
    cdef readonly list fills             # numbers in Fills, from 1
    cdef readonly list orders            # ids of the orders that it cancelled
    cdef int ring                        # whose events it has; OF_ALL: any ring's
    cdef int64_t until_ns
    cdef int end(self) except -1
    cdef int settle(self) except -1


cdef class Requests:
    cdef object future
    cdef dict waiting                    # without an event, by account, client id and command; the oldest first
    cdef dict working                    # by the command's sequence: those that had one
    cdef list in_order                   # by ring: those that had their first event there, the oldest first
    cdef list of_all                     # those that end with all rings
    cdef object deadlines                # all, the oldest first
    cdef Request begin(self, uint32_t account, const char *cl_ord_id, int command, int64_t now_ns)
    cdef Request first_event(self, int ring, uint64_t seq, uint32_t account, const char *cl_ord_id, int command)
    cdef Request of(self, uint64_t seq)
    cdef int finish(self, const uint64_t *complete, void *const *consumers) except -1
    cdef int end(self, Request request) except -1
    cdef int expire(self, int64_t now_ns) except -1
    cdef int forget(self, Request request) except -1
