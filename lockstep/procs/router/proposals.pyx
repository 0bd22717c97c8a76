"""Commands that take two operators or admins: the first command is a proposal, the same of a second person approves it.

It compares who says what. Which commands take two, the administration and `identity` decide (LOG-35).

    proposed ── the same command of another, which names it: carried out
        └────── dismissed, or the oldest of too many of its proposer
"""

from libc.stdint cimport uint16_t, uint32_t, uint64_t

from lockstep.core.files.crc32c cimport crc32c
from lockstep.core.schema.records cimport CODE_OK, CODE_SAME_OPERATOR, CODE_SECOND_NEEDED, CODE_UNKNOWN_PROPOSAL
from lockstep.core.tables.digest cimport scramble
from lockstep.core.tables.saved cimport Loader, Saver


cdef class Proposals:
    """What waits for a second person, by its sequence: who proposed it, and its terms, the command's type first."""

    def __cinit__(self):
        self.waiting = {}

    cdef uint16_t judge(self, uint64_t seq, uint32_t asker, uint64_t proposal, tuple terms) except? 9999:
        """Keep a proposal (SECOND_NEEDED), or compare an approval with what it names: OK if that says the same."""
        if proposal == 0:
            add(self.waiting, seq, (asker, terms))
            return CODE_SECOND_NEEDED
        found = self.waiting.get(proposal)
        if found is None or found[1] != terms:
            return CODE_UNKNOWN_PROPOSAL
        return CODE_SAME_OPERATOR if found[0] == asker else CODE_OK

    cdef int end(self, uint64_t proposal) except -1:
        """It was carried out, or dismissed. An unknown one is ignored."""
        self.waiting.pop(proposal, None)
        return 0

    cdef uint64_t digest(self):
        cdef uint64_t digest = 0
        cdef bytes text
        for seq, found in self.waiting.items():
            text = repr((seq, found)).encode()
            digest += scramble(crc32c(4, <const char *> text, len(text)), seq)
        return digest

    cdef int save(self, Saver saver) except -1:
        saver.object(list(self.waiting.items()))  # the oldest first: that is the one to lapse
        return 0

    cdef int load(self, Loader loader) except -1:
        self.waiting = dict(loader.object(list[tuple[int, tuple[int, tuple[int, int, int, int]]]]))
        return 0


cdef int add(dict waiting, uint64_t seq, tuple proposal) except -1:
    """Add a proposal, with its proposer first. If a proposer has too many, that proposer's oldest lapses."""
    cdef list own = [each for each, kept in waiting.items() if kept[0] == proposal[0]]
    if len(own) >= MAX_OF_PROPOSER:
        del waiting[own[0]]
    waiting[seq] = proposal
    return 0
