"""Requests whose commands are on their way: each is found by its first event, and done with the last of its events."""

from collections import deque

from libc.stdint cimport int64_t, uint32_t, uint64_t

from procs.edge.released_events cimport RINGS
from shm.records cimport CL_ORD_ID_SIZE


cdef bytes NO_ID = bytes(CL_ORD_ID_SIZE)


class UnknownOutcome(Exception):
    """A request went to the log, and no event told of it in time: it may have been carried out, or still be."""


cdef class Request:
    """A command on its way. `outcome` is done when every event of it is released; what they say is here then."""

    def __init__(self, object outcome, uint32_t account, bytes cl_ord_id, int command, int64_t until_ns):
        self.outcome = outcome
        self.account = account
        self.cl_ord_id = cl_ord_id
        self.command = command
        self.until_ns = until_ns
        self.fills = []
        self.orders = []


cdef class Requests:
    """Those that wait. `future` makes what a request's outcome is set on."""

    def __init__(self, object future):
        self.future = future
        self.waiting = {}
        self.working = {}
        self.deadlines = deque()

    cdef Request begin(self, uint32_t account, const char *cl_ord_id, int command, int64_t now_ns):
        """A command went to the router: wait for what comes of it."""
        cdef bytes id = cl_ord_id[:CL_ORD_ID_SIZE]
        cdef Request request = Request(self.future(), account, id, command, now_ns + OUTCOME_NS)
        self.waiting.setdefault((account, id, command), []).append(request)
        self.deadlines.append(request)
        return request

    cdef Request first_event(self, int ring, uint64_t seq, uint32_t account, const char *cl_ord_id, int command):
        """The request that an event of command `seq` is the first of, or None. `of` has it from then on."""
        cdef Request request
        if not self.waiting:
            return None
        key = (account, cl_ord_id[:CL_ORD_ID_SIZE], command)
        requests = self.waiting.get(key)
        if requests is None:
            return None
        request = requests.pop(0)
        if not requests:
            del self.waiting[key]
        request.seq = seq
        request.ring = ring
        self.working[seq] = request
        return request

    cdef Request of(self, uint64_t seq):
        """The request of a command that had its first event, or None."""
        return self.working.get(seq) if self.working else None

    cdef int finish(self, const uint64_t *complete, void *const *consumers) except -1:
        """Set the outcomes of commands that have no more events, as `complete` says by ring, where there is one."""
        cdef Request request
        for seq, request in list(self.working.items()):
            if is_complete(request, complete, consumers):
                del self.working[seq]
                if not request.outcome.done():
                    request.outcome.set_result(request)
        return 0

    cdef int expire(self, int64_t now_ns) except -1:
        """Tell requests whose time is over that their outcome is not known."""
        cdef Request request
        while self.deadlines:
            request = self.deadlines[0]
            if not request.outcome.done():
                if request.until_ns > now_ns:
                    break
                request.outcome.set_exception(UnknownOutcome())
                self.forget(request)
            self.deadlines.popleft()
        return 0

    cdef int forget(self, Request request) except -1:
        """Look for its events no more. One without an id of its own stays in line: the router decides each, and a late
        outcome would else be taken for that of the next.
        """
        if request.cl_ord_id == NO_ID:
            return 0
        key = (request.account, request.cl_ord_id, request.command)
        self.working.pop(request.seq, None)
        requests = self.waiting.get(key)
        if requests is not None and request in requests:
            requests.remove(request)
            if not requests:
                del self.waiting[key]
        return 0


cdef bint is_complete(Request request, const uint64_t *complete, void *const *consumers) noexcept:
    cdef int ring
    if request.ring != OF_ALL:
        return request.seq <= complete[request.ring]
    for ring in range(RINGS):
        if consumers[ring] != NULL and request.seq > complete[ring]:
            return False
    return True
