cimport cython
from libc.stdint cimport uint32_t

from procs.gateway.listing cimport Listing
from procs.gateway.order_form cimport Form, Refusal, Terms, Text
from procs.gateway.refused_ids cimport RefusedIds
from shm.board cimport Board


@cython.final
cdef class Validator:
    cdef Listing listing
    cdef RefusedIds refused
    cdef Board board
    cdef Refusal check(self, const Form *form, uint32_t account, Terms *terms) noexcept nogil
    cdef Refusal check_list(self, const Form *forms, Text kind, uint32_t account, Terms *terms) noexcept nogil
    cdef Refusal check_mass(self, const Form *form, Text kind, Terms *terms) noexcept nogil
    cdef Refusal check_status(self, const Form *form, Terms *terms) noexcept nogil
    cdef Refusal check_order(self, const Form *form, uint32_t account, Terms *terms) noexcept nogil
    cdef Refusal check_target(self, const Form *form, Terms *terms) noexcept nogil
    cdef bint hopeless(self, uint32_t account, const Terms *terms) noexcept nogil
    cdef bint settled(self) noexcept nogil
