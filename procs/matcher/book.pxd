from libc.stdint cimport int16_t, int64_t, uint8_t, uint32_t, uint64_t

from procs.tables.index cimport Index
from procs.matcher.levels cimport Ladder, Level, Levels
from procs.matcher.outcome cimport Outcome
from procs.tables.pool cimport Pool
from shm.records cimport CancelRecord, CommandRecord, InstrumentRecord, NewOrderRecord, ReplaceRecord

# One resting order. Its id and instrument lead: they are what the index looks at.
cdef struct Order:
    uint64_t order_id
    uint32_t instrument
    uint32_t account
    int64_t leaves_lots
    int64_t filled_lots
    uint32_t level
    uint32_t next           # in the queue of its level
    uint32_t prev
    int16_t maker_fee_ppm
    int16_t taker_fee_ppm   # for a replace that trades at once

cdef struct Listing:
    bint listed
    int64_t unit_value      # one tick x one lot, in the quote asset's smallest units
    int64_t lot_units       # one lot, in the base asset's smallest units
    Ladder ladders[2]       # asks, bids

# The order that is being matched. It may wait for slots in the event ring, in the middle of a sweep.
cdef struct Incoming:
    bint active
    bint rests              # what does not trade goes into the book, instead of being cancelled
    uint8_t side
    uint8_t reason          # of the cancel
    uint64_t order_id
    uint32_t account
    uint32_t session
    uint32_t msg_seq_num
    int64_t price_ticks
    int64_t leaves_lots
    int64_t filled_lots
    int16_t maker_fee_ppm
    int16_t taker_fee_ppm

cdef class Book:
    cdef Outcome outcome
    cdef Incoming incoming
    cdef Listing *listings      # by instrument
    cdef uint32_t listing_count
    cdef Pool orders
    cdef Index by_id
    cdef Levels levels

    cdef bint lists(self, uint32_t instrument) noexcept nogil
    cdef void expect(self, const CommandRecord *command, const CommandRecord *nearer) noexcept nogil
    cdef int execute(self, const CommandRecord *command) except -1 nogil
    cdef int define(self, const InstrumentRecord *command) except -1 nogil

    cdef int enter(self, const NewOrderRecord *command) except -1 nogil
    cdef int cancel(self, const CancelRecord *command) except -1 nogil
    cdef int replace(self, const ReplaceRecord *command) except -1 nogil
    cdef int refuse(self, const ReplaceRecord *command, uint8_t side, int code) noexcept nogil
    cdef int move(self, uint32_t item, int64_t price_ticks, int64_t leaves_lots) except -1 nogil
    cdef int match(self) except -1 nogil
    cdef void give_up(self) noexcept nogil
    cdef int trade(self, Ladder *ladder, Level *level) except -1 nogil
    cdef int rest(self) except -1 nogil
    cdef void shrink(self, Ladder *ladder, uint32_t item, int64_t lots) noexcept nogil
    cdef void remove(self, uint32_t item) noexcept nogil
    cdef uint32_t find(self, uint64_t order_id, uint32_t instrument) noexcept nogil
    cdef Ladder *ladder_of(self, const Level *level) noexcept nogil
    cdef int check_queue(self, uint32_t level) except -1
