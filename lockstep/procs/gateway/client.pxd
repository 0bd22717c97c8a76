cimport cython
from libc.stdint cimport int64_t, uint64_t

from lockstep.procs.gateway.fix.connection cimport Connection
from lockstep.procs.gateway.fix_session cimport FixSession
from lockstep.procs.gateway.resend_request cimport Repeat

cdef enum:
    RECEIVE_SIZE = 131072

# What becomes of a connection that claims a session in use.
cdef enum Claim:
    CLAIM_ERROR = -1
    CLAIM_WAITS
    CLAIM_REFUSED
    CLAIM_GRANTED


@cython.final
cdef class Client:
    cdef readonly Connection connection
    cdef readonly object transport
    cdef readonly str address
    cdef FixSession session
    cdef char *buffer
    cdef size_t begin
    cdef size_t end
    cdef int64_t blocked_ns      # since when the ingress ring has had no room for it; 0: it has
    cdef bint held               # its next message waits for room
    cdef bint waiting            # for the answer to its Logon
    cdef bint paused             # its transport does not read
    cdef bint stalled            # its messages wait: it reads its answers too slowly, or sends too fast
    cdef public uint64_t rights  # of its account, when its password was checked
    cdef public bint slow        # the transport's buffer is above its mark
    cdef readonly bint closed
    cdef object parting          # why it ends, once what it is told can be sent; None: it does not
    cdef int64_t parted_ns       # since when
    cdef int64_t closed_ns       # since when it is closed; 0 once it was aborted
    cdef int64_t challenged_ns   # since when another connection claims its session; 0: none does
    cdef uint64_t challenged_at  # and what its transport had passed on by then
    cdef uint64_t given          # bytes that its transport was given
    cdef uint64_t taken          # of those, what the transport had passed on when it was looked at last
    cdef int64_t taken_ns        # when that changed last, or nothing was left
    cdef Repeat repeat           # the one under way; None: there is none
    cdef Repeat left             # the one that ended because another request came
    cdef int pause(self) except -1
    cdef int resume(self) except -1
    cdef int look(self, int64_t now_ns) except -1
    cdef Claim challenge(self, int64_t now_ns) except CLAIM_ERROR
