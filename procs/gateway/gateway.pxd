cimport cython
from libc.stdint cimport int64_t, uint32_t, uint64_t

from procs.gateway.desk cimport Desk
from procs.gateway.fix.encode cimport Outbox
from procs.gateway.fix.session cimport Session, Step
from procs.gateway.line cimport Line
from procs.gateway.listing cimport Listing
from procs.gateway.orders cimport Orders
from procs.gateway.pump cimport EventPump
from procs.gateway.store cimport Resend, Store
from procs.gateway.translate cimport Entry
from shm.board cimport Board

cdef enum:
    RECEIVE_SIZE = 131072


@cython.final
cdef class Client:
    cdef readonly Session session
    cdef readonly object transport
    cdef readonly str address
    cdef Line line
    cdef char *buffer
    cdef size_t begin
    cdef size_t end
    cdef int64_t blocked_ns      # since when the ingress ring has had no room for it; 0: it has
    cdef bint held               # its next message waits for room
    cdef bint waiting            # for the answer to its Logon
    cdef bint paused             # reading is
    cdef public bint slow        # the transport's buffer is above its mark
    cdef readonly bint closed
    cdef Resend resend
    cdef bint catching_up


@cython.final
cdef class Gateway:
    cdef readonly Store store
    cdef readonly Orders orders
    cdef readonly Listing listing
    cdef readonly EventPump pump
    cdef Entry entry
    cdef Desk desk
    cdef Board board
    cdef bytes comp_id
    cdef uint32_t max_message_bytes
    cdef readonly set clients
    cdef dict waiting            # session numbers by client: who may log on once the venue leads
    cdef object logon
    cdef int64_t now_ns
    cdef int64_t ticked_ns
    cdef int advance(self, Client client) except -1
    cdef bint may_go_on(self, Client client) except -1
    cdef int handle(self, Client client, Step step, uint32_t expected) except -1
    cdef int application(self, Client client) except -1
    cdef int store_admin(self, Client client, uint32_t expected) except -1
    cdef int repeat(self, Client client) except -1
    cdef int catch_up(self, Client client) except -1
    cdef int send(self, Client client) except -1
    cdef bint leads(self) noexcept nogil
    cdef int show_commands(self) except -1
    cdef int finish(self) except -1
