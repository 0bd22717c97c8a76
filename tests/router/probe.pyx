"""A router whose settlement tells a test when it has drained the matchers' events.

It changes nothing else: what happens in between, as other processes' doing may at any time, is the test's.
"""

from libc.stdint cimport int64_t

from lockstep.procs.router.router cimport Router
from lockstep.procs.router.settlement cimport Settlement


cdef class Watched(Settlement):
    """Calls `drained()` after each drain."""

    cdef public object drained

    cdef int64_t drain(self) except -1 nogil:
        cdef int64_t work = Settlement.drain(self)
        with gil:
            if self.drained is not None:
                self.drained()
        return work


def watch(Router router not None, dict matchers) -> Watched:
    """Give a router that has not begun a settlement that is watched, with the same consumers of matchers' events."""
    watched = Watched(router.core.ledger, router.board, matchers)
    router.settlement = watched
    router.own.settlement = watched
    return watched
