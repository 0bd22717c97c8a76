"""The duty-cycle contract that every stage of the venue keeps.

An agent is polled and says how much it did; it never sleeps, reads a clock or opens a socket by itself.
"""

from libc.stdint cimport int64_t, uint32_t

from lockstep.shm.bell cimport WAIT_EVENTS


cdef class Agent:
    """One stage. Subclasses override `poll`, and `wants` where something else than a new record can unblock them."""

    cdef int64_t poll(self, int64_t now_ns) except -1 nogil:
        """Do a bounded amount of work (a batch) and return how many records were handled; 0 when there was nothing.

        `now_ns` is the wall clock anchored at the run's start and advanced by the monotonic clock. Raises only for
        bugs and for faults of the machine: the host lets the process end.
        """
        with gil:
            raise NotImplementedError(type(self).__name__)

    cdef uint32_t wants(self) noexcept nogil:
        """What can give this agent work while it is idle: a mask of WAIT_EVENTS and WAIT_COMMIT."""
        return WAIT_EVENTS

    def step(self, int64_t now_ns) -> int:
        """`poll`, for Python callers: event-loop hosts and tests."""
        return self.poll(now_ns)

    def close(self) -> None:
        """Called once, after the last poll of an orderly stop: settle what the agent holds beyond its rings."""
