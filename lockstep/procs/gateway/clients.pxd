cimport cython
from libc.stdint cimport int64_t

from lockstep.core.intake.ingress_writer cimport IngressWriter
from lockstep.core.intake.readiness cimport Readiness
from lockstep.procs.gateway.client cimport Client
from lockstep.procs.gateway.event_reporter cimport EventReporter
from lockstep.procs.gateway.session_records cimport SessionRecords
from lockstep.procs.gateway.store cimport Store


@cython.final
cdef class Clients:
    cdef dict all                # an ordered set: what is done for all is done in order of arrival
    cdef dict waiting            # session numbers by client: who may log on once the venue leads
    cdef Store store
    cdef EventReporter reporter
    cdef IngressWriter ingress
    cdef Readiness readiness
    cdef SessionRecords records
    cdef object watch            # is told of logons, refusals and ends: see `session_log`
    cdef int64_t unread_ns
    cdef int64_t now_ns
    cdef int64_t followed_ns     # when what is followed was written
    cdef int release(self, Client client) except -1
    cdef int end_the_unread(self) except -1
    cdef int send(self, Client client) except -1
    cdef int part(self, Client client) except -1
    cdef int show_commands(self) except -1
    cdef int finish(self) except -1
