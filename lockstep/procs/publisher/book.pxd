from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.schema.records cimport EventRecord
from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    BIDS = 0
    ASKS = 1
    CADENCES = 2   # how many users of the list of changed prices there are, each with its own pace

cdef struct Level:
    int64_t key             # the price for bids, minus the price for asks: the best is the greatest, and the last
    int64_t quantity_lots
    uint64_t marks          # bit c: the price is in changes[c] already

cdef struct Keys:
    int64_t *items
    uint64_t count
    uint64_t capacity

cdef struct Ladder:
    Level *levels
    uint64_t count
    uint64_t capacity
    Keys changes[CADENCES]

cdef struct Best:           # of a side
    uint64_t count          # 0 if the side is empty
    int64_t key
    int64_t lots

cdef struct Levels:
    Ladder sides[2]
    uint64_t cause          # of the last command, and the numbers of its first and last event
    uint64_t first_number
    uint64_t last_number
    uint64_t offset         # what is added to the numbers of a ring, so that they grow over all that it was in
    uint64_t time_ns
    bint under_way          # its events may not be complete yet: nothing may be shown
    bint moved              # a level changed since the caller last cleared this
    bint recording          # changed prices are collected
    uint64_t incoming_id    # the order that trades now; 0 for none
    int incoming_side
    int64_t incoming_key
    int64_t incoming_lots   # what of it is not traded yet, or what is left of its budget
    bint counted            # it has lots, no budget
    bint rests              # what is left of it goes into the book as it is

cdef int levels_apply(Levels *levels, const EventRecord *event) except -1 nogil
cdef void levels_move(Levels *levels, uint64_t next_number) noexcept nogil
cdef int levels_complete(Levels *levels) except -1 nogil
cdef void levels_bare(Levels *levels) noexcept nogil
cdef int levels_save(const Levels *levels, Saver out) except -1
cdef int levels_load(Levels *levels, Loader part) except -1
cdef void levels_free(Levels *levels) noexcept nogil
cdef Best levels_best(const Levels *levels, int side) noexcept nogil
cdef void changes_clear(Ladder *ladder, int cadence) noexcept nogil
cdef void changes_sort(Ladder *ladder, int cadence) noexcept nogil
cdef int64_t quantity_at(const Ladder *ladder, int64_t key) noexcept nogil

cdef class Book:
    cdef Levels state
