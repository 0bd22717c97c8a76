"""Requests whose commands are on their way: each is found by its first event, and done with the last of its events."""

from collections import deque

from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.edge.released_events cimport RINGS
from lockstep.core.schema.records cimport CL_ORD_ID_SIZE


cdef bytes NO_ID = bytes(CL_ORD_ID_SIZE)


class UnknownOutcome(Exception):
    """A request went to the log, and no event told of it in time: it may have been carried out, or still be."""


cdef class Request:
    """A command on its way, until every event of it is released; what they say is here then.

    Whoever gave it either awaits `outcome`, or has `then` called: orders have no task that could wait.
    """

    def __init__(self, object future, uint32_t account, bytes cl_ord_id, int command, int64_t until_ns):
        self.future = future
        self.account = account
        self.cl_ord_id = cl_ord_id
        self.command = command
        self.until_ns = until_ns
        self.fills = []
        self.orders = []

    @property
    def outcome(self):
        """A future that is done with the request, or has UnknownOutcome when that takes too long."""
        if self.awaited is None:
            self.awaited = self.future()
            if self.is_over:
                self.settle()
        return self.awaited

    cdef int end(self) except -1:
        """It is done, or given up (`is_unknown`)."""
        self.is_over = True
        if self.awaited is not None:
            self.settle()
        if self.then is not None:
            self.then()
        return 0

    cdef int settle(self) except -1:
        if self.awaited.done():
            return 0
        if self.is_unknown:
            self.awaited.set_exception(UnknownOutcome())
        else:
            self.awaited.set_result(self)
        return 0


cdef class Requests:
    """Those that wait. `future` makes what is awaited, where anybody awaits."""

    def __init__(self, object future):
        self.future = future
        self.waiting = {}
        self.working = {}
        self.in_order = [deque() for _ in range(RINGS)]
        self.of_all = []
        self.deadlines = deque()

    cdef Request begin(self, uint32_t account, const char *cl_ord_id, int command, int64_t now_ns):
        """A command went to the router: wait for what comes of it."""
        cdef bytes id = cl_ord_id[:CL_ORD_ID_SIZE]
        cdef Request request = Request(self.future, account, id, command, now_ns + OUTCOME_NS)
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
        self.in_order[ring].append(request)
        return request

    cdef Request of(self, uint64_t seq):
        """The request of a command that had its first event, or None."""
        return self.working.get(seq) if self.working else None

    cdef int finish(self, const uint64_t *complete, void *const *consumers) except -1:
        """End those whose commands have no more events, as `complete` says by ring, where there is one.

        The events of a ring come in the order of their commands, and so do the ends of its requests.
        """
        cdef Request request
        cdef int ring
        for ring in range(RINGS):
            requests = self.in_order[ring]
            while requests:
                request = requests[0]
                if request.ring == OF_ALL:
                    self.of_all.append(request)
                elif request.seq > complete[ring]:
                    break
                else:
                    self.end(request)
                requests.popleft()
        if self.of_all:
            for request in [each for each in self.of_all if is_complete(each, complete, consumers)]:
                self.of_all.remove(request)
                self.end(request)
        return 0

    cdef int end(self, Request request) except -1:
        self.working.pop(request.seq, None)
        return 0 if request.is_over else request.end()

    cdef int expire(self, int64_t now_ns) except -1:
        """Tell requests whose time is over that their outcome is not known."""
        cdef Request request
        while self.deadlines:
            request = self.deadlines[0]
            if not request.is_over:
                if request.until_ns > now_ns:
                    break
                request.is_unknown = True
                self.forget(request)
                request.end()
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
    """Whether no ring has an event of it any more."""
    cdef int ring
    for ring in range(RINGS):
        if consumers[ring] != NULL and request.seq > complete[ring]:
            return False
    return True
