"""The rings that requests come by: what waits in them, where a request ends, and what may be freed.

It knows positions and the types of records, and decides nothing about a request.

A record's ingress position is its ring's number and incarnation and its sequence there; each record of the log has its
own (LOG-5). A slot is freed once the log that has its record is published. So whenever a router dies, each record is
in the log, or in its ring, or in both, and its successor goes on behind the last one that the log has: nothing is lost,
nothing is taken twice.
"""

from libc.stdint cimport UINT64_MAX, uint64_t

from lockstep.core.schema.records cimport CMD_EXT_CLIENT_ID, CommandRecord
from lockstep.procs.router.extensions cimport MAX_GROUP
from lockstep.procs.router.sequencer cimport INGRESS_RINGS, Taken
from lockstep.shm.ring cimport Consumer, record_at


class IngressError(RuntimeError):
    """An ingress ring has lost records that the log does not have: its sender must begin again, with new rings."""


cdef class Ingress:
    """Ingress rings by their numbers, 1 to 10. Records in `voided`, (number, incarnation, sequence), are not taken."""

    def __init__(self, dict rings, object voided):
        if any(not 0 < number < INGRESS_RINGS for number in rings):
            raise ValueError(f"ingress rings are numbered 1 to {INGRESS_RINGS - 1}, not {sorted(rings)}")
        self.voided = voided
        self.count = len(rings)
        self.kept = [rings[number] for number in sorted(rings)]
        for place, number in enumerate(sorted(rings)):
            self.numbers[place] = number
            self.rings[place] = <PyObject *> <Consumer?> rings[number]
            self.voids[place] = UINT64_MAX

    cdef void look(self) noexcept nogil:
        """A poll begins: what is there now can be taken in it, and no more."""
        cdef int place
        for place in range(self.count):
            self.ends[place] = (<Consumer> self.rings[place]).next + (<Consumer> self.rings[place]).available()

    cdef uint64_t count_request(self, int place, Consumer ring) noexcept nogil:
        """How many records the next request has; 0 if there is none, or its main record is on the way.

        If there are more extensions than a request can have, the first goes alone.
        """
        cdef uint64_t count
        for count in range(MAX_GROUP):
            if ring.next + count >= self.ends[place]:
                return 0
            if (<const CommandRecord *> record_at(ring, ring.next + count)).type < CMD_EXT_CLIENT_ID:
                return count + 1
        return 1

    cdef int skip(self, int place, Consumer ring, uint64_t count) except -1:
        """The next request, of `count` records, has a voided one: skip it without an answer."""
        ring.next += count
        return self.find_void(place, ring)

    cdef int find_void(self, int place, Consumer ring) except -1:
        self.voids[place] = min((seq for seq in self.voided_of(place, ring) if seq >= ring.next), default=UINT64_MAX)
        return 0

    cdef list voided_of(self, int place, Consumer ring):
        """The voided sequences of this ring, and not of an earlier ring with its number."""
        return [
            seq for number, incarnation, seq in self.voided
            if number == self.numbers[place] and incarnation == ring.ring.header.incarnation
        ]

    cdef void release(self) noexcept nogil:
        """Free what was taken: the log that has it is published."""
        cdef int place
        for place in range(self.count):
            (<Consumer> self.rings[place]).release((<Consumer> self.rings[place]).next - 1)

    cdef int resume(self, const Taken *taken) except -1:
        """Begin after the last record that the log has of each ring (`taken`, by ring number). IngressError.

        A ring of another incarnation is another ring: nothing of it is in the log.
        """
        cdef int place
        for place in range(self.count):
            self.resume_ring(place, <Consumer> self.rings[place], &taken[self.numbers[place]])
        return 0

    cdef int resume_ring(self, int place, Consumer ring, const Taken *taken) except -1:
        cdef uint64_t freed = ring.next - 1
        cdef uint64_t published = freed + ring.available()
        cdef uint64_t done = ring.ring.header.first_seq - 1
        if taken.incarnation == ring.ring.header.incarnation:
            done = taken.seq
        if done > published:
            raise IngressError(
                f"the log has record {done} of ingress ring {self.numbers[place]}, which has none beyond {published}"
            )
        if done < freed and not any(done < seq <= freed for seq in self.voided_of(place, ring)):
            raise IngressError(
                f"ingress ring {self.numbers[place]} has freed its records up to {freed}, and the log ends at {done}"
            )
        if done > freed:
            ring.release(done)
        return self.find_void(place, ring)
