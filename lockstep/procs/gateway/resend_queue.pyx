"""Which client's resend goes on next: one a turn; a further request replaces the one before.

It only decides the turns: a `resend_request` finds and writes the messages, and the gateway sends them.
"""

from collections import deque

from libc.stdint cimport int64_t
from libc.string cimport memchr, memcmp

from lockstep.procs.gateway.resend_request cimport Repeat

cdef enum:
    SOH = 1


cdef class Repeats:
    """The clients whose messages are being repeated from `store`."""

    def __init__(self, Store store):
        self.store = store
        self.turns = deque()

    def __len__(self):
        return len(self.turns)

    cdef bint takes_next(self, Client client) noexcept:
        """Whether the client's next message is taken: beside a repeat, only a further request before it has begun."""
        return client.repeat is None or not client.repeat.begun and has_resend_request(client)

    cdef int begin(self, Client client) except -1:
        """Repeat what the client asked for, from the next turn on."""
        cdef Repeat earlier = client.repeat if client.repeat is not None else client.left
        client.repeat = Repeat(self.store, client.session, client.connection)
        client.left = None
        if earlier is not None:
            client.repeat.join(earlier.left_begin, earlier.left_end)
        client.repeat.left_begin, client.repeat.left_end = client.connection.resend_begin, client.connection.resend_end
        if client not in self.turns:
            self.turns.append(client)
        return 0

    cdef Client next(self):
        """The next client with a turn, or None. One that reads too slowly waits for a later turn."""
        cdef Client client
        for _ in range(len(self.turns)):
            client = self.turns.popleft()
            if client.closed or client.repeat is None:
                continue
            if not client.slow:
                return client
            self.turns.append(client)
        return None

    cdef int step(self, Client client, int64_t now_ns) except -1:
        """The client's turn: repeat a bounded part; returns how much work that was."""
        if has_resend_request(client):
            client.repeat.leave()
        return client.repeat.step(client.transport, now_ns)

    cdef bint settle(self, Client client) except -1:
        """After a turn: whether the repeat is over. Else the client has another turn."""
        if client.repeat.is_done:
            client.left, client.repeat = client.repeat, None
            return True
        self.turns.append(client)
        return False


cdef bint has_resend_request(Client client) noexcept nogil:
    """Whether the client's next message, of which there may be a part only, is a ResendRequest."""
    cdef const char *end = client.buffer + client.end
    cdef const char *at = client.buffer + client.begin
    cdef int _
    for _ in range(2):  # BeginString, BodyLength
        at = <const char *> memchr(at, SOH, end - at) if at < end else NULL
        if at == NULL:
            return False
        at += 1
    return end - at >= 5 and memcmp(at, b"35=2\x01", 5) == 0
