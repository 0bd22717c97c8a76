"""The carried loop: polls a host's agents without the GIL, spins a little, then sleeps on the host's bell.

It returns to Python every few milliseconds, so that signals work; it never looks into a record.
"""

import os
import time

from cpython.exc cimport PyErr_CheckSignals
from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memset

from lockstep.core.venue.agent cimport Agent
from lockstep.shm.atomics cimport cpu_relax
from lockstep.shm.bell cimport Sleeper
from lockstep.shm.board cimport Board, HealthPayload
from lockstep.shm.clock cimport monotonic_ns

from lockstep.core.venue.snapshot_parts import Snapshots

cdef enum:
    MAX_HOSTED = 16
    RETURN_NS = 2_000_000           # how long a busy loop stays away from Python and its signals
    HEARTBEAT_NS = 10_000_000
    RECENT_NS = 50_000_000          # after work, naps are short for so long: a full ring frees without a wake-up
    SHORT_NAP_NS = 1_000_000
    LONG_NAP_NS = 20_000_000
    RUNNING = 2
    STOPPING = 3


cdef class Loop:
    """Runs the agents of one host until `stop`. `slots` are their places in the board's health table.

    What the agents have `snapshots` save is looked after between polls. `anchor_ns` and the monotonic clock are the
    wall clock, which is read once in a run (LOG-4).
    """

    cdef list agents
    cdef PyObject *hosted[MAX_HOSTED]
    cdef int slots[MAX_HOSTED]
    cdef HealthPayload health[MAX_HOSTED]
    cdef int count
    cdef Sleeper sleeper
    cdef Board board
    cdef object snapshots
    cdef int64_t spin_ns
    cdef int64_t anchor_ns
    cdef int64_t last_work_ns
    cdef int64_t last_beat_ns
    cdef bint stopping

    def __init__(
        self, list agents, list slots, Sleeper sleeper, Board board, int64_t spin_ns, snapshots: Snapshots,
        int64_t anchor_ns,
    ) -> None:
        if len(agents) > MAX_HOSTED:
            raise ValueError(f"a host runs at most {MAX_HOSTED} agents, not {len(agents)}")
        self.agents = agents
        self.count = len(agents)
        self.sleeper = sleeper
        self.board = board
        self.snapshots = snapshots
        self.spin_ns = spin_ns
        self.stopping = False
        cdef Agent agent
        cdef int i
        for i in range(self.count):
            agent = agents[i]
            self.hosted[i] = <PyObject *> agent
            self.slots[i] = slots[i]
            memset(&self.health[i], 0, sizeof(HealthPayload))
            self.health[i].pid = os.getpid()
            self.health[i].started_ns = time.monotonic_ns()
        self.anchor_ns = anchor_ns
        self.last_work_ns = self.last_beat_ns = 0

    def stop(self) -> None:
        """Leave `run` soon; for signal handlers."""
        self.stopping = True

    def run(self) -> None:
        """Poll until stopped. An agent's exception ends the loop and passes through."""
        cdef bint busy
        while not self.stopping:
            with nogil:
                busy = self._spin()
                self._beat(monotonic_ns(), RUNNING)
                if not busy:
                    self._nap()
            self.snapshots.reap()
            PyErr_CheckSignals()  # compiled code never gets to the interpreter's own look at them
        self._beat(monotonic_ns(), STOPPING, True)

    cdef int64_t _round(self, int64_t now_ns) except -1 nogil:
        cdef int64_t work
        cdef int64_t total = 0
        cdef int i
        for i in range(self.count):
            work = (<Agent> self.hosted[i]).poll(now_ns + self.anchor_ns)
            self.health[i].work += work
            self.health[i].rounds += 1
            total += work
        return total

    cdef int _spin(self) except -1 nogil:
        """Poll until there has been nothing for the spin time (returns 0) or Python is due (returns 1)."""
        cdef int64_t entered = monotonic_ns()
        cdef int64_t now = entered
        while now - entered < RETURN_NS:
            if self._round(now):
                self.last_work_ns = now
            elif now - self.last_work_ns >= self.spin_ns:
                return 0
            else:
                cpu_relax()
            now = monotonic_ns()
        return 1

    cdef int _nap(self) except -1 nogil:
        cdef uint32_t reasons = 0
        cdef int64_t now
        cdef int i
        for i in range(self.count):
            reasons |= (<Agent> self.hosted[i]).wants()
        self.sleeper.arm(reasons)
        now = monotonic_ns()
        if self._round(now):
            self.sleeper.disarm()
            self.last_work_ns = now
            return 0
        self.sleeper.sleep(SHORT_NAP_NS if now - self.last_work_ns < RECENT_NS else LONG_NAP_NS)
        return 0

    cdef void _beat(self, int64_t now, uint64_t state, bint always=False) noexcept nogil:
        cdef int i
        if now - self.last_beat_ns < HEARTBEAT_NS and not always:
            return
        self.last_beat_ns = now
        for i in range(self.count):
            self.health[i].heartbeat_ns = now
            self.health[i].state = state
            self.board.write_health(self.slots[i], &self.health[i])
