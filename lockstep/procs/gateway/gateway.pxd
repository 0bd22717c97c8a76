cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.core.intake.ingress_writer cimport IngressWriter
from lockstep.core.intake.listings cimport Listings
from lockstep.core.intake.orders cimport ClientOrders
from lockstep.core.intake.readiness cimport Readiness
from lockstep.procs.gateway.client cimport Client
from lockstep.procs.gateway.clients cimport Clients
from lockstep.procs.gateway.event_reporter cimport EventReporter
from lockstep.procs.gateway.fix.connection cimport Step
from lockstep.procs.gateway.fix_session cimport FixSession
from lockstep.procs.gateway.logons cimport Logons
from lockstep.procs.gateway.order_entry cimport OrderEntry
from lockstep.procs.gateway.resend_queue cimport Repeats
from lockstep.procs.gateway.session_records cimport SessionRecords
from lockstep.procs.gateway.store cimport Store
from lockstep.shm.board cimport Board


@cython.final
cdef class Gateway:
    cdef readonly Store store
    cdef readonly ClientOrders orders
    cdef readonly Listings listings
    cdef readonly EventReporter reporter
    cdef IngressWriter ingress
    cdef OrderEntry order_entry
    cdef Readiness readiness     # the order entry's
    cdef Board board
    cdef uint32_t max_message_bytes
    cdef readonly Clients clients
    cdef Logons logons
    cdef Repeats repeats
    cdef SessionRecords records  # the clients'
    cdef object logon
    cdef object watch            # is told of logons, refusals and ends: see `session_log`
    cdef int64_t message_ns      # a message's share of a second, at the highest rate of a session; 0: no limit
    cdef bytes rate_text
    cdef public bint is_open     # the port takes connections
    cdef uint64_t too_often      # orders that were refused for their session's rate
    cdef int64_t ticked_ns
    cdef int64_t retained_ns
    cdef int64_t tended_ns
    cdef int64_t looked_ns
    cdef int64_t asked_ns
    cdef uint64_t led_from       # where the log ended when the router had begun to lead; 0: it has not been seen
    cdef int end_sessions(self) except -1
    cdef int advance(self, Client client) except -1
    cdef int64_t share_of(self, Client client) noexcept
    cdef bint may_go_on(self, Client client) except -1
    cdef int too_many(self, Client client) except -1
    cdef int show_counts(self) except -1
    cdef int handle(self, Client client, Step step, uint32_t expected) except -1
    cdef int application(self, Client client) except -1
    cdef int store_admin(self, Client client, uint32_t expected) except -1
    cdef int repeat_some(self) except -1
    cdef bint is_to_lead(self) noexcept
    cdef int lead(self) except -1
    cdef bint finds_space(self, int64_t now_ns) except -1
    cdef int tend(self, int64_t now_ns) except -1
