cimport cython
from libc.stdint cimport uint32_t

# One session's outbound numbers, in their present generation.
cdef struct Held:
    uint32_t generation
    uint32_t floor           # numbers below it are not given any more, whatever the store says
    uint32_t version         # 42 or 44, as of the last write; 0: none
    uint32_t reserved        # numbers below it may have been given: the disk keeps this
    uint32_t next            # the one to be given next, as far as it matters: kept up only beyond `extend_at`
    uint32_t extend_at       # beyond it more have to be asked for, or waited for: `use` is to be called
    uint32_t asked           # what `reserved` is when the write that is under way is done
    uint32_t asked_of        # and the generation that it is of


@cython.final
cdef class Reserve:
    cdef object folder
    cdef object writer
    cdef Held *held
    cdef uint32_t top        # no session from here on has a row
    cdef uint32_t block
    cdef set short           # sessions for which more numbers have to be asked
    cdef set asking          # those for which a write is under way
    cdef readonly bytes boot
    cdef readonly bint is_short
    cdef int open(
        self, uint32_t session, uint32_t generation, uint32_t next_out, uint32_t version, bint was_lost
    ) except -1
    cdef int give_way(self, uint32_t session, uint32_t generation, uint32_t end, uint32_t version) except -1
    cdef int use(self, uint32_t session, uint32_t generation, uint32_t next_out, uint32_t version) except -1 nogil
    cdef int settle(self) except -1
