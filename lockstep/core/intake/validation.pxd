cimport cython
from libc.stdint cimport uint32_t

from lockstep.core.intake.listings cimport Listings
from lockstep.core.intake.order_request cimport OrderRequest, Refusal
from lockstep.core.intake.refused_ids cimport RefusedIds
from lockstep.shm.board cimport Board


@cython.final
cdef class Validator:
    cdef Listings listings
    cdef RefusedIds refused
    cdef Board board
    cdef Refusal check(self, OrderRequest *request, uint32_t account) noexcept nogil
    cdef Refusal check_list(self, OrderRequest *requests, int kind, uint32_t account) noexcept nogil
    cdef Refusal check_mass(self, OrderRequest *request, int scope) noexcept nogil
    cdef Refusal check_order(self, OrderRequest *request, uint32_t account) noexcept nogil
    cdef Refusal check_target(self, OrderRequest *request) noexcept nogil
    cdef bint find(self, OrderRequest *request) noexcept nogil
    cdef bint hopeless(self, uint32_t account, const OrderRequest *request) noexcept nogil
    cdef bint settled(self) noexcept nogil


cdef Refusal check_id(const OrderRequest *request) noexcept nogil
