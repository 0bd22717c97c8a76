cimport cython
from libc.stdint cimport uint32_t

from lockstep.core.intake.listings cimport Listings
from lockstep.core.intake.order_form cimport Form, OrderTerms, Refusal, Text
from lockstep.core.intake.refused_ids cimport RefusedIds
from lockstep.shm.board cimport Board


@cython.final
cdef class Validator:
    cdef Listings listings
    cdef RefusedIds refused
    cdef Board board
    cdef Refusal check(self, const Form *form, uint32_t account, OrderTerms *terms) noexcept nogil
    cdef Refusal check_list(self, const Form *forms, Text kind, uint32_t account, OrderTerms *terms) noexcept nogil
    cdef Refusal check_mass(self, const Form *form, Text kind, OrderTerms *terms) noexcept nogil
    cdef Refusal check_status(self, const Form *form, OrderTerms *terms) noexcept nogil
    cdef Refusal check_order(self, const Form *form, uint32_t account, OrderTerms *terms) noexcept nogil
    cdef Refusal check_target(self, const Form *form, OrderTerms *terms) noexcept nogil
    cdef bint hopeless(self, uint32_t account, const OrderTerms *terms) noexcept nogil
    cdef bint settled(self) noexcept nogil
