"""Which client gets a session: one whose password is right, when the session has no other that lives.

It decides, and gives the session; the gateway answers the Logon.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from lockstep.procs.gateway.client cimport CLAIM_REFUSED, CLAIM_WAITS, Claim, Client
from lockstep.procs.gateway.clients cimport Clients
from lockstep.procs.gateway.fix.connection cimport Connection
from lockstep.procs.gateway.fix_session cimport WINDOW_NS, FixSession
from lockstep.procs.gateway.followed cimport tell_followed
from lockstep.procs.gateway.store cimport Store


cdef class Logons:
    """The logons of a gateway's clients; the venue is `comp_id` to them."""

    def __init__(self, Clients clients not None, bytes comp_id not None):
        self.clients = clients
        self.comp_id = comp_id

    cdef bint admit(self, Client client, uint32_t number, int64_t now_ns) except -1:
        """Give the client its session; False if it has to wait, or was cut off: a second logon to a live session ends
        without a reply (FIX).
        """
        cdef Clients clients = self.clients
        cdef Store store = clients.store
        cdef FixSession session = clients.reporter.sessions[number]
        cdef Connection connection = client.connection
        cdef uint64_t sequenced = clients.readiness.board.session_in(number)
        cdef Claim claim
        clients.waiting[client] = number
        # Asked after the number was read: a replay shows old ones.
        if session.next_in == 0 and not clients.readiness.leads():
            return False
        if connection.reset and session.heard_ns - now_ns > WINDOW_NS:
            return False
        store.flush()
        if store.is_full:
            return False
        clients.now_ns = now_ns
        if session.client is not None:
            claim = (<Client> session.client).challenge(now_ns)
            if claim == CLAIM_WAITS:
                return False
            if claim == CLAIM_REFUSED:
                clients.end(client, "its session has a connection that lives")
                return False
            clients.end(session.client, "it showed no life when another connection claimed its session", True)
        del clients.waiting[client]
        client.waiting = False
        if not connection.reset:  # else it asks for nothing of before
            tell_followed(session, now_ns)
        session.is_untold = False
        session.address(self.comp_id, connection.version)
        if session.next_in == 0:  # else it goes on where its last connection ended
            session.next_in, session.answered = store.expected_in(number, sequenced, connection.logon_seq_num)
        client.session = session
        session.client = client
        session.live = connection
        session.record_due = True
        return True
